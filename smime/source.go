package smime

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/gcm"
)

// maxEmptyReads is how often in a row a source may return neither octets nor
// an error, as in package bufio.
const maxEmptyReads = 100

// errBadSource is a source that breaks the contract of io.Reader, which must
// not become a slice out of range here.
var errBadSource = errors.New("smime: source returned an impossible count from Read")

// dearmor returns the binary form of what src yields, and whether that was text:
// PEM, or base64 alone, as a mail's part is when it is saved as it came.
// White space before PEM is passed over; mail systems add some.
func dearmor(src io.Reader) (_ io.Reader, armored bool, err error) {
	var first [1]byte
	for blank := 0; ; blank++ {
		if _, err := io.ReadFull(src, first[:]); err == io.EOF {
			return nil, false, fmt.Errorf("%w: it is empty: %w", envelope.ErrFormat, io.ErrUnexpectedEOF)
		} else if err != nil {
			return nil, false, err
		}
		rest := io.MultiReader(bytes.NewReader(first[:]), src)
		switch {
		case first[0] == '-':
			r, err := newPEMReader(rest)
			return r, true, err
		case first[0] == base64Begin:
			return newBase64Reader(rest), true, nil
		case !isSpace(first[0]) || blank == maxBlank:
			return rest, false, nil
		}
	}
}

// maxBlank is how much white space may precede PEM, less than what Sniff sees.
const maxBlank = 64

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// malformed is the error for a message that is not as it should be, which
// takes no key to see.
func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", envelope.ErrFormat, fmt.Sprintf(format, args...))
}

// formatError makes of the errors of the packages below those that package
// envelope documents. What the source itself returned stays as it is.
func formatError(err error) error {
	var limit *ber.LimitError
	switch {
	case err == nil, errors.Is(err, envelope.ErrFormat), errors.Is(err, envelope.ErrLimit):
		return err
	case errors.As(err, &limit):
		if limit.What == "nesting depth" {
			return &envelope.LimitError{What: "elements inside each other", Max: limit.Max, Fixed: true}
		}
		return &envelope.LimitError{What: "octets in one " + limit.What, Max: limit.Max}
	case errors.Is(err, gcm.ErrTooLong):
		return fmt.Errorf("%w: %w", &envelope.LimitError{What: "octets in one AES-GCM message", Max: gcm.Longest, Fixed: true}, err)
	case errors.Is(err, ber.ErrSyntax), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", envelope.ErrFormat, err)
	}
	return err
}

const (
	// copyBuffer is large enough that segments are read without a copy between.
	copyBuffer = 64 << 10

	// firstCopy is what a message of 1 KiB pays for.
	firstCopy = 4 << 10
)

// copied copies as io.Copy does, but asks neither dst nor src to do it.
func copied(dst io.Writer, src io.Reader) (n int64, err error) {
	w, r := struct{ io.Writer }{dst}, struct{ io.Reader }{src}
	n, err = io.CopyBuffer(w, io.LimitReader(r, firstCopy), make([]byte, firstCopy))
	if err != nil || n < firstCopy {
		return n, err
	}
	m, err := io.CopyBuffer(w, r, make([]byte, copyBuffer))
	return n + m, err
}

// watched remembers what its source failed with, so that a failure of the
// source, or of the structure around the content, can be told from one that
// depends on what the content decrypts to.
type watched struct {
	r   io.Reader
	err error // not io.EOF
}

func (w *watched) Read(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

// budget is what is left of Limits.HeaderBytes for one message.
type budget struct {
	left, max int64
}

func newBudget(max int64) *budget { return &budget{left: max, max: max} }

func (b *budget) exceeded() error {
	return &envelope.LimitError{What: "octets that are not content", Max: b.max}
}

// element returns the next element as DER and takes it from the budget.
func (b *budget) element(r *ber.Reader) ([]byte, error) {
	return b.upTo(r, b.left)
}

func (b *budget) upTo(r *ber.Reader, most int64) ([]byte, error) {
	start := r.Offset()
	der, err := r.DER(min(b.left, most))
	var limit *ber.LimitError
	if errors.As(err, &limit) && limit.Max == b.left {
		return nil, b.exceeded()
	}
	if err != nil {
		return nil, formatError(err)
	}
	return der, b.spend(r.Offset() - start)
}

// skip passes over the next element, which takes no memory.
func (b *budget) skip(r *ber.Reader) error {
	start := r.Offset()
	if err := r.Skip(); err != nil {
		return formatError(err)
	}
	return b.spend(r.Offset() - start)
}

func (b *budget) spend(n int64) error {
	if n > b.left {
		return b.exceeded()
	}
	b.left -= n
	return nil
}
