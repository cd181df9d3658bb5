package pkix

import (
	"bytes"
	"crypto/x509"
	"errors"
)

// search is the work for one certificate.
type search struct {
	o           *Options
	signatures  int
	steps       int
	judged      int
	comparisons int
	edges       map[[2]*Certificate]bool // which signatures were right
	lists       map[signedBy]bool
	judging     map[signedBy]bool     // whose signer is being judged
	checking    map[*Certificate]bool // whose revocation is being asked for
	fetched     map[*Certificate]*known
	nested      int
}

// signedBy is a CRL and who may have signed it.
type signedBy struct {
	list *CRL
	by   *Certificate
}

// Check returns a path from leaf to a root that is valid, the leaf first.
//
// The error is a [*Revoked], a [*Problem] of the first path that was found,
// [ErrNoPath] or [ErrWork]. One path that is valid is enough, as the others may
// be anybody's.
func Check(leaf *Certificate, o *Options) ([]*Certificate, error) {
	s := &search{
		o: o, edges: map[[2]*Certificate]bool{}, lists: map[signedBy]bool{}, judging: map[signedBy]bool{},
		checking: map[*Certificate]bool{}, fetched: map[*Certificate]*known{},
	}
	return s.find(leaf, s.judge)
}

// find walks upwards from leaf, each time to an issuer that has not been tried,
// until accept likes a path to a root.
func (s *search) find(leaf *Certificate, accept func([]*Certificate) error) ([]*Certificate, error) {
	if leaf.bad != "" {
		return nil, leaf.fail(leaf.bad)
	}
	path := []*Certificate{leaf}
	if s.o.Roots.has(leaf) {
		return path, accept(path)
	}
	var first error
	untried := [][]*Certificate{s.issuers(leaf)}
	for len(path) > 0 {
		top := len(path) - 1
		if len(untried[top]) == 0 {
			path, untried = path[:top], untried[:top]
			continue
		}
		issuer := untried[top][0]
		untried[top] = untried[top][1:]
		if s.steps++; s.steps > MaxSteps {
			return nil, errors.Join(ErrWork, first)
		}
		if holds(path, issuer) {
			continue
		}
		switch ok, err := s.issued(path[top], issuer); {
		case err != nil:
			return nil, errors.Join(err, first)
		case !ok:
			continue
		}
		longer := append(path[:len(path):len(path)], issuer)
		if s.o.Roots.has(issuer) {
			if s.judged++; s.judged > maxJudged {
				return nil, errors.Join(ErrWork, first)
			}
			err := accept(longer)
			switch {
			case err == nil:
				return longer, nil
			case errors.Is(err, ErrWork):
				return nil, err
			case first == nil:
				first = err
			}
			continue
		}
		if len(longer) < maxPath {
			path, untried = longer, append(untried, s.issuers(issuer))
		}
	}
	if first == nil {
		first = ErrNoPath
	}
	return nil, first
}

// holds reports whether the path goes through c already.
func holds(path []*Certificate, c *Certificate) bool {
	for _, p := range path {
		if bytes.Equal(p.X.Raw, c.X.Raw) {
			return true
		}
	}
	return false
}

// issuers returns the certificates whose subject is the issuer of c: roots
// first, and of them those first whose key identifier is the one that c names.
// An identifier is a hint and no more: anybody can state any.
func (s *search) issuers(c *Certificate) []*Certificate {
	var first, later []*Certificate
	pools := append([]*Pool{s.o.Roots}, s.o.Others...)
	for _, p := range pools {
		if p == nil {
			continue
		}
		for _, i := range p.bySubject[c.issuer.key] {
			a, b := c.X.AuthorityKeyId, i.X.SubjectKeyId
			if len(a) > 0 && len(b) > 0 && !bytes.Equal(a, b) {
				later = append(later, i)
			} else {
				first = append(first, i)
			}
			if len(first)+len(later) > MaxSteps {
				return append(first, later...)
			}
		}
	}
	return append(first, later...)
}

