//go:build dkb_plain

package gcm

import "io"

// Decrypter decrypts one message of at most 64 MiB and CHECKS NOTHING. It must only ever read a ciphertext of which a [Verifier] has
// already accepted every byte, from a source that can't have changed since. Anything else hands unauthenticated plaintext on:
// whoever flips a bit of the ciphertext flips the same bit of the plaintext.
//
// Every error is final, io.EOF included. The methods may not be called concurrently.
type Decrypter struct {
	src io.Reader
	m   *oneShot
	out []byte // nil: not read yet
	err error
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
	m, err := newOneShot(key, nonce, nil, c)
	if err != nil {
		return nil, err
	}
	return &Decrypter{src: src, m: m}, nil
}

// load reads and decrypts all.
func (d *Decrypter) load() error {
	if d.err != nil || d.out != nil {
		return d.err
	}
	d.err = ErrClosed // stays, should src panic
	_, err := d.m.readFrom(d.src)
	if err != nil {
		d.fail(err)
		return err
	}
	d.err = nil
	d.m.seal()
	d.out = d.m.buf
	return nil
}

// Read decrypts into p.
func (d *Decrypter) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := d.load(); err != nil {
		return 0, err
	}
	if len(d.out) == 0 {
		d.fail(io.EOF)
		return 0, io.EOF
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

// WriteTo decrypts all that is left and writes it to dst.
func (d *Decrypter) WriteTo(dst io.Writer) (written int64, err error) {
	if d.err == io.EOF {
		return 0, nil
	}
	if err := d.load(); err != nil {
		return 0, err
	}
	d.err = ErrClosed // stays, should dst panic
	if len(d.out) > 0 {
		n, err := dst.Write(d.out)
		if n >= 0 && n <= len(d.out) {
			written = int64(n)
		}
		if err == nil && n != len(d.out) {
			err = io.ErrShortWrite
		}
		if err != nil {
			d.fail(err)
			return written, err
		}
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
	d.err, d.out = err, nil
	d.m.wipe()
}
