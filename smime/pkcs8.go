package smime

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"filippo.io/mldsa"
	"github.com/cloudflare/circl/dh/x448"
	"github.com/cloudflare/circl/sign/ed448"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// errPKCS8 is for what has not the form of a private key: a wrong passphrase
// looks so.
var errPKCS8 = errors.New("smime: the private key is malformed")

// parsePKCS8 reads a private key of every kind that is used here. crypto/x509
// reads RSA, the NIST curves, Ed25519 and X25519; all else is read by hand.
//
// RFC 5958, Section 2 (PKCS#8 is its version 0):
//
//	OneAsymmetricKey ::= SEQUENCE {
//	   version             INTEGER { v1(0), v2(1) },
//	   privateKeyAlgorithm AlgorithmIdentifier,
//	   privateKey          OCTET STRING,
//	   attributes          [0] IMPLICIT Attributes OPTIONAL,
//	   publicKey           [1] IMPLICIT BIT STRING OPTIONAL }
//
// What follows the private key is not looked at: which public key belongs to
// it is computed from it, and compared with the certificate's.
func parsePKCS8(der []byte) (any, error) {
	s := cryptobyte.String(der)
	var in cryptobyte.String
	var version int
	var a algorithm
	var raw cryptobyte.String
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !s.Empty() || !in.ReadASN1Integer(&version) || version < 0 || version > 1 ||
		!readAlgorithm(&in, &a, asn1.SEQUENCE) || !in.ReadASN1(&raw, asn1.OCTET_STRING) {
		return nil, errPKCS8
	}
	switch a.oid {
	case oidRSAPSS, oidRSAOAEP:
		// RFC 4055, Section 1.2 and 4.1: an RSAPrivateKey as ever. What it is
		// restricted to, its certificate says too, and that is what counts.
		private, err := x509.ParsePKCS1PrivateKey(raw)
		return asKey(private, err)
	case oidECPublicKey:
		if reason := refuseCurve(a.params); reason != "" {
			return nil, fmt.Errorf("smime: the private key %s", reason)
		}
	case oidX25519:
		if fipsOnly() {
			return nil, notApproved("X25519")
		}
	case oidRSAEncryption, oidEd25519:
	default:
		private, err := privateByHand(a.oid, raw)
		// RFC 8410, Section 3; RFC 9935, Section 3; RFC 9881, Section 2: the
		// parameters MUST be absent.
		if err == nil && a.params != nil {
			return nil, errPKCS8
		}
		return private, err
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	return asKey(private, err)
}

// asKey turns what crypto/x509 returned into an error of ours.
func asKey[K any](private K, err error) (any, error) {
	if err != nil {
		return nil, fmt.Errorf("smime: the private key is malformed, or of a kind that is not supported: %q", cut(err.Error()))
	}
	return private, nil
}

// privateByHand reads a private key that crypto/x509 does not know.
func privateByHand(o oid, raw cryptobyte.String) (any, error) {
	switch o {
	case oidX448, oidEd448:
		// RFC 8410, Section 7: CurvePrivateKey ::= OCTET STRING
		var k cryptobyte.String
		if !raw.ReadASN1(&k, asn1.OCTET_STRING) || !raw.Empty() {
			return nil, errPKCS8
		}
		if fipsOnly() {
			return nil, notApproved("a private key on Curve448")
		}
		switch {
		case o == oidX448 && len(k) == x448.Size:
			private := x448.Key(k)
			return &private, nil
		case o == oidEd448 && len(k) == ed448.SeedSize:
			return ed448.NewKeyFromSeed(k), nil
		}
		return nil, errPKCS8
	case oidMLKEM512, oidMLKEM768, oidMLKEM1024:
		return parseKEMKey(kemByOID(o), raw)
	case oidMLDSA44, oidMLDSA65, oidMLDSA87:
		return parseMLDSAKey(mldsaByOID(o), raw)
	}
	if _, ok := slhdsaByOID(o); ok {
		return nil, errors.New("smime: an SLH-DSA private key is not read: its signatures are verified, and not made")
	}
	return nil, errors.New("smime: the private key is of a kind that is not supported")
}

// seedOrExpanded reads what ML-KEM and ML-DSA put into a private key: the seed,
// the key that comes of it, or both (RFC 9935, Section 6; RFC 9881, Section 6).
// What is absent is nil.
//
//	CHOICE {
//	   seed        [0] IMPLICIT OCTET STRING,
//	   expandedKey OCTET STRING,
//	   both        SEQUENCE { seed OCTET STRING, expandedKey OCTET STRING } }
func seedOrExpanded(raw cryptobyte.String, seedSize, size int) (seed, expanded []byte, ok bool) {
	tag := asn1.Tag(0).ContextSpecific()
	var in cryptobyte.String
	switch {
	case raw.PeekASN1Tag(tag):
		ok = raw.ReadASN1((*cryptobyte.String)(&seed), tag)
	case raw.PeekASN1Tag(asn1.OCTET_STRING):
		ok = raw.ReadASN1((*cryptobyte.String)(&expanded), asn1.OCTET_STRING)
	default:
		ok = raw.ReadASN1(&in, asn1.SEQUENCE) && in.ReadASN1((*cryptobyte.String)(&seed), asn1.OCTET_STRING) &&
			in.ReadASN1((*cryptobyte.String)(&expanded), asn1.OCTET_STRING) && in.Empty()
	}
	ok = ok && raw.Empty() && (seed == nil || len(seed) == seedSize) && (expanded == nil || len(expanded) == size)
	return seed, expanded, ok
}

// marshalPKCS8 is the reverse of parsePKCS8. Of ML-KEM and ML-DSA it writes the
// seed, as RFC 9935 and RFC 9881 recommend, where there is one.
func marshalPKCS8(private any) ([]byte, error) {
	octets := func(k []byte) func(*cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) { b.AddASN1OctetString(k) }
	}
	seed := func(k []byte) func(*cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(k) })
		}
	}
	switch k := private.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, *ecdh.PrivateKey:
		return x509.MarshalPKCS8PrivateKey(k)
	case *x448.Key:
		return privateKeyInfo(oidX448, octets(k[:]))
	case ed448.PrivateKey:
		return privateKeyInfo(oidEd448, octets(k.Seed()))
	case *mldsa.PrivateKey:
		return privateKeyInfo(mldsaOID(k.PublicKey().Parameters()), seed(k.Bytes()))
	}
	if k, ok := kemKeyOf(private); ok {
		if k.seed != nil {
			return privateKeyInfo(kemOID(k.set), seed(k.seed))
		}
		return privateKeyInfo(kemOID(k.set), octets(k.expanded))
	}
	return x509.MarshalPKCS8PrivateKey(private)
}

// privateKeyInfo builds a PrivateKeyInfo without parameters.
func privateKeyInfo(o oid, private func(*cryptobyte.Builder)) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		addAlgorithm(b, o)
		b.AddASN1(asn1.OCTET_STRING, private)
	})
	return b.Bytes()
}
