package smime

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"filippo.io/mldsa"
	"github.com/cloudflare/circl/dh/x448"
	"github.com/cloudflare/circl/sign/ed448"
	"github.com/cloudflare/circl/sign/slhdsa"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	// minRSA is the size in bits of the smallest RSA modulus that is used;
	// smaller ones can be factored, or soon.
	minRSA = 2048

	// maxRSA is the largest that is sealed to: the time for a private
	// operation grows with the cube of it.
	maxRSA = 8192

	// maxVerifyRSA is the largest that a signature is checked with.
	maxVerifyRSA = 16384

	// maxLargeExponent is the largest exponent of an RSA key of more than
	// maxRSA bits. Everybody has this one, crypto/rsa takes 31 bits, and of
	// 16,384 bits that takes 40 ms for each signature, and this 10.
	maxLargeExponent = 1<<16 + 1
)

// slowRSA reports whether checking a signature with the key takes too long.
func slowRSA(k *rsa.PublicKey) bool {
	bits := k.N.BitLen()
	return bits > maxVerifyRSA || bits > maxRSA && k.E > maxLargeExponent
}

// keyKind is what a public key can be used for here.
type keyKind uint8

const (
	keyUnsupported keyKind = iota
	keyRSA
	keyEC      // P-256, P-384, P-521: ECDH and ECDSA
	keyEd25519 // and the following: for signatures, or for encryption, not for both
	keyEd448
	keyX25519
	keyX448
	keyMLKEM
	keyMLDSA
	keySLHDSA
)

// publicKey is the subject's public key, in the forms that it is used in.
type publicKey struct {
	kind    keyKind
	name    string // "RSA-3072", "P-256": for people
	rsa     *rsa.PublicKey
	ecdsa   *ecdsa.PublicKey
	ecdh    *ecdh.PublicKey
	curve   curve
	ed25519 ed25519.PublicKey
	ed448   ed448.PublicKey
	x448    *x448.Key
	kem     kemSet // which ML-KEM
	raw     []byte // the encapsulation key of ML-KEM
	mldsa   *mldsa.PublicKey
	slhdsa  *slhdsa.PublicKey
	only    rsaUse // what the certificate restricts an RSA key to
	params  []byte // and with which parameters, in DER; nil: any
	refuse  string // why it is not supported at all
}

// rsaUse is what the algorithm in a SubjectPublicKeyInfo restricts an RSA key
// to (RFC 4055, Sections 1.2 and 4.1).
type rsaUse uint8

const (
	rsaAny  rsaUse = iota // rsaEncryption: whatever the key usage allows
	rsaOAEP               // id-RSAES-OAEP: OAEP and nothing else
	rsaPSS                // id-RSASSA-PSS: PSS signatures and nothing else
)

// kemSet is a parameter set of ML-KEM (FIPS 203), 0 for none.
type kemSet uint16

const (
	mlkem512Set  kemSet = 512 // opened only: never sealed to
	mlkem768Set  kemSet = 768
	mlkem1024Set kemSet = 1024
)

// publicKeyOf takes the public key out of x.
func publicKeyOf(x *x509.Certificate) publicKey {
	switch k := x.PublicKey.(type) {
	case *rsa.PublicKey:
		return publicKey{kind: keyRSA, name: fmt.Sprintf("RSA-%d", k.N.BitLen()), rsa: k}
	case *ecdsa.PublicKey:
		p := publicKey{kind: keyEC, name: k.Params().Name, ecdsa: k}
		switch k.Curve {
		case elliptic.P256():
			p.curve = curveP256
		case elliptic.P384():
			p.curve = curveP384
		case elliptic.P521():
			p.curve = curveP521
		default:
			return publicKeyByHand(x.RawSubjectPublicKeyInfo) // P-224, by its name
		}
		var err error
		if p.ecdh, err = k.ECDH(); err != nil {
			return publicKey{refuse: "has a public key that is no point of its curve"}
		}
		return p
	case ed25519.PublicKey:
		return publicKey{kind: keyEd25519, name: "Ed25519", ed25519: k}
	}
	return publicKeyByHand(x.RawSubjectPublicKeyInfo)
}

// refuseSeal returns why nothing can be sealed to the key, "" if it can.
func (k *publicKey) refuseSeal() string {
	switch k.kind {
	case keyRSA:
		if k.only == rsaPSS {
			return "has an RSA key for PSS, which is for signatures only"
		}
		if k.only == rsaOAEP && !k.oaepAllows() {
			return "restricts RSA-OAEP to parameters that are not written: SHA-256 without a label is"
		}
		return refuseRSA(k.rsa, maxRSA)
	case keyEC, keyX25519, keyX448:
		return ""
	case keyMLKEM:
		if k.kem == mlkem512Set {
			return "has an ML-KEM-512 key, which is only read: ML-KEM-768 and ML-KEM-1024 are sealed to"
		}
		return ""
	case keyEd25519, keyEd448, keyMLDSA, keySLHDSA:
		return "is for signatures only"
	}
	return k.refuse
}

// refuseSign returns why no signature can be made with the key, "" if it can.
func (k *publicKey) refuseSign() string {
	switch k.kind {
	case keyRSA:
		if k.only == rsaOAEP {
			return "has an RSA key for OAEP, which is for encryption only"
		}
		return refuseRSA(k.rsa, maxRSA)
	case keyEC, keyEd25519, keyEd448, keyMLDSA:
		return ""
	case keySLHDSA:
		return "has an SLH-DSA key, of which signatures are read and not made"
	case keyX25519, keyX448, keyMLKEM:
		return "is for encryption only"
	}
	return k.refuse
}

// oaepAllows reports whether what is written is what the key allows: everything
// where it has no parameters, else they must be the same (RFC 4055, Section 4.1).
func (k *publicKey) oaepAllows() bool {
	if k.params == nil {
		return true
	}
	p, ok := readOAEP(k.params)
	return ok && p.refuse == "" && p.hash == crypto.SHA256 && p.mgf == crypto.SHA256 && len(p.label) == 0
}

// refuseRSA returns why an RSA key is not used, "" if it is. The exponent must
// be odd, as every one that is coprime to p-1 is, and 1 would leave the text
// as it is. crypto/rsa refuses exponents of 2^31 and more.
func refuseRSA(k *rsa.PublicKey, most int) string {
	switch bits := k.N.BitLen(); {
	case bits < minRSA:
		return fmt.Sprintf("has an RSA key of %d bits, fewer than %d", bits, minRSA)
	case bits > most:
		return fmt.Sprintf("has an RSA key of %d bits, more than %d", bits, most)
	case k.E < 3 || k.E%2 == 0 || k.N.Bit(0) == 0:
		return "has an RSA key that is none: even, or with exponent 1"
	}
	return ""
}

// weakRSA reports whether the key is an RSA key of fewer bits than are used.
func (k *publicKey) weakRSA() bool { return k.kind == keyRSA && k.rsa.N.BitLen() < minRSA }

// subjectPublicKey returns the octets of the BIT STRING in a
// SubjectPublicKeyInfo.
func subjectPublicKey(spki []byte) ([]byte, bool) {
	s := cryptobyte.String(spki)
	var bits []byte
	if !s.ReadASN1(&s, asn1.SEQUENCE) || !s.SkipASN1(asn1.SEQUENCE) || !s.ReadASN1BitStringAsBytes(&bits) {
		return nil, false
	}
	return bits, true
}
