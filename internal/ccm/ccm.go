// Package ccm reads one AES-CCM message (NIST SP 800-38C, RFC 3610) in constant memory: a content encryption of RFC 5084. It writes
// none.
//
// CCM hashes the length of the message before the message, and its plaintext instead of its ciphertext. So a message is read once
// for its length, then by a [Verifier], which decrypts what it hashes and yields none of it, and then by a [Decrypter],
// which yields plaintext and checks nothing.
//
// AES, its counter mode, and the CBC that the hash is made of are crypto/cipher's.
package ccm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/full"
)

const (
	// MinNonceSize and MaxNonceSize are the lengths that a nonce may have, in bytes (RFC 5084, Section 3.1).
	MinNonceSize = 7
	MaxNonceSize = 13

	// MinTagSize is the shortest tag that is checked, in bytes. RFC 5084 allows 4 too, which can be guessed.
	MinTagSize = 12

	// MaxTagSize is the longest tag, in bytes.
	MaxTagSize = aes.BlockSize

	// bufferSize is how much is hashed at a time, in bytes.
	bufferSize = 16 << 10
)

var (
	// ErrTooLong is returned when a message is longer than [MaxBytes] of its nonce.
	ErrTooLong = errors.New("ccm: message is longer than its nonce allows")

	// ErrFIPS is returned by every constructor when the program runs with GODEBUG=fips140=only: this mode of AES is none of
	// the standard library's, and was not validated with it.
	ErrFIPS = errors.New("ccm: AES-CCM is not allowed with GODEBUG=fips140=only: use AES-CBC or AES-GCM")

	// ErrClosed is returned by calls that come after the end.
	ErrClosed = errors.New("ccm: already closed")
)

// MaxBytes is the most that a message with a nonce of n bytes may have: the longer the nonce, the fewer bytes of the block are left to
// count with (NIST SP 800-38C, Appendix A.1).
func MaxBytes(n int) uint64 {
	if q := 15 - n; q < 8 {
		return 1<<(8*q) - 1
	}
	return 1<<64 - 1
}

// ValidTagSize reports whether a tag may have n bytes: an even number (NIST SP 800-38C, Appendix A.1) that is not too few.
func ValidTagSize(n int) bool { return n >= MinTagSize && n <= MaxTagSize && n%2 == 0 }

// newCipher returns the block cipher, the key stream from block 1 on, and block 0 of it, which hides the tag.
func newCipher(key, nonce []byte) (b cipher.Block, stream cipher.Stream, first [aes.BlockSize]byte, err error) {
	if fips140.Enforced() {
		return nil, nil, first, ErrFIPS
	}
	if len(nonce) < MinNonceSize || len(nonce) > MaxNonceSize {
		return nil, nil, first, fmt.Errorf("ccm: nonce of %d bytes: it has 7 to 13", len(nonce))
	}
	if b, err = aes.NewCipher(key); err != nil {
		return nil, nil, first, fmt.Errorf("ccm: %w", err)
	}
	// NIST SP 800-38C, Appendix A.3: the flags are how many bytes count, minus 1. Because no message is longer than MaxBytes,
	// these bytes do not carry into the nonce.
	var counter [aes.BlockSize]byte
	counter[0] = byte(15 - len(nonce) - 1)
	copy(counter[1:], nonce)
	stream = cipher.NewCTR(b, counter[:])
	stream.XORKeyStream(first[:], first[:])
	return b, stream, first, nil
}

// Verifier computes the tag that a ciphertext must have. The methods may not be called concurrently.
type Verifier struct {
	stream  cipher.Stream
	mac     cipher.BlockMode // CBC: what it made of the last block is the hash
	hide    [aes.BlockSize]byte
	sum     [aes.BlockSize]byte // the hash so far
	buf     []byte              // plaintext not yet hashed, less than a block between two calls
	left    uint64              // bytes of ciphertext to come
	tagSize int
	err     error
}

var _ io.Writer = (*Verifier)(nil)

// NewVerifier returns a Verifier for a ciphertext of size bytes with a tag of tagSize. key has 16, 24 or 32 bytes, nonce 7 to 13;
// aad may be empty and has less than 4 GiB. It retains none of the three.
func NewVerifier(key, nonce, aad []byte, size uint64, tagSize int) (*Verifier, error) {
	b, stream, hide, err := newCipher(key, nonce)
	switch {
	case err != nil:
		return nil, err
	case !ValidTagSize(tagSize):
		return nil, fmt.Errorf("ccm: tag of %d bytes: it has 12, 14 or 16", tagSize)
	case size > MaxBytes(len(nonce)):
		return nil, ErrTooLong
	case uint64(len(aad)) > 1<<32-1:
		return nil, errors.New("ccm: additional data of 4 GiB or more")
	}
	v := &Verifier{
		stream: stream, mac: cipher.NewCBCEncrypter(b, make([]byte, aes.BlockSize)), hide: hide,
		left: size, tagSize: tagSize,
	}
	v.begin(nonce, aad, size)
	return v, nil
}

