package pkix

import (
	"bytes"
	"crypto/x509"
	"errors"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// CRL is a certificate revocation list, read and not yet believed.
type CRL struct {
	list                      *x509.RevocationList
	tbs, algorithm, signature []byte
	issuer                    distinguished
	scope                     scope
	base                      *big.Int // of a delta CRL: the number of the CRL that it adds to
	entries                   entries
	bad                       string // why it says nothing
}

// reasonRemove is the reason, in a delta CRL, of what is no longer revoked (RFC
// 5280, Section 5.3.1).
const reasonRemove = 8

// scope is an issuingDistributionPoint: which certificates a CRL is about.
type scope struct {
	stated             bool
	names              []string
	users, authorities bool
	attributes         bool
	reasons            reasons
	indirect           bool
}

// ParseCRL reads one CRL in DER. One that can be read and must not be used,
// for a critical extension that is not known, is no error here: it says
// nothing of any certificate.
//
// crypto/x509 makes of each entry more than twenty times its size, before
// anybody knows who signed the list. So it gets the list without them.
func ParseCRL(der []byte) (*CRL, error) {
	l := &CRL{scope: scope{reasons: allReasons}}
	var ok bool
	if l.tbs, l.algorithm, l.signature, ok = signed(bytes.Clone(der)); !ok {
		return nil, errors.New("malformed CRL")
	}
	short, entries, ok := withoutEntries(l.tbs, l.algorithm, l.signature)
	if !ok {
		return nil, errors.New("malformed CRL")
	}
	var err error
	if l.list, err = x509.ParseRevocationList(short); err != nil {
		return nil, err
	}
	if l.issuer, ok = parseName(l.list.RawIssuer); !ok {
		return nil, errors.New("malformed issuer of a CRL")
	}
	if err := l.readExtensions(); err != nil {
		return nil, err
	}
	l.entries.list = entries
	return l, l.readEntries()
}

// readExtensions reads what changes the meaning of the whole list.
func (l *CRL) readExtensions() error {
	for _, e := range l.list.Extensions {
		switch id := e.Id.String(); id {
		case extCRLNumber, extAuthorityKey, extFreshest, extAuthorityAccess:
		case extIssuingPoint:
			if !l.scope.parse(e.Value, l.issuer) {
				return errors.New("malformed issuingDistributionPoint of a CRL")
			}
		case extDelta:
			l.base = new(big.Int)
			s := cryptobyte.String(e.Value)
			if !s.ReadASN1Integer(l.base) || !s.Empty() {
				return errors.New("malformed deltaCRLIndicator of a CRL")
			}
		default:
			if e.Critical {
				l.bad = "has a critical extension that is not known: " + id
			}
		}
	}
	return nil
}

// parse reads RFC 5280, Section 5.2.5:
//
//	IssuingDistributionPoint ::= SEQUENCE {
//	     distributionPoint          [0] DistributionPointName OPTIONAL,
//	     onlyContainsUserCerts      [1] BOOLEAN DEFAULT FALSE,
//	     onlyContainsCACerts        [2] BOOLEAN DEFAULT FALSE,
//	     onlySomeReasons            [3] ReasonFlags OPTIONAL,
//	     indirectCRL                [4] BOOLEAN DEFAULT FALSE,
//	     onlyContainsAttributeCerts [5] BOOLEAN DEFAULT FALSE }
func (p *scope) parse(der []byte, issuer distinguished) bool {
	s := cryptobyte.String(der)
	var in, name cryptobyte.String
	var hasName, ok bool
	p.stated = true
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !s.Empty() || !in.ReadOptionalASN1(&name, &hasName, context(0)) {
		return false
	}
	if hasName {
		if p.names, _, ok = readPointName(name, issuer); !ok {
			return false
		}
	}
	return readFlag(&in, 1, &p.users) && readFlag(&in, 2, &p.authorities) && readReasons(&in, 3, &p.reasons) &&
		readFlag(&in, 4, &p.indirect) && readFlag(&in, 5, &p.attributes) && in.Empty()
}

// readFlag reads an optional BOOLEAN with a context-specific tag.
func readFlag(s *cryptobyte.String, n uint8, out *bool) bool {
	var v cryptobyte.String
	var there bool
	if !s.ReadOptionalASN1(&v, &there, asn1.Tag(n).ContextSpecific()) {
		return false
	}
	if there {
		if len(v) != 1 || v[0] != 0 && v[0] != 0xff {
			return false
		}
		*out = v[0] != 0
	}
	return true
}

// fresh reports whether now is between thisUpdate and nextUpdate. A list that
// does not say when the next one comes is not one of RFC 5280 (Section 5.1.2.5)
// and never too old to an attacker who keeps it.
func (l *CRL) fresh(now time.Time) bool {
	return !l.list.ThisUpdate.After(now.Add(skew)) && !l.list.NextUpdate.IsZero() && !l.list.NextUpdate.Before(now)
}

// skew is by how much the clocks of authorities may be ahead of ours.
const skew = 5 * time.Minute

// concerns reports whether the list is about c, as the distribution point p
// of c says where it is: RFC 5280, Section 6.3.3 (b).
func (l *CRL) concerns(c *Certificate, p *point) bool {
	if p.issuers != nil {
		if !l.scope.indirect || !has(p.issuers, l.issuer.key) {
			return false
		}
	} else if l.issuer.key != c.issuer.key {
		return false
	}
	s := &l.scope
	if !s.stated {
		return true
	}
	if s.names != nil && !l.named(c, p) {
		return false
	}
	return !(s.users && c.X.IsCA) && !(s.authorities && !c.X.IsCA) && !s.attributes
}

// named reports whether one of the list's names is one of the point's: of a
// point without names those of its CRL's issuer.
func (l *CRL) named(c *Certificate, p *point) bool {
	names := p.names
	if names == nil {
		issuers := p.issuers
		if issuers == nil {
			issuers = []string{c.issuer.key}
		}
		for _, i := range issuers {
			names = append(names, "d"+i)
		}
	}
	for _, n := range names {
		if has(l.scope.names, n) {
			return true
		}
	}
	return false
}

func has(all []string, s string) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}

// completedBy reports whether a delta CRL belongs to the list: RFC 5280, Section
// 6.3.3 (c).
func (l *CRL) completedBy(delta *CRL) bool {
	return delta.base != nil && l.base == nil && l.sameScope(delta) &&
		l.list.Number != nil && delta.list.Number != nil &&
		l.list.Number.Cmp(delta.base) >= 0 && l.list.Number.Cmp(delta.list.Number) < 0
}

// sameScope reports whether two lists are by the same issuer, under the same
// key as far as they say, and about the same certificates.
func (l *CRL) sameScope(other *CRL) bool {
	a, b := &l.scope, &other.scope
	return l.issuer.key == other.issuer.key && bytes.Equal(l.list.AuthorityKeyId, other.list.AuthorityKeyId) &&
		a.stated == b.stated && equal(a.names, b.names) && a.users == b.users && a.authorities == b.authorities &&
		a.attributes == b.attributes && a.indirect == b.indirect && a.reasons == b.reasons
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
