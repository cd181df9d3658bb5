package smime

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"errors"
)

// The key wrap of RFC 3211, Section 2.3: a block of one octet for the length of
// the key, three for a check value, the key, and random octets, encrypted with
// CBC twice.
const (
	pwriHead = 4

	// minPWRI and maxPWRI are the lengths of a wrapped key: two blocks at
	// least, and as many as the longest key needs whose length fits one octet.
	minPWRI = 2 * aes.BlockSize
	maxPWRI = (pwriHead + 255 + aes.BlockSize - 1) / aes.BlockSize * aes.BlockSize
)

// validPWRI reports whether a wrapped key has a length that the algorithm gives.
// That anybody can see (CVE-2025-9230 was code that did not look).
func validPWRI(wrapped []byte) bool {
	return len(wrapped) >= minPWRI && len(wrapped) <= maxPWRI && len(wrapped)%aes.BlockSize == 0
}

// wrapPWRI wraps key, of 3 to 255 octets, under kek (RFC 3211, Section 2.3.1).
func wrapPWRI(kek, iv, key []byte) ([]byte, error) {
	if len(key) < 3 || len(key) > 255 || len(iv) != aes.BlockSize {
		return nil, errors.New("smime: internal error: length of a key to wrap under a passphrase")
	}
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	n := max(minPWRI, (pwriHead+len(key)+aes.BlockSize-1)/aes.BlockSize*aes.BlockSize)
	b := make([]byte, n)
	b[0] = byte(len(key))
	for i := range 3 {
		b[1+i] = ^key[i]
	}
	copy(b[pwriHead:], key)
	rand.Read(b[pwriHead+len(key):]) // never fails, as crypto/rand documents
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(b, b)
	// The second pass goes on where the first one ended.
	last := append([]byte(nil), b[n-aes.BlockSize:]...)
	cipher.NewCBCEncrypter(block, last).CryptBlocks(b, b)
	return b, nil
}

// unwrapPWRI undoes wrapPWRI (RFC 3211, Section 2.3.2) for a key of cekLen
// octets. It says no more than whether it worked, and looks at all octets of
// length and check value before it knows: one wrong key in 2^32 passes, which
// the content shows.
func unwrapPWRI(kek, iv, wrapped []byte, cekLen int) ([]byte, bool) {
	n := len(wrapped)
	if !validPWRI(wrapped) || len(iv) != aes.BlockSize || cekLen < 3 || pwriHead+cekLen > n {
		return nil, false
	}
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, false
	}
	// The last block of the first pass, which the second one began with.
	var last [aes.BlockSize]byte
	block.Decrypt(last[:], wrapped[n-aes.BlockSize:])
	subtle.XORBytes(last[:], last[:], wrapped[n-2*aes.BlockSize:])
	b := make([]byte, n)
	defer clear(b)
	cipher.NewCBCDecrypter(block, last[:]).CryptBlocks(b, wrapped)
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(b, b)
	good := subtle.ConstantTimeByteEq(b[0], byte(cekLen))
	for i := range 3 {
		good &= subtle.ConstantTimeByteEq(b[1+i]^b[pwriHead+i], 0xff)
	}
	key := append([]byte(nil), b[pwriHead:pwriHead+cekLen]...)
	if good != 1 {
		clear(key)
		return nil, false
	}
	return key, true
}
