package smime

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"

	"filippo.io/mldsa"
	"github.com/cloudflare/circl/sign/ed448"
	"github.com/cloudflare/circl/sign/slhdsa"
)

// schemeKind is how a signature is computed.
type schemeKind uint8

const (
	schemeRSA schemeKind = iota + 1 // PKCS#1 v1.5
	schemePSS
	schemeECDSA
	schemeEd25519 // this and the following take the message, not its digest
	schemeEd448
	schemeMLDSA  // pure, with an empty context (RFC 9882, Section 3)
	schemeSLHDSA // likewise (RFC 9814, Section 4)
)

// signatureScheme is a signature algorithm with its digest: the one that is
// signed, or, where the scheme takes the message, the one of the content.
type signatureScheme struct {
	kind   schemeKind
	digest digestKind
	salt   int // of RSA-PSS, in octets
	set    oid // the parameter set of ML-DSA and SLH-DSA
}

// whole reports whether the scheme takes the message and not its digest.
func (s signatureScheme) whole() bool { return s.kind >= schemeEd25519 }

// String names the scheme as reports show it.
func (s signatureScheme) String() string {
	name := "not supported"
	switch s.kind {
	case schemeRSA:
		name = "RSA PKCS#1 v1.5"
	case schemePSS:
		name = "RSA-PSS"
	case schemeECDSA:
		name = "ECDSA"
	case schemeEd25519:
		name = "Ed25519"
	case schemeEd448:
		name = "Ed448"
	case schemeMLDSA:
		name = mldsaByOID(s.set).String()
	case schemeSLHDSA:
		id, _ := slhdsaByOID(s.set)
		name = "SLH-DSA-" + id.String()
	default:
		return name
	}
	return name + ", " + s.digest.String()
}

// namedByOID returns the scheme and the digest that the identifier of a
// signature algorithm names together, 0 for one that names no digest.
func namedByOID(o oid) (schemeKind, digestKind) {
	switch o {
	case oidMD5WithRSA:
		return schemeRSA, digestKind(crypto.MD5)
	case oidSHA1WithRSA:
		return schemeRSA, digestKind(crypto.SHA1)
	case oidSHA224WithRSA:
		return schemeRSA, digestKind(crypto.SHA224)
	case oidSHA256WithRSA:
		return schemeRSA, digestKind(crypto.SHA256)
	case oidSHA384WithRSA:
		return schemeRSA, digestKind(crypto.SHA384)
	case oidSHA512WithRSA:
		return schemeRSA, digestKind(crypto.SHA512)
	case oidSHA512t224WithRSA:
		return schemeRSA, digestKind(crypto.SHA512_224)
	case oidSHA512t256WithRSA:
		return schemeRSA, digestKind(crypto.SHA512_256)
	case oidSHA3224WithRSA: // this and SHA-3 below: RFC 9688, Section 3
		return schemeRSA, digestKind(crypto.SHA3_224)
	case oidSHA3256WithRSA:
		return schemeRSA, digestKind(crypto.SHA3_256)
	case oidSHA3384WithRSA:
		return schemeRSA, digestKind(crypto.SHA3_384)
	case oidSHA3512WithRSA:
		return schemeRSA, digestKind(crypto.SHA3_512)
	case oidECDSASHA1:
		return schemeECDSA, digestKind(crypto.SHA1)
	case oidECDSASHA224:
		return schemeECDSA, digestKind(crypto.SHA224)
	case oidECDSASHA256:
		return schemeECDSA, digestKind(crypto.SHA256)
	case oidECDSASHA384:
		return schemeECDSA, digestKind(crypto.SHA384)
	case oidECDSASHA512:
		return schemeECDSA, digestKind(crypto.SHA512)
	case oidECDSASHA3224:
		return schemeECDSA, digestKind(crypto.SHA3_224)
	case oidECDSASHA3256:
		return schemeECDSA, digestKind(crypto.SHA3_256)
	case oidECDSASHA3384:
		return schemeECDSA, digestKind(crypto.SHA3_384)
	case oidECDSASHA3512:
		return schemeECDSA, digestKind(crypto.SHA3_512)
	case oidECDSASHAKE128: // RFC 8702, Section 3.2.2
		return schemeECDSA, digestSHAKE128
	case oidECDSASHAKE256:
		return schemeECDSA, digestSHAKE256
	}
	return 0, 0
}