// issued reports whether issuer's key made the signature of c.
func (s *search) issued(c, issuer *Certificate) (bool, error) {
	edge := [2]*Certificate{c, issuer}
	ok, known := s.edges[edge]
	if !known {
		var err error
		if ok, err = s.verify(issuer, c.algorithm, c.tbs, c.signature); err != nil {
			return false, err
		}
		s.edges[edge] = ok
	}
	return ok, nil
}

// SignedBy reports whether c is signed with issuer's key, and nothing else.
func (c *Certificate) SignedBy(issuer *Certificate, o *Options) bool {
	return c.bad == "" && o.Verify(issuer, c.algorithm, c.tbs, c.signature) == nil
}

// verify counts what it costs.
func (s *search) verify(issuer *Certificate, algorithm, message, signature []byte) (bool, error) {
	if s.signatures++; s.signatures > maxSignatures {
		return false, ErrWork
	}
	return s.o.Verify(issuer, algorithm, message, signature) == nil, nil
}

// judge is what a path to a leaf has to pass.
func (s *search) judge(path []*Certificate) error {
	if err := s.validate(path, true); err != nil {
		return err
	}
	return s.notRevoked(path)
}

// validate is RFC 5280, Section 6.1, for a path with the leaf first and the
// root last. Of the root, which the RFC takes as a name and a key, what its
// certificate says is held to as well: time, constraints, purposes. mail is
// false for who signs CRLs, whose purposes and policies are nobody's business.
func (s *search) validate(path []*Certificate, mail bool) error {
	root := path[len(path)-1]
	n := len(path) - 1
	p := newPolicies(n, s.o)
	var above []*constraints
	length := maxPath
	for i := n; i >= 0; i-- {
		c, last := path[i], i == 0
		if err := s.single(c, mail); err != nil {
			return err
		}
		if c != root {
			if last || !c.selfIssued {
				if err := s.named(c, above); err != nil {
					return err
				}
			}
			if !p.enter(c, last) {
				return c.fail("does not have the policies that its authorities require")
			}
		}
		if last {
			break
		}
		if err := c.mayIssue(c == root); err != nil {
			return err
		}
		if c != root && !c.selfIssued {
			if length == 0 {
				return c.fail("makes the path longer than an authority above it allows")
			}
			length--
		}
		if most := c.X.MaxPathLen; most > 0 || c.X.MaxPathLenZero {
			length = min(length, most)
		}
		if c.constraints != nil {
			above = append(above, c.constraints)
		}
		if c != root && !p.next(c) {
			return c.fail("maps policies to any policy")
		}
	}
	if mail && n > 0 && !p.finish(path[0], s.o.Policies) {
		return path[0].fail("does not have the policies that are asked for")
	}
	return nil
}

// single are the checks of one certificate by itself.
func (s *search) single(c *Certificate, mail bool) error {
	switch now := s.o.Time; {
	case c.bad != "":
		return c.fail(c.bad)
	case now.Before(c.X.NotBefore):
		return &Problem{Certificate: c, Reason: "is not valid before " + c.X.NotBefore.UTC().Format("2006-01-02"), Expired: true}
	case now.After(c.X.NotAfter):
		return &Problem{Certificate: c, Reason: "expired on " + c.X.NotAfter.UTC().Format("2006-01-02"), Expired: true}
	case mail && !c.forMail():
		return c.fail("is not for mail protection, as its extended key usage says")
	}
	return nil
}

// mayIssue is RFC 5280, Section 6.1.4 (k) and (n). A root of version 1 cannot
// say that it is one.
func (c *Certificate) mayIssue(root bool) error {
	switch {
	case root && c.X.Version < 3:
	case !c.issues():
		return c.fail("may not issue certificates")
	case !c.may(x509.KeyUsageCertSign):
		return c.fail("may not issue certificates, as its key usage says")
	}
	return nil
}

// named holds the names of c against all constraints above it.
func (s *search) named(c *Certificate, above []*constraints) error {
	if len(above) == 0 {
		return nil
	}
	names := c.allNames()
	for _, a := range above {
		if s.comparisons += len(names) * (len(a.permitted) + len(a.excluded)); s.comparisons > maxComparisons {
			return ErrWork
		}
		if reason := a.refuse(names); reason != "" {
			return c.fail(reason)
		}
	}
	return nil
}
