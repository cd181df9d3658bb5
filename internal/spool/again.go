package spool

import (
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/full"
)

// Again ends the first pass and begins another one at its first byte. The reader ends where the first pass ended: what the
// first pass did not read is no part of it. If the first pass read up to io.EOF, so must this one, or the source has changed.
//
// Every byte that the reader returns belongs to a chunk that was checked. [ErrChanged] is its error for everything that is not as
// it was. It also is an [io.WriterTo].
//
// Again may be called more than once; the readers that it returned before then fail. After a first pass that failed, it
// returns the error of that.
func (s *Source) Again() (io.Reader, error) {
	if s.gone {
		return nil, ErrClosed
	}
	if s.once {
		return nil, errOnce
	}
	if s.err != nil && s.err != io.EOF {
		return nil, s.err
	}
	if !s.ended {
		s.ended = true
		if !s.inMemory() && len(s.cur) > 0 {
			if err := s.complete(s.cur); err != nil {
				s.err = err
				return nil, err
			}
			s.cur = s.cur[:0]
		}
	}
	s.pass++
	r := &reader{s: s, pass: s.pass}
	switch {
	case s.inMemory():
	case s.file != nil:
		r.r = io.NewSectionReader(s.file, 0, s.n)
	default:
		if at, err := s.seek.Seek(s.start, io.SeekStart); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrChanged, err)
		} else if at != s.start {
			return nil, ErrChanged
		}
		r.r = s.seek
	}
	return r, nil
}

// reader is a pass after the first.
type reader struct {
	s    *Source
	pass int
	r    io.Reader // nil: what the pass needs is in memory
	out  []byte    // checked and not yet returned
	i    int       // the next chunk
	off  int64     // bytes of the chunks before it
	err  error     // after out
}

var _ interface {
	io.Reader
	io.WriterTo
} = (*reader)(nil)

func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.s.fixed && len(r.out) == 0 && int64(len(p)) >= fixedRead {
		return r.direct(p)
	}
	if !r.more() {
		return 0, r.err
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

func (r *reader) WriteTo(w io.Writer) (written int64, err error) {
	for r.more() {
		n, err := w.Write(r.out)
		if err == nil && n != len(r.out) {
			err = io.ErrShortWrite
		}
		if n < 0 || n > len(r.out) {
			n = 0
		}
		written += int64(n)
		r.out = r.out[n:]
		if err != nil {
			return written, err
		}
	}
	if r.err == io.EOF {
		return written, nil
	}
	return written, r.err
}

// more makes sure that out is not empty, or else that err is set.
func (r *reader) more() bool {
	switch {
	case r.s.gone:
		r.out, r.err = nil, ErrClosed
	case r.pass != r.s.pass:
		// The source stands somewhere else now, and the buffer is another's.
		r.out, r.err = nil, errSuperseded
	case len(r.out) == 0 && r.err == nil:
		r.out, r.err = r.chunk()
	}
	return len(r.out) > 0
}

// chunk returns the next chunk, checked, or why there is none.
func (r *reader) chunk() ([]byte, error) {
	s := r.s
	size := min(s.n-r.off, ChunkSize)
	if s.fixed {
		size = min(size, fixedRead)
	}
	i := r.i
	r.i++
	r.off += size
	if r.r == nil {
		switch {
		case size == 0:
			return nil, io.EOF
		case i < len(s.mem):
			return s.mem[i], nil
		default:
			return s.cur, nil
		}
	}
	if size == 0 {
		return nil, r.end()
	}
	if int64(cap(s.cur)) < size {
		s.cur = make([]byte, 0, size)
	}
	b := s.cur[:size]
	if n, err := full.Read(r.r, b); n < len(b) {
		if err == nil || err == io.EOF {
			return nil, ErrChanged
		}
		return nil, fmt.Errorf("%w: %w", ErrChanged, err)
	}
	if !s.fixed && !s.macs.OK(i, b) {
		return nil, ErrChanged
	}
	return b, nil
}

// fixedRead is how much is read at a time of a source that needs no MACs. What is read into the caller's memory is not copied.
const fixedRead = 32 << 10

// direct is Read of a source that needs no MACs, into the caller's memory.
func (r *reader) direct(p []byte) (int, error) {
	left := r.s.n - r.off
	if r.s.gone || r.pass != r.s.pass || r.err != nil || left == 0 {
		r.more()
		return 0, r.err
	}
	n, err := full.Read(r.r, p[:min(left, int64(len(p)))])
	r.off += int64(n)
	switch {
	case r.off == r.s.n && (err == nil || err == io.EOF):
	case err == io.EOF:
		r.err = ErrChanged
	case err != nil:
		r.err = fmt.Errorf("%w: %w", ErrChanged, err)
	}
	if n == 0 {
		return 0, r.err
	}
	return n, nil
}

// end reports whether the source ends where it did.
func (r *reader) end() error {
	if !r.s.eof {
		return io.EOF
	}
	var one [1]byte
	n, err := full.Read(r.r, one[:])
	switch {
	case n == 0 && err == io.EOF:
		return io.EOF
	case n == 0 && err != nil:
		return fmt.Errorf("%w: %w", ErrChanged, err)
	default:
		return ErrChanged
	}
}
