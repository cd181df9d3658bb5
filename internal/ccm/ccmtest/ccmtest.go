// Package ccmtest seals with AES-CCM for tests, by NIST SP 800-38C, Section 6.1 word for word and block by block: by other code than
// that of package ccm, and much slower.
package ccmtest

import (
	"bytes"
	"crypto/aes"
	"encoding/binary"
)

// Seal returns ciphertext and tag. Parameters that CCM does not have panic.
func Seal(key, nonce, aad, plain []byte, tagSize int) []byte {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	q := 15 - len(nonce)
	number := func(n uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 8), n)[16-q:] }
	flags := byte(8*((tagSize-2)/2) + q - 1)
	if len(aad) > 0 {
		flags += 64
	}
	input := bytes.Join([][]byte{{flags}, nonce, number(uint64(len(plain)))}, nil)
	even := func() {
		for len(input)%16 != 0 {
			input = append(input, 0)
		}
	}
	if len(aad) > 0 {
		if len(aad) < 65280 {
			input = append(input, byte(len(aad)>>8), byte(len(aad)))
		} else {
			input = append(input, 0xff, 0xfe, byte(len(aad)>>24), byte(len(aad)>>16), byte(len(aad)>>8), byte(len(aad)))
		}
		input = append(input, aad...)
		even()
	}
	input = append(input, plain...)
	even()
	var y [16]byte
	for ; len(input) > 0; input = input[16:] {
		for i := range y {
			y[i] ^= input[i]
		}
		b.Encrypt(y[:], y[:])
	}
	counter := func(i int) (s [16]byte) {
		b.Encrypt(s[:], bytes.Join([][]byte{{byte(q - 1)}, nonce, number(uint64(i))}, nil))
		return s
	}
	out := bytes.Clone(plain)
	for i := range out {
		out[i] ^= counter(i/16 + 1)[i%16]
	}
	s0 := counter(0)
	for i := range tagSize {
		out = append(out, y[i]^s0[i])
	}
	return out
}
