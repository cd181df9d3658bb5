package smime

import (
	"crypto"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// pssParams are RSASSA-PSS-params. RFC 4055, Section 3.1:
//
//	RSASSA-PSS-params  ::=  SEQUENCE  {
//	   hashAlgorithm     [0] HashAlgorithm DEFAULT sha1Identifier,
//	   maskGenAlgorithm  [1] MaskGenAlgorithm DEFAULT mgf1SHA1Identifier,
//	   saltLength        [2] INTEGER DEFAULT 20,
//	   trailerField      [3] INTEGER DEFAULT 1  }
type pssParams struct {
	hash, mgf     digestKind
	salt, trailer int
}

// parsePSS reads RSASSA-PSS-params. Digests that are not known are 0.
func parsePSS(params []byte) (p pssParams, ok bool) {
	p.hash, p.mgf = digestKind(crypto.SHA1), digestKind(crypto.SHA1)
	s := cryptobyte.String(params)
	if !s.ReadASN1(&s, asn1.SEQUENCE) {
		return p, false
	}
	var a algorithm
	if there, ok := readExplicit(&s, &a, 0); !ok {
		return p, false
	} else if there {
		p.hash, _ = digestOf(&a)
	}
	if there, ok := readExplicit(&s, &a, 1); !ok {
		return p, false
	} else if there {
		p.mgf = mgf1Of(&a)
	}
	context := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
	return p, s.ReadOptionalASN1Integer(&p.salt, context(2), 20) &&
		s.ReadOptionalASN1Integer(&p.trailer, context(3), 1) && s.Empty()
}

// mgf1Of returns the digest of a mask generation function, 0 if it is not MGF1
// with one that is known.
func mgf1Of(a *algorithm) digestKind {
	var in algorithm
	s := cryptobyte.String(a.params)
	if a.oid != oidMGF1 || !readAlgorithm(&s, &in, asn1.SEQUENCE) || !s.Empty() {
		return 0
	}
	d, _ := digestOf(&in)
	return d
}

// pssSalt returns the length of the salt that the parameters of a signature
// state, or why they are not supported. They must be there (RFC 4056, Section
// 3), and say d for both digests, as every producer does.
//
// The salt is what the parameters say and exactly that long. RFC 4056 wants it
// as long as the digest; OpenSSL by default makes it as long as fits, and
// programs that leave the field out say 20 by that. A short salt makes the
// proof of security less tight and no forgery easier, so that any of one octet
// or more is accepted. For none, crypto/rsa has no exact check.
func pssSalt(params []byte, d digestKind) (salt int, refuse string) {
	p, ok := parsePSS(params)
	switch {
	case !ok, p.hash != d, p.mgf != d, p.trailer != 1, d == digestKind(crypto.MD5), d.crypto() == 0:
		return 0, "RSA-PSS with parameters that are not supported"
	case p.salt < 1 || p.salt > maxVerifyRSA/8:
		return 0, "RSA-PSS with a salt of a length that is not supported"
	}
	return p.salt, ""
}

// pssAllows reports whether the parameters in the certificate of a key allow a
// signature with d for both digests and the salt: the same digests, and a salt
// as long or longer (RFC 4055, Section 3.3). Absent ones allow all.
func pssAllows(params []byte, d digestKind, salt int) bool {
	if params == nil {
		return true
	}
	p, ok := parsePSS(params)
	return ok && p.hash == d && p.mgf == d && salt >= p.salt && p.trailer == 1
}

// addPSS appends RSASSA-PSS with h for both digests and a salt as long as the
// digest (RFC 4056, Section 3).
func addPSS(b *cryptobyte.Builder, h crypto.Hash) {
	context := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		oidRSAPSS.add(b)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(context(0), func(b *cryptobyte.Builder) { addAlgorithmNULL(b, oidOfHash(h)) })
			b.AddASN1(context(1), func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					oidMGF1.add(b)
					addAlgorithmNULL(b, oidOfHash(h))
				})
			})
			b.AddASN1(context(2), func(b *cryptobyte.Builder) { b.AddASN1Int64(int64(h.Size())) })
		})
	})
}
