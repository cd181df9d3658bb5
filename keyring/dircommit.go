package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/filelock"
	"github.com/doublekeybox/doublekeybox/internal/storage"
)

// How long a Commit waits for others. Each holds the lock for some milliseconds,
// or for as long as its disk takes; who holds it for longer was stopped.
const lockWait = 30 * time.Second

// Commit implements Store.
func (d *dirStore) Commit(size int64, c Commit) error {
	if d.readOnly != nil {
		return dirErr(d.path, fmt.Errorf("cannot be changed by this user: %w", d.readOnly))
	}
	if err := storage.Check(c.Append, c.Put, c.Drop); err != nil {
		return dirErr(d.path, err)
	}
	t := time.NewTimer(d.wait)
	defer t.Stop()
	select {
	case <-d.writer:
		defer func() { d.writer <- struct{}{} }()
	case <-t.C:
		return dirErr(d.path, errLocked)
	}
	// Who is late already need not stand in the queue for that answer.
	if b, err := d.Log(size); err == nil && len(b) > 0 {
		return ErrConflict
	}
	lock, err := d.acquire()
	if err != nil {
		return dirErr(d.path, err)
	}
	defer lock.Close() // which gives the lock back
	err = d.commit(lock, size, c)
	if err != nil && err != ErrConflict {
		return dirErr(d.path, err)
	}
	return err
}

var errLocked = fmt.Errorf("another program, which may hang, does not give up the lock on its file %q: end it and try again", dirLock)

// acquire returns the lock file, locked. It is the file that has the name then:
// who holds one that was removed or replaced keeps nobody out.
func (d *dirStore) acquire() (*os.File, error) {
	for {
		if err := d.same(); err != nil {
			return nil, err
		}
		f, err := openOwn(d.root, dirLock, os.O_RDWR|os.O_CREATE)
		if err != nil {
			return nil, err
		}
		switch err := filelock.Lock(f, d.wait); {
		case errors.Is(err, filelock.ErrTimeout):
			return nil, errLocked
		case err != nil:
			f.Close()
			return nil, err
		}
		held, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, err
		}
		named, err := d.root.Lstat(dirLock)
		if err == nil && os.SameFile(held, named) {
			return f, nil
		}
		f.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// commit does it; lock is the lock file, and locked.
func (d *dirStore) commit(lock *os.File, size int64, c Commit) error {
	at, err := d.recover(lock)
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	if at != size {
		return ErrConflict
	}
	p, err := d.plan(size, c)
	if err == nil {
		if err = d.prepare(lock, p, c); err == nil {
			err = d.decide(lock, p, c)
		}
		if err != nil {
			if e := d.undo(lock, p); e != nil {
				return fmt.Errorf("%w; undoing what was begun failed too, and the next change does it: %w", err, e)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	if err := d.finish(lock, p); err != nil {
		return fmt.Errorf("the change was made, and what it drops is left until the next one: %w", err)
	}
	return nil
}

// prepare does everything up to the octet that makes the commit.
func (d *dirStore) prepare(lock *os.File, p *plan, c Commit) error {
	if err := p.announce(lock); err != nil {
		return err
	}
	if p.size == 0 { // a log that a power cut takes away is no log
		if err := d.syncAll(); err != nil {
			return err
		}
	}
	for name, b := range c.Put {
		if err := d.write(file(name)+newSuffix, b); err != nil {
			return err
		}
	}
	for _, name := range p.put {
		if err := rename(d.root, file(name)+newSuffix, file(name)); err != nil {
			return err
		}
	}
	if err := d.syncDirs(p.put, p.replace); err != nil {
		return err
	}
	if p.lineless {
		return nil
	}
	return appendAt(d.log, c.Append[:len(c.Append)-1], p.size)
}

// decide writes that octet. Where there is no line it is the last one of the mark
// in the lock file.
func (d *dirStore) decide(lock *os.File, p *plan, c Commit) error {
	if p.lineless {
		return appendAt(lock, []byte(planMade), int64(len(p.text())))
	}
	return appendAt(d.log, c.Append[len(c.Append)-1:], p.size+int64(len(c.Append)-1))
}

// undo takes back what a Commit did that failed on the way.
func (d *dirStore) undo(lock *os.File, p *plan) error {
	if err := d.log.Truncate(p.size); err != nil {
		return err
	}
	if info, err := lock.Stat(); err != nil {
		return err
	} else if n := int64(len(p.text())); info.Size() > n {
		if err := lock.Truncate(n); err != nil {
			return err
		}
	}
	_, err := d.recover(lock)
	return err
}

// appendAt writes at the end of a file, which the caller knows, and brings it to
// the disk.
func appendAt(f *os.File, b []byte, end int64) error {
	if _, err := f.WriteAt(b, end); err != nil {
		return err
	}
	return f.Sync()
}

// write makes a new file with everything in it on the disk.
func (d *dirStore) write(name string, b []byte) error {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	// Some file systems (NFS, quotas) say only here that it did not fit.
	return errors.Join(err, f.Close())
}
