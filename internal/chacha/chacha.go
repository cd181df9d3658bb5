// Package chacha streams one ChaCha20-Poly1305 message (RFC 8439, Section 2.8) of up to 256 GiB - 64 bytes in constant
// memory: the content encryption of RFC 8103.
//
// golang.org/x/crypto has it only as a one-shot operation over a message that is whole in memory. This package joins that
// module's ChaCha20 and its Poly1305 and computes nothing itself.
//
// As in package gcm there is a type for each pass: [Encrypter] seals, [Verifier] computes a tag and yields no plaintext, and
// [Decrypter] yields plaintext and checks nothing. Unlike GCM's, this tag hashes the additional data first: it has to be known
// when a Verifier or Encrypter is made.
package chacha

import (
	"crypto/fips140"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20"
	//lint:ignore SA1019 it is deprecated in favour of the one-shot AEAD, which wants the whole message in memory
	"golang.org/x/crypto/poly1305"

	"github.com/doublekeybox/doublekeybox/internal/full"
)

const (
	// KeySize is the length of a key, in bytes.
	KeySize = chacha20.KeySize

	// NonceSize is the length of a nonce, in bytes. RFC 8103, Section 1.1 knows no other.
	NonceSize = chacha20.NonceSize

	// TagSize is the length of a tag, in bytes. It is never cut.
	TagSize = poly1305.TagSize

	// MaxBytes is the most plaintext that one message may have: 2^32 - 1 blocks of 64 bytes (RFC 8439, Section 2.8). One more
	// would wrap the block counter around to the block that the key of Poly1305 is made of.
	MaxBytes = 1<<38 - 64

	// maxEmptyReads is how often in a row a source may return neither bytes nor an error, as in bufio.
	maxEmptyReads = 100
)

var (
	// ErrTooLong is returned when a message is longer than [MaxBytes].
	ErrTooLong = errors.New("chacha: message is longer than one ChaCha20-Poly1305 message may be: split it into several")

	// ErrFIPS is returned by every constructor when the program runs with GODEBUG=fips140=only, which does not allow the algorithm.
	ErrFIPS = errors.New("chacha: ChaCha20-Poly1305 is not allowed with GODEBUG=fips140=only: use AES")

	// ErrClosed is returned by calls that come after the end.
	ErrClosed = errors.New("chacha: already closed")
)

// newCipher returns the key stream from block 1 on, and the key of Poly1305, which is the beginning of block 0 (RFC 8439, Section 2.6).
func newCipher(key, nonce []byte) (stream *chacha20.Cipher, mac [32]byte, err error) {
	if fips140.Enforced() {
		return nil, mac, ErrFIPS
	}
	if len(key) != KeySize {
		return nil, mac, fmt.Errorf("chacha: key of %d bytes: ChaCha20 takes 32", len(key))
	}
	if len(nonce) != NonceSize { // chacha20 would take 24 too, for another cipher
		return nil, mac, errors.New("chacha: nonce must be 12 bytes long")
	}
	stream, err = chacha20.NewUnauthenticatedCipher(key, nonce)
	if err != nil {
		return nil, mac, fmt.Errorf("chacha: %w", err)
	}
	stream.XORKeyStream(mac[:], mac[:])
	stream.SetCounter(1)
	return stream, mac, nil
}

// hash is Poly1305 over what an AEAD of RFC 8439, Section 2.8 hashes.
type hash struct {
	mac         *poly1305.MAC
	aad, length uint64
}

func newHash(key *[32]byte, aad []byte) *hash {
	h := &hash{mac: poly1305.New(key), aad: uint64(len(aad))}
	clear(key[:])
	h.mac.Write(aad)
	h.pad(h.aad)
	return h
}

// pad fills the last block up, of n bytes.
func (h *hash) pad(n uint64) {
	var zeros [16]byte
	h.mac.Write(zeros[:(16-n%16)%16])
}

// room is how many bytes the message may still have.
func (h *hash) room() uint64 { return MaxBytes - h.length }

func (h *hash) write(ciphertext []byte) {
	h.mac.Write(ciphertext)
	h.length += uint64(len(ciphertext))
}

// end hashes what comes last.
func (h *hash) end() {
	h.pad(h.length)
	var lengths [16]byte
	binary.LittleEndian.PutUint64(lengths[:8], h.aad)
	binary.LittleEndian.PutUint64(lengths[8:], h.length)
	h.mac.Write(lengths[:])
}

// Verifier hashes a ciphertext to compare its tag. It decrypts nothing. The methods may not be called concurrently.
type Verifier struct {
	h   *hash
	err error
}

var _ io.Writer = (*Verifier)(nil)

// NewVerifier returns a Verifier. key has 32 bytes, nonce 12; aad may be empty. It retains none of the three.
func NewVerifier(key, nonce, aad []byte) (*Verifier, error) {
	_, mac, err := newCipher(key, nonce)
	if err != nil {
		return nil, err
	}
	return &Verifier{h: newHash(&mac, aad)}, nil
}

// Write hashes p, which it does not retain, or returns [ErrTooLong]. Every error is final.
func (v *Verifier) Write(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	if uint64(len(p)) > v.h.room() {
		v.err = ErrTooLong
		return 0, v.err
	}
	v.h.write(p)
	return len(p), nil
}

// Check reports in constant time whether tag is that of what was written, and ends the Verifier: a second call, or one after an
// error, reports false.
func (v *Verifier) Check(tag []byte) bool {
	if v.err != nil {
		return false
	}
	v.err = ErrClosed
	v.h.end()
	return v.h.mac.Verify(tag)
}

// Decrypter decrypts one message and CHECKS NOTHING. It must only ever read a ciphertext of which a [Verifier] has already
// accepted every byte, from a source that can't have changed since. Every error is final, io.EOF included. The methods may
// not be called concurrently.
type Decrypter struct {
	src    io.Reader
	stream *chacha20.Cipher
	room   uint64
	err    error
}

var _ io.ReadCloser = (*Decrypter)(nil)

// NewDecrypter returns a Decrypter that reads src, the ciphertext without the tag, and never closes it. key has 32 bytes, nonce 12. It
// retains neither.
func NewDecrypter(src io.Reader, key, nonce []byte) (*Decrypter, error) {
	stream, mac, err := newCipher(key, nonce)
	if err != nil {
		return nil, err
	}
	clear(mac[:])
	return &Decrypter{src: src, stream: stream, room: MaxBytes}, nil
}

// Read decrypts into p, once for each Read of src.
func (d *Decrypter) Read(p []byte) (n int, err error) {
	if d.err != nil {
		return 0, d.err
	}
	if uint64(len(p)) > d.room+1 {
		p = p[:d.room+1]
	}
	n, d.err = d.src.Read(p)
	switch {
	case n < 0 || n > len(p):
		n, d.err = 0, full.ErrRead
	case uint64(n) > d.room:
		clear(p[:n])
		n, d.err = 0, ErrTooLong
	}
	if n > 0 { // the last block must not be asked for a byte more, not even for none
		d.stream.XORKeyStream(p[:n], p[:n])
		d.room -= uint64(n)
	}
	return n, d.err
}

// Close forgets the key stream. It does not close the source. A second Close does nothing.
func (d *Decrypter) Close() error {
	d.stream, d.err = nil, ErrClosed
	return nil
}
