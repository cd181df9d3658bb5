package smime

import (
	"bytes"
	"errors"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// maxSignature is the size of a signature value in octets: that of
// SLH-DSA-SHA2-256f (FIPS 205, Section 11), the largest that is checked.
const maxSignature = 49856

// signerInfo is one signature of a SignedData.
type signerInfo struct {
	id              keyID
	digestAlgorithm algorithm
	signature       algorithm
	value           []byte
	attributes      *signedAttributes // nil: there are none
	bad             string            // why the attributes are not acceptable
	unsigned        unsignedAttributes
	counter         bool // it signs the value of another one, and no content

	scheme signatureScheme
	refuse string // why the scheme is not supported
}

var errSignerInfo = errors.New("smime: malformed signature (SignerInfo)")

// parseSignerInfo reads a SignerInfo, given in DER. An algorithm that is not
// known, and attributes that are not acceptable, are no errors: they show in
// the status of this signature, while others of the message may be good.
func parseSignerInfo(der []byte) (*signerInfo, error) {
	si := &signerInfo{}
	unsigned, err := si.parse(der)
	if err != nil {
		return nil, err
	}
	si.unsigned = parseUnsigned(unsigned)
	if si.unsigned.stray != "" && si.bad == "" {
		si.bad = "the attribute " + si.unsigned.stray + " is there unsigned"
	}
	return si, nil
}

// parse reads a SignerInfo and returns its unsigned attributes as they are.
func (si *signerInfo) parse(der []byte) (unsigned cryptobyte.String, err error) {
	s := cryptobyte.String(der)
	var in, attributes cryptobyte.String
	var version int
	var has, more bool
	context := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !s.Empty() ||
		!in.ReadASN1Integer(&version) || version != 1 && version != 3 ||
		!readKeyID(&in, &si.id) ||
		!readAlgorithm(&in, &si.digestAlgorithm, asn1.SEQUENCE) ||
		!in.ReadOptionalASN1(&attributes, &has, context(0)) ||
		!readAlgorithm(&in, &si.signature, asn1.SEQUENCE) ||
		!in.ReadASN1((*cryptobyte.String)(&si.value), asn1.OCTET_STRING) ||
		!in.ReadOptionalASN1(&unsigned, &more, context(1)) || !in.Empty() || len(si.value) > maxSignature {
		return nil, errSignerInfo
	}
	if has {
		si.attributes, si.bad = parseAttributes(attributes, si.counter)
	}
	d, ok := si.digest()
	if !ok {
		si.refuse = "a digest that is not supported"
		return unsigned, nil
	}
	si.scheme, si.refuse = schemeOf(&si.signature, d)
	return unsigned, nil
}

// digest returns the digest that the content must be hashed with, false if it
// is not supported.
func (si *signerInfo) digest() (digestKind, bool) { return digestOf(&si.digestAlgorithm) }

// describe tells who claims to have signed, when and how, without checking it.
func (si *signerInfo) describe() seam.Signature {
	out := seam.Signature{Sender: -1, SignerID: si.id.String(), Algorithm: "not supported"}
	if si.refuse == "" {
		out.Algorithm = si.scheme.String()
	}
	if si.attributes != nil {
		out.When = si.attributes.when
	}
	return out
}

// signedForms returns the octets that may have been signed: the attributes as
// DER, which means sorted (RFC 5652, Section 5.4).
//
// QUIRK: some producers do not sort, and sign what they wrote; OpenSSL checks
// that form. It is the same set of attributes, so accepting it accepts no
// other statement: each attribute is read from the element that is in the form,
// none with a meaning is there twice, and no other order, and no encoding that
// is not DER, is tried. Without the order in the message a signer of unsorted
// attributes would find all its mail called forged.
func (si *signerInfo) signedForms() [][]byte {
	sorted := slices.Clone(si.attributes.elements)
	slices.SortFunc(sorted, bytes.Compare)
	forms := [][]byte{setOf(sorted)}
	if !slices.EqualFunc(sorted, si.attributes.elements, bytes.Equal) {
		forms = append(forms, setOf(si.attributes.elements))
	}
	return forms
}
