package smime

import (
	"crypto/ecdh"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// curve is what keys are agreed on, 0 for none.
type curve uint8

const (
	curveP256 curve = iota + 1
	curveP384
	curveP521
	curveX25519
	curveX448 // which package crypto/ecdh does not have
)

// String is the curve's name as reports show it.
func (c curve) String() string {
	switch c {
	case curveP256:
		return "P-256"
	case curveP384:
		return "P-384"
	case curveP521:
		return "P-521"
	case curveX25519:
		return "X25519"
	case curveX448:
		return "X448"
	}
	return "unknown curve"
}

// ecdh returns the implementation, nil for no curve and for X448.
func (c curve) ecdh() ecdh.Curve {
	switch c {
	case curveP256:
		return ecdh.P256()
	case curveP384:
		return ecdh.P384()
	case curveP521:
		return ecdh.P521()
	case curveX25519:
		return ecdh.X25519()
	}
	return nil
}

// curveByOID returns the named curve, 0 if it is not one of ours.
func curveByOID(o oid) curve {
	switch o {
	case oidP256:
		return curveP256
	case oidP384:
		return curveP384
	case oidP521:
		return curveP521
	}
	return 0
}

// curveByPoint returns the curve by the length of an uncompressed point
// (SEC 1, Section 2.3.3), 0 if no curve of ours has points so long.
func curveByPoint(p []byte) curve {
	switch len(p) {
	case 1 + 2*32:
		return curveP256
	case 1 + 2*48:
		return curveP384
	case 1 + 2*66:
		return curveP521
	}
	return 0
}

// refuseCurve returns why the parameters of a key with id-ecPublicKey are not
// supported, "" if they name one of our curves. RFC 5480, Section 2.1.1 allows
// nothing but a name.
//
//	ECParameters ::= CHOICE {
//	   namedCurve OBJECT IDENTIFIER
//	   -- implicitCurve NULL
//	   -- specifiedCurve SpecifiedECDomain }
func refuseCurve(params []byte) string {
	s := cryptobyte.String(params)
	var o oid
	switch {
	case s.PeekASN1Tag(asn1.SEQUENCE):
		// Whoever chooses the generator can forge (CVE-2020-0601).
		return "spells its curve out instead of naming it, which is not allowed (RFC 5480): issue it anew with a named curve"
	case s.PeekASN1Tag(asn1.NULL) || len(params) == 0:
		return "does not name its curve"
	case !readOID(&s, &o) || !s.Empty():
		return "has a curve that is damaged"
	case curveByOID(o) != 0:
		return ""
	}
	if name := otherCurve(o); name != "" {
		return fmt.Sprintf("is on the curve %s, which is not supported: P-256, P-384, P-521, X25519 and X448 are", name)
	}
	return "is on a curve that is not supported: P-256, P-384, P-521, X25519 and X448 are"
}

// otherCurve names curves that certificates in use have and that are not
// supported: those of RFC 5639, and of SEC 2.
func otherCurve(o oid) string {
	const brainpool, sec = "\x2b\x24\x03\x03\x02\x08\x01\x01", "\x2b\x81\x04\x00"
	if len(o) == len(brainpool)+1 && o[:len(brainpool)] == brainpool {
		// 1.3.36.3.3.2.8.1.1.1 to .14: r1 and t1 of seven sizes.
		sizes, n := [...]int{160, 192, 224, 256, 320, 384, 512}, int(o[len(brainpool)])-1
		if n >= 0 && n < 2*len(sizes) {
			return fmt.Sprintf("brainpoolP%d%c1", sizes[n/2], "rt"[n%2])
		}
	}
	if len(o) == len(sec)+1 && o[:len(sec)] == sec {
		switch o[len(sec)] {
		case 10:
			return "secp256k1"
		case 33:
			return "P-224"
		}
	}
	if o == "\x2a\x86\x48\xce\x3d\x03\x01\x01" { // 1.2.840.10045.3.1.1
		return "P-192"
	}
	return ""
}

// montgomery reports whether c is X25519 or X448.
func (c curve) montgomery() bool { return c == curveX25519 || c == curveX448 }

// strangeCurve names a curve that is not supported, as far as it has a name:
// who meets one should know what to ask the sender for.
func strangeCurve(o oid) string {
	if name := otherCurve(o); name != "" {
		return "the curve " + name + ", which is not supported"
	}
	return "a curve that is not supported"
}
