package smime

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxAttributes bounds the signed attributes of one signer, and the
// authenticated ones of a message. Mail programs write 3 to 8.
const maxAttributes = 64

// attributeValues is what the signed attributes that we write say.
type attributeValues struct {
	contentType        []byte // OBJECT IDENTIFIER
	digest             []byte
	when               time.Time
	certificate        *certificate
	digestAlgorithm    []byte
	signatureAlgorithm []byte
}

// buildAttributes returns the signed attributes, sorted as DER wants.
func buildAttributes(v *attributeValues) ([][]byte, error) {
	capabilities, err := mailCapabilities()
	if err != nil {
		return nil, err
	}
	var out [][]byte
	add := func(o oid, value func(b *cryptobyte.Builder)) {
		var b cryptobyte.Builder
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			o.add(b)
			b.AddASN1(asn1.SET, value)
		})
		der, e := b.Bytes()
		if e != nil {
			err = e
		}
		out = append(out, der)
	}
	add(oidContentType, func(b *cryptobyte.Builder) { b.AddBytes(v.contentType) })
	add(oidMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(v.digest) })
	add(oidSigningTime, func(b *cryptobyte.Builder) { addTime(b, v.when) })
	add(oidSMIMECapabilities, func(b *cryptobyte.Builder) { b.AddBytes(capabilities) })
	add(oidSigningCertificateV2, func(b *cryptobyte.Builder) { addSigningCertificate(b, v.certificate) })
	add(oidAlgorithmProtection, func(b *cryptobyte.Builder) {
		addAlgorithmProtection(b, v.digestAlgorithm, v.signatureAlgorithm)
	})
	slices.SortFunc(out, bytes.Compare)
	return out, err
}

// addTime appends a Time: UTCTime through 2049, GeneralizedTime after that
// (RFC 5652, Section 11.3).
func addTime(b *cryptobyte.Builder, t time.Time) {
	if t.Year() < 2050 {
		b.AddASN1UTCTime(t)
	} else {
		b.AddASN1GeneralizedTime(t)
	}
}

// addSigningCertificate appends a SigningCertificateV2, which names the
// signer's certificate by its digest. RFC 5035, Section 3:
//
//	SigningCertificateV2 ::=  SEQUENCE {
//	   certs        SEQUENCE OF ESSCertIDv2,
//	   policies     SEQUENCE OF PolicyInformation OPTIONAL }
//	ESSCertIDv2 ::=  SEQUENCE {
//	   hashAlgorithm AlgorithmIdentifier DEFAULT {algorithm id-sha256},
//	   certHash     Hash,
//	   issuerSerial IssuerSerial OPTIONAL }
func addSigningCertificate(b *cryptobyte.Builder, c *certificate) {
	sum := sha256.Sum256(c.x.Raw)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1OctetString(sum[:]) })
		})
	})
}

// addAlgorithmProtection appends a CMSAlgorithmProtection, which repeats the
// algorithms where the signature covers them. RFC 6211, Section 2:
//
//	CMSAlgorithmProtection ::= SEQUENCE {
//	   digestAlgorithm     DigestAlgorithmIdentifier,
//	   signatureAlgorithm  [1] SignatureAlgorithmIdentifier OPTIONAL,
//	   macAlgorithm        [2] MessageAuthenticationCodeAlgorithm OPTIONAL }
func addAlgorithmProtection(b *cryptobyte.Builder, digest, signature []byte) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(digest)
		s := cryptobyte.String(signature)
		var in cryptobyte.String
		if !s.ReadASN1(&in, asn1.SEQUENCE) {
			return // cannot happen: it is ours
		}
		b.AddASN1(asn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(in) })
	})
}

// addSorted appends the elements in their order.
func addSorted(b *cryptobyte.Builder, elements [][]byte) {
	for _, e := range elements {
		b.AddBytes(e)
	}
}

// setOf returns a SET OF the elements in the given order. Signed attributes
// are signed under this tag, not the [0] that they stand under (RFC 5652,
// Section 5.4).
func setOf(elements [][]byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { addSorted(b, elements) })
	return b.BytesOrPanic() // cannot fail: the elements are in memory and far below 4 GiB
}

// signedAttributes are the signed attributes of a SignerInfo that was read.
type signedAttributes struct {
	elements    [][]byte // each Attribute in DER, in the message's order
	contentType []byte   // OBJECT IDENTIFIER
	digest      []byte
	when        time.Time // zero: not stated
	certHash    digestKind
	certDigest  []byte // nil: no signing certificate is named
	protected   *protection

	capabilities []byte // SMIMECapabilities, unread; nil: not stated
}

// protection is a CMSAlgorithmProtection.
type protection struct{ digest, signature algorithm }

