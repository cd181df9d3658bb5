package envelope

import (
	"errors"
	"fmt"
	"io"
	"iter"

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
//
// The parser reads a Reader, so that it runs beside who writes; but as a
// coroutine, and not at the same time. It has little to do with what is
// encrypted, and to wake another goroutine for every piece costs more than that.
// Of text it has to decode all: that is worth a goroutine, and a pipe.
type audit struct {
	pipe  *io.PipeWriter // of text; else nil
	done  chan struct{}
	next  func() (struct{}, bool) // runs the parser until it needs more; false: it has ended
	stop  func()
	p     []byte // what it reads next
	end   error  // what comes then; nil: more will be written
	facts *seam.Facts
	err   error
}

func startAudit(f seam.Format, text bool) *audit {
	a := &audit{}
	if text {
		r, w := io.Pipe()
		a.pipe, a.done = w, make(chan struct{})
		go func() {
			defer close(a.done)
			a.facts, a.err = a.inspect(f, r)
			r.CloseWithError(a.ended(true))
		}()
		return a
	}
	a.next, a.stop = iter.Pull(func(yield func(struct{}) bool) {
		a.facts, a.err = a.inspect(f, auditReader{a, yield})
	})
	return a
}

// auditReader is what the parser reads.
type auditReader struct {
	*audit
	yield func(struct{}) bool
}

func (r auditReader) Read(p []byte) (int, error) {
	for len(r.p) == 0 && len(p) > 0 {
		if r.end != nil {
			return 0, r.end
		}
		if !r.yield(struct{}{}) {
			r.end = ErrClosed
		}
	}
	n := copy(p, r.p)
	r.p = r.p[n:]
	return n, nil
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
	if a.pipe != nil {
		_, err := a.pipe.Write(p)
		return err
	}
	a.p = p
	if _, more := a.next(); more {
		return nil
	}
	return a.ended(len(a.p) > 0)
}

// ended is the error of what is written after the parser ended, which is not
// part of the message that it read.
func (a *audit) ended(more bool) error {
	switch {
	case a.err != nil:
		return a.err
	case more:
		return errors.New("envelope: internal error: more was written than the message")
	}
	return nil
}

// finish ends the message and returns what was found.
func (a *audit) finish() (*seam.Facts, error) {
	if a.pipe != nil {
		a.pipe.Close()
		<-a.done
	} else {
		a.end = io.EOF
		a.next()
	}
	return a.facts, a.err
}

func (a *audit) abort() {
	switch {
	case a == nil:
	case a.pipe != nil:
		a.pipe.CloseWithError(ErrClosed)
		<-a.done
	default:
		a.stop()
	}
}
