package pkix

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// constraints is a nameConstraints extension.
type constraints struct{ permitted, excluded []generalName }

// parseConstraints reads RFC 5280, Section 4.2.1.10:
//
//	NameConstraints ::= SEQUENCE {
//	     permittedSubtrees [0] GeneralSubtrees OPTIONAL,
//	     excludedSubtrees  [1] GeneralSubtrees OPTIONAL }
//	GeneralSubtree ::= SEQUENCE {
//	     base GeneralName,
//	     minimum [0] BaseDistance DEFAULT 0,
//	     maximum [1] BaseDistance OPTIONAL }
//
// A minimum other than 0 and any maximum make it unreadable: no certificate
// may have them.
func parseConstraints(der []byte) (*constraints, bool) {
	s := cryptobyte.String(der)
	var in, permitted, excluded cryptobyte.String
	var has0, has1 bool
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !s.Empty() ||
		!in.ReadOptionalASN1(&permitted, &has0, asn1.Tag(0).ContextSpecific().Constructed()) ||
		!in.ReadOptionalASN1(&excluded, &has1, asn1.Tag(1).ContextSpecific().Constructed()) || !in.Empty() {
		return nil, false
	}
	c := &constraints{}
	var ok0, ok1 bool
	c.permitted, ok0 = readSubtrees(permitted)
	c.excluded, ok1 = readSubtrees(excluded)
	return c, ok0 && ok1 && (has0 || has1)
}

func readSubtrees(s cryptobyte.String) (all []generalName, ok bool) {
	for !s.Empty() {
		var tree cryptobyte.String
		if !s.ReadASN1(&tree, asn1.SEQUENCE) {
			return nil, false
		}
		g, ok := readGeneralName(&tree)
		if !ok || !tree.Empty() || len(all) == maxNames {
			return nil, false
		}
		all = append(all, g)
	}
	return all, true
}

// refuse returns why a certificate with these names may not stand below one
// with these constraints, "" if it may.
func (c *constraints) refuse(names []generalName) string {
	for i := range names {
		n := &names[i]
		permitted, concerned := false, false
		for j := range c.excluded {
			if sameForm(n, &c.excluded[j]) && n.in(&c.excluded[j]) != outside {
				return "has a name that an authority above it excludes"
			}
		}
		for j := range c.permitted {
			if sameForm(n, &c.permitted[j]) {
				concerned = true
				permitted = permitted || n.in(&c.permitted[j]) == within
			}
		}
		if concerned && !permitted {
			return "has a name that an authority above it does not permit"
		}
	}
	return ""
}

// sameForm reports whether a constraint of this base concerns the name.
func sameForm(n, base *generalName) bool {
	if n.form != base.form {
		return false
	}
	return n.form != formOther || n.tag == base.tag &&
		(n.tag != asn1.Tag(0).ContextSpecific().Constructed() || n.text == base.text)
}
