package smime

import (
	"bytes"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ber"
)

// sealedTrailer is what follows the content of AuthEnvelopedData.
type sealedTrailer struct {
	aad []byte // the additional data of the AEAD; nil without attributes
	mac []byte
}

// readSealedTrailer reads on from behind the content to the end of the
// message, which must be the end of the source.
func (h *sealedHeader) readSealedTrailer(r *ber.Reader, b *budget) (t sealedTrailer, err error) {
	if err := leave(r, 1); err != nil {
		return t, err
	}
	unprotected := uint8(1)
	if h.container == containerAuthEnveloped {
		unprotected = 2
		if t, err = h.readAuthentication(r, b); err != nil {
			return t, err
		}
	}
	// Attributes that nothing authenticates are not looked at.
	has, err := next(r, unprotected)
	if err != nil {
		return t, err
	}
	if has {
		h.beside = true
		if err := b.skip(r); err != nil {
			return t, err
		}
	}
	h.at.end = r.Offset()
	if err := leave(r, 3); err != nil {
		return t, err
	}
	return t, formatError(r.End())
}

// readAuthentication reads the authenticated attributes and the mac.
func (h *sealedHeader) readAuthentication(r *ber.Reader, b *budget) (t sealedTrailer, err error) {
	has, err := next(r, 1)
	if err != nil {
		return t, err
	}
	if has {
		der, err := b.element(r)
		if err != nil {
			return t, err
		}
		if t.aad, err = h.additionalData(der); err != nil {
			return t, err
		}
	} else if h.contentType != oidData {
		// RFC 5083, Section 2.1: without them nothing authenticates the type.
		return t, malformed("the type of its content is not authenticated")
	}
	if t.mac, err = r.Primitive(asn1.OCTET_STRING, maxMAC); err != nil {
		return t, formatError(err)
	}
	// A length that disagrees is no shorter tag but a changed message.
	if len(t.mac) != h.alg.tagLen {
		return t, malformed("its tag has %d octets, and %d were announced", len(t.mac), h.alg.tagLen)
	}
	return t, nil
}

// maxMAC is more than any tag, so that a longer one is told apart from it.
const maxMAC = 64

// additionalData checks the authenticated attributes, [1] IMPLICIT SET OF
// Attribute, and returns what the AEAD covers: their DER with the tag of a SET
// OF instead (RFC 5083, Section 2.2).
//
// The attributes are put in DER's order, which is theirs already if their
// sender wrote DER: what was not covered in that order does not verify.
func (h *sealedHeader) additionalData(der []byte) ([]byte, error) {
	bad := malformed("its authenticated attributes are damaged")
	in, set := cryptobyte.String(der), cryptobyte.String(nil)
	if !in.ReadASN1(&set, context(1).Constructed()) || !in.Empty() || set.Empty() {
		return nil, bad
	}
	var attrs [][]byte
	seen := map[oid]bool{}
	for !set.Empty() {
		var whole, attr, values cryptobyte.String
		var o oid
		if !set.ReadASN1Element(&whole, asn1.SEQUENCE) {
			return nil, bad
		}
		if len(attrs) == maxAttributes {
			return nil, &envelope.LimitError{What: "authenticated attributes", Max: maxAttributes, Fixed: true}
		}
		attrs = append(attrs, whole)
		if !whole.ReadASN1(&attr, asn1.SEQUENCE) || !readOID(&attr, &o) ||
			!attr.ReadASN1(&values, asn1.SET) || !attr.Empty() || values.Empty() || seen[o] {
			return nil, bad
		}
		seen[o] = true
		// RFC 5652, Section 11.1: exactly one value, and that of the content.
		var ct oid
		if o == oidContentType && (!readOID(&values, &ct) || !values.Empty() || ct != h.contentType) {
			return nil, malformed("its authenticated content type is not that of its content")
		}
	}
	if !seen[oidContentType] && h.contentType != oidData {
		return nil, malformed("the type of its content is not authenticated")
	}
	return derSet(attrs), nil
}

// derSet returns the DER of a SET OF these elements (X.690, Section 11.6).
func derSet(elements [][]byte) []byte {
	slices.SortFunc(elements, bytes.Compare)
	size := 0
	for _, e := range elements {
		size += len(e)
	}
	out := ber.AppendHeader(nil, asn1.SET, size)
	for _, e := range elements {
		out = append(out, e...)
	}
	return out
}