// schemeOf returns the scheme that a SignerInfo names by its signature
// algorithm and the digest d, or why there is none.
//
// A signature algorithm that names a digest must name d (RFC 8933, Section 3):
// with two digests the weaker one would decide.
func schemeOf(a *algorithm, d digestKind) (s signatureScheme, refuse string) {
	s.digest = d
	named := digestKind(0)
	if s.kind, named = namedByOID(a.oid); s.kind != 0 && named != d {
		return s, "the signature's digest is another than the content's, or not supported"
	}
	switch a.oid {
	case oidRSAEncryption:
		s.kind = schemeRSA
	case oidEd25519:
		s.kind = schemeEd25519
	case oidEd448:
		s.kind = schemeEd448
	case oidMLDSA44, oidMLDSA65, oidMLDSA87:
		s.kind, s.set = schemeMLDSA, a.oid
	case oidRSAPSS:
		if s.salt, refuse = pssSalt(a.params, d); refuse != "" {
			return s, refuse
		}
		s.kind = schemePSS
		return s, s.forbidden()
	case oidPSSSHAKE128, oidPSSSHAKE256:
		return s, "RSA-PSS with SHAKE, which is not supported"
	case oidDSA, oidDSASHA1, oidDSASHA224, oidDSASHA256, oidDSASHA384, oidDSASHA512:
		return s, "DSA, which is not supported"
	default:
		if _, ok := slhdsaByOID(a.oid); ok {
			s.kind, s.set = schemeSLHDSA, a.oid
		}
	}
	switch {
	case s.kind == 0:
		return s, "a signature algorithm that is not supported"
	case !a.plain(), s.whole() && a.params != nil:
		return s, "a signature algorithm with parameters that it does not have"
	case s.kind == schemeRSA && d.crypto() == 0:
		return s, "RSA PKCS#1 v1.5 with SHAKE, which there is not"
	case s.whole() && !d.weak() && d.size() < leastWhole:
		return s, "a content digest that is too short for the signature algorithm"
	}
	return s, s.forbidden()
}

// leastWhole is the length in octets of the shortest content digest that goes
// with a scheme that takes the message.
//
// RFC 8419, Section 3.1 has SHA-512 for Ed25519 and SHAKE256 for Ed448; RFC
// 9882, Section 4 wants SHA-512 to be known for ML-DSA, and digests of twice
// the strength of the key. Others are met in the wild (SHA-256 with Ed25519
// most often). What the digest has to do is not to collide, which 256 bits do:
// so the digest is not held to the key's strength. Weak ones are told as weak.
const leastWhole = 256 / 8

// forbidden returns why fips140=only forbids the scheme, "" if it does not:
// what the Go Cryptographic Module does not have, and longer salts than FIPS
// 186-5, Section 5.4 allows.
func (s signatureScheme) forbidden() string {
	if !fipsOnly() {
		return ""
	}
	switch {
	case s.kind == schemePSS && s.salt > s.digest.size(), s.kind > schemeEd25519:
		return s.String() + ", which GODEBUG=fips140=only does not allow"
	}
	return ""
}

// fits reports whether k makes signatures of the scheme. An RSA key that its
// certificate restricts to PSS makes none of PKCS#1 v1.5, with parameters only
// such as they allow (RFC 4055, Section 3.3), and one that is for OAEP makes
// none at all.
func (s signatureScheme) fits(k *publicKey) bool {
	switch s.kind {
	case schemeRSA:
		return k.kind == keyRSA && k.only == rsaAny
	case schemePSS:
		return k.kind == keyRSA && (k.only == rsaAny || k.only == rsaPSS && pssAllows(k.params, s.digest, s.salt))
	case schemeECDSA:
		return k.kind == keyEC
	case schemeEd25519:
		return k.kind == keyEd25519
	case schemeEd448:
		return k.kind == keyEd448
	case schemeMLDSA:
		return k.kind == keyMLDSA && k.mldsa.Parameters() == mldsaByOID(s.set)
	case schemeSLHDSA:
		id, ok := slhdsaByOID(s.set)
		return ok && k.kind == keySLHDSA && k.slhdsa.ID == id
	}
	return false
}

// verify reports whether signature is k's over message. Everything that can go
// wrong in the encoding of a signature is left to the library, which encodes
// anew and compares (RSA), or parses strictly (all others).
func (s signatureScheme) verify(k *publicKey, message, signature []byte) bool {
	if !s.fits(k) {
		return false
	}
	switch s.kind {
	case schemeEd25519:
		return ed25519.Verify(k.ed25519, message, signature)
	case schemeEd448:
		return ed448.Verify(k.ed448, message, signature, "")
	case schemeMLDSA:
		return mldsa.Verify(k.mldsa, message, signature, nil) == nil
	case schemeSLHDSA:
		return slhdsa.Verify(k.slhdsa, slhdsa.NewMessage(message), signature, nil)
	}
	h := s.digest.new()
	h.Write(message)
	digest := h.Sum(nil)
	switch s.kind {
	case schemeRSA:
		return rsa.VerifyPKCS1v15(k.rsa, s.digest.crypto(), digest, signature) == nil
	case schemePSS:
		return rsa.VerifyPSS(k.rsa, s.digest.crypto(), digest, signature, &rsa.PSSOptions{SaltLength: s.salt}) == nil
	case schemeECDSA:
		return ecdsa.VerifyASN1(k.ecdsa, digest, signature)
	}
	return false
}
