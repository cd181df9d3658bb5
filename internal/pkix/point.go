package pkix

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// reasons is a set of reasons for revocation, as a CRL may be limited to.
type reasons uint16

// allReasons are keyCompromise to aACompromise, bits 1 to 8 (RFC 5280, Section
// 4.2.1.13).
const allReasons reasons = 0x1fe

// point is a DistributionPoint.
type point struct {
	names   []string // as comparable returns them; nil: none
	reasons reasons
	issuers []string // keys of directory names; nil: the certificate's issuer
	urls    []string
}

// comparable returns what two general names are compared by.
func (g *generalName) comparable() string {
	if g.form == formDirectory {
		return "d" + g.name.key
	}
	return "o" + string([]byte{byte(g.tag)}) + g.text
}

// parsePoints reads RFC 5280, Section 4.2.1.13:
//
//	CRLDistributionPoints ::= SEQUENCE SIZE (1..MAX) OF DistributionPoint
//	DistributionPoint ::= SEQUENCE {
//	     distributionPoint [0] DistributionPointName OPTIONAL,
//	     reasons           [1] ReasonFlags OPTIONAL,
//	     cRLIssuer         [2] GeneralNames OPTIONAL }
func (c *Certificate) parsePoints(der []byte) (all []point, ok bool) {
	s := cryptobyte.String(der)
	var in cryptobyte.String
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !s.Empty() {
		return nil, false
	}
	for !in.Empty() {
		var one, name, issuer cryptobyte.String
		var hasName, hasIssuer bool
		p := point{reasons: allReasons}
		if len(all) == maxNames || !in.ReadASN1(&one, asn1.SEQUENCE) ||
			!one.ReadOptionalASN1(&name, &hasName, context(0)) || !readReasons(&one, 1, &p.reasons) ||
			!one.ReadOptionalASN1(&issuer, &hasIssuer, context(2)) || !one.Empty() {
			return nil, false
		}
		base := c.issuer
		if hasIssuer {
			names, ok := readGeneralNames(issuer)
			if !ok {
				return nil, false
			}
			for i := range names {
				if names[i].form == formDirectory {
					base = names[i].name
					p.issuers = append(p.issuers, base.key)
				}
			}
			if p.issuers == nil {
				return nil, false
			}
		}
		if hasName {
			if p.names, p.urls, ok = readPointName(name, base); !ok {
				return nil, false
			}
		}
		all = append(all, p)
	}
	return all, len(all) > 0
}

// context is a constructed context-specific tag.
func context(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }

// readPointName reads the inside of
//
//	DistributionPointName ::= CHOICE {
//	     fullName                [0] GeneralNames,
//	     nameRelativeToCRLIssuer [1] RelativeDistinguishedName }
func readPointName(s cryptobyte.String, issuer distinguished) (names, urls []string, ok bool) {
	var v cryptobyte.String
	var tag asn1.Tag
	if !s.ReadAnyASN1(&v, &tag) || !s.Empty() {
		return nil, nil, false
	}
	switch tag {
	case context(0):
		all, ok := readGeneralNames(v)
		for i := range all {
			names = append(names, all[i].comparable())
			if all[i].form == formURI {
				urls = append(urls, all[i].text)
			}
		}
		return names, urls, ok
	case context(1):
		r, _, ok := parseRDN(v)
		g := generalName{form: formDirectory, name: issuer}
		g.name.add(r)
		return []string{g.comparable()}, nil, ok
	}
	return nil, nil, false
}

// readReasons reads optional ReasonFlags with the context-specific tag n.
func readReasons(s *cryptobyte.String, n uint8, out *reasons) bool {
	var v cryptobyte.String
	var there bool
	if !s.ReadOptionalASN1(&v, &there, asn1.Tag(n).ContextSpecific()) {
		return false
	}
	if !there {
		return true
	}
	if len(v) < 1 || len(v) > 3 || v[0] > 7 {
		return false
	}
	*out = 0
	for i := range 8 * (len(v) - 1) {
		if v[1+i/8]&(0x80>>(i%8)) != 0 {
			*out |= 1 << i
		}
	}
	*out &= allReasons
	return true
}
