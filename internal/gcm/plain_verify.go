//go:build dkb_plain

package gcm

import "io"

// Verifier computes the tag that a ciphertext of at most 64 MiB must have. Every error is final. The methods may not be
// called concurrently.
type Verifier struct {
	m      *oneShot
	err    error
	summed bool
	sum    [TagSize]byte
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
	m, err := newOneShot(key, nonce, aad, c)
	if err != nil {
		return nil, err
	}
	return &Verifier{m: m}, nil
}

// Write takes p, which it does not retain.
func (v *Verifier) Write(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	if err := v.m.write(p); err != nil {
		return 0, v.fail(err)
	}
	return len(p), nil
}

// ReadFrom takes what src yields until io.EOF and returns how many bytes that were.
func (v *Verifier) ReadFrom(src io.Reader) (int64, error) {
	if v.err != nil {
		return 0, v.err
	}
	v.err = ErrClosed // stays, should src panic
	n, err := v.m.readFrom(src)
	v.err = nil
	if err != nil {
		err = v.fail(err)
	}
	return n, err
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
	// A one-shot AEAD hashes only what it encrypts: decrypt, then encrypt again.
	v.m.seal()
	v.sum, v.summed = v.m.seal(), true
	v.m.wipe()
	v.err = ErrClosed
	return v.sum, nil
}

func (v *Verifier) fail(err error) error {
	v.err = err
	v.m.wipe()
	return err
}
