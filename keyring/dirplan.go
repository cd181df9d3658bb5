package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/filelock"
	"github.com/doublekeybox/doublekeybox/internal/storage"
)

// plan is what a Commit is about to do. While it does it, the lock file says so
// in lines of text:
//
//	ring 1234           the size of the log before
//	put a.1             a record that is new
//	replace index       one that is replaced once the commit is made
//	drop b.7            one that is dropped then
//	lineless            nothing is appended to the log
//	end
//	made                only where nothing is appended: the commit is made
//
// Where "end" is missing, nothing was done yet.
type plan struct {
	size               int64
	put, replace, drop []string
	lineless           bool
}

const (
	planEnd  = "end\n"
	planMade = "made\n"
	maxPlan  = 16 << 20 // what is larger is no plan
)

// plan finds out which records are new. A record of a Commit that is not made can
// be removed again only if there was none of its name.
func (d *dirStore) plan(size int64, c Commit) (*plan, error) {
	p := &plan{size: size, drop: c.Drop, lineless: len(c.Append) == 0}
	for _, name := range slices.Sorted(maps.Keys(c.Put)) {
		_, err := d.root.Lstat(file(name))
		switch {
		case err == nil:
			p.replace = append(p.replace, name)
		case errors.Is(err, fs.ErrNotExist):
			p.put = append(p.put, name)
		default:
			return nil, err
		}
	}
	return p, nil
}

func (p *plan) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "ring %d\n", p.size)
	for _, l := range []struct {
		verb  string
		names []string
	}{{"put", p.put}, {"replace", p.replace}, {"drop", p.drop}} {
		for _, name := range l.names {
			fmt.Fprintf(&b, "%s %s\n", l.verb, name)
		}
	}
	if p.lineless {
		b.WriteString("lineless\n")
	}
	b.WriteString(planEnd)
	return b.String()
}

// parsePlan returns nil for what is not a whole plan. Names in it become names of
// files, and are held to the same rules as all.
func parsePlan(text string) (p *plan, made bool) {
	text, made = strings.CutSuffix(text, planEnd+planMade)
	if !made {
		var ended bool
		// The mark itself may have been cut off.
		if i := strings.LastIndex(text, "\n"+planEnd); i >= 0 && strings.HasPrefix(planMade, text[i+1+len(planEnd):]) {
			text, ended = text[:i+1], true
		}
		if !ended {
			return nil, false
		}
	}
	p = &plan{}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		verb, name, _ := strings.Cut(line, " ")
		switch {
		case i == 0 && verb == "ring":
			n, err := strconv.ParseInt(name, 10, 64)
			if err != nil || n < 0 {
				return nil, false
			}
			p.size = n
		case i == 0:
			return nil, false
		case verb == "put" && storage.ValidName(name):
			p.put = append(p.put, name)
		case verb == "replace" && storage.ValidName(name):
			p.replace = append(p.replace, name)
		case verb == "drop" && storage.ValidName(name):
			p.drop = append(p.drop, name)
		case line == "lineless":
			p.lineless = true
		default:
			return nil, false
		}
	}
	return p, made && p.lineless
}

// announce writes the plan where the next writer finds it, should this one be
// killed.
func (p *plan) announce(lock *os.File) error {
	return appendAt(lock, []byte(p.text()), 0)
}

// recover brings everything into the state of before or after a Commit that was
// killed, and returns the size of the log.
func (d *dirStore) recover(lock *os.File) (int64, error) {
	size, err := d.cut()
	if err != nil {
		return 0, err
	}
	b, err := io.ReadAll(io.NewSectionReader(lock, 0, maxPlan))
	if err != nil || len(b) == 0 {
		return size, err
	}
	p, made := parsePlan(string(b))
	switch {
	case p == nil:
		return size, lock.Truncate(0)
	case made || size > p.size && !p.lineless:
		return size, d.finish(lock, p)
	}
	for _, name := range append(slices.Clone(p.put), p.replace...) {
		if err := d.removeAll(file(name) + newSuffix); err != nil {
			return 0, err
		}
	}
	for _, name := range p.put {
		if err := d.removeAll(file(name)); err != nil {
			return 0, err
		}
	}
	if err := d.syncDirs(p.put, p.replace); err != nil {
		return 0, err
	}
	return size, lock.Truncate(0)
}

// tidy does what a Commit that was killed left to be done, unless one is under
// way: nobody may come who commits, and what was to be dropped is somebody's data.
func (d *dirStore) tidy() error {
	info, err := d.root.Lstat(dirLock)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 || d.readOnly != nil {
		return nil
	}
	lock, err := openOwn(d.root, dirLock, os.O_RDWR)
	if err != nil {
		return err
	}
	defer lock.Close()
	if mine, err := filelock.TryLock(lock); err != nil || !mine {
		return err
	}
	_, err = d.recover(lock)
	return err
}

// cut removes the line at the end of the log that has no end, and returns the
// size.
func (d *dirStore) cut() (int64, error) {
	info, err := d.log.Stat()
	if err != nil {
		return 0, err
	}
	var b [4096]byte
	for at := info.Size(); at > 0; {
		n := min(at, int64(len(b)))
		at -= n
		if _, err := d.log.ReadAt(b[:n], at); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(b[:n], '\n'); i >= 0 {
			end := at + int64(i) + 1
			if end == info.Size() {
				return end, nil
			}
			return end, d.truncate(end)
		}
	}
	if info.Size() == 0 {
		return 0, nil
	}
	return 0, d.truncate(0)
}

func (d *dirStore) truncate(size int64) error {
	if err := d.log.Truncate(size); err != nil {
		return err
	}
	return d.log.Sync()
}

// finish does what is left once a commit is made. It may be done again.
func (d *dirStore) finish(lock *os.File, p *plan) error {
	for _, name := range p.replace {
		err := rename(d.root, file(name)+newSuffix, file(name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, name := range p.drop {
		if err := d.removeAll(file(name)); err != nil {
			return err
		}
	}
	if err := d.syncDirs(p.replace, p.drop); err != nil {
		return err
	}
	return lock.Truncate(0)
}

func (d *dirStore) removeAll(name string) error {
	err := remove(d.root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// syncDirs brings the names of records to the disk.
func (d *dirStore) syncDirs(names ...[]string) error {
	in := map[string]bool{}
	for _, list := range names {
		for _, name := range list {
			dir, _, ok := strings.Cut(file(name), "/")
			if !ok {
				dir = "."
			}
			in[dir] = true
		}
	}
	for dir := range in {
		if err := syncDir(d.root, dir); err != nil {
			return err
		}
	}
	return nil
}

// syncAll brings the names of the log, the lock file and the directory itself to
// the disk.
func (d *dirStore) syncAll() error {
	if err := syncDir(d.root, "."); err != nil {
		return err
	}
	// What is above may be somebody else's, and unreadable.
	if up, err := os.OpenRoot(filepath.Dir(d.path)); err == nil {
		defer up.Close()
		syncDir(up, ".")
	}
	return nil
}
