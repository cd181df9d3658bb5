package smime

import (
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rsa"
	"fmt"
	"math/big"

	"filippo.io/mldsa"
	"github.com/cloudflare/circl/dh/x448"
	"github.com/cloudflare/circl/kem/mlkem/mlkem512"
	"github.com/cloudflare/circl/sign/ed448"
	"github.com/cloudflare/circl/sign/slhdsa"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// publicKeyByHand takes apart a SubjectPublicKeyInfo that crypto/x509 does not
// know the key of.
//
//	SubjectPublicKeyInfo ::= SEQUENCE {
//	    algorithm        AlgorithmIdentifier,
//	    subjectPublicKey BIT STRING }
func publicKeyByHand(spki []byte) publicKey {
	const damaged = "has a public key that is damaged"
	in := cryptobyte.String(spki)
	var info cryptobyte.String
	var a algorithm
	var raw []byte
	if !in.ReadASN1(&info, asn1.SEQUENCE) || !in.Empty() ||
		!readAlgorithm(&info, &a, asn1.SEQUENCE) ||
		!info.ReadASN1BitStringAsBytes(&raw) || !info.Empty() {
		return publicKey{refuse: damaged}
	}
	var k publicKey
	switch a.oid {
	case oidRSAPSS, oidRSAOAEP:
		k = rsaByHand(a, raw)
	case oidX25519, oidX448, oidEd448:
		k = montgomeryByHand(a.oid, raw)
	case oidMLKEM512, oidMLKEM768, oidMLKEM1024:
		k = kemByHand(a.oid, raw)
	case oidMLDSA44, oidMLDSA65, oidMLDSA87:
		k = mldsaByHand(a.oid, raw)
	case oidECPublicKey:
		if reason := refuseCurve(a.params); reason != "" {
			return publicKey{refuse: reason}
		}
	case oidDSA:
		return publicKey{refuse: "has a DSA key, which is not supported: ask for one of RSA, or on P-256"}
	case oidDHPublic:
		return publicKey{refuse: "has a key for Diffie-Hellman over numbers (RFC 2631), which is not supported: ask for one of RSA, or on P-256"}
	default:
		if id, ok := slhdsaByOID(a.oid); ok {
			k = slhdsaKeyByHand(id, raw)
		} else {
			return publicKey{refuse: "has a public key of a kind that is not supported"}
		}
	}
	if k.kind == keyUnsupported && k.refuse == "" {
		return publicKey{refuse: damaged}
	}
	// RFC 8410, Section 3; RFC 9935, Section 3; RFC 9881, Section 2; RFC 9909,
	// Section 3: the parameters MUST be absent.
	if k.kind != keyRSA && a.params != nil {
		return publicKey{refuse: damaged}
	}
	return k
}

// rsaByHand reads an RSA key that is restricted to one use (RFC 4055, Sections
// 3.1 and 4.1). Parameters of a key restrict what may be done with it further;
// a key with any that are not those of its use with SHA-2 is refused by what
// uses it.
//
//	RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }
func rsaByHand(a algorithm, raw []byte) publicKey {
	s := cryptobyte.String(raw)
	n := new(big.Int)
	var e int
	if !s.ReadASN1(&s, asn1.SEQUENCE) || !s.ReadASN1Integer(n) || !s.ReadASN1Integer(&e) || !s.Empty() || n.Sign() <= 0 || e <= 0 {
		return publicKey{}
	}
	k := publicKey{kind: keyRSA, rsa: &rsa.PublicKey{N: n, E: e}, only: rsaOAEP, params: a.params}
	if a.oid == oidRSAPSS {
		k.only = rsaPSS
	}
	k.name = fmt.Sprintf("RSA-%d", n.BitLen())
	return k
}

// montgomeryByHand reads RFC 8410, Section 4.
func montgomeryByHand(o oid, raw []byte) publicKey {
	switch o {
	case oidX25519:
		if len(raw) != x25519Size {
			return publicKey{}
		}
		k := publicKey{kind: keyX25519, name: "X25519", curve: curveX25519}
		if fipsOnly() {
			return k // for its name: crypto/ecdh refuses it, and what uses it asks first
		}
		var err error
		if k.ecdh, err = ecdh.X25519().NewPublicKey(raw); err != nil {
			return publicKey{}
		}
		return k
	case oidX448:
		if len(raw) != x448.Size {
			return publicKey{}
		}
		return publicKey{kind: keyX448, name: "X448", x448: (*x448.Key)(raw), curve: curveX448}
	}
	if len(raw) != ed448.PublicKeySize {
		return publicKey{}
	}
	return publicKey{kind: keyEd448, name: "Ed448", ed448: raw}
}

// kemByHand reads RFC 9935, Section 4. That the key is one is checked here
// (FIPS 203, Section 7.2).
func kemByHand(o oid, raw []byte) publicKey {
	k := publicKey{kind: keyMLKEM, raw: raw}
	var err error
	switch o {
	case oidMLKEM512:
		k.kem = mlkem512Set
		_, err = mlkem512.Scheme().UnmarshalBinaryPublicKey(raw)
	case oidMLKEM768:
		k.kem = mlkem768Set
		_, err = mlkem.NewEncapsulationKey768(raw)
	default:
		k.kem = mlkem1024Set
		_, err = mlkem.NewEncapsulationKey1024(raw)
	}
	if err != nil {
		return publicKey{}
	}
	k.name = k.kem.String()
	return k
}

// String names the parameter set.
func (s kemSet) String() string { return fmt.Sprintf("ML-KEM-%d", uint16(s)) }

// mldsaByHand reads RFC 9881, Section 4.
func mldsaByHand(o oid, raw []byte) publicKey {
	set := mldsa.MLDSA44()
	switch o {
	case oidMLDSA65:
		set = mldsa.MLDSA65()
	case oidMLDSA87:
		set = mldsa.MLDSA87()
	}
	p, err := mldsa.NewPublicKey(set, raw)
	if err != nil {
		return publicKey{}
	}
	return publicKey{kind: keyMLDSA, name: set.String(), mldsa: p}
}

// slhdsaKeyByHand reads RFC 9909, Section 4.
func slhdsaKeyByHand(id slhdsa.ID, raw []byte) publicKey {
	p := &slhdsa.PublicKey{ID: id}
	if p.UnmarshalBinary(raw) != nil {
		return publicKey{}
	}
	return publicKey{kind: keySLHDSA, name: "SLH-DSA-" + id.String(), slhdsa: p}
}

// slhdsaByOID returns the parameter set that is named by 2.16.840.1.101.3.4.3.20
// to .31 (RFC 9909, Section 2).
func slhdsaByOID(o oid) (slhdsa.ID, bool) {
	const arc = "\x60\x86\x48\x01\x65\x03\x04\x03"
	if len(o) != len(arc)+1 || o[:len(arc)] != arc {
		return 0, false
	}
	switch o[len(arc)] {
	case 20:
		return slhdsa.SHA2_128s, true
	case 21:
		return slhdsa.SHA2_128f, true
	case 22:
		return slhdsa.SHA2_192s, true
	case 23:
		return slhdsa.SHA2_192f, true
	case 24:
		return slhdsa.SHA2_256s, true
	case 25:
		return slhdsa.SHA2_256f, true
	case 26:
		return slhdsa.SHAKE_128s, true
	case 27:
		return slhdsa.SHAKE_128f, true
	case 28:
		return slhdsa.SHAKE_192s, true
	case 29:
		return slhdsa.SHAKE_192f, true
	case 30:
		return slhdsa.SHAKE_256s, true
	case 31:
		return slhdsa.SHAKE_256f, true
	}
	return 0, false
}
