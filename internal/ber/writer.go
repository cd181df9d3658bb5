package ber

import (
	"errors"
	"io"

	"golang.org/x/crypto/cryptobyte/asn1"
)

// Writer writes elements of indefinite length around ready-made DER, for
// messages whose size is not known when they begin. It has no buffer. The first
// error is kept: every method returns it from then on, and nothing more is
// written. A Writer must not be used by several goroutines at the same time.
type Writer struct {
	dst     io.Writer
	depth   int
	err     error
	scratch [maxHeader]byte
}

// NewWriter returns a Writer to dst, which it never closes.
func NewWriter(dst io.Writer) *Writer { return &Writer{dst: dst} }

// Err returns the first error.
func (w *Writer) Err() error { return w.err }

// Open begins a constructed element of indefinite length with the class and
// number of tag, of which the constructed bit is ignored.
func (w *Writer) Open(tag asn1.Tag) error {
	if w.depth == MaxDepth && w.err == nil {
		w.err = &LimitError{What: "nesting depth", Max: MaxDepth}
	}
	w.depth++
	return w.write(append(w.scratch[:0], byte(tag|constructed), 0x80))
}

// Close ends the element that was opened last and is still open. It does not
// close the underlying writer.
func (w *Writer) Close() error {
	if w.depth == 0 && w.err == nil {
		w.err = errors.New("ber: Close without Open")
	}
	w.depth--
	return w.write(append(w.scratch[:0], 0, 0))
}

// Raw writes der, which is whole elements, as it is.
func (w *Writer) Raw(der []byte) error { return w.write(der) }

// Octets writes b as a primitive OCTET STRING: a whole one, or a segment of one
// that was opened. It does not copy b.
func (w *Writer) Octets(b []byte) error {
	if err := w.write(AppendHeader(w.scratch[:0], asn1.OCTET_STRING, len(b))); err != nil {
		return err
	}
	return w.write(b)
}

func (w *Writer) write(b []byte) error {
	if w.err != nil || len(b) == 0 {
		return w.err
	}
	n, err := w.dst.Write(b)
	if err == nil && n != len(b) {
		err = io.ErrShortWrite
	}
	w.err = err
	return err
}
