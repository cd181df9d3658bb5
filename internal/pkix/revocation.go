package pkix

import (
	"crypto/x509"
	"errors"
	"slices"
)

// Revocation is what is known of which certificates were withdrawn.
type Revocation struct {
	CRLs      []*CRL
	Responses []*Response

	// Fetch asks for more about c, where the above say nothing; nil: nobody
	// to ask.
	Fetch func(c, issuer *Certificate) ([]*CRL, []*Response)

	// AcceptUnknown lets a path pass where nothing is known of a certificate.
	AcceptUnknown bool
}

// known is what may say something of one certificate.
type known struct {
	crls      []*CRL
	responses []*Response
}

// errUnknown: nothing that is believed says anything of the certificate.
var errUnknown = errors.New("unknown")

// notRevoked asks for the revocation of all but the root, from above: what an
// authority that was withdrawn says of others is worth nothing.
func (s *search) notRevoked(path []*Certificate) error {
	if s.o.Revocation == nil {
		return nil
	}
	for i := len(path) - 2; i >= 0; i-- {
		err := s.status(path[i], path[i+1], path[len(path)-1])
		switch {
		case err == nil:
		case !errors.Is(err, errUnknown):
			return err
		case !s.o.Revocation.AcceptUnknown:
			return path[i].fail("may be revoked: nothing that was given, is signed and is of today says that it is not")
		}
	}
	return nil
}

// status returns nil if c is known not to be revoked, a *Revoked, errUnknown,
// or ErrWork.
func (s *search) status(c, issuer, root *Certificate) error {
	if c.noRevocation {
		return nil
	}
	if s.checking[c] || s.nested >= maxNested {
		return errUnknown
	}
	s.checking[c] = true
	s.nested++
	defer func() { delete(s.checking, c); s.nested-- }()
	r := s.o.Revocation
	err := s.look(c, issuer, root, &known{r.CRLs, r.Responses})
	if r.Fetch == nil || !errors.Is(err, errUnknown) {
		return err
	}
	more := s.fetched[c]
	if more == nil {
		more = &known{}
		more.crls, more.responses = r.Fetch(c, issuer)
		s.fetched[c] = more
	}
	return s.look(c, issuer, root, more)
}

// look asks what k says. Who says "revoked" is believed before who does not:
// both are the authority's words, and it may only have noticed later.
func (s *search) look(c, issuer, root *Certificate, k *known) error {
	out := s.byOCSP(c, issuer, root, k.responses)
	if out != nil && !errors.Is(out, errUnknown) {
		return out
	}
	switch err := s.byCRL(c, issuer, root, k.crls); {
	case err == nil || !errors.Is(err, errUnknown):
		return err
	}
	return out
}

// byCRL is RFC 5280, Section 6.3.3: every CRL that is about c, until all reasons
// for which it may be revoked are covered.
//
// The newest come first, and an older one of the same scope says nothing beside
// it: lists are good for days, and who keeps one from before c was revoked
// shows that. One of another scope is asked too, whatever is covered already.
func (s *search) byCRL(c, issuer, root *Certificate, all []*CRL) error {
	all = slices.SortedStableFunc(slices.Values(all), func(a, b *CRL) int { return b.list.ThisUpdate.Compare(a.list.ThisUpdate) })
	// Where the CRL is that c does not say anything of, its issuer signs.
	points := append(c.points[:len(c.points):len(c.points)], point{reasons: allReasons})
	if len(c.points) > 0 && len(c.points[0].names) == 0 && c.points[0].issuers == nil {
		points = points[:len(points)-1]
	}
	var covered reasons
	var asked []*CRL
	for i := range points {
		p := &points[i]
		for _, l := range all {
			if l.bad != "" || l.base != nil || !l.concerns(c, p) || p.reasons&l.scope.reasons == 0 {
				continue
			}
			if slices.Contains(asked, l) {
				covered |= p.reasons & l.scope.reasons
				continue
			}
			if slices.ContainsFunc(asked, l.sameScope) {
				continue
			}
			found, good, err := s.read(c, issuer, root, l, all)
			switch {
			case err != nil:
				return err
			case found != nil:
				return &Revoked{Certificate: c, When: found.when, Reason: found.reason}
			case good:
				covered |= p.reasons & l.scope.reasons
				asked = append(asked, l)
			}
		}
	}
	if covered != allReasons {
		return errUnknown
	}
	return nil
}

// read returns what the list, and the deltas to it, say of c; good is whether
// they are believed at all.
func (s *search) read(c, issuer, root *Certificate, l *CRL, all []*CRL) (found *entry, good bool, err error) {
	if l.fresh(s.o.Time) {
		good, err = s.believed(l, c, issuer, root)
	}
	if err != nil {
		return nil, false, err
	}
	var newest *CRL
	for _, d := range all {
		if d.bad != "" || !l.completedBy(d) || !d.fresh(s.o.Time) || newest != nil && d.list.Number.Cmp(newest.list.Number) < 0 {
			continue
		}
		// The delta stands for a list that was not given: the base may be old
		// as long as its signature is right (RFC 5280, Section 5.2.4).
		ok, err := s.believed(d, c, issuer, root)
		if ok && !good {
			ok, err = s.believed(l, c, issuer, root)
		}
		if err != nil {
			return nil, false, err
		}
		if ok {
			newest = d
		}
	}
	if newest != nil {
		if e, ok := newest.find(c); ok && e.reason != reasonRemove {
			return &e, true, nil
		} else if ok {
			return nil, true, nil
		}
		good = true
	}
	if !good {
		return nil, false, nil
	}
	if e, ok := l.find(c); ok && e.reason != reasonRemove {
		return &e, true, nil
	}
	return nil, true, nil
}

// believed reports whether the list is signed by who may: the issuer of c, or
// another certificate of the list's issuer that has a path to the same root
// (RFC 5280, Section 6.3.3 (f) and (g)).
func (s *search) believed(l *CRL, c, issuer, root *Certificate) (bool, error) {
	candidates := []*Certificate{}
	if issuer.subject.key == l.issuer.key {
		candidates = append(candidates, issuer)
	}
	pools := append([]*Pool{s.o.Roots}, s.o.Others...)
	for _, p := range pools {
		if p != nil {
			candidates = append(candidates, p.bySubject[l.issuer.key]...)
		}
	}
	for _, by := range candidates {
		if by.bad != "" || !by.may(x509.KeyUsageCRLSign) {
			continue
		}
		key := signedBy{l, by}
		ok, known := s.lists[key]
		if !known {
			var err error
			if ok, err = s.verify(by, l.algorithm, l.tbs, l.signature); err != nil {
				return false, err
			}
			s.lists[key] = ok
		}
		if !ok {
			continue
		}
		// An authority that leaves its list to somebody else may have the status
		// of that signer stated there too. Then the list is believed about it
		// as about all others, and if it says "revoked" believed no more.
		if by == issuer || s.judging[key] {
			return true, nil
		}
		s.judging[key] = true
		_, err := s.find(by, func(path []*Certificate) error {
			if path[len(path)-1] != root {
				return ErrNoPath
			}
			if err := s.validate(path, false); err != nil {
				return err
			}
			return s.notRevoked(path)
		})
		delete(s.judging, key)
		if err == nil {
			return true, nil
		}
		if errors.Is(err, ErrWork) {
			return false, err
		}
	}
	return false, nil
}
