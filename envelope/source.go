package envelope

import (
	"errors"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/spool"
)

// emptyReads is how often in a row a source may return neither octets nor an
// error, as in package bufio.
const emptyReads = 100

var errRead = errors.New("envelope: the Reader that was given returned an impossible count")

// source reads what a caller gave. A Reader that breaks its contract becomes
// an error here, and neither a panic nor an endless loop of whoever reads.
type source struct {
	r    io.Reader
	max  int64 // octets that it may have; 0: as many as it likes
	n    int64
	last error
}

// bounded is a source that [Limits].SourceBytes holds for.
func bounded(r io.Reader, max int64) *source {
	if max <= 0 {
		max = spool.DefaultMax
	}
	return &source{r: r, max: max}
}

func (s *source) Read(p []byte) (int, error) {
	if len(p) == 0 || s.last != nil {
		return 0, s.last
	}
	if room := s.max - s.n; s.max > 0 && int64(len(p)) > room {
		p = p[:room+1]
	}
	for range emptyReads {
		n, err := s.r.Read(p)
		if n < 0 || n > len(p) {
			n, err = 0, errRead
		}
		s.n += int64(n)
		if s.max > 0 && s.n > s.max {
			n, err = 0, &LimitError{What: "octets in one message", Max: s.max}
		}
		if s.last = err; n > 0 || err != nil {
			return n, err
		}
	}
	s.last = io.ErrNoProgress
	return 0, s.last
}

// copyBuffer holds a quarter of the largest chunk that a format encrypts at
// once: larger gains nothing, smaller costs a system call per chunk more. What
// fits into firstCopy, as most mails do, does not pay for it.
const (
	copyBuffer = 64 << 10
	firstCopy  = 4 << 10
)

// copied copies as io.Copy does, but neither asks dst nor src to do it.
func copied(dst io.Writer, src io.Reader) (n int64, err error) {
	w := struct{ io.Writer }{dst}
	n, err = io.CopyBuffer(w, io.LimitReader(src, firstCopy), make([]byte, firstCopy))
	if err != nil || n < firstCopy {
		return n, err
	}
	m, err := io.CopyBuffer(w, struct{ io.Reader }{src}, make([]byte, copyBuffer))
	return n + m, err
}
