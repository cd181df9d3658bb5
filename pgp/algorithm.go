package pgp

import (
	"crypto"
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp/ecdh"
	"github.com/ProtonMail/go-crypto/openpgp/mlkem_ecdh"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/x25519"
	"github.com/ProtonMail/go-crypto/openpgp/x448"
)

// RSA keys that are used: below 2,048 bits they can be broken (RFC 9580,
// Section 12.4), above 8,192 each operation costs seconds of whoever uses it.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// weakRSA returns why an RSA key is not used, "" if it is. An even exponent
// has no inverse, and with exponent 1 the ciphertext is the plaintext.
func weakRSA(key *packet.PublicKey) string {
	k, ok := key.PublicKey.(*rsa.PublicKey)
	switch {
	case !ok || k.N == nil || k.E < 3 || k.E%2 == 0 || k.N.Bit(0) == 0:
		return "has an RSA key that is none"
	case k.N.BitLen() < minRSABits:
		return fmt.Sprintf("has an RSA key of %d bits, fewer than %d", k.N.BitLen(), minRSABits)
	case k.N.BitLen() > maxRSABits:
		return fmt.Sprintf("has an RSA key of %d bits, more than %d", k.N.BitLen(), maxRSABits)
	}
	return ""
}

// weakSigner returns why signatures by key prove nothing today, "" if they do.
func weakSigner(key *packet.PublicKey) string {
	switch key.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		return weakRSA(key)
	case packet.PubKeyAlgoDSA:
		return "has a DSA key" // RFC 9580, Section 9.1: deprecated
	case packet.PubKeyAlgoECDSA, packet.PubKeyAlgoEdDSA:
		return weakCurve(key)
	case packet.PubKeyAlgoEd25519, packet.PubKeyAlgoEd448,
		packet.PubKeyAlgoMldsa65Ed25519, packet.PubKeyAlgoMldsa87Ed448,
		packet.PubKeyAlgoSlhdsaShake128s, packet.PubKeyAlgoSlhdsaShake128f, packet.PubKeyAlgoSlhdsaShake256s:
		return ""
	}
	return fmt.Sprintf("has a key of algorithm %d, which does not sign", key.PubKeyAlgo)
}

// weakCurve refuses the curves of which nobody asks for mail. secp256k1 is no
// curve of RFC 9580.
func weakCurve(key *packet.PublicKey) string {
	switch curve, err := key.Curve(); {
	case err != nil:
		return "has a key on an unknown curve"
	case curve == packet.CurveSecP256k1:
		return "has a key on the curve secp256k1, which is not supported"
	}
	return ""
}

// notForSealing returns why nothing is sealed to key, "" if it can be.
func notForSealing(key *packet.PublicKey) string {
	switch key.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSAEncryptOnly:
		return weakRSA(key)
	case packet.PubKeyAlgoElGamal:
		return "has an Elgamal key, which nothing is sealed to any more"
	case packet.PubKeyAlgoECDH:
		return weakECDH(key)
	case packet.PubKeyAlgoX25519:
		if k, ok := key.PublicKey.(*x25519.PublicKey); !ok || lowOrder(k.Point) {
			return badPoint
		}
		return ""
	case packet.PubKeyAlgoX448:
		if k, ok := key.PublicKey.(*x448.PublicKey); !ok || lowOrder448(k.Point) {
			return badPoint
		}
		return ""
	case packet.PubKeyAlgoMlkem768X25519, packet.PubKeyAlgoMlkem1024X448:
		return weakComposite(key)
	}
	return fmt.Sprintf("has a key of algorithm %d, which cannot be sealed to", key.PubKeyAlgo)
}

const badPoint = "has a key that is a point of low order, to which everybody knows the secret"

// lowOrder reports whether every exchange with a Curve25519 point has the same
// result: whether it is one of the points whose order divides the cofactor,
// in any of their encodings. RFC 7748, Section 5, has readers ignore the top bit.
func lowOrder(point []byte) bool {
	if len(point) != 32 {
		return true
	}
	p := [32]byte(point)
	p[31] &= 0x7F
	switch string(p[:]) {
	case
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", // 0
		"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", // 1
		"\xe0\xeb\x7a\x7c\x3b\x41\xb8\xae\x16\x56\xe3\xfa\xf1\x9f\xc4\x6a\xda\x09\x8d\xeb\x9c\x32\xb1\xfd\x86\x62\x05\x16\x5f\x49\xb8\x00", // of order 8
		"\x5f\x9c\x95\xbc\xa3\x50\x8c\x24\xb1\xd0\xb1\x55\x9c\x83\xef\x5b\x04\x44\x5c\xc4\x58\x1c\x8e\x86\xd8\x22\x4e\xdd\xd0\x9f\x11\x57", // of order 8
		"\xec\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", // p-1
		"\xed\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", // p, another 0
		"\xee\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f": // p+1, another 1
		return true
	}
	return false
}

