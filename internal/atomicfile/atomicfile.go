// Package atomicfile makes files that appear whole or not at all.
//
// What is written goes to a file without a name on the target's file system, or,
// where the system has no such files, to one with a temporary name beside the
// target. Only [File.Commit] gives it the final name, after everything is on the
// disk; so a full disk, an error in the middle, a killed process or a power cut
// leave either nothing or the whole file under that name, and never half of one
// that somebody takes for the whole. A file without a name ends with its process:
// then a kill before Commit leaves nothing at all, also of content that nobody
// had authenticated yet.
//
// A file that exists is not touched unless the caller asks for that, and this
// is not a question asked beforehand: where the file system can, the final
// name is taken in one step that fails if it is already there.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
)

// Options say what kind of file is made. The zero value makes an ordinary one
// that replaces nothing.
type Options struct {
	Replace bool // a file that exists is replaced in one step
	Secret  bool // readable by the owner alone: mode 0600, on Windows an access list of its own
}

// File is a file being made. Write and Commit belong to one goroutine; Discard
// may be called from any, for instance from a signal handler.
type File struct {
	path string
	o    Options

	mu   sync.Mutex // guards what follows
	temp string     // the temporary name; "" as long as there is none
	f    *os.File
	done bool
	err  error // of the first write that failed: a file with a hole is never committed
}

// ErrDone is returned by a File that was committed or discarded.
var ErrDone = errors.New("atomicfile: already committed or discarded")

// Create starts a file that will be called path. Where path exists and may not
// be replaced it returns fs.ErrExist at once, so that no work is done in vain.
// Call [File.Discard] always; after Commit it does nothing.
func Create(path string, o Options) (*File, error) {
	if path == "" {
		return nil, fmt.Errorf("atomicfile: no name: %w", fs.ErrInvalid)
	}
	info, err := os.Lstat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, &fs.PathError{Op: "create", Path: path, Err: errIsDir}
	case err == nil && !o.Replace:
		return nil, &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	if f, err := createUnnamed(filepath.Dir(path), o.Secret); err == nil {
		return &File{path: path, o: o, f: f}, nil
	}
	f, err := createTemp(filepath.Dir(path), o.Secret)
	if err != nil {
		return nil, cause(path, err)
	}
	return &File{path: path, temp: f.Name(), o: o, f: f}, nil
}

// errNamed is that of systems on which every file has a name.
var errNamed = errors.New("atomicfile: files without a name are not supported")

var errIsDir = errors.New("is a directory")

// Name returns the final name.
func (f *File) Name() string { return f.path }

// Write adds p to the file. An error is final.
func (f *File) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		return 0, ErrDone
	}
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.f.Write(p)
	if err != nil {
		f.err = cause(f.path, err)
	}
	return n, f.err
}

// ReadAt implements io.ReaderAt: what was written can be read again before it
// has its name.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		return 0, ErrDone
	}
	return f.f.ReadAt(p, off)
}

// Commit puts what was written under the final name. Where it returns an error
// there is no new file, and one that was there before is as it was.
func (f *File) Commit() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.flush(); err != nil {
		return err
	}
	if err := f.publish(); err != nil {
		f.discard()
		return cause(f.path, err)
	}
	f.done = true
	return nil
}

// CommitAll commits all files or none: where one cannot be committed, those
// that were are removed again. It is meant for new files; one that replaced
// another is gone with it.
func CommitAll(files ...*File) error {
	for i, f := range files {
		err := f.Commit()
		if err == nil {
			continue
		}
		for _, g := range files[:i] {
			os.Remove(g.path)
		}
		for _, g := range files[i:] {
			g.Discard()
		}
		return err
	}
	return nil
}

// Discard removes what was written. After Commit it does nothing.
func (f *File) Discard() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.discard()
}

func (f *File) discard() {
	if f.done {
		return
	}
	f.done = true
	f.f.Close() // first: Windows removes no open file
	if f.temp != "" {
		os.Remove(f.temp) // a failure leaves a file that nobody takes for the result
	}
}

// flush brings everything to the disk and closes the file. Without the sync a
// power cut shortly after the rename could leave the final name with a file
// that is empty: the rename may reach the disk before the content does.
func (f *File) flush() error {
	if f.done {
		return ErrDone
	}
	err := f.err
	if err == nil {
		err = f.f.Sync()
	}
	if err == nil && f.temp == "" {
		err = f.name()
	}
	if err == nil {
		// Some file systems (NFS, quotas) say only here that it did not fit.
		// Discard closes a second time, which does no harm.
		err = f.f.Close()
	}
	if err != nil {
		f.discard()
		return cause(f.path, err)
	}
	return nil
}

// name gives a file without a name a temporary one, now that all of it is there:
// linking needs the open file, and closing it may say that it did not fit.
func (f *File) name() error {
	dir := filepath.Dir(f.path)
	temp, err := linkUnnamed(f.f, dir)
	if err == nil {
		f.temp = temp
		return nil
	}
	// It cannot have one after all, for want of /proc or of hard links: a copy can.
	to, err := createTemp(dir, f.o.Secret)
	if err != nil {
		return err
	}
	from := f.f
	f.f, f.temp = to, to.Name()
	_, err = io.Copy(to, io.NewSectionReader(from, 0, math.MaxInt64))
	if err == nil {
		err = to.Sync()
	}
	from.Close() // which goes
	return err
}

func (f *File) publish() error {
	if f.o.Replace {
		if err := replace(f.temp, f.path); err != nil {
			return err
		}
	} else if err := place(f.temp, f.path); err != nil {
		return err
	}
	// What was written is whole either way: where the file system cannot, that is
	// no failure of the caller's.
	_ = SyncDir(filepath.Dir(f.path))
	return nil
}

// cause names the final file: nobody knows the temporary one.
func cause(path string, err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		err = p.Err
	case errors.As(err, &l):
		err = l.Err
	}
	return &fs.PathError{Op: "write", Path: path, Err: err}
}

// WriteFile makes a whole file of data.
func WriteFile(path string, data []byte, o Options) error {
	f, err := Create(path, o)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}
