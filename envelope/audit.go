package envelope

import (
	"io"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// sink is where a format writes: to dst, counted, and to the audit.
type sink struct {
	dst   io.Writer
	audit *audit // nil: not audited
	n     int64
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.dst.Write(p)
	s.n += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return n, err
	}
	return n, s.audit.write(p)
}

// audit parses what is written, without keys, while it is written. Receipts
// and Inspect are made of the same parser, so that a receipt cannot say what
// Inspect would not.
type audit struct {
	pipe  *io.PipeWriter
	done  chan struct{}
	facts *seam.Facts
	err   error
}

func startAudit(f seam.Format) *audit {
	r, w := io.Pipe()
	a := &audit{pipe: w, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.facts, a.err = f.Inspect(r, Limits{Recipients: mostRecipients, HeaderBytes: mostHeaderBytes}.resolve())
		// Whatever is written after the parser ended is not part of the
		// message that it read: let it fail.
		r.CloseWithError(a.err)
	}()
	return a
}

func (a *audit) write(p []byte) error {
	if a == nil {
		return nil
	}
	_, err := a.pipe.Write(p)
	return err
}

func (a *audit) finish() (*seam.Facts, error) {
	if a == nil {
		return nil, nil
	}
	a.pipe.Close()
	<-a.done
	return a.facts, a.err
}

func (a *audit) abort() {
	if a != nil {
		a.pipe.CloseWithError(ErrClosed)
		<-a.done
	}
}