// lowOrder448 is lowOrder for Curve448, whose cofactor is 4.
func lowOrder448(point []byte) bool {
	if len(point) != 56 {
		return true
	}
	zeros, ones := strings.Repeat("\x00", 28), strings.Repeat("\xff", 27)
	switch string(point) {
	case
		zeros + zeros,                 // 0
		"\x01" + zeros[1:] + zeros,    // 1
		"\xfe" + ones + "\xfe" + ones, // p-1
		"\xff" + ones + "\xfe" + ones, // p, another 0
		zeros + "\xff" + ones:         // p+1, another 1
		return true
	}
	return false
}

// weakComposite looks at the classical half of a composite key. Without it the
// other half is all that there is: no key that anybody generated is so.
// go-crypto checked the ML-KEM half when it read it (FIPS 203, Section 7.2).
func weakComposite(key *packet.PublicKey) string {
	k, ok := key.PublicKey.(*mlkem_ecdh.PublicKey)
	if !ok || key.PubKeyAlgo == packet.PubKeyAlgoMlkem768X25519 && lowOrder(k.PublicPoint) ||
		key.PubKeyAlgo == packet.PubKeyAlgoMlkem1024X448 && lowOrder448(k.PublicPoint) {
		return badPoint
	}
	return ""
}

func weakECDH(key *packet.PublicKey) string {
	if why := weakCurve(key); why != "" {
		return why
	}
	k, ok := key.PublicKey.(*ecdh.PublicKey)
	if !ok || k.KDF.Cipher == nil {
		return "has an ECDH key that is none"
	}
	// The key-wrapping cipher is the key's own choice, RFC 9580, Section 11.5.
	aes := []uint8{uint8(packet.CipherAES128), uint8(packet.CipherAES192), uint8(packet.CipherAES256)}
	if !slices.Contains(aes, k.KDF.Cipher.Id()) {
		return "has an ECDH key that wants another cipher than AES"
	}
	curve, err := key.Curve()
	if err == nil && curve == packet.Curve25519 && lowOrder(k.Point) {
		return badPoint
	}
	return ""
}

// postQuantum reports whether key is a composite with ML-KEM, RFC 9980, Section 4.
func postQuantum(key *packet.PublicKey) bool {
	return key.PubKeyAlgo == packet.PubKeyAlgoMlkem768X25519 || key.PubKeyAlgo == packet.PubKeyAlgoMlkem1024X448
}

// postQuantumSigner reports whether signatures of an algorithm withstand a
// quantum computer: ML-DSA composites and SLH-DSA, RFC 9980, Section 4.
func postQuantumSigner(a packet.PublicKeyAlgorithm) bool {
	switch a {
	case packet.PubKeyAlgoMldsa65Ed25519, packet.PubKeyAlgoMldsa87Ed448,
		packet.PubKeyAlgoSlhdsaShake128s, packet.PubKeyAlgoSlhdsaShake128f, packet.PubKeyAlgoSlhdsaShake256s:
		return true
	}
	return false
}

// shortDigest reports whether a digest is too short for what a post-quantum
// key signs, and for what binds one: below 256 bits, RFC 9980, Sections 5.2.1,
// 6.2 and 6.3.
func shortDigest(h crypto.Hash) bool { return h.Size() < 32 }

// quick reports whether verifying with key takes little: the kinds of key that
// nearly everybody has. DSA, P-521 and RSA of 16,384 bits take milliseconds.
func quick(key *packet.PublicKey) bool {
	switch key.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		n, err := key.BitLength()
		return err == nil && n <= 4096
	case packet.PubKeyAlgoEdDSA:
		return true
	case packet.PubKeyAlgoECDSA:
		curve, err := key.Curve()
		return err == nil && curve == packet.CurveNistP256
	case packet.PubKeyAlgoEd25519, packet.PubKeyAlgoMldsa65Ed25519:
		return true
	}
	return false
}
