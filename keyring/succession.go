package keyring

import (
	"fmt"
	"slices"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// A successor is believed for the sake of the key that named it: for the
// addresses that the ring has that key for, as long as its word is taken, and as
// much as that key is believed. All three are asked of the ring when the
// successor comes: whoever has a key that is believed for one address could
// else name another one for everybody's, and what was believed for want of
// better would with its first successor be as good as what was compared.

// named reports whether e is an old key's word for its successor, and not an
// authority's, which is believed by itself.
func (e *evidence) named() bool { return e.basis == seam.BasisSuccession && !e.reissued() }

func (e *evidence) reissued() bool {
	return e.basis == seam.BasisSuccession && e.succeeds != nil && e.succeeds.Reissued
}

// follows reports whether e is about what comes after the key of a pin.
func (e *evidence) follows(o *pin) bool {
	return e.succeeds != nil && e.succeeds.Old != nil && e.old().Matches(digest(o.cert.Kind(), o.cert.Hashed()))
}

func (e *evidence) old() Fingerprint {
	if e.succeeds == nil || e.succeeds.Old == nil {
		return Fingerprint{}
	}
	return digest(e.succeeds.Old.Kind(), e.succeeds.Old.Hashed())
}

// predecessor is the pin of the key that named the certificate as the one in its
// place, and whose word is taken; -1: none.
func (c *candidate) predecessor() int {
	if !c.v.evidence.named() {
		return -1
	}
	return slices.IndexFunc(c.pins, func(o pin) bool {
		return !o.removed && (!o.signer || c.Signer) && c.v.evidence.follows(&o) && c.silenced(&o) == nil
	})
}

// silenced says why the word of the old key of a pin is not taken: the ring may
// know a newer copy of it than the one that was asked, and it may be later.
func (c *candidate) silenced(o *pin) error {
	if o.revoked != nil {
		return o.revoked
	}
	if err := o.cert.Refuse(); err != nil {
		return err
	}
	if field := c.refuses(o.evidence.basis); field != "" {
		return fmt.Errorf("it is in the ring by evidence that Policy.%s is about", field)
	}
	if s := c.v.evidence.succeeds; s.Stands != nil {
		return s.Stands(o.cert, c.cert, c.now())
	}
	return nil
}

// vouched refuses a successor for an address of which the old key says nothing,
// and finds out by what it is believed.
func (c *candidate) vouched(d *verdict, rivals []int) error {
	e := &c.v.evidence
	if o := c.kept(); o != nil && e.address != "" && e.address != c.address && !c.Alias && !c.Signer {
		d.basis = seam.BasisNone // an alias: the caller's word is older than this evidence
		return nil
	}
	if !e.named() {
		return nil
	}
	if i := c.predecessor(); i >= 0 {
		if basis := c.pins[i].evidence.basis; !stronger(basis, e.basis) {
			d.basis = basis
		}
		return nil
	}
	switch {
	case c.kept() != nil:
		d.basis = seam.BasisNone
		return nil
	case len(rivals) > 0 && !c.Beside && !c.Replace && !c.Signer:
		return nil // another key, see changed
	}
	no := &NotBoundError{Address: c.address, Fingerprint: c.f, Has: slices.Clone(c.cert.Addresses())}
	no.Reason = "the key that named it is not one that the ring has for this address"
	for i := range c.pins {
		if o := &c.pins[i]; !o.removed && e.follows(o) {
			if err := c.silenced(o); err != nil {
				no.Reason = fmt.Sprintf("the word of the key that named it is not taken: %v", err)
			}
		}
	}
	return no
}

// inherited returns which of the addresses that a successor states the ring has
// the old key for, or the successor already, and what a person should know of
// the others. Where that is none they are all returned, to be refused one by one.
func (st *state) inherited(v *Verified, addresses []string) (heir, findings []string) {
	for _, a := range addresses {
		if slices.ContainsFunc(st.byAddress[a], func(s *slot) bool {
			f := s.rows[0].fingerprint
			return !f.IsZero() && (f == v.Fingerprint() || f == v.evidence.old())
		}) {
			heir = append(heir, a)
		} else {
			findings = append(findings, fmt.Sprintf("it states %q too, and is not added for it: the key before it was not for that", cut(a)))
		}
	}
	if len(heir) == 0 {
		return addresses, nil
	}
	return heir, findings
}
