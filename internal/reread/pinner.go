package reread

import (
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/chunkmac"
)

// tailSize is what a Pinner keeps back of what is written until Source is
// called, in octets: more than what ends any message and authenticates it, with
// the text around that.
const tailSize = 1 << 10

// Place is where a Pinner writes to, from its first octet on, and where it is
// read again.
type Place interface {
	io.Writer
	io.ReaderAt
}

// Pinner writes to a place and pins it as [Pin] does while it writes: what is
// read later is what was written, whoever else writes there. It
// belongs to one goroutine. Memory is a chunk, and little once Settle was called.
type Pinner struct {
	dst     Place
	macs    *chunkmac.List
	buf     []byte // not written yet; at most a chunk and the tail
	n       int64  // octets that Write was given
	settled bool
	err     error // final
}

// NewPinner returns a Pinner that writes to dst, which it never closes.
func NewPinner(dst Place) *Pinner { return &Pinner{dst: dst} }

// Write writes p, but not all of it yet. Errors are those of the place.
func (w *Pinner) Write(p []byte) (n int, err error) {
	if w.err == nil && w.settled {
		w.err = errEnded
	}
	for n < len(p) && w.err == nil {
		if w.buf == nil {
			w.buf = make([]byte, 0, ChunkSize+tailSize)
		}
		m := copy(w.buf[len(w.buf):cap(w.buf)], p[n:])
		w.buf = w.buf[:len(w.buf)+m]
		n += m
		w.n += int64(m)
		if len(w.buf) == cap(w.buf) {
			w.pin(w.buf[:ChunkSize])
			w.write(w.buf[:ChunkSize])
			w.buf = w.buf[:copy(w.buf, w.buf[ChunkSize:])]
		}
	}
	return n, w.err
}

// pin notes the next chunk.
func (w *Pinner) pin(chunk []byte) {
	if w.macs == nil {
		m, err := chunkmac.New()
		if err != nil {
			w.err = err
			return
		}
		w.macs = m
	}
	w.macs.Add(chunk)
}

func (w *Pinner) write(p []byte) {
	if w.err != nil || len(p) == 0 {
		return
	}
	n, err := w.dst.Write(p)
	if err == nil && n != len(p) {
		err = io.ErrShortWrite
	}
	w.err = err
}

// Settle ends what is written and writes all of it but the last KiB.
func (w *Pinner) Settle() error {
	if w.settled || w.err != nil {
		return w.err
	}
	w.settled = true
	for rest := w.buf; len(rest) > 0; {
		n := min(len(rest), ChunkSize)
		w.pin(rest[:n])
		rest = rest[n:]
	}
	early := max(len(w.buf)-tailSize, 0)
	w.write(w.buf[:early])
	w.buf = append([]byte(nil), w.buf[early:]...) // frees the chunk
	return w.err
}

// Source writes the rest and returns what was written. It looks at its begin and
// its end in the place: one that already held something, or is written by
// another at once, is an error.
func (w *Pinner) Source() (*Source, error) {
	if err := w.Settle(); err != nil {
		return nil, err
	}
	w.write(w.buf)
	if w.err != nil {
		return nil, w.err
	}
	w.err = errEnded
	s := &Source{size: w.n, src: w.dst, macs: w.macs}
	var one [1]byte
	if w.n == 0 {
		return s, nil
	}
	for _, at := range []int64{0, w.n - 1} {
		if _, err := s.ReadAt(one[:], at); err != nil {
			return nil, fmt.Errorf("%w: it has to be empty at first, and written by nobody else", err)
		}
	}
	return s, nil
}
