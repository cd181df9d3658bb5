package channel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/atomicfile"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// File writes passphrases for a print shop: a folder of parts, which are called
// passphrases-0001.csv.pgp, or .p7m where the key is one of S/MIME, and so on.
// Each is a table in CSV, see [WriteTable], sealed to the print shop's keys and
// to nobody else: who sends cannot read it either.
//
// The zero value with Dir and To is ready. It is safe for concurrent use; one
// program at a time writes into a folder, which a lock on the run sees to.
type File struct {
	Dir string // made where there is none
	To  []*keyring.Verified

	Profile envelope.Profile
	Time    func() time.Time // the time that keys are checked at; nil: time.Now

	mu   sync.Mutex
	last int // the number of the part that was written last; 0: not known
}

var _ Channel = (*File)(nil)

// partName is what parts are called, before the extension.
const partName = "passphrases-"

// maxPart is the most that a part has in items: it is made in memory.
const maxPart = 10_000

// Deliver writes one part with all of items. It returns when the part and its
// name are on the disk. A part that is there is never touched: numbers go on
// after the highest one.
//
// Errors: those of sealing, *keyring.ExpiredError among them, before anything is
// written; those of the file system; the context's.
func (f *File) Deliver(ctx context.Context, items []Item) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch {
	case len(items) == 0:
		return nil
	case len(items) > maxPart:
		return fmt.Errorf("channel: %d passphrases: a part has at most %d", len(items), maxPart)
	}
	sealed, ext, err := f.seal(items)
	if err != nil {
		return fmt.Errorf("channel: sealing passphrases for the print shop: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.write(sealed, ext); err != nil {
		return fmt.Errorf("channel: writing passphrases for the print shop: %w", err)
	}
	return nil
}

func (f *File) seal(items []Item) (sealed []byte, ext string, err error) {
	var b bytes.Buffer
	s := envelope.Sealer{Profile: f.Profile, Time: f.Time}
	w, err := s.Seal(&b, f.To...)
	if err != nil {
		return nil, "", err
	}
	defer w.Abort()
	if err := WriteTable(w, items); err != nil {
		return nil, "", err
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	ext = ".csv.pgp"
	if w.Report().Format == "S/MIME" {
		ext = ".csv.p7m"
	}
	return b.Bytes(), ext, nil
}

func (f *File) write(sealed []byte, ext string) error {
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return err
	}
	if f.last == 0 {
		last, err := lastPart(f.Dir)
		if err != nil {
			return err
		}
		f.last = last
	}
	for {
		name := fmt.Sprintf("%s%04d%s", partName, f.last+1, ext)
		err := f.place(filepath.Join(f.Dir, name), sealed)
		if !errors.Is(err, fs.ErrExist) {
			if err == nil {
				f.last++
			}
			return err
		}
		f.last++
	}
}

// place makes one file that was not there before.
func (f *File) place(path string, sealed []byte) error {
	out, err := atomicfile.Create(path, atomicfile.Options{Secret: true})
	if err != nil {
		return err
	}
	defer out.Discard()
	if _, err := io.Copy(out, bytes.NewReader(sealed)); err != nil {
		return err
	}
	if err := out.Commit(); err != nil {
		return err
	}
	// Without its name the part is lost with the power, and with it passphrases
	// of mails that went out. The folder itself may be new, too.
	return errors.Join(atomicfile.SyncDir(f.Dir), atomicfile.SyncDir(filepath.Dir(f.Dir)))
}

// lastPart returns the highest number of the parts in dir, 0 for none.
func lastPart(dir string) (last int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		digits, _, _ := strings.Cut(strings.TrimPrefix(e.Name(), partName), ".")
		if n, err := strconv.Atoi(digits); err == nil && strings.HasPrefix(e.Name(), partName) {
			last = max(last, n)
		}
	}
	return last, nil
}
