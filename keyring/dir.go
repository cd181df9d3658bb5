package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/storage"
)

// What is in the directory of a ring. Everything else there is left alone.
const (
	dirLog     = "log"       // only ever grows, by whole lines
	dirLock    = "lock"      // locked by who changes something, and says what that is
	dirRecords = "records"   // a file for each record
	dirIndex   = "index.txt" // the record "index", where a person finds it
	newSuffix  = "~"         // of a record that is not in place; no record's name has it
)

const maxRecord = storage.MaxRecord

// dirStore is the [Store] in a directory.
//
// What counts is the log up to its last end of line. A Commit writes down in the
// lock file what it is about to do, puts the new records in place, and appends its
// line without the "\n", each brought to the disk before the next. The "\n" then is
// the one octet that makes the commit, so that there is no half of one. Only after
// it are records replaced and dropped. The next writer finishes what the lock file
// still says, or undoes it, and cuts off a line that has no end.
//
// Readers take no lock: lines do not change, and a record is never written to.
type dirStore struct {
	path     string
	root     *os.Root
	is       fs.FileInfo // the directory, when it was opened
	log      *os.File
	readOnly error         // why, where nothing can be written
	wait     time.Duration // for the lock; lockWait but for tests
	writer   chan struct{} // holds a token while nobody of this process commits
}

var _ Store = (*dirStore)(nil)

// openDir opens the Store in a directory, which is made where it does not exist.
// Where it cannot be written to, it is opened for reading.
//
// Directory and files must belong to the user or to root, and nobody else may
// write to them. In it are no links, no FIFOs and no devices.
func openDir(path string) (Store, error) {
	if path == "" {
		// Where the program happens to be are somebody's files, and what they say
		// would be believed.
		return nil, errors.New("keyring: the ring's directory was not named: give its path, \".\" for the one that you are in")
	}
	// The path must lead to the same directory after the program goes elsewhere.
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, dirErr(path, err)
	}
	if err := os.MkdirAll(full, 0o700); err != nil {
		return nil, dirErr(path, err)
	}
	root, err := os.OpenRoot(full)
	if err != nil {
		return nil, dirErr(path, err)
	}
	d := &dirStore{path: full, root: root, wait: lockWait, writer: make(chan struct{}, 1)}
	err = d.open()
	if err == nil {
		err = d.tidy()
	}
	if err != nil {
		d.Close()
		return nil, dirErr(full, err)
	}
	d.writer <- struct{}{}
	return d, nil
}

func (d *dirStore) open() (err error) {
	if d.is, err = d.root.Stat("."); err != nil {
		return err
	}
	if err := trusted(d.is); err != nil {
		return err
	}
	d.readOnly = d.root.Mkdir(dirRecords, 0o700)
	if errors.Is(d.readOnly, fs.ErrExist) {
		d.readOnly = nil
	}
	if err := d.directory(dirRecords); err != nil {
		return errors.Join(d.readOnly, err)
	}
	if d.readOnly == nil {
		d.log, err = openOwn(d.root, dirLog, os.O_RDWR|os.O_CREATE)
		if !errors.Is(err, fs.ErrPermission) && !isReadOnly(err) {
			return err
		}
		d.readOnly = err
	}
	d.log, err = openOwn(d.root, dirLog, os.O_RDONLY)
	return err
}

// directory refuses what is not a directory of ours under a name.
func (d *dirStore) directory(name string) error {
	info, err := d.root.Lstat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory: remove it", name)
	}
	if err := trusted(info); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// openOwn opens one of the ring's own files.
func openOwn(root *os.Root, name string, flag int) (f *os.File, err error) {
	for range openTries {
		if f, err = openOnce(root, name, flag); !errors.Is(err, errMoved) {
			break
		}
	}
	return f, err
}

// A record that another process replaces at the same instant is another file than
// the one that was looked at. openTries is how often that is bad luck.
const openTries = 100