// parseAttributes reads the content of SignedAttributes. It returns why they
// are not acceptable, "" if they are. RFC 5652, Section 5.3:
//
//	SignedAttributes ::= SET SIZE (1..MAX) OF Attribute
//	Attribute ::= SEQUENCE {
//	  attrType OBJECT IDENTIFIER,
//	  attrValues SET OF AttributeValue }
//
// Attributes that have a meaning here must be there once and have one value
// (Sections 11.1 to 11.3; RFC 8551, Section 2.5.2; RFC 5035, Section 3; RFC
// 6211, Section 2): of two, readers would disagree about which one counts.
//
// Those of a countersignature have no content type, as there is no content
// (Section 11.4).
func parseAttributes(s cryptobyte.String, counter bool) (a *signedAttributes, bad string) {
	a = &signedAttributes{}
	seen := make(map[oid]bool)
	for !s.Empty() {
		var element, in, values cryptobyte.String
		var o oid
		if len(a.elements) == maxAttributes {
			return a, "too many signed attributes"
		}
		if !s.ReadASN1Element(&element, asn1.SEQUENCE) {
			return a, "malformed signed attributes"
		}
		a.elements = append(a.elements, element)
		if !element.ReadASN1(&in, asn1.SEQUENCE) || !readOID(&in, &o) || !in.ReadASN1(&values, asn1.SET) || !in.Empty() {
			return a, "malformed signed attributes"
		}
		if o == oidCounterSignature {
			return a, "a countersignature is among the signed attributes" // RFC 5652, Section 11.4
		}
		name, read := a.reader(o)
		if read == nil {
			continue
		}
		if seen[o] {
			return a, "the attribute " + name + " is there twice"
		}
		seen[o] = true
		if !read(&values) || !values.Empty() {
			return a, "the attribute " + name + " is malformed, or has not one value"
		}
	}
	switch {
	case counter && a.contentType != nil:
		return a, "the attribute contentType is there, and a countersignature has none"
	case !counter && a.contentType == nil:
		return a, "the attribute contentType is missing"
	case a.digest == nil:
		return a, "the attribute messageDigest is missing"
	}
	return a, ""
}

// reader returns the name of an attribute and what consumes its one value, nil
// for an attribute without a meaning here.
func (a *signedAttributes) reader(o oid) (string, func(*cryptobyte.String) bool) {
	switch o {
	case oidContentType:
		return "contentType", func(s *cryptobyte.String) bool {
			return s.ReadASN1Element((*cryptobyte.String)(&a.contentType), asn1.OBJECT_IDENTIFIER)
		}
	case oidMessageDigest:
		return "messageDigest", func(s *cryptobyte.String) bool {
			return s.ReadASN1((*cryptobyte.String)(&a.digest), asn1.OCTET_STRING)
		}
	case oidSigningTime:
		return "signingTime", a.readTime
	case oidSMIMECapabilities:
		return "SMIMECapabilities", func(s *cryptobyte.String) bool {
			return s.ReadASN1Element((*cryptobyte.String)(&a.capabilities), asn1.SEQUENCE)
		}
	case oidSigningCertificate:
		return "signingCertificate", func(s *cryptobyte.String) bool { return a.readSigningCertificate(s, digestKind(crypto.SHA1)) }
	case oidSigningCertificateV2:
		return "signingCertificateV2", func(s *cryptobyte.String) bool { return a.readSigningCertificate(s, digestKind(crypto.SHA256)) }
	case oidAlgorithmProtection:
		return "CMSAlgorithmProtection", a.readProtection
	}
	return "", nil
}

// readTime consumes a Time (RFC 5652, Section 11.3).
func (a *signedAttributes) readTime(s *cryptobyte.String) bool {
	if s.PeekASN1Tag(asn1.UTCTime) {
		return s.ReadASN1UTCTime(&a.when)
	}
	return s.ReadASN1GeneralizedTime(&a.when)
}

// readSigningCertificate consumes a SigningCertificate (RFC 2634, Section
// 5.4), whose digests are SHA-1, or a SigningCertificateV2. Only the first
// certificate is the signer's. Where both attributes are there, the stronger
// one counts.
func (a *signedAttributes) readSigningCertificate(s *cryptobyte.String, h digestKind) bool {
	var in, list, id, digest cryptobyte.String
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !in.ReadASN1(&list, asn1.SEQUENCE) ||
		!in.SkipOptionalASN1(asn1.SEQUENCE) || !in.Empty() || !list.ReadASN1(&id, asn1.SEQUENCE) {
		return false
	}
	first := h == digestKind(crypto.SHA1)
	if !first && id.PeekASN1Tag(asn1.SEQUENCE) {
		var alg algorithm
		if !readAlgorithm(&id, &alg, asn1.SEQUENCE) {
			return false
		}
		var ok bool
		if h, ok = digestOf(&alg); !ok {
			return false
		}
	}
	if !id.ReadASN1(&digest, asn1.OCTET_STRING) || !id.SkipOptionalASN1(asn1.SEQUENCE) || !id.Empty() {
		return false
	}
	if a.certDigest == nil || a.certHash == digestKind(crypto.SHA1) {
		a.certHash, a.certDigest = h, digest
	}
	return true
}

// readProtection consumes a CMSAlgorithmProtection. One with a MAC algorithm
// is not for a signature.
func (a *signedAttributes) readProtection(s *cryptobyte.String) bool {
	var in cryptobyte.String
	p := &protection{}
	a.protected = p
	return s.ReadASN1(&in, asn1.SEQUENCE) &&
		readAlgorithm(&in, &p.digest, asn1.SEQUENCE) &&
		readAlgorithm(&in, &p.signature, asn1.Tag(1).ContextSpecific().Constructed()) &&
		in.Empty()
}

// nameCertificate reports whether the attributes name c as the signer's
// certificate, or name none.
func (a *signedAttributes) nameCertificate(c *certificate) bool {
	if a.certDigest == nil {
		return true
	}
	if len(a.certDigest) != a.certHash.size() {
		return false
	}
	h := a.certHash.new()
	h.Write(c.x.Raw)
	return subtle.ConstantTimeCompare(h.Sum(nil), a.certDigest) == 1
}
