// Package pkcs1 removes the padding of PKCS #1 v1.5 from what a private key that
// is kept elsewhere decrypted without looking at it.
package pkcs1

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
)

// padded is the least that PKCS #1 v1.5 puts around a message: RFC 8017,
// Section 7.2.1.
const padded = 11

// SessionKey returns the size octets that em ends in if it is padded so, and
// else random ones, in a time that depends on the lengths alone: what
// rsa.DecryptPKCS1v15SessionKey does where the private key is at hand.
func SessionKey(em []byte, size int) ([]byte, error) {
	if size < 0 || len(em) < size+padded {
		return nil, rsa.ErrDecryption
	}
	key := make([]byte, size)
	rand.Read(key) // never fails, as crypto/rand documents
	start := len(em) - size
	good := subtle.ConstantTimeByteEq(em[0], 0) & subtle.ConstantTimeByteEq(em[1], 2) & subtle.ConstantTimeByteEq(em[start-1], 0)
	for _, o := range em[2 : start-1] {
		good &= 1 - subtle.ConstantTimeByteEq(o, 0)
	}
	subtle.ConstantTimeCopy(good, key, em[start:])
	return key, nil
}

// Unpad returns the message in em. That there is none shows, and so does its
// length; looking for it does not depend on where it begins.
func Unpad(em []byte) ([]byte, error) {
	if len(em) < padded {
		return nil, rsa.ErrDecryption
	}
	good := subtle.ConstantTimeByteEq(em[0], 0) & subtle.ConstantTimeByteEq(em[1], 2)
	looking, at := 1, 0
	for i := 2; i < len(em); i++ {
		zero := subtle.ConstantTimeByteEq(em[i], 0)
		at = subtle.ConstantTimeSelect(looking&zero, i, at)
		looking = subtle.ConstantTimeSelect(zero, 0, looking)
	}
	good &= subtle.ConstantTimeLessOrEq(padded-1, at) // eight octets of padding; without an end, at is 0
	if good != 1 {
		return nil, rsa.ErrDecryption
	}
	return em[at+1:], nil
}

// Whole returns size octets that end in b, of which some modules and agents
// leave the zeros in front out; others write one in front of what would look
// negative. It is an error if b is longer.
func Whole(b []byte, size int) ([]byte, error) {
	if len(b) == size+1 && b[0] == 0 {
		b = b[1:]
	}
	if len(b) > size {
		return nil, rsa.ErrDecryption
	}
	em := make([]byte, size)
	copy(em[size-len(b):], b)
	return em, nil
}