// begin hashes what comes before the message: NIST SP 800-38C, Appendix A.2.
func (v *Verifier) begin(nonce, aad []byte, size uint64) {
	flags := byte((v.tagSize-2)/2)<<3 | byte(15-len(nonce)-1)
	if len(aad) > 0 {
		flags |= 1 << 6
	}
	// The length first: what of it is under the nonce is zero.
	var block [aes.BlockSize]byte
	binary.BigEndian.PutUint64(block[8:], size)
	block[0] = flags
	copy(block[1:], nonce)
	v.hash(block[:])
	if len(aad) == 0 {
		return
	}
	var head []byte
	if len(aad) < 1<<16-1<<8 {
		head = binary.BigEndian.AppendUint16(nil, uint16(len(aad)))
	} else {
		head = binary.BigEndian.AppendUint32([]byte{0xff, 0xfe}, uint32(len(aad)))
	}
	b := append(head, aad...)
	v.hash(append(b, make([]byte, (16-len(b)%16)%16)...))
}

// hash hashes whole blocks and overwrites them.
func (v *Verifier) hash(b []byte) {
	if len(b) > 0 {
		v.mac.CryptBlocks(b, b)
		copy(v.sum[:], b[len(b)-aes.BlockSize:])
	}
}

// Write decrypts and hashes p, which it does not retain, or returns [ErrTooLong] if that is more than was announced. Every error is
// final.
func (v *Verifier) Write(p []byte) (n int, err error) {
	if v.err != nil {
		return 0, v.err
	}
	if uint64(len(p)) > v.left {
		return 0, v.fail(ErrTooLong)
	}
	v.left -= uint64(len(p))
	if v.buf == nil {
		v.buf = make([]byte, 0, bufferSize)
	}
	for len(p) > 0 {
		room := v.buf[len(v.buf):cap(v.buf)]
		m := min(len(p), len(room))
		v.stream.XORKeyStream(room[:m], p[:m])
		v.buf, p, n = v.buf[:len(v.buf)+m], p[m:], n+m
		whole := len(v.buf) / aes.BlockSize * aes.BlockSize
		v.hash(v.buf[:whole])
		v.buf = v.buf[:copy(v.buf, v.buf[whole:])]
	}
	return n, nil
}

// Check reports in constant time whether tag is that of what was written, all of what was announced, and ends the Verifier: a second
// call, or one after an error, reports false. The length of the tag is not secret.
func (v *Verifier) Check(tag []byte) bool {
	if v.err != nil || v.left != 0 || len(tag) != v.tagSize {
		v.fail(ErrClosed)
		return false
	}
	if len(v.buf) > 0 {
		v.hash(append(v.buf, make([]byte, aes.BlockSize-len(v.buf))...))
	}
	subtle.XORBytes(v.sum[:], v.sum[:], v.hide[:])
	good := subtle.ConstantTimeCompare(v.sum[:len(tag)], tag) == 1
	v.fail(ErrClosed)
	return good
}

// fail makes err final and wipes what is secret.
func (v *Verifier) fail(err error) error {
	clear(v.buf[:cap(v.buf)])
	clear(v.sum[:])
	clear(v.hide[:])
	v.buf, v.stream, v.mac, v.err = nil, nil, nil, err
	return err
}

// Decrypter decrypts one message and CHECKS NOTHING. It must only ever read a ciphertext of which a [Verifier] has already
// accepted every byte, from a source that can't have changed since. Every error is final, io.EOF included. The methods may
// not be called concurrently.
type Decrypter struct {
	src    io.Reader
	stream cipher.Stream
	room   uint64
	err    error
}

var _ io.ReadCloser = (*Decrypter)(nil)

// NewDecrypter returns a Decrypter that reads src, the ciphertext without the tag, and never closes it. key has 16, 24 or 32 bytes,
// nonce 7 to 13. It retains neither.
func NewDecrypter(src io.Reader, key, nonce []byte) (*Decrypter, error) {
	_, stream, _, err := newCipher(key, nonce)
	if err != nil {
		return nil, err
	}
	// The stream stands behind block 0, at block 1, as it must.
	return &Decrypter{src: src, stream: stream, room: MaxBytes(len(nonce))}, nil
}

// Read decrypts into p, once for each Read of src.
func (d *Decrypter) Read(p []byte) (n int, err error) {
	if d.err != nil {
		return 0, d.err
	}
	n, d.err = d.src.Read(p)
	switch {
	case n < 0 || n > len(p):
		n, d.err = 0, full.ErrRead
	case uint64(n) > d.room:
		clear(p[:n])
		n, d.err = 0, ErrTooLong
	}
	d.stream.XORKeyStream(p[:n], p[:n])
	d.room -= uint64(n)
	return n, d.err
}

// Close forgets the key stream. It does not close the source. A second Close does nothing.
func (d *Decrypter) Close() error {
	d.stream, d.err = nil, ErrClosed
	return nil
}
