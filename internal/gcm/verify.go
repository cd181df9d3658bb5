//go:build !dkb_plain

package gcm

import "io"

// Verifier computes the tag that a ciphertext must have. It decrypts nothing. Ciphertext goes in through Write and
// ReadFrom, in any mixture. Every error is final. The methods may not be called concurrently.
type Verifier struct {
	e      *engine
	err    error
	summed bool
	sum    [TagSize]byte
	buf    []byte // the segment being filled; a full one stays until more comes
}

var _ interface {
	io.Writer
	io.ReaderFrom
} = (*Verifier)(nil)

// NewVerifier returns a Verifier. key has 16, 24 or 32 bytes, nonce 12. aad may be empty. It retains none of the three slices.
func NewVerifier(key, nonce, aad []byte) (*Verifier, error) {
	return newVerifier(key, nonce, aad, standard())
}

func newVerifier(key, nonce, aad []byte, c config) (*Verifier, error) {
	e, err := newEngine(key, nonce, aad, c)
	if err != nil {
		return nil, err
	}
	return &Verifier{e: e}, nil
}

// Write hashes p, which it does not retain.
func (v *Verifier) Write(p []byte) (n int, err error) {
	if err := v.check(); err != nil {
		return 0, err
	}
	if uint64(len(p)) > v.e.room()-uint64(len(v.buf)) {
		return 0, v.fail(ErrTooLong)
	}
	segment := v.e.config.segment
	for len(p) > 0 {
		if len(v.buf) == segment {
			v.segment(v.buf)
			v.buf = v.buf[:0]
		}
		m := 0
		if len(v.buf) == 0 && len(p) > segment {
			m = segment
			v.segment(p[:m])
		} else {
			v.buf = reserve(v.buf, len(p), segment)
			m = copy(v.buf[len(v.buf):cap(v.buf)], p)
			v.buf = v.buf[:len(v.buf)+m]
		}
		p = p[m:]
		n += m
	}
	return n, nil
}

// segment hashes a whole segment, after which there is more.
func (v *Verifier) segment(b []byte) {
	var scratch [16]byte
	v.e.prepare()
	v.e.total += uint64(len(b))
	v.e.absorb(v.e.hash(b, &scratch), len(b))
}

// ReadFrom hashes what src yields until io.EOF and returns how many bytes that were. src is read from more than one
// goroutine, but by one at a time, and never after ReadFrom has returned. A panic of src is continued in the caller's.
func (v *Verifier) ReadFrom(src io.Reader) (n int64, err error) {
	if err := v.check(); err != nil {
		return 0, err
	}
	in := &input{src: src, e: v.e, buf: v.buf}
	v.buf, v.err = nil, ErrClosed // stays, should src panic
	err = in.first()
	if err == nil && !in.ended {
		v.e.prepare()
		t := &turns{
			quit: newQuit(),
			next: in.next,
			work: func(s *slot) { s.hash = v.e.hash(s.buf, &s.scratch) },
			put: func(s *slot) error {
				v.e.absorb(s.hash, len(s.buf))
				return nil
			},
		}
		t.start(v.e.config.workers - 1)
		err = t.run()
	}
	v.buf, v.err = in.buf, nil
	if err != nil {
		err = v.fail(err)
	}
	return in.read, err
}

// Sum returns the tag and ends the Verifier: later calls of Write fail, later calls of Sum return the same. The tag is for [Check]
// alone: to whoever could choose the ciphertext and see it, it would be a forgery.
func (v *Verifier) Sum() ([TagSize]byte, error) {
	if v.summed {
		return v.sum, nil
	}
	if v.err != nil {
		return [TagSize]byte{}, v.err
	}
	if len(v.buf) > 0 {
		var scratch [16]byte
		v.e.total += uint64(len(v.buf))
		v.e.absorb(v.e.hash(v.buf, &scratch), len(v.buf))
	}
	v.sum, v.summed = v.e.sum(), true
	v.buf, v.err = nil, ErrClosed
	return v.sum, nil
}

func (v *Verifier) check() error { return v.err }

func (v *Verifier) fail(err error) error {
	v.err, v.buf = err, nil
	v.e.wipe()
	return err
}