var errMoved = errors.New("became another file while it was opened")

func openOnce(root *os.Root, name string, flag int) (*os.File, error) {
	// A link is followed by nobody, and a FIFO not waited for: the name is looked
	// at first, and after the opening it must be what was seen.
	before, err := root.Lstat(name)
	switch {
	case err == nil && !before.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file: remove it", name)
	case errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0:
		f, err := root.OpenFile(name, flag|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("%s: %w", name, errMoved) // made by another at the same time
		}
		return f, err
	case err != nil:
		return nil, err
	}
	f, err := root.OpenFile(name, flag&^os.O_CREATE|nonblock, 0)
	if err != nil {
		return nil, err
	}
	if err := isOwn(f, flag, before); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

func isOwn(f *os.File, flag int, before fs.FileInfo) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || !os.SameFile(before, info) {
		return errMoved
	}
	if err := trusted(info); err != nil {
		return err
	}
	if flag&os.O_RDWR != 0 && names(info) > 1 {
		// What is written to it would be written to a copy as well, or to what
		// somebody thought was none of the ring's.
		return errors.New("has a second name (a hard link): copy it and put the copy in its place")
	}
	return nil
}

// Log implements Store.
func (d *dirStore) Log(from int64) ([]byte, error) {
	if err := d.same(); err != nil {
		return nil, dirErr(d.path, err)
	}
	b, err := d.tail(from)
	if err != nil {
		return nil, dirErr(d.path, err)
	}
	return b, nil
}

// same finds a directory or a log that somebody put in the place of those that
// are open: what is read from them is no longer what others write.
func (d *dirStore) same() error {
	now, err := os.Stat(d.path)
	if err == nil && !os.SameFile(now, d.is) {
		err = errReplaced
	}
	if err != nil {
		return err
	}
	log, err := d.log.Stat()
	if err != nil {
		return err
	}
	now, err = d.root.Lstat(dirLog)
	if err == nil && !os.SameFile(now, log) {
		err = errReplaced
	}
	return err
}

var errReplaced = errors.New("was replaced while it was open: open it again")

// tail reads the log from an offset to its last end of line.
func (d *dirStore) tail(from int64) ([]byte, error) {
	info, err := d.log.Stat()
	if err != nil {
		return nil, err
	}
	if from < 0 || info.Size() < from {
		return nil, fmt.Errorf("the log has %d octets and had %d: restore it, or open the ring again", info.Size(), from)
	}
	if info.Size() == from {
		return nil, nil
	}
	b, err := io.ReadAll(io.NewSectionReader(d.log, from, info.Size()-from))
	if err != nil {
		return nil, err
	}
	return b[:bytes.LastIndexByte(b, '\n')+1], nil
}

// Record implements Store.
func (d *dirStore) Record(name string) ([]byte, error) {
	if !storage.ValidName(name) {
		return nil, dirErr(d.path, fmt.Errorf("no record can be called %.80q: %w", name, fs.ErrNotExist))
	}
	f, err := openOwn(d.root, file(name), os.O_RDONLY)
	if err != nil {
		return nil, dirErr(d.path, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxRecord+1))
	if err == nil && len(b) > maxRecord {
		err = fmt.Errorf("%s has more than %d octets: remove it", file(name), maxRecord)
	}
	if err != nil {
		return nil, dirErr(d.path, err)
	}
	return b, nil
}

// Close implements Store.
func (d *dirStore) Close() error {
	if d.log != nil {
		d.log.Close()
	}
	return d.root.Close()
}

// file returns where a record is.
func file(name string) string {
	if name == "index" {
		return dirIndex
	}
	return dirRecords + "/" + name
}

// dirErr says which ring it was. The text of the system's errors has the path
// already, more often than not below the directory.
func dirErr(path string, err error) error {
	return fmt.Errorf("keyring: the ring in %s: %w", path, err)
}
