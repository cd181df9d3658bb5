package smime

import (
	"crypto"
	_ "crypto/md5"    // links the digest; it is only ever reported as weak
	_ "crypto/sha1"   // links the digest
	_ "crypto/sha256" // links SHA-224 and SHA-256
	_ "crypto/sha512" // links SHA-384 and SHA-512, and those cut from it

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// hashByOID returns the digest that o names, false for none that can be
// computed here.
func hashByOID(o oid) (crypto.Hash, bool) {
	h, ok := knownHash(o)
	return h, ok && (!weakHash(h) || !fipsOnly())
}

// knownHash is hashByOID with those that fips140=only forbids.
func knownHash(o oid) (crypto.Hash, bool) {
	var h crypto.Hash
	switch o {
	case oidMD5:
		h = crypto.MD5
	case oidSHA1:
		h = crypto.SHA1
	case oidSHA224:
		h = crypto.SHA224
	case oidSHA256:
		h = crypto.SHA256
	case oidSHA384:
		h = crypto.SHA384
	case oidSHA512:
		h = crypto.SHA512
	case oidSHA512t224:
		h = crypto.SHA512_224
	case oidSHA512t256:
		h = crypto.SHA512_256
	default:
		return 0, false
	}
	return h, true
}

// oidOfHash returns the identifier of a digest that we write.
func oidOfHash(h crypto.Hash) oid {
	switch h {
	case crypto.SHA384:
		return oidSHA384
	case crypto.SHA512:
		return oidSHA512
	}
	return oidSHA256
}

// weakHash reports whether collisions of h are known, so that a signature over
// it proves nothing about which of two contents was signed.
func weakHash(h crypto.Hash) bool { return h == crypto.MD5 || h == crypto.SHA1 }

// algorithm is an AlgorithmIdentifier (RFC 5280, Section 4.1.1.2).
type algorithm struct {
	oid    oid
	params []byte // one element in DER; nil: absent
}

// readAlgorithm consumes an AlgorithmIdentifier with the given tag. Parameters
// may be absent anywhere: what needs them says so.
func readAlgorithm(s *cryptobyte.String, a *algorithm, tag asn1.Tag) bool {
	var in, params cryptobyte.String
	if !s.ReadASN1(&in, tag) || !readOID(&in, &a.oid) {
		return false
	}
	a.params = nil
	if in.Empty() {
		return true
	}
	if !in.ReadAnyASN1Element(&params, new(asn1.Tag)) || !in.Empty() {
		return false
	}
	a.params = params
	return true
}

// plain reports whether the parameters are absent or NULL, the two ways to
// say that there are none (RFC 5754, Section 2: accept both).
func (a *algorithm) plain() bool {
	return a.params == nil || len(a.params) == 2 && a.params[0] == byte(asn1.NULL) && a.params[1] == 0
}

// addAlgorithm appends an AlgorithmIdentifier without parameters.
func addAlgorithm(b *cryptobyte.Builder, o oid) { b.AddASN1(asn1.SEQUENCE, o.add) }

// addAlgorithmNULL appends an AlgorithmIdentifier with NULL parameters, as RSA
// and its digests want them (RFC 8017, Appendix A.1 and A.2).
func addAlgorithmNULL(b *cryptobyte.Builder, o oid) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		o.add(b)
		b.AddASN1NULL()
	})
}

// derAlgorithm returns addAlgorithm's element.
func derAlgorithm(o oid) []byte {
	var b cryptobyte.Builder
	addAlgorithm(&b, o)
	return b.BytesOrPanic() // cannot fail: an oid is a short constant
}
