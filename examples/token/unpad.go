package token

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
)

// padded is the least that PKCS #1 v1.5 puts around a message: RFC 8017,
// Section 7.2.1.
const padded = 11

// sessionKey returns the size octets that em ends in if it is padded so, and
// else random ones, in a time that depends on the lengths alone: what
// rsa.DecryptPKCS1v15SessionKey does where the private key is at hand.
func sessionKey(em []byte, size int) ([]byte, error) {
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

// unpad returns the message in em. That there is none shows, and so does its
// length; looking for it does not depend on where it begins.
func unpad(em []byte) ([]byte, error) {
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
	good &= 1 - looking
	good &= subtle.ConstantTimeLessOrEq(padded-1, at) // eight octets of padding
	if good != 1 {
		return nil, rsa.ErrDecryption
	}
	return em[at+1:], nil
}
