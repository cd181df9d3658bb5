// Package rc2 is the block cipher of RFC 2268, to decrypt with: mail of the last century is encrypted with it, most of it with 40 bits,
// which a computer of today tries in minutes. Nothing is encrypted with it.
//
// Its key schedule and one step of it look up tables at places that depend on the key, as the cipher prescribes: it is not constant-time.
package rc2

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math/bits"
)

const (
	// BlockSize is the length of a block, in bytes.
	BlockSize = 8

	// MaxKeySize is the longest key, in bytes (RFC 2268, Section 2).
	MaxKeySize = 128

	// MaxBits is the most effective bits that a key can have (RFC 2268, Section 2).
	MaxBits = 1024
)

type block struct{ k [64]uint16 }

// NewCipher returns RC2 with a key of 1 to 128 bytes, of which effective bits count, 1 to 1024.
func NewCipher(key []byte, effective int) (cipher.Block, error) {
	if len(key) < 1 || len(key) > MaxKeySize {
		return nil, fmt.Errorf("rc2: key of %d bytes: it has 1 to 128", len(key))
	}
	if effective < 1 || effective > MaxBits {
		return nil, fmt.Errorf("rc2: %d effective bits: there are 1 to 1024", effective)
	}
	// RFC 2268, Section 2: T8 bytes hold the effective bits, TM masks the first of them.
	var l [128]byte
	copy(l[:], key)
	t, t8 := len(key), (effective+7)/8
	mask := byte(0xff) >> (8*t8 - effective)
	for i := t; i < 128; i++ {
		l[i] = piTable[l[i-1]+l[i-t]]
	}
	l[128-t8] = piTable[l[128-t8]&mask]
	for i := 127 - t8; i >= 0; i-- {
		l[i] = piTable[l[i+1]^l[i+t8]]
	}
	b := new(block)
	for i := range b.k {
		b.k[i] = binary.LittleEndian.Uint16(l[2*i:])
	}
	clear(l[:])
	return b, nil
}

func (b *block) BlockSize() int { return BlockSize }

// rotation is s[i] of RFC 2268, Section 3.1.
func rotation(i int) int { return [4]int{1, 2, 3, 5}[i] }

// Encrypt implements cipher.Block (RFC 2268, Section 3): the inverse that tests hold Decrypt against.
func (b *block) Encrypt(dst, src []byte) {
	r := load(src)
	for round := range 16 {
		for i := range r {
			r[i] += b.k[4*round+i] + r[(i+3)&3]&r[(i+2)&3] + ^r[(i+3)&3]&r[(i+1)&3]
			r[i] = bits.RotateLeft16(r[i], rotation(i))
		}
		if round == 4 || round == 10 { // after 5 and after 11 mixing rounds
			for i := range r {
				r[i] += b.k[r[(i+3)&3]&63]
			}
		}
	}
	r.store(dst)
}

// Decrypt implements cipher.Block (RFC 2268, Section 4).
func (b *block) Decrypt(dst, src []byte) {
	r := load(src)
	for round := 15; round >= 0; round-- {
		if round == 4 || round == 10 {
			for i := 3; i >= 0; i-- {
				r[i] -= b.k[r[(i+3)&3]&63]
			}
		}
		for i := 3; i >= 0; i-- {
			r[i] = bits.RotateLeft16(r[i], -rotation(i))
			r[i] -= b.k[4*round+i] + r[(i+3)&3]&r[(i+2)&3] + ^r[(i+3)&3]&r[(i+1)&3]
		}
	}
	r.store(dst)
}

type words [4]uint16

func load(src []byte) (r words) {
	_ = src[BlockSize-1]
	for i := range r {
		r[i] = binary.LittleEndian.Uint16(src[2*i:])
	}
	return r
}

func (r words) store(dst []byte) {
	_ = dst[BlockSize-1]
	for i, w := range r {
		binary.LittleEndian.PutUint16(dst[2*i:], w)
	}
}
