// Package winzip is the encryption of WinZip's AE-1 and AE-2 entries: keys from
// a passphrase by PBKDF2, AES in a counter mode of its own, and HMAC-SHA1 over
// what was encrypted (AES Encryption Information, Version 1.04, and APPNOTE
// 6.3.10, Appendix E). It knows no archive.
//
// The counter is little-endian, which crypto/cipher's CTR is not, so that its
// blocks are made here one by one; AES is the standard library's, but for whole
// eights of blocks on amd64, where that is a quarter as fast as the processor. No
// branch and no index depends on a key or on content.
package winzip

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"hash"
	"sync"
)

// Strength is the length of an AES key as an archive names it.
type Strength byte

// The three that there are. Only AES256 is written.
const (
	AES128 Strength = 1
	AES192 Strength = 2
	AES256 Strength = 3
)

// What stands around the encrypted octets.
const (
	VerifierSize = 2  // after the salt
	TagSize      = 10 // at the end: HMAC-SHA1, cut to 80 bits

	// MaxSaltSize is that of AES256.
	MaxSaltSize = 16
)

// rounds of PBKDF2: nothing in an archive can ask for more, or for fewer.
const rounds = 1000

// Valid reports whether s is one of the three.
func (s Strength) Valid() bool { return s >= AES128 && s <= AES256 }

// KeySize returns how many octets the AES key has.
func (s Strength) KeySize() int { return 8 + 8*int(s) }

// SaltSize returns how many octets the salt has.
func (s Strength) SaltSize() int { return 4 + 4*int(s) }

// Overhead returns by how many octets what is encrypted grows.
func (s Strength) Overhead() int { return s.SaltSize() + VerifierSize + TagSize }

var errStrength = errors.New("winzip: there is no AES key of that length")

// Keys are what one passphrase and one salt make. Safe for concurrent use.
type Keys struct {
	verifier [VerifierSize]byte
	mac      []byte
	block    cipher.Block
	eights   *eights   // of the same key; nil: block alone
	streams  sync.Pool // of *[streamSize]byte
}

// Derive derives the keys, which takes about a millisecond. The salt has
// s.SaltSize octets. Errors: another s or salt, and what FIPS mode forbids.
func Derive(passphrase string, salt []byte, s Strength) (*Keys, error) {
	if !s.Valid() || len(salt) != s.SaltSize() {
		return nil, errStrength
	}
	n := s.KeySize()
	b, err := pbkdf2.Key(sha1.New, passphrase, salt, rounds, 2*n+VerifierSize)
	if err != nil {
		return nil, err
	}
	k := &Keys{mac: b[n : 2*n]}
	copy(k.verifier[:], b[2*n:])
	k.block, err = aes.NewCipher(b[:n])
	if err != nil {
		return nil, err
	}
	k.eights = newEights(b[:n])
	k.streams.New = func() any { return new([streamSize]byte) }
	clear(b[:n])
	return k, nil
}

// Verifier returns what stands behind the salt: a wrong passphrase has the same
// once in 65,536 times.
func (k *Keys) Verifier() [VerifierSize]byte { return k.verifier }

// Verified reports, in constant time, whether b is the Verifier.
func (k *Keys) Verified(b []byte) bool {
	return subtle.ConstantTimeCompare(k.verifier[:], b) == 1
}

// MAC returns the HMAC that all encrypted octets go through.
func (k *Keys) MAC() hash.Hash { return hmac.New(sha1.New, k.mac) }

// Tag returns the tag of what mac saw.
func Tag(mac hash.Hash) (tag [TagSize]byte) {
	copy(tag[:], mac.Sum(nil))
	return tag
}

// Equal compares two tags in constant time.
func Equal(a, b [TagSize]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

// streamSize is how much key stream is made at a time: it stays in the first
// cache beside what it is added to.
const streamSize = 4 << 10

// XORAt encrypts or decrypts p in place, which stands at off in the entry.
func (k *Keys) XORAt(p []byte, off int64) {
	if k.eights != nil {
		head := int(-off & (aes.BlockSize - 1))
		if len(p)-head >= 8*aes.BlockSize {
			k.xorAt(p[:head], off)
			p, off = p[head:], off+int64(head)
			n := k.eights.xor(p, uint64(off)/aes.BlockSize+1)
			p, off = p[n:], off+int64(n)
		}
	}
	k.xorAt(p, off)
}

// xorAt is XORAt by the standard library.
func (k *Keys) xorAt(p []byte, off int64) {
	if len(p) == 0 {
		return
	}
	stream := k.streams.Get().(*[streamSize]byte)
	defer k.streams.Put(stream)
	// The first block has the number 1.
	number := uint64(off)/aes.BlockSize + 1
	skip := int(off % aes.BlockSize)
	for len(p) > 0 {
		n := min(len(p), streamSize-skip)
		used := stream[:(skip+n+aes.BlockSize-1)/aes.BlockSize*aes.BlockSize]
		// All numbers first: a block that was just written in two halves is
		// read as one three times slower.
		for b := used; len(b) >= aes.BlockSize; b = b[aes.BlockSize:] {
			binary.LittleEndian.PutUint64(b, number)
			binary.LittleEndian.PutUint64(b[8:], 0)
			number++
		}
		for b := used; len(b) >= aes.BlockSize; b = b[aes.BlockSize:] {
			k.block.Encrypt(b[:aes.BlockSize], b[:aes.BlockSize])
		}
		subtle.XORBytes(p[:n], p[:n], used[skip:])
		p, skip = p[n:], 0
	}
	clear(stream[:]) // whoever has it can read
}
