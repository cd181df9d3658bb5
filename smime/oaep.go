package smime

import (
	"crypto"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxLabel bounds the OAEP label, which nobody uses.
const maxLabel = 1 << 10

// oaepParams are the parameters of RSAES-OAEP and what is not supported in them.
type oaepParams struct {
	hash, mgf crypto.Hash
	label     []byte
	refuse    string
	forbidden string // what fips140=only forbids in them
}

// readOAEP reads the parameters. RFC 4055, Section 4.1:
//
//	RSAES-OAEP-params  ::=  SEQUENCE  {
//	   hashFunc          [0] AlgorithmIdentifier DEFAULT sha1Identifier,
//	   maskGenFunc       [1] AlgorithmIdentifier DEFAULT mgf1SHA1Identifier,
//	   pSourceFunc       [2] AlgorithmIdentifier DEFAULT pSpecifiedEmptyIdentifier  }
//
// Absent parameters are read as an empty SEQUENCE: RFC 3560, Section 3 wants
// them present, and its defaults are the only meaning that their absence has.
// It returns false for anything malformed, NULL included; an algorithm that is
// not known is well-formed and only sets refuse.
func readOAEP(params []byte) (p oaepParams, ok bool) {
	p = oaepParams{hash: crypto.SHA1, mgf: crypto.SHA1}
	if params == nil {
		return p.judge(), true
	}
	s := cryptobyte.String(params)
	if !s.ReadASN1(&s, asn1.SEQUENCE) {
		return p, false
	}
	a := algorithm{}
	if there, ok := readExplicit(&s, &a, 0); !ok {
		return p, false
	} else if there && !p.setHash(&p.hash, &a) {
		return p, false
	}
	if there, ok := readExplicit(&s, &a, 1); !ok {
		return p, false
	} else if there && !p.setMGF(&a) {
		return p, false
	}
	if there, ok := readExplicit(&s, &a, 2); !ok {
		return p, false
	} else if there && !p.setLabel(&a) {
		return p, false
	}
	return p.judge(), s.Empty()
}

// readExplicit consumes an optional AlgorithmIdentifier under an explicit tag.
func readExplicit(s *cryptobyte.String, a *algorithm, n uint8) (there, ok bool) {
	var in cryptobyte.String
	if !s.ReadOptionalASN1(&in, &there, asn1.Tag(n).ContextSpecific().Constructed()) {
		return false, false
	}
	return there, !there || readAlgorithm(&in, a, asn1.SEQUENCE) && in.Empty()
}

// setHash sets h to the digest that a names.
func (p *oaepParams) setHash(h *crypto.Hash, a *algorithm) bool {
	if !a.plain() {
		return false
	}
	var ok bool
	if *h, ok = knownHash(a.oid); !ok || *h == crypto.MD5 {
		p.refuse = "RSA-OAEP with a digest that is not supported"
	}
	return true
}

// setMGF sets the digest of the mask generation function, which need not be
// that of the padding.
func (p *oaepParams) setMGF(a *algorithm) bool {
	if a.oid != oidMGF1 {
		p.refuse = "RSA-OAEP with a mask generation function other than MGF1"
		return true
	}
	in, s := algorithm{}, cryptobyte.String(a.params)
	return readAlgorithm(&s, &in, asn1.SEQUENCE) && s.Empty() && p.setHash(&p.mgf, &in)
}

// setLabel sets the label, an OCTET STRING (RFC 4055, Section 4.1). One without
// it is malformed, not empty.
func (p *oaepParams) setLabel(a *algorithm) bool {
	if a.oid != oidPSpecified {
		p.refuse = "RSA-OAEP with a label of a kind that is not supported"
		return true
	}
	s := cryptobyte.String(a.params)
	return s.ReadASN1((*cryptobyte.String)(&p.label), asn1.OCTET_STRING) && s.Empty() && len(p.label) <= maxLabel
}

// judge sets refuse where the platform forbids the digests.
func (p oaepParams) judge() oaepParams {
	if p.refuse == "" && fipsOnly() && (weakHash(p.hash) || weakHash(p.mgf)) {
		p.refuse, p.forbidden = "RSA-OAEP with SHA-1", forbiddenSHA1
	}
	return p
}

// String names the parameters as reports show them.
func (p oaepParams) String() string {
	name := func(h crypto.Hash) string { return strings.ReplaceAll(h.String(), "SHA-", "SHA") }
	if p.refuse != "" {
		return "RSA-OAEP"
	}
	s := "RSA-OAEP-" + name(p.hash)
	if p.mgf != p.hash {
		s += "-MGF1-" + name(p.mgf)
	}
	return s
}

// addOAEP appends the parameters that we write: SHA-256 for both digests and
// no label.
func addOAEP(b *cryptobyte.Builder) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		oidRSAOAEP.add(b)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { addAlgorithmNULL(b, oidSHA256) })
			b.AddASN1(asn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					oidMGF1.add(b)
					addAlgorithmNULL(b, oidSHA256)
				})
			})
		})
	})
}
