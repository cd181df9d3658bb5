package smime

import (
	"crypto"

	"github.com/cloudflare/circl/dh/x448"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxPoint is the size of an originator's public key: a point on P-521 has 133
// octets, other curves are somewhat larger.
const maxPoint = 1024

// parseKeyAgreement reads the content of a KeyAgreeRecipientInfo. RFC 5652,
// Section 6.2.2:
//
//	KeyAgreeRecipientInfo ::= SEQUENCE {
//	  version CMSVersion,  -- always set to 3
//	  originator [0] EXPLICIT OriginatorIdentifierOrKey,
//	  ukm [1] EXPLICIT UserKeyingMaterial OPTIONAL,
//	  keyEncryptionAlgorithm KeyEncryptionAlgorithmIdentifier,
//	  recipientEncryptedKeys RecipientEncryptedKeys }
//
// It stops behind the first reader that is more than most.
func parseKeyAgreement(s cryptobyte.String, most int) ([]*recipientInfo, bool) {
	g := &agreement{}
	var version int
	var originator, ukm, keys cryptobyte.String
	var hasUKM bool
	var a algorithm
	if !s.ReadASN1Integer(&version) || version != 3 ||
		!s.ReadASN1(&originator, asn1.Tag(0).ContextSpecific().Constructed()) ||
		!s.ReadOptionalASN1(&ukm, &hasUKM, asn1.Tag(1).ContextSpecific().Constructed()) ||
		!readAlgorithm(&s, &a, asn1.SEQUENCE) ||
		!s.ReadASN1(&keys, asn1.SEQUENCE) || !s.Empty() || keys.Empty() {
		return nil, false
	}
	if hasUKM {
		if !ukm.ReadASN1((*cryptobyte.String)(&g.ukm), asn1.OCTET_STRING) || !ukm.Empty() || len(g.ukm) > maxUKM {
			return nil, false
		}
	}
	if !g.setOriginator(originator) || !g.setScheme(&a) {
		return nil, false
	}
	var out []*recipientInfo
	for !keys.Empty() && len(out) <= most {
		ri := &recipientInfo{kind: keyAgreement, agree: g}
		if !readEncryptedKey(&keys, ri) {
			return nil, false
		}
		out = append(out, ri)
	}
	return out, true
}

// setOriginator reads the originator's ephemeral key. RFC 5652, Section 6.2.2:
//
//	OriginatorIdentifierOrKey ::= CHOICE {
//	  issuerAndSerialNumber IssuerAndSerialNumber,
//	  subjectKeyIdentifier [0] SubjectKeyIdentifier,
//	  originatorKey [1] OriginatorPublicKey }
//	OriginatorPublicKey ::= SEQUENCE {
//	  algorithm AlgorithmIdentifier,
//	  publicKey BIT STRING }
//
// The first two are static keys, which RFC 5753 does not use.
func (g *agreement) setOriginator(s cryptobyte.String) bool {
	var in cryptobyte.String
	tag := asn1.Tag(1).ContextSpecific().Constructed()
	if !s.PeekASN1Tag(tag) {
		g.refuse = "a key agreement with a static key of the sender"
		return !s.Empty()
	}
	var a algorithm
	if !s.ReadASN1(&in, tag) || !s.Empty() ||
		!readAlgorithm(&in, &a, asn1.SEQUENCE) ||
		!in.ReadASN1BitStringAsBytes(&g.point) || !in.Empty() || len(g.point) > maxPoint {
		return false
	}
	switch a.oid {
	case oidECPublicKey:
		return g.setPoint(&a)
	case oidX25519, oidX448:
		return g.setMontgomery(&a)
	}
	g.refuse = "a key agreement other than ECDH on a NIST curve, X25519 and X448"
	return true
}

// setPoint takes a point on a curve of NIST's. RFC 5753, Section 3.1.1: the
// parameters are absent, NULL, or the curve.
func (g *agreement) setPoint(a *algorithm) bool {
	var o oid
	if a.plain() {
		g.curve = curveByPoint(g.point)
	} else {
		p := cryptobyte.String(a.params)
		if p.PeekASN1Tag(asn1.OBJECT_IDENTIFIER) && !readOID(&p, &o) {
			return false
		}
		g.curve = curveByOID(o)
	}
	if g.curve == 0 {
		g.refuse = "ECDH on " + strangeCurve(o)
	}
	return true
}

// setMontgomery takes a public key for X25519 or X448, of which the length is
// known. RFC 8418, Section 3.1 wants the parameters absent.
//
// QUIRK: NULL is taken for absent here too, as everywhere: it says no more.
func (g *agreement) setMontgomery(a *algorithm) bool {
	g.curve = curveX25519
	size := len(g.point) == x25519Size
	if a.oid == oidX448 {
		g.curve, size = curveX448, len(g.point) == x448.Size
	}
	if fipsOnly() {
		g.refuse, g.forbidden = g.curve.String(), g.curve.String()
	}
	return a.plain() && size
}

// x25519Size is the length of a public key for X25519 (RFC 7748, Section 5).
const x25519Size = 32

// setScheme reads the key-encryption algorithm: the scheme, and as its
// parameters the key wrap (RFC 5753, Section 7.1.4). A scheme of ours without
// parameters is malformed.
func (g *agreement) setScheme(a *algorithm) bool {
	scheme, ok := schemeByOID(a.oid)
	if !ok {
		g.refuse = "a scheme of key agreement that is not supported"
		return true
	}
	g.kdf, g.hkdf = scheme.kdf, scheme.hkdf
	if g.refuse == "" && g.curve.montgomery() && (scheme.cofactor || scheme.kdf.Size() < 32) {
		// RFC 8418, Section 2.1 has the others only.
		g.refuse = g.curve.String() + " with a scheme that is not defined for it"
	}
	if weakHash(g.kdf) && fipsOnly() {
		g.refuse, g.forbidden = "a scheme of key agreement with SHA-1", forbiddenSHA1
	}
	s := cryptobyte.String(a.params)
	g.wrap = a.params
	if g.size, ok = readKeyWrap(&s); !ok || !s.Empty() {
		return false
	}
	if g.size == 0 {
		g.refuse = refusedWrap
	}
	return true
}

// refusedWrap is why a key is not unwrapped.
const refusedWrap = "a key wrap other than AES"

// readKeyWrap consumes the AlgorithmIdentifier of a key wrap and returns the
// size of its key in octets, 0 for one that is not supported.
//
// QUIRK: RFC 3565, Section 2.3.2 wants the parameters of AES key wrap absent,
// and some write NULL. Either way the octets go into the KDF.
func readKeyWrap(s *cryptobyte.String) (size int, ok bool) {
	var a algorithm
	if !readAlgorithm(s, &a, asn1.SEQUENCE) {
		return 0, false
	}
	switch a.oid {
	case oidAES128Wrap:
		size = 16
	case oidAES192Wrap:
		size = 24
	case oidAES256Wrap:
		size = 32
	default:
		return 0, true
	}
	return size, a.plain()
}

// scheme is how a key agreement derives the key-encryption key.
type scheme struct {
	kdf      crypto.Hash
	hkdf     bool // RFC 8418, Section 2.2; else that of ANSI X9.63
	cofactor bool
}

// schemeByOID returns the scheme that o names. Cofactor ECDH is the same as the
// standard one on curves with cofactor 1, which NIST's are.
func schemeByOID(o oid) (s scheme, ok bool) {
	switch o {
	case oidStdDHSHA1KDF:
		s.kdf = crypto.SHA1
	case oidStdDHSHA224KDF:
		s.kdf = crypto.SHA224
	case oidStdDHSHA256KDF:
		s.kdf = crypto.SHA256
	case oidStdDHSHA384KDF:
		s.kdf = crypto.SHA384
	case oidStdDHSHA512KDF:
		s.kdf = crypto.SHA512
	case oidCofactorSHA1KDF:
		s = scheme{kdf: crypto.SHA1, cofactor: true}
	case oidCofactorSHA224KDF:
		s = scheme{kdf: crypto.SHA224, cofactor: true}
	case oidCofactorSHA256KDF:
		s = scheme{kdf: crypto.SHA256, cofactor: true}
	case oidCofactorSHA384KDF:
		s = scheme{kdf: crypto.SHA384, cofactor: true}
	case oidCofactorSHA512KDF:
		s = scheme{kdf: crypto.SHA512, cofactor: true}
	case oidStdDHHKDFSHA256:
		s = scheme{kdf: crypto.SHA256, hkdf: true}
	case oidStdDHHKDFSHA384:
		s = scheme{kdf: crypto.SHA384, hkdf: true}
	case oidStdDHHKDFSHA512:
		s = scheme{kdf: crypto.SHA512, hkdf: true}
	default:
		return s, false
	}
	return s, true
}

// readEncryptedKey consumes one reader's key. RFC 5652, Section 6.2.2:
//
//	RecipientEncryptedKey ::= SEQUENCE {
//	  rid KeyAgreeRecipientIdentifier,
//	  encryptedKey EncryptedKey }
//	KeyAgreeRecipientIdentifier ::= CHOICE {
//	  issuerAndSerialNumber IssuerAndSerialNumber,
//	  rKeyId [0] IMPLICIT RecipientKeyIdentifier }
//	RecipientKeyIdentifier ::= SEQUENCE {
//	  subjectKeyIdentifier SubjectKeyIdentifier,
//	  date GeneralizedTime OPTIONAL,
//	  other OtherKeyAttribute OPTIONAL }
func readEncryptedKey(s *cryptobyte.String, ri *recipientInfo) bool {
	var in, rid cryptobyte.String
	if !s.ReadASN1(&in, asn1.SEQUENCE) {
		return false
	}
	if tag := asn1.Tag(0).ContextSpecific().Constructed(); in.PeekASN1Tag(tag) {
		// date and other select among versions of a key, which certificates
		// do not have: they are skipped.
		if !in.ReadASN1(&rid, tag) ||
			!rid.ReadASN1((*cryptobyte.String)(&ri.id.ski), asn1.OCTET_STRING) ||
			len(ri.id.ski) == 0 || len(ri.id.ski) > maxKeyIdentifier ||
			!rid.SkipOptionalASN1(asn1.GeneralizedTime) ||
			!rid.SkipOptionalASN1(asn1.SEQUENCE) || !rid.Empty() {
			return false
		}
	} else if !readIssuerAndSerial(&in, &ri.id) {
		return false
	}
	return in.ReadASN1((*cryptobyte.String)(&ri.encryptedKey), asn1.OCTET_STRING) &&
		in.Empty() && len(ri.encryptedKey) <= maxEncryptedKey
}
