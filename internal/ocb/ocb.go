// Package ocb is the mode OCB of RFC 7253 with tags of 16 octets: what OpenPGP
// encrypts with where GCM is not known to be read (RFC 9580, Section 5.13.4).
//
// It does with 64-bit words, and with many blocks before the next step is
// taken, what can be done so; the block cipher is the caller's. No branch and
// no index depends on a key or on content, only on lengths and nonces.
package ocb

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
)

const (
	blockSize = 16

	// TagSize is the only length of tags, in octets.
	TagSize = 16

	// MaxNonceSize is the most octets that a nonce may have.
	MaxNonceSize = 15
)

var (
	errOpen  = errors.New("ocb: message authentication failed")
	errBlock = errors.New("ocb: the block cipher needs blocks of 16 octets")
	errNonce = errors.New("ocb: a nonce has 1 to 15 octets")
)

// word is a block, the most significant half first.
type word struct{ hi, lo uint64 }

func load(b []byte) word {
	return word{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

func (w word) store(b []byte) {
	binary.BigEndian.PutUint64(b, w.hi)
	binary.BigEndian.PutUint64(b[8:], w.lo)
}

func (w word) xor(v word) word { return word{w.hi ^ v.hi, w.lo ^ v.lo} }

// double is RFC 7253, Section 2: multiplication by x in GF(2^128) modulo
// x^128 + x^7 + x^2 + x + 1. The bit that is shifted out is secret.
func (w word) double() word {
	carry := -(w.hi >> 63) & 0x87
	return word{w.hi<<1 | w.lo>>63, w.lo<<1 ^ carry}
}

// mode is OCB with one key.
type mode struct {
	block     cipher.Block
	nonceSize int
	star      word     // L_*
	dollar    word     // L_$
	l         [64]word // L_i, for more blocks than there can be
}

// New returns OCB with block, whose blocks must have 16 octets, and nonces of
// nonceSize octets, 1 to 15: OpenPGP's have 15. One key may encrypt 2^48 blocks
// and must never see a nonce twice (RFC 7253, Section 5).
//
// The AEAD can be used by many goroutines at once if block can. Its Seal and
// Open work in place where dst is the beginning of their input; any other
// overlap is wrong. Open wipes what it decrypted when the tag is not right.
func New(block cipher.Block, nonceSize int) (cipher.AEAD, error) {
	if block.BlockSize() != blockSize {
		return nil, errBlock
	}
	if nonceSize < 1 || nonceSize > MaxNonceSize {
		return nil, errNonce
	}
	m := &mode{block: block, nonceSize: nonceSize}
	// RFC 7253, Section 4.1: key-dependent variables.
	zero := make([]byte, blockSize)
	block.Encrypt(zero, zero)
	m.star = load(zero)
	m.dollar = m.star.double()
	m.l[0] = m.dollar.double()
	for i := range len(m.l) - 1 {
		m.l[i+1] = m.l[i].double()
	}
	clear(zero)
	return m, nil
}

// NonceSize implements cipher.AEAD.
func (m *mode) NonceSize() int { return m.nonceSize }

// Overhead implements cipher.AEAD.
func (m *mode) Overhead() int { return TagSize }

// Seal implements cipher.AEAD, RFC 7253, Section 4.2.
func (m *mode) Seal(dst, nonce, plaintext, additionalData []byte) []byte {
	n := len(plaintext)
	dst = slices.Grow(dst, n+TagSize)
	out := dst[len(dst) : len(dst)+n+TagSize]
	c := m.start(nonce)
	var sum word
	whole := n &^ (blockSize - 1)
	for at := 0; at < whole; at += batch * blockSize {
		end := min(at+batch*blockSize, whole)
		sum = sum.xor(c.seal(out[at:end], plaintext[at:end]))
	}
	if whole < n {
		copy(out[whole:n], plaintext[whole:])
		sum = sum.xor(padded(out[whole:n]))
		c.last(out[whole:n])
	}
	c.tag(sum, additionalData)
	copy(out[n:], c.scratch[:])
	return dst[:len(dst)+len(out)]
}

// Open implements cipher.AEAD, RFC 7253, Section 4.3.
func (m *mode) Open(dst, nonce, ciphertext, additionalData []byte) ([]byte, error) {
	c := m.start(nonce)
	if len(ciphertext) < TagSize {
		return nil, errOpen
	}
	n := len(ciphertext) - TagSize
	tag := ciphertext[n:]
	dst = slices.Grow(dst, n)
	out := dst[len(dst) : len(dst)+n]
	var sum word
	whole := n &^ (blockSize - 1)
	for at := 0; at < whole; at += batch * blockSize {
		end := min(at+batch*blockSize, whole)
		sum = sum.xor(c.open(out[at:end], ciphertext[at:end]))
	}
	if whole < n {
		copy(out[whole:], ciphertext[whole:n])
		c.last(out[whole:])
		sum = sum.xor(padded(out[whole:]))
	}
	c.tag(sum, additionalData)
	if subtle.ConstantTimeCompare(c.scratch[:], tag) != 1 {
		clear(out)
		return nil, errOpen
	}
	return dst[:len(dst)+n], nil
}

// padded is the end of the content with a one and zeros behind it.
func padded(b []byte) word {
	var p [blockSize]byte
	p[copy(p[:], b)] = 0x80
	return load(p[:])
}

// call is what one Seal or Open has on its way.
type call struct {
	*mode
	offset  word
	index   uint64          // of the block before
	scratch [blockSize]byte // what the block cipher works on: the heap has it anyway
}

// start makes the nonce-dependent variables of RFC 7253, Section 4.2. With tags
// of 128 bits their length is zeros in the first seven bits.
func (m *mode) start(nonce []byte) *call {
	if len(nonce) != m.nonceSize {
		panic("ocb: incorrect nonce length") // as crypto/cipher's GCM does
	}
	c := &call{mode: m}
	n := c.scratch[:]
	at := blockSize - len(nonce)
	n[at-1] = 1
	copy(n[at:], nonce)
	bottom := n[blockSize-1] & 63
	n[blockSize-1] &^= 63
	m.block.Encrypt(n, n)
	top := load(n)
	stretch := top.hi ^ (top.hi<<8 | top.lo>>56)
	c.offset = word{
		top.hi<<bottom | top.lo>>(64-bottom), // a shift by 64 is zero
		top.lo<<bottom | stretch>>(64-bottom),
	}
	return c
}

// batch is how many blocks go through each step together: so few that they and
// their offsets stay in the fastest cache.
const batch = 32

// next is the offset of the next block. Its index is public.
func (c *call) next() word {
	c.index++
	c.offset = c.offset.xor(c.l[bits.TrailingZeros64(c.index)&63])
	return c.offset
}

// take writes the next offsets to b.
func (c *call) take(b []byte) {
	for ; len(b) >= blockSize; b = b[blockSize:] {
		c.next().store(b)
	}
}

// sum is the xor of all blocks of b.
func sum(b []byte) (s word) {
	for ; len(b) >= blockSize; b = b[blockSize:] {
		s = s.xor(load(b))
	}
	return s
}

// seal encrypts up to batch whole blocks and returns the xor of their plaintext.
func (c *call) seal(dst, src []byte) word {
	var offsets [batch * blockSize]byte
	c.take(offsets[:len(src)])
	s := sum(src)
	subtle.XORBytes(dst, src, offsets[:len(src)])
	for b := dst; len(b) >= blockSize; b = b[blockSize:] {
		c.block.Encrypt(b, b)
	}
	subtle.XORBytes(dst, dst, offsets[:len(dst)])
	return s
}

// open decrypts up to batch whole blocks and returns the xor of their plaintext.
func (c *call) open(dst, src []byte) word {
	var offsets [batch * blockSize]byte
	c.take(offsets[:len(src)])
	subtle.XORBytes(dst, src, offsets[:len(src)])
	for b := dst; len(b) >= blockSize; b = b[blockSize:] {
		c.block.Decrypt(b, b)
	}
	subtle.XORBytes(dst, dst, offsets[:len(dst)])
	return sum(dst)
}

// last encrypts or decrypts what is shorter than a block.
func (c *call) last(b []byte) {
	c.offset = c.offset.xor(c.star)
	c.offset.store(c.scratch[:])
	c.block.Encrypt(c.scratch[:], c.scratch[:])
	subtle.XORBytes(b, b, c.scratch[:])
}

// tag leaves the tag in scratch; sum is the checksum of the plaintext.
func (c *call) tag(sum word, additionalData []byte) {
	hash := c.hash(additionalData)
	sum.xor(c.offset).xor(c.dollar).store(c.scratch[:])
	c.block.Encrypt(c.scratch[:], c.scratch[:])
	load(c.scratch[:]).xor(hash).store(c.scratch[:])
}

// hash is HASH of RFC 7253, Section 4.1.
func (c *call) hash(a []byte) (sum word) {
	var offset word
	for i := uint64(1); len(a) > 0; i++ {
		var x word
		if len(a) >= blockSize {
			offset = offset.xor(c.l[bits.TrailingZeros64(i)&63])
			x, a = load(a), a[blockSize:]
		} else {
			offset = offset.xor(c.star)
			x, a = padded(a), nil
		}
		x.xor(offset).store(c.scratch[:])
		c.block.Encrypt(c.scratch[:], c.scratch[:])
		sum = sum.xor(load(c.scratch[:]))
	}
	return sum
}
