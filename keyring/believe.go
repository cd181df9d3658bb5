package keyring

import (
	"errors"
	"fmt"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// certificate returns the certificate of a key's record, parsed anew when it is
// asked for first. r.mu is held.
func (r *Ring) certificate(s *slot) (seam.Certificate, error) {
	if s.cert != nil {
		return s.cert, nil
	}
	if err := r.load(s); err != nil {
		return nil, err
	}
	c, err := r.parseAs(s.rec)
	if err != nil {
		s.err = fmt.Errorf("%w: the record %s of the ring %w", ErrRefused, s.name, err)
		return nil, s.err
	}
	s.cert = c
	return c, nil
}

// parseAs parses the certificate of a record, which has to be the one that the
// record is about.
func (r *Ring) parseAs(rec *record) (seam.Certificate, error) {
	want := rec.fingerprint()
	c, err := r.parseOne(rec.Certificate, want)
	if err != nil || rec.Reads == nil {
		return c, err
	}
	return c.WithReads(seam.Reads{Algorithms: rec.Reads.Algorithms, When: rec.Reads.When, Source: rec.Reads.Source})
}

// parseOne returns what the first of the parsers that takes octets makes of
// them, if it has the fingerprint want.
func (r *Ring) parseOne(octets []byte, want Fingerprint) (seam.Certificate, error) {
	why := fmt.Errorf("is of %s, which this program has no parser for", formatOf(want))
	for _, parse := range r.parse {
		c, err := parse(octets)
		in := c.inside()
		if err != nil || in == nil {
			continue
		}
		got := digest(in.Kind(), in.Hashed())
		if got.Matches(want) && got.kind == want.kind {
			return in, nil
		}
		if why = fmt.Errorf("holds a certificate with another fingerprint, %s", got); got.IsZero() {
			why = errFIPS
		}
	}
	return nil, why
}

// pin returns what judge is told of the address that rec.Pins[i] is.
func (rec *record) pin(i int, c seam.Certificate) pin {
	p := &rec.Pins[i]
	x := pin{cert: c, signer: p.Signer, alias: p.Alias, own: p.Own, revoked: rec.revocation(), evidence: p.evidence()}
	x.was.PostQuantum, x.was.AEAD, x.was.Version = p.Was.PostQuantum, p.Was.AEAD, p.Was.Version
	return x
}

func (p *recordPin) evidence() evidence {
	e := evidence{basis: basisOf(p.Basis), address: p.About}
	copy(e.authority[:], p.Authority)
	return e
}

// revocation is what was once seen of a key, nil: nothing.
func (rec *record) revocation() *RevokedError {
	if rec.Revoked == nil {
		return nil
	}
	return &RevokedError{Fingerprint: rec.fingerprint(), When: rec.Revoked.When, Reason: rec.Revoked.Reason}
}

// believe verifies rec.Pins[i] of a slot again, for the policy of this ring and
// for the present time. r.mu is held.
func (r *Ring) believe(s *slot, i int, now time.Time) (*Verified, error) {
	c, err := r.certificate(s)
	if err != nil {
		return nil, err
	}
	x := s.rec.pin(i, c)
	p := &s.rec.Pins[i]
	v := &Verified{cert: c, why: p.Evidence, evidence: x.evidence, origin: &origin{ring: r, id: s.id, name: s.name, address: p.Address, signer: p.Signer}}
	if err := r.policy.reconsider(v, &x, p.Address, now); err != nil {
		return nil, refusal(err)
	}
	return v, nil
}

// reconsider is judge for what is in the ring already: what can change with
// time, with a newer copy of the certificate, or with the policy.
func (p Policy) reconsider(v *Verified, x *pin, address string, now time.Time) error {
	f := digest(v.cert.Kind(), v.cert.Hashed())
	switch field := p.refuses(x.evidence.basis); {
	case x.revoked != nil:
		return x.revoked
	case field != "":
		return &PolicyError{Fingerprint: f, Field: field, Evidence: v.why}
	case p.isOwn(f) && !x.own:
		return ownKey(f, address)
	}
	if err := v.cert.Refuse(); err != nil {
		return err
	}
	if x.signer {
		return nil // stated by the caller, for addresses of others
	}
	if !x.alias && v.cert.Binds(address, now) != nil {
		return &NotBoundError{Address: address, Fingerprint: f, Has: v.cert.Addresses(), Reason: "it states it no longer"}
	}
	// Of a key that nothing is sealed to now it is not known what would be.
	if x.was.PostQuantum || x.was.AEAD {
		desc := v.cert.Describe(now)
		if l := lost(&x.was, &desc); len(l) > 0 && v.cert.CheckSeal(now, seam.Auto) == nil {
			return &DowngradeError{Address: address, Old: f, New: f, Lost: l}
		}
	}
	return nil
}

// isRefusal reports whether err is about an entry, and not about the store or a
// version that is gone.
func isRefusal(err error) bool { return errors.Is(err, ErrRefused) && !errors.Is(err, errClosed) }
