package envelope

import (
	"errors"
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// errInterrupted stands in the place of an error while a call is under way, and
// stays there should the caller's Reader or Writer panic: who recovers must not
// go on with a message that has a hole.
var errInterrupted = fmt.Errorf("%w: a panic interrupted an earlier call", ErrClosed)

var errCount = errors.New("envelope: the Writer that was given returned an impossible count")

// sink is where a format writes: to dst, counted, and to the audit. Formats
// may write from goroutines of their own, but from one at a time, and from
// none once their Close or Abort has returned.
type sink struct {
	dst   io.Writer
	audit *audit // nil: not audited
	n     int64
	err   error // final: nothing is written behind a hole
}

func (s *sink) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	s.err = errInterrupted
	n, err := s.dst.Write(p)
	if n < 0 || n > len(p) {
		if n = 0; err == nil {
			err = errCount
		}
	}
	s.n += int64(n)
	switch {
	case err == io.EOF:
		// To what lies between, io.EOF would be the good end of a source.
		err = fmt.Errorf("envelope: writing the message: %w", err)
	case err == nil && n < len(p):
		err = io.ErrShortWrite
	case err == nil:
		err = s.audit.write(p)
	}
	s.err = err
	return n, err
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
		a.facts, a.err = a.inspect(f, r)
		// Whatever is written after the parser ended is not part of the
		// message that it read: let it fail.
		late := a.err
		if late == nil {
			late = errors.New("envelope: internal error: more was written than the message")
		}
		r.CloseWithError(late)
	}()
	return a
}

// inspect runs the parser. A panic of it would end the process, since nobody
// can recover in this goroutine: it is an error as any other.
func (a *audit) inspect(f seam.Format, r io.Reader) (facts *seam.Facts, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("it panics: %.80q", fmt.Sprint(v))
		} else if err == nil && facts == nil {
			err = errors.New("it finds nothing")
		}
		if err != nil {
			facts, err = nil, fmt.Errorf("envelope: internal error: the parser cannot read what was written: %w", err)
		}
	}()
	return f.Inspect(r, Limits{Recipients: mostRecipients, HeaderBytes: mostHeaderBytes}.resolve())
}

func (a *audit) write(p []byte) error {
	if a == nil {
		return nil
	}
	_, err := a.pipe.Write(p)
	return err
}

// finish ends the message and returns what was found.
func (a *audit) finish() (*seam.Facts, error) {
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
