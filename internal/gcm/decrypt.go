//go:build !dkb_plain

package gcm

import (
	"crypto/cipher"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/full"
)

// Decrypter decrypts one message and CHECKS NOTHING. It must only ever read a ciphertext of which a [Verifier] has
// already accepted every byte, from a source that can't have changed since. Anything else hands unauthenticated plaintext on:
// whoever flips a bit of the ciphertext flips the same bit of the plaintext.
//
// Every error is final, io.EOF included. The methods may not be called concurrently.
type Decrypter struct {
	src    io.Reader
	e      *engine
	stream cipher.Stream // of Read, from the engine's total on
	err    error
}

var _ interface {
	io.ReadCloser
	io.WriterTo
} = (*Decrypter)(nil)

// NewDecrypter returns a Decrypter that reads src, the ciphertext without the tag, and never closes it. key has 16, 24 or 32 bytes,
// nonce 12. It retains neither. See [Decrypter] for what must have happened before.
func NewDecrypter(src io.Reader, key, nonce []byte) (*Decrypter, error) {
	return newDecrypter(src, key, nonce, standard())
}

func newDecrypter(src io.Reader, key, nonce []byte, c config) (*Decrypter, error) {
	e, err := newEngine(key, nonce, nil, c)
	if err != nil {
		return nil, err
	}
	return &Decrypter{src: src, e: e}, nil
}

// Read decrypts into p, once for each Read of src.
func (d *Decrypter) Read(p []byte) (n int, err error) {
	if d.err != nil {
		return 0, d.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	room := d.e.room()
	if uint64(len(p)) > room+1 {
		p = p[:room+1]
	}
	n, err = d.src.Read(p)
	switch {
	case n < 0 || n > len(p):
		n, err = 0, full.ErrRead
	case uint64(n) > room:
		clear(p[:n])
		n, err = 0, ErrTooLong
	}
	if n > 0 {
		if d.stream == nil {
			d.stream = d.e.stream(d.e.total)
		}
		d.stream.XORKeyStream(p[:n], p[:n])
		d.e.total += uint64(n)
	}
	if err != nil {
		d.fail(err)
	}
	return n, err
}

// WriteTo decrypts all that is left and writes it to dst. src and dst are used from more than one goroutine, but each by one at a
// time, and never after WriteTo has returned. A panic of either is continued in the caller's.
func (d *Decrypter) WriteTo(dst io.Writer) (written int64, err error) {
	if d.err == io.EOF {
		return 0, nil
	}
	if d.err != nil {
		return 0, d.err
	}
	d.err = ErrClosed // stays, should src or dst panic
	in := &input{src: d.src, e: d.e}
	put := func(s *slot) error {
		n, err := dst.Write(s.buf)
		if n < 0 || n > len(s.buf) {
			n = 0
		}
		written += int64(n)
		if err == nil && n != len(s.buf) {
			err = io.ErrShortWrite
		}
		return err
	}
	work := func(s *slot) { d.e.xor(s.buf, s.off) }
	err = in.first()
	if err == nil && !in.ended {
		t := &turns{quit: newQuit(), next: in.next, work: work, put: put}
		t.start(d.e.config.workers - 1)
		err = t.run()
	}
	if err == nil && len(in.buf) > 0 {
		s := slot{buf: in.buf, off: d.e.total}
		d.e.total += uint64(len(in.buf))
		work(&s)
		err = put(&s)
	}
	clear(in.buf)
	if err != nil {
		d.fail(err)
		return written, err
	}
	d.fail(io.EOF)
	return written, nil
}

// Close wipes the state. It does not close the source. A second Close does nothing.
func (d *Decrypter) Close() error {
	d.fail(ErrClosed)
	return nil
}

func (d *Decrypter) fail(err error) {
	d.err, d.stream = err, nil
	d.e.wipe()
}
