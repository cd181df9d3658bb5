package smime

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// schemeKind is how a signature is computed.
type schemeKind uint8

const (
	schemeRSA schemeKind = iota + 1 // PKCS#1 v1.5
	schemePSS
	schemeECDSA
	schemeEd25519
)

// signatureScheme is a signature algorithm with its digest.
type signatureScheme struct {
	kind schemeKind
	hash crypto.Hash
}

// String names the scheme as reports show it.
func (s signatureScheme) String() string {
	switch s.kind {
	case schemeRSA:
		return "RSA PKCS#1 v1.5, " + s.hash.String()
	case schemePSS:
		return "RSA-PSS, " + s.hash.String()
	case schemeECDSA:
		return "ECDSA, " + s.hash.String()
	case schemeEd25519:
		return "Ed25519, " + s.hash.String()
	}
	return "not supported"
}

// ecdsaOID returns ECDSA with h, "" for a digest that it has no identifier for.
func ecdsaOID(h crypto.Hash) oid {
	switch h {
	case crypto.SHA1:
		return oidECDSASHA1
	case crypto.SHA224:
		return oidECDSASHA224
	case crypto.SHA256:
		return oidECDSASHA256
	case crypto.SHA384:
		return oidECDSASHA384
	case crypto.SHA512:
		return oidECDSASHA512
	}
	return ""
}

// rsaOID returns RSA PKCS#1 v1.5 with h, "" for a digest that it has no
// identifier for.
func rsaOID(h crypto.Hash) oid {
	switch h {
	case crypto.MD5:
		return oidMD5WithRSA
	case crypto.SHA1:
		return oidSHA1WithRSA
	case crypto.SHA224:
		return oidSHA224WithRSA
	case crypto.SHA256:
		return oidSHA256WithRSA
	case crypto.SHA384:
		return oidSHA384WithRSA
	case crypto.SHA512:
		return oidSHA512WithRSA
	}
	return ""
}

// schemeOf returns the scheme that a SignerInfo names by its signature
// algorithm and the digest h, or why there is none.
//
// A signature algorithm that names a digest must name h (RFC 8933, Section 3):
// with two digests the weaker one would decide.
func schemeOf(a *algorithm, h crypto.Hash) (s signatureScheme, refuse string) {
	const mixed = "the signature's digest is another than the content's, or not supported"
	switch a.oid {
	case oidRSAEncryption:
		s.kind = schemeRSA
	case oidMD5WithRSA, oidSHA1WithRSA, oidSHA224WithRSA, oidSHA256WithRSA, oidSHA384WithRSA, oidSHA512WithRSA:
		if a.oid != rsaOID(h) {
			return s, mixed
		}
		s.kind = schemeRSA
	case oidECDSASHA1, oidECDSASHA224, oidECDSASHA256, oidECDSASHA384, oidECDSASHA512:
		if a.oid != ecdsaOID(h) {
			return s, mixed
		}
		s.kind = schemeECDSA
	case oidEd25519:
		s.kind = schemeEd25519
	case oidRSAPSS:
		if !pssMatches(a.params, h) {
			return s, "RSA-PSS with parameters that are not supported"
		}
		return signatureScheme{schemePSS, h}, ""
	default:
		return s, "a signature algorithm that is not supported"
	}
	if !a.plain() {
		return s, "a signature algorithm with parameters that it does not have"
	}
	s.hash = h
	return s, ""
}

// pssMatches reports whether RSASSA-PSS-params say h for both digests and a
// salt as long as the digest, the one form that RFC 4056, Section 3 has in
// mind. RFC 4055, Section 3.1:
//
//	RSASSA-PSS-params  ::=  SEQUENCE  {
//	   hashAlgorithm     [0] HashAlgorithm DEFAULT sha1Identifier,
//	   maskGenAlgorithm  [1] MaskGenAlgorithm DEFAULT mgf1SHA1Identifier,
//	   saltLength        [2] INTEGER DEFAULT 20,
//	   trailerField      [3] INTEGER DEFAULT 1  }
func pssMatches(params []byte, h crypto.Hash) bool {
	s := cryptobyte.String(params)
	var p oaepParams // the first two fields are the same as OAEP's
	p.hash, p.mgf = crypto.SHA1, crypto.SHA1
	if !s.ReadASN1(&s, asn1.SEQUENCE) {
		return false
	}
	a := algorithm{}
	if there, ok := readExplicit(&s, &a, 0); !ok || there && !p.setHash(&p.hash, &a) {
		return false
	}
	if there, ok := readExplicit(&s, &a, 1); !ok || there && !p.setMGF(&a) {
		return false
	}
	var salt, trailer int
	context := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
	if !s.ReadOptionalASN1Integer(&salt, context(2), 20) ||
		!s.ReadOptionalASN1Integer(&trailer, context(3), 1) || !s.Empty() {
		return false
	}
	return p.refuse == "" && p.hash == h && p.mgf == h && salt == h.Size() && trailer == 1
}

// fits reports whether a key of this kind makes signatures of the scheme.
func (s signatureScheme) fits(k *publicKey) bool {
	switch s.kind {
	case schemeRSA, schemePSS:
		return k.kind == keyRSA
	case schemeECDSA:
		return k.kind == keyEC
	case schemeEd25519:
		return k.kind == keyEd25519
	}
	return false
}

// verify reports whether signature is k's over message. Everything that can go
// wrong in the encoding of a signature is left to the standard library, which
// encodes anew and compares (RSA), or parses strictly (ECDSA, Ed25519).
func (s signatureScheme) verify(k *publicKey, message, signature []byte) bool {
	if !s.fits(k) || s.kind != schemeEd25519 && !s.hash.Available() {
		return false
	}
	if s.kind == schemeEd25519 {
		return ed25519.Verify(k.ed25519, message, signature)
	}
	h := s.hash.New()
	h.Write(message)
	digest := h.Sum(nil)
	switch s.kind {
	case schemeRSA:
		return rsa.VerifyPKCS1v15(k.rsa, s.hash, digest, signature) == nil
	case schemePSS:
		return rsa.VerifyPSS(k.rsa, s.hash, digest, signature, &rsa.PSSOptions{SaltLength: s.hash.Size()}) == nil
	case schemeECDSA:
		return ecdsa.VerifyASN1(k.ecdsa, digest, signature)
	}
	return false
}
