// Package eax is the mode EAX of Bellare, Rogaway and Wagner ("The EAX Mode of
// Operation", 2003) with nonces and tags of 16 octets: what some OpenPGP
// messages are encrypted with (RFC 9580, Section 5.13.3). It takes no memory
// that grows with the message, and nothing is decrypted before the tag was right.
package eax

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"slices"
)

const (
	blockSize = 16

	// NonceSize is the only length of nonces, in octets.
	NonceSize = blockSize

	// TagSize is the only length of tags, in octets.
	TagSize = blockSize
)

var (
	errOpen  = errors.New("eax: message authentication failed")
	errBlock = errors.New("eax: the block cipher needs blocks of 16 octets")
)

type block [blockSize]byte

// double is multiplication by x in GF(2^128) modulo x^128 + x^7 + x^2 + x + 1.
// The bit that is shifted out is secret.
func (b block) double() (d block) {
	hi, lo := binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])
	carry := -(hi >> 63) & 0x87
	binary.BigEndian.PutUint64(d[:], hi<<1|lo>>63)
	binary.BigEndian.PutUint64(d[8:], lo<<1^carry)
	return d
}

// mode is EAX with one key.
type mode struct {
	block cipher.Block
	whole block // 2L: goes into a last block that is whole
	part  block // 4L: into one that was padded
}

// New returns EAX with the cipher, whose blocks must have 16 octets. A nonce
// must never serve twice with one key.
//
// The AEAD can be used by many goroutines at once if the cipher can. Its Seal
// and Open work in place where dst is the beginning of their input; any other
// overlap is wrong.
func New(b cipher.Block) (cipher.AEAD, error) {
	if b.BlockSize() != blockSize {
		return nil, errBlock
	}
	m := &mode{block: b}
	l := new(block)
	b.Encrypt(l[:], l[:])
	m.whole = l.double()
	m.part = m.whole.double()
	clear(l[:])
	return m, nil
}

// NonceSize implements cipher.AEAD.
func (m *mode) NonceSize() int { return NonceSize }

// Overhead implements cipher.AEAD.
func (m *mode) Overhead() int { return TagSize }

// Seal implements cipher.AEAD.
func (m *mode) Seal(dst, nonce, plaintext, additionalData []byte) []byte {
	check(nonce)
	n := len(plaintext)
	dst = slices.Grow(dst, n+TagSize)
	out := dst[len(dst) : len(dst)+n+TagSize]
	var w work
	start := m.omac(&w, 0, nonce)
	cipher.NewCTR(m.block, start[:]).XORKeyStream(out[:n], plaintext)
	tag := m.tag(&w, start, additionalData, out[:n])
	copy(out[n:], tag[:])
	return dst[:len(dst)+len(out)]
}

// Open implements cipher.AEAD.
func (m *mode) Open(dst, nonce, ciphertext, additionalData []byte) ([]byte, error) {
	check(nonce)
	if len(ciphertext) < TagSize {
		return nil, errOpen
	}
	n := len(ciphertext) - TagSize
	var w work
	start := m.omac(&w, 0, nonce)
	tag := m.tag(&w, start, additionalData, ciphertext[:n])
	if subtle.ConstantTimeCompare(tag[:], ciphertext[n:]) != 1 {
		return nil, errOpen
	}
	dst = slices.Grow(dst, n)
	out := dst[len(dst) : len(dst)+n]
	cipher.NewCTR(m.block, start[:]).XORKeyStream(out, ciphertext[:n])
	return dst[:len(dst)+n], nil
}

func check(nonce []byte) {
	if len(nonce) != NonceSize {
		panic("eax: incorrect nonce length") // as crypto/cipher's GCM does
	}
}

// tag is that of a ciphertext, from the OMACs of all three inputs.
func (m *mode) tag(w *work, nonce block, additionalData, ciphertext []byte) (tag block) {
	a, c := m.omac(w, 1, additionalData), m.omac(w, 2, ciphertext)
	subtle.XORBytes(tag[:], nonce[:], a[:])
	subtle.XORBytes(tag[:], tag[:], c[:])
	return tag
}

// work is what the cipher works on.
type work struct{ block }

// omac is OMAC, or CMAC, of a block with the number t and data behind it.
func (m *mode) omac(w *work, t byte, data []byte) block {
	x := w.block[:]
	clear(x)
	x[blockSize-1] = t
	last := m.whole
	if len(data) > 0 {
		m.block.Encrypt(x, x)
		for ; len(data) > blockSize; data = data[blockSize:] {
			subtle.XORBytes(x, x, data[:blockSize])
			m.block.Encrypt(x, x)
		}
		subtle.XORBytes(x, x, data)
		if len(data) < blockSize {
			x[len(data)] ^= 0x80
			last = m.part
		}
	}
	subtle.XORBytes(x, x, last[:])
	m.block.Encrypt(x, x)
	return w.block
}
