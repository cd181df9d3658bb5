package zipbox

import (
	"archive/zip"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/filename"
	"github.com/doublekeybox/doublekeybox/internal/winzip"
)

// mostFiles is how many files one archive has, written and read: what is known
// of each stays in memory, and each that another program encrypted by itself
// costs a millisecond for deriving its key.
const mostFiles = 10_000

// Locker says how to lock. The zero value is the strongest and the quickest.
// It is not changed, and safe for concurrent use.
type Locker struct {
	// Weak accepts a passphrase that [Estimate] finds can be guessed: whoever
	// has the archive tries ten million a second on one graphics card, and
	// nobody notices. A date of birth falls before the first is counted, a
	// policy number within a minute. The Receipt says that it was done.
	Weak bool

	// Deflate compresses each file. How long the archive is then tells
	// something of what is in it, and it takes ten times as long.
	Deflate bool
}

// Lock is Lock of a zero [Locker].
func Lock(dst io.Writer, p *envelope.Passphrase) (*Writer, error) { return new(Locker).Lock(dst, p) }

// Lock starts an archive that p opens. p is used in Unicode's normal form C.
//
// Errors, before an octet was written: [*WeakError]; a p that is nil, zero, or
// for opening only; [*envelope.NotApprovedError]. Then that of dst, which is
// never closed. One of Close and Abort must be called.
func (l *Locker) Lock(dst io.Writer, p *envelope.Passphrase) (*Writer, error) {
	switch {
	case p == nil || p.Reveal() == "":
		return nil, errNoPassphrase
	case p.OpensOnly():
		return nil, errOpensOnly
	}
	w := &Writer{dst: dst, deflate: l.Deflate, names: names{}}
	if !p.Generated() {
		s := Estimate(p.Reveal())
		if s.Weak() && !l.Weak {
			return nil, &WeakError{s}
		}
		if s.Weak() {
			w.receipt.Weak = s.Reasons
		}
	}
	if err := approved(); err != nil {
		return nil, err
	}
	var salt [winzip.MaxSaltSize]byte
	rand.Read(salt[:]) // never fails
	keys, err := winzip.Derive(filename.Composed(p.Reveal()), salt[:], winzip.AES256)
	if err != nil {
		return nil, fmt.Errorf("zipbox: %w", err)
	}
	verifier := keys.Verifier()
	if err := w.put(append(append(outerHead(), salt[:]...), verifier[:]...)); err != nil {
		return nil, err
	}
	w.sealer = winzip.NewSealer(dst, keys)
	w.inner = zip.NewWriter((*counted)(w))
	return w, nil
}

// Receipt says what was written.
type Receipt struct {
	Files int
	Size  int64 // octets of the whole archive

	// Weak is why the passphrase can be guessed: [Locker].Weak allowed it.
	// None: it cannot.
	Weak []string
}

// Writer writes an archive. It belongs to one goroutine.
type Writer struct {
	dst     io.Writer
	sealer  *winzip.Sealer
	inner   *zip.Writer
	n       int64 // octets of the inner archive
	names   names
	deflate bool
	file    *fileWriter // the one that is being written
	receipt Receipt
	err     error // final
}

// counted is where the inner archive goes.
type counted Writer

func (w *counted) Write(p []byte) (int, error) {
	n, err := w.sealer.Write(p)
	w.n += int64(n)
	return n, err
}

// fileWriter is one file of a Writer.
type fileWriter struct {
	w   *Writer
	dst io.Writer
}

var errNotCurrent = errors.New("zipbox: written to a file after the next was created, or the archive closed")

func (f *fileWriter) Write(p []byte) (int, error) {
	switch {
	case f.w.file != f:
		return 0, errNotCurrent
	case f.w.err != nil:
		return 0, f.w.err
	}
	n, err := f.dst.Write(p)
	f.w.err = err
	return n, err
}

// Create begins the next file. What is written to the Writer that it returns is
// its content, until Create is called again, or Close. Name and time are seen
// by nobody without the passphrase; a zero time is left out.
//
// name is a single one that can be used everywhere, as mail.SafeName makes
// them, and no other of the archive that differs in case or in composed
// characters alone. Any other is an error, after which the archive can be
// continued; so is *envelope.LimitError for more than 10,000 files. Errors of
// the destination are final.
func (w *Writer) Create(name string, modified time.Time) (io.Writer, error) {
	switch {
	case w.err != nil:
		return nil, w.err
	case name == "" || filename.Safe(name) != name:
		return nil, fmt.Errorf("zipbox: %.80q is no name that can be used everywhere: %.80q is", name, filename.Safe(name))
	case len(w.names) >= mostFiles:
		return nil, &envelope.LimitError{What: "files in one archive", Max: mostFiles, Fixed: true}
	case !w.names.add(name):
		return nil, fmt.Errorf("zipbox: there is a file already that some systems take for %.80q: rename one", name)
	}
	h := &zip.FileHeader{Name: name, Modified: modified, Method: methodStore}
	if w.deflate {
		h.Method = methodDeflate
	}
	h.SetMode(0o600)
	dst, err := w.inner.CreateHeader(h)
	if err != nil {
		w.err = err
		return nil, err
	}
	w.receipt.Files++
	w.file = &fileWriter{w, dst}
	return w.file, nil
}

// Close ends the archive: only with its last octets it opens. It does not close
// the destination. Errors are those of the destination, and ErrClosed.
func (w *Writer) Close() error {
	if w.err != nil {
		w.Abort()
		return w.err
	}
	err := w.finish()
	w.Abort()
	if err != nil {
		w.err = err
	}
	return err
}

func (w *Writer) finish() error {
	if err := w.inner.SetComment(mark); err != nil {
		return err
	}
	if err := w.inner.Close(); err != nil {
		return err
	}
	tag, err := w.sealer.Close()
	if err != nil {
		return err
	}
	w.receipt.Size += w.n
	return w.put(append(tag[:], outerTail(w.n)...))
}

// put writes octets that are around what is encrypted.
func (w *Writer) put(b []byte) error {
	n, err := w.dst.Write(b)
	if err == nil && n != len(b) {
		err = io.ErrShortWrite
	}
	w.receipt.Size += int64(n)
	return err
}

// Abort gives up: what was written never opens. After Close it does nothing, so
// that `defer w.Abort()` is right.
func (w *Writer) Abort() {
	w.sealer.Abort()
	w.file = nil
	if w.err == nil {
		w.err = envelope.ErrClosed
	}
}

// Receipt returns what was written; it is complete after Close.
func (w *Writer) Receipt() Receipt { return w.receipt }
