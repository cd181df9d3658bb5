package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/atomicfile"
	"github.com/doublekeybox/doublekeybox/internal/filelock"
)

// Journal is a journal that is open for writing, by one program at a time. It is
// safe for concurrent use, and Close must be called.
type Journal struct {
	path string
	file file
	lock *os.File // whose lock keeps others out: file, but for tests
	head Head
	now  func() time.Time

	disk sync.Mutex // held by who writes

	mu    sync.Mutex
	table *table
	n     uint64
	prev  string
	last  []byte // the last line
	batch *batch // what nobody writes yet; nil: nothing
	err   error  // why nothing can be written any more
}

// file is what a journal is written to.
type file interface {
	io.Writer
	Sync() error
	Close() error
}

// batch is what goes to the disk with one fsync.
type batch struct {
	lines []byte
	done  chan struct{} // closed when they are there, or err is set
	err   error
}

// Open opens the journal at path for the run that head tells of. Where there is
// none, it is made, with a new random Run where head has none. Else it is read and
// verified as a whole, and goes on; its run, where head has one, list,
// configuration and number of rows have to be those of head. Rows that were begun
// and have no outcome are in doubt from then on.
//
// The error is ErrLocked, a *MismatchError, a *DamageError, or one of the file
// system.
func Open(path string, head Head) (*Journal, error) {
	if head.Rows < 0 || head.Rows > MaxRows {
		return nil, fmt.Errorf("journal: %d rows: a run has at most %d", head.Rows, MaxRows)
	}
	return open(path, os.O_RDWR|os.O_CREATE, &head)
}

// Resume opens a journal that exists, whatever run it is of. Errors are those of
// Open; fs.ErrNotExist where there is none.
func Resume(path string) (*Journal, error) {
	return open(path, os.O_RDWR, nil)
}

func open(path string, how int, want *Head) (_ *Journal, err error) {
	f, err := os.OpenFile(path, how, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	defer func() {
		if err != nil {
			filelock.Unlock(f)
			f.Close()
		}
	}()
	if info, err := f.Stat(); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("journal: %s is no file: %w", path, fs.ErrInvalid)
	}
	if mine, err := filelock.TryLock(f); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	} else if !mine {
		return nil, ErrLocked
	}
	s := newScanner(f)
	for err = nil; err == nil; _, err = s.next() {
	}
	if err != io.EOF {
		return nil, err
	}
	j := &Journal{path: path, file: f, lock: f, now: time.Now, n: s.n, prev: s.prev, last: s.text, head: s.head, table: s.table}
	if s.n > 0 && want != nil {
		if err := want.agrees(s.head); err != nil {
			return nil, err
		}
	}
	if err := complete(path, s.n); err != nil {
		return nil, err
	}
	if s.n == 0 && want == nil {
		return nil, fmt.Errorf("journal: %s: nothing was written to it: %w", path, fs.ErrNotExist)
	}
	if err := settle(f, s); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if s.n == 0 {
		j.head, j.table = *want, newTable(want.Rows)
		if j.head.Run == "" {
			j.head.Run = rand.Text()
		}
		if err := j.Append(Record{Kind: Run, Head: &j.head}); err != nil {
			return nil, err
		}
	}
	// The lines are of no use if the file, or the directory that was made for it,
	// has no name after a power cut. What is above that may be closed for us, and
	// then was not made by us.
	dir := filepath.Dir(path)
	if err := atomicfile.SyncDir(dir); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if err := atomicfile.SyncDir(filepath.Join(dir, "..")); err != nil && !errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("journal: %w", err)
	}
	j.table.doubt()
	return j, nil
}

// settle cuts off a torn line, and sees to it that what was read, and is acted on
// from here, is on the disk: the program that wrote it may have been killed before
// it was.
func settle(f *os.File, s *scanner) error {
	if s.torn > 0 {
		if err := f.Truncate(s.size); err != nil {
			return err
		}
	}
	// After an fsync that failed the system shows what was written, and may have
	// given up to write it, of which the next fsync says nothing. The end is
	// written once more, the same octets in the same place, so that this one does.
	from := max(0, s.size-lastBatch)
	if _, err := io.Copy(io.NewOffsetWriter(f, from), io.NewSectionReader(f, from, s.size-from)); err != nil {
		return err
	}
	if _, err := f.Seek(s.size, io.SeekStart); err != nil {
		return err
	}
	return f.Sync()
}

