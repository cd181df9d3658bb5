//go:build dkb_plain

package gcm

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/full"
)

// maxPlain is the longest message of this build, in bytes: it is whole in memory, twice.
const maxPlain = 64 << 20

// Longest is the most plaintext that one message may have in this build.
const Longest = maxPlain

// config is what tests vary. A one-shot AEAD has nothing to vary but the limit.
type config struct {
	segment int    // no meaning here
	workers int    // no meaning here
	start   uint64 // bytes that count as processed already towards the limit
}

func standard() config { return config{} }

// oneShot is a message whole in memory, for crypto/cipher's one-shot AEAD.
type oneShot struct {
	aead  cipher.AEAD
	nonce [NonceSize]byte
	aad   []byte
	buf   []byte
	limit int
}

func newOneShot(key, nonce, aad []byte, c config) (*oneShot, error) {
	if err := checkParams(key, nonce); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("gcm: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("%w (%v)", ErrFIPS, err)
	}
	// start counts towards MaxBytes, as in the other build, so that the same tests reach the limit in both.
	limit := min(maxPlain, MaxBytes-c.start)
	return &oneShot{aead: aead, nonce: [NonceSize]byte(nonce), aad: append([]byte(nil), aad...), limit: int(limit)}, nil
}

func (o *oneShot) write(p []byte) error {
	if len(p) > o.limit-len(o.buf) {
		return ErrTooLong
	}
	for len(p) > 0 {
		o.buf = reserve(o.buf, len(p), o.limit+TagSize)
		n := copy(o.buf[len(o.buf):cap(o.buf)], p)
		o.buf = o.buf[:len(o.buf)+n]
		p = p[n:]
	}
	return nil
}

func (o *oneShot) readFrom(src io.Reader) (read int64, err error) {
	for {
		// One byte beyond the limit tells a message that is too long from one that just fits.
		o.buf = reserve(o.buf, 1, o.limit+TagSize)
		b := o.buf[len(o.buf):min(cap(o.buf), o.limit+1)]
		n, err := full.Read(src, b)
		read += int64(n)
		o.buf = o.buf[:len(o.buf)+n]
		if len(o.buf) > o.limit {
			return read, ErrTooLong
		}
		if err == io.EOF {
			return read, nil
		}
		if err != nil {
			return read, err
		}
	}
}

// seal encrypts buf in place and returns the tag. Applied to ciphertext it decrypts, since CTR is its own inverse; the tag is
// then of no meaning.
func (o *oneShot) seal() (tag [TagSize]byte) {
	n := len(o.buf)
	if cap(o.buf)-n < TagSize {
		// Seal would move to a larger buffer by itself and leave the plaintext in the old one.
		grown := append(make([]byte, 0, n+TagSize), o.buf...)
		clear(o.buf)
		o.buf = grown
	}
	sealed := o.aead.Seal(o.buf[:0], o.nonce[:], o.buf, o.aad)
	o.buf = sealed[:n]
	copy(tag[:], sealed[n:])
	clear(sealed[n:])
	return tag
}

func (o *oneShot) wipe() {
	clear(o.buf[:cap(o.buf)])
	*o = oneShot{}
}
