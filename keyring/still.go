package keyring

import (
	"fmt"
	"slices"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// origin is which entry of which ring a Verified came from.
type origin struct {
	ring    *Ring
	id      string
	name    string // of the version
	address string
	signer  bool
	asked   []asked
}

// asked is for whom it was looked up: who is behind a gateway or in a group has
// another address than the entry, and several may share one key.
type asked struct {
	address string
	group   string // ""
}

// Check returns nil for a Verified that came from no ring. For one that did it
// asks the ring: nil if what was looked up then still holds now, or else why it
// does not. Package envelope asks before it seals.
//
// The error is a [*RevokedError], a [*ChangedError] where another key took its
// place, an [*UnknownError] where it was removed or erased, or somebody was taken
// out of the group that it was looked up for, an [*UnusableError] for one that
// [Ring.Senders] returned for being a signer, any other that
// [Ring.Lookup] has for its address, or one that says that the ring was closed.
// All but those of a [Store] are [ErrRefused], as is a nil or zero Verified.
func (v *Verified) Check() error {
	if v == nil || v.cert == nil {
		return fmt.Errorf("%w: no verified certificate was given", ErrRefused)
	}
	if v.origin == nil {
		return nil
	}
	o := v.origin
	if o.signer {
		return &UnusableError{Fingerprint: v.Fingerprint(), Reason: fmt.Sprintf("signs for %q, and nothing is sealed to it for that: look up who reads it", cut(o.address))}
	}
	return o.ring.view(func(st *state) error {
		if err := o.ring.still(st, v); err != nil {
			return err
		}
		for _, x := range o.asked {
			if err := o.ring.stillFor(st, v, x); err != nil {
				return err
			}
		}
		return nil
	})
}

// stillFor is still for whom it was looked up.
func (r *Ring) stillFor(st *state, v *Verified, x asked) error {
	if x.group != "" {
		g := st.group(x.group)
		if g != nil {
			if err := r.load(g); err != nil {
				return err
			}
		}
		if g == nil || !slices.Contains(g.rec.Members, x.address) {
			return &UnknownError{Address: x.address, Hint: fmt.Sprintf("it was taken out of the group %q after it was looked up", cut(x.group))}
		}
	}
	for _, a := range []string{x.address, domainOf(x.address)} {
		var others []Fingerprint
		for _, s := range st.byAddress[a] {
			for i := range s.rows {
				switch y := &s.rows[i]; {
				case y.address != a || y.signer:
				case y.group:
					return &UnknownError{Address: x.address, Hint: "it became a group after it was looked up: ask for its recipients"}
				case s.id != v.origin.id:
					others = append(others, y.fingerprint)
				case a == v.origin.address:
					return nil // still asked
				default:
					return r.stillPinned(s, a)
				}
			}
		}
		if len(others) > 0 {
			return &ChangedError{Address: x.address, Old: others, New: v.Fingerprint(), Hint: "it was the one for this address when it was looked up: look it up again"}
		}
	}
	return &UnknownError{Address: x.address, Hint: fmt.Sprintf("%s was taken from it after it was looked up", v.Fingerprint())}
}

// stillPinned believes the key of s for another one of its addresses.
func (r *Ring) stillPinned(s *slot, address string) error {
	if err := r.load(s); err != nil {
		return err
	}
	for i := range s.rec.Pins {
		if p := &s.rec.Pins[i]; p.Address == address && !p.Signer {
			_, err := r.believe(s, i, r.policy.now())
			return err
		}
	}
	return fmt.Errorf("%w: the index of the ring and its record %s are of two minds", ErrRefused, s.name)
}

func (r *Ring) still(st *state, v *Verified) error {
	o := v.origin
	now := r.policy.now()
	s := st.slots[o.id]
	if s == nil {
		return r.gone(st, v)
	}
	if err := r.load(s); err != nil {
		return err
	}
	for i := range s.rec.Pins {
		if p := &s.rec.Pins[i]; p.Address != o.address || p.Signer != o.signer {
			continue
		}
		is, err := r.believe(s, i, now)
		if err != nil || s.name == o.name {
			return err
		}
		// A newer copy of the same key: what it says of it counts.
		if err := is.cert.CheckSeal(now, seam.Auto); err != nil && v.cert.CheckSeal(now, seam.Auto) == nil {
			return refusal(err)
		}
		return nil
	}
	if rev := s.rec.revocation(); rev != nil {
		return rev
	}
	return r.gone(st, v)
}

// gone says why v is no longer what its address has.
func (r *Ring) gone(st *state, v *Verified) error {
	e := &ChangedError{Address: v.origin.address, New: v.Fingerprint(), Hint: "it was in the ring when it was looked up: look it up again"}
	for _, s := range st.byAddress[v.origin.address] {
		for i := range s.rows {
			if x := &s.rows[i]; x.address == v.origin.address && !x.signer && formatOf(x.fingerprint) == formatOf(e.New) {
				e.Old = append(e.Old, x.fingerprint)
			}
		}
	}
	if len(e.Old) > 0 {
		return e
	}
	return &UnknownError{Address: v.origin.address, Hint: fmt.Sprintf("%s was removed after it was looked up", e.New)}
}
