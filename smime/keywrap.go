package smime

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

const (
	// wrapIV is the initial value of RFC 3394, Section 2.2.3.1. That it comes
	// out again is all that authenticates an unwrapped key: 64 bits.
	wrapIV = 0xa6a6a6a6a6a6a6a6

	// wrapBlock is the half block that the algorithm works on, in octets.
	wrapBlock = 8

	// maxWrapped bounds what is wrapped and unwrapped. Content keys have at
	// most 32 octets; the counter of the algorithm would allow far more.
	maxWrapped = 1024
)

// wrapKey wraps key under kek, both of 16, 24 or 32 octets, with the AES key
// wrap of RFC 3394, Section 2.2.1. Any multiple of 8 octets, from 16 to
// maxWrapped, can be wrapped.
func wrapKey(kek, key []byte) ([]byte, error) {
	if len(key) < 2*wrapBlock || len(key)%wrapBlock != 0 || len(key) > maxWrapped {
		return nil, errors.New("smime: the key to wrap has a length that AES key wrap does not take")
	}
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	out := make([]byte, wrapBlock+len(key))
	r := out[wrapBlock:]
	copy(r, key)
	n := uint64(len(key) / wrapBlock)
	var b [aes.BlockSize]byte
	a := uint64(wrapIV)
	for j := range uint64(6) {
		for i := range n {
			ri := r[i*wrapBlock:][:wrapBlock]
			binary.BigEndian.PutUint64(b[:], a)
			copy(b[wrapBlock:], ri)
			block.Encrypt(b[:], b[:])
			a = binary.BigEndian.Uint64(b[:]) ^ (n*j + i + 1)
			copy(ri, b[wrapBlock:])
		}
	}
	binary.BigEndian.PutUint64(out, a)
	clear(b[:])
	return out, nil
}

// unwrapKey undoes wrapKey (RFC 3394, Section 2.2.2). It says no more than
// whether it worked. The length is checked before anything is computed, the
// initial value in constant time, and a key that failed is wiped.
func unwrapKey(kek, wrapped []byte) ([]byte, bool) {
	if len(wrapped) < 3*wrapBlock || len(wrapped)%wrapBlock != 0 || len(wrapped) > wrapBlock+maxWrapped {
		return nil, false
	}
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, false
	}
	r := make([]byte, len(wrapped)-wrapBlock)
	copy(r, wrapped[wrapBlock:])
	a := unwrapRounds(block, binary.BigEndian.Uint64(wrapped), r)
	var got, want [wrapBlock]byte
	binary.BigEndian.PutUint64(got[:], a)
	binary.BigEndian.PutUint64(want[:], wrapIV)
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		clear(r)
		return nil, false
	}
	return r, true
}

// unwrapRounds runs the six rounds backwards over r and returns the register.
func unwrapRounds(block cipher.Block, a uint64, r []byte) uint64 {
	n := uint64(len(r) / wrapBlock)
	var b [aes.BlockSize]byte
	for j := uint64(6); j > 0; j-- {
		for i := n; i > 0; i-- {
			ri := r[(i-1)*wrapBlock:][:wrapBlock]
			binary.BigEndian.PutUint64(b[:], a^(n*(j-1)+i))
			copy(b[wrapBlock:], ri)
			block.Decrypt(b[:], b[:])
			a = binary.BigEndian.Uint64(b[:])
			copy(ri, b[wrapBlock:])
		}
	}
	clear(b[:])
	return a
}