// lastBatch is more than goes to the disk with one fsync: only what the last one
// was for can be lost, since nothing is written after one that failed.
const lastBatch = 4 << 20

func (h Head) agrees(have Head) error {
	if h.Run != "" && h.Run != have.Run {
		return &MismatchError{What: "run", Have: have.Run, Want: h.Run}
	}
	if h.List != have.List {
		return &MismatchError{What: "list", Have: have.List, Want: h.List}
	}
	if h.Config != have.Config {
		return &MismatchError{What: "configuration", Have: have.Config, Want: h.Config}
	}
	if h.Rows != have.Rows {
		return &MismatchError{What: "number of rows", Have: strconv.Itoa(have.Rows), Want: strconv.Itoa(h.Rows)}
	}
	return nil
}

// Head returns what the journal is the journal of.
func (j *Journal) Head() Head { return j.head }

// State returns what the journal says of a row. What an Append that has not yet
// returned says counts.
func (j *Journal) State(row int) State {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.table.get(row)
}

// InDoubt returns the records by which those rows were begun that have no outcome,
// in the order of the rows. While mail is sent, what is on its way is among them.
func (j *Journal) InDoubt() []Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.table.inDoubt()
}

// Append adds records, one behind the other, and returns when they are durable.
// Calls at the same time share one fsync. At, N, Prev and Hash are set here.
//
// The error is a *StateError for a record that cannot follow what the journal says
// of its row, or says what else is wrong with one: none of the records is then
// written. After a *BrokenError nobody knows what was written, and the journal is
// of no use before it is opened again. In neither case may anything be done that
// the records announced.
func (j *Journal) Append(records ...Record) error {
	j.mu.Lock()
	if j.err != nil {
		defer j.mu.Unlock()
		return j.err
	}
	lines, err := j.encode(records)
	if err != nil || len(lines) == 0 {
		j.mu.Unlock()
		return err
	}
	b := j.batch
	first := b == nil
	if first {
		b = &batch{done: make(chan struct{})}
		j.batch = b
	}
	b.lines = append(b.lines, lines...)
	j.mu.Unlock()
	if first {
		// Who comes first writes for all who come until the disk is free.
		j.write(b)
	}
	<-b.done
	return b.err
}

// encode returns the lines of records, and takes all of them into the table, or
// none.
func (j *Journal) encode(records []Record) (lines []byte, err error) {
	n, prev, last := j.n, j.prev, j.last
	undo := make([]func(), 0, len(records))
	for _, r := range records {
		r.N, r.Prev = n+1, prev
		r.At = j.now().UTC().Truncate(time.Millisecond)
		var line []byte
		if (r.Kind == Run || r.Head != nil) && n > 0 {
			err = errors.New("journal: only the first line says what run it is")
		} else if line, err = r.encode(nil); err == nil {
			restore := j.table.save(r.Row)
			if err = j.table.apply(&r); err == nil {
				undo = append(undo, restore)
			}
		}
		if err != nil {
			for _, restore := range slices.Backward(undo) {
				restore()
			}
			return nil, err
		}
		lines = append(lines, line...)
		n, prev, last = r.N, r.Hash, line
	}
	j.n, j.prev, j.last = n, prev, last
	return lines, nil
}

// write writes b, which from then on nobody adds to.
func (j *Journal) write(b *batch) {
	j.disk.Lock()
	defer j.disk.Unlock()
	j.mu.Lock()
	j.batch, b.err = nil, j.err
	j.mu.Unlock()
	if b.err == nil {
		_, err := j.file.Write(b.lines) // which is short only with an error
		if err == nil {
			err = j.file.Sync()
		}
		j.mu.Lock()
		if err != nil {
			// What an fsync that failed did not write may be lost without another
			// one saying so: there is no second try.
			j.err = &BrokenError{Err: err}
			b.err = j.err
		}
		j.mu.Unlock()
	}
	close(b.done)
}

// Close waits for what is being written, and gives the journal to others. Append
// fails from then on.
func (j *Journal) Close() error {
	j.disk.Lock()
	defer j.disk.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil {
		j.err = fmt.Errorf("journal: %w", fs.ErrClosed)
	}
	// A program that is being started just now has the file open too, until it
	// runs: closing alone would leave the lock to it for a moment.
	return errors.Join(filelock.Unlock(j.lock), j.file.Close())
}
