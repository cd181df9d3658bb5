package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// judge decides whether v goes into a ring for an address, which is normalised
// and of which the ring knows pins, of both formats and those that were removed
// among them. It changes nothing and asks nobody.
//
// The error is a refusal: [*PolicyError], [*RevokedError], [*NotBoundError],
// [*UnusableError], [*ChangedError] or [*DowngradeError], looked for in that
// order, since each is worse news than the next.
func (p Policy) judge(v *Verified, address string, a Addition, pins []pin) (verdict, error) {
	if v == nil || v.cert == nil {
		return verdict{}, fmt.Errorf("%w: no verified certificate was given for %q", ErrRefused, cut(address))
	}
	if v.evidence.basis == seam.BasisNone || v.evidence.basis == seam.BasisUnverified {
		return verdict{}, fmt.Errorf("%w: nothing was compared of %s, and it goes into no ring", ErrRefused, v.Fingerprint())
	}
	c := candidate{Policy: p, Addition: a, v: v, f: v.Fingerprint(), address: address, pins: pins, same: -1}
	if field := p.refuses(v.evidence.basis); field != "" {
		return verdict{}, &PolicyError{Fingerprint: c.f, Field: field, Evidence: v.why}
	}
	for _, check := range []func() error{c.merge, c.revoked, c.bound, c.usable} {
		if err := check(); err != nil {
			return verdict{}, refusal(err)
		}
	}
	return c.change()
}

// candidate is what judge looks at.
type candidate struct {
	Policy
	Addition
	v       *Verified
	f       Fingerprint
	address string
	pins    []pin

	same     int              // index of the pin of the same key, -1
	cert     seam.Certificate // v's, merged with that pin's
	desc     seam.Description
	findings []string
}

// merge looks for the pin of the same key. What the ring knows of it is never
// lost, and a revocation above all: a copy from before it lacks it.
func (c *candidate) merge() error {
	c.cert = c.v.cert
	for i := range c.pins {
		o := &c.pins[i]
		if !c.f.Matches(digest(o.cert.Kind(), o.cert.Hashed())) {
			continue
		}
		if !bytes.Equal(o.cert.Hashed(), c.v.cert.Hashed()) {
			return &ChangedError{Address: c.address, Old: []Fingerprint{c.f}, New: c.f,
				Hint: "they are two keys with one fingerprint, which somebody made for that, and neither can be believed"}
		}
		merged, err := o.cert.Merge(c.v.cert)
		if err != nil {
			return err
		}
		c.same, c.cert = i, merged
	}
	c.desc = c.cert.Describe(c.now())
	return nil
}

// revoked refuses what was withdrawn, by its owner or by who issued it. It is
// the same forever: there is no word by which it comes back.
func (c *candidate) revoked() error {
	if c.same >= 0 && c.pins[c.same].revoked != nil {
		return c.pins[c.same].revoked
	}
	if err := c.cert.Refuse(); err != nil {
		return err
	}
	if c.Signer || c.kept() != nil {
		return nil // what was signed before it was superseded stays signed, and what is in the ring stays there
	}
	var gone *RevokedError
	if err := c.cert.CheckSeal(c.now(), seam.Auto); errors.As(err, &gone) {
		return gone // "superseded", "retired", or all that could be sealed to is
	}
	return nil
}

// bound refuses an address that is not the certificate's, whatever else its
// owner may have proved.
func (c *candidate) bound() error {
	if c.Alias || c.Signer {
		return nil
	}
	if o := c.kept(); o != nil && (o.alias || o.signer) {
		return nil
	}
	no := &NotBoundError{Address: c.address, Fingerprint: c.f, Has: slices.Clone(c.cert.Addresses())}
	if about := c.v.evidence.address; about != "" && about != c.address {
		no.Reason = fmt.Sprintf("the evidence is about %q", cut(about))
		return no
	}
	if c.cert.Binds(c.address, c.now()) == nil {
		return nil
	}
	switch no.Reason = "it does not state it"; {
	case slices.ContainsFunc(no.Has, c.isSame):
		no.Reason = "the signature by which it states it is not in force now"
	case c.kept() != nil || c.same < 0 && c.v.cert.Binds(c.address, c.desc.Created) == nil:
		no.Reason = "it states it no longer"
	case len(c.address) > 0 && c.address[0] == '@':
		no.Reason = "nothing in it says that it is for a domain"
	}
	return no
}

func (c *candidate) isSame(address string) bool { return mailbox.Same(address, c.address) }

// kept is the pin of the same key that is in the ring.
func (c *candidate) kept() *pin {
	if c.same < 0 || c.pins[c.same].removed {
		return nil
	}
	return &c.pins[c.same]
}

// usable refuses what could not serve whatever the time is.
func (c *candidate) usable() error {
	if c.isOwn(c.f) && !c.Addition.Own && (c.kept() == nil || !c.kept().own) {
		return ownKey(c.f, c.address)
	}
	switch {
	case c.Signer && !c.desc.CanSign:
		return &UnusableError{Fingerprint: c.f, Reason: "cannot sign: it is for encryption only, and nobody signs with it for others"}
	case !c.Signer && !c.desc.CanSeal && (c.kept() == nil || !c.kept().signer):
		if !c.desc.CanSign {
			return &UnusableError{Fingerprint: c.f, Reason: "can neither be sealed to nor sign"}
		}
		return &UnusableError{Fingerprint: c.f, Reason: "is for signatures only, and nothing can be sealed to it: add it as a signer, or ask its owner for the key that is for encryption"}
	}
	return nil
}

// isOwn reports whether f is one of the caller's own keys.
func (p Policy) isOwn(f Fingerprint) bool {
	return slices.ContainsFunc(p.Own, f.Matches)
}

// ownKey is the refusal to take the caller's key for somebody else's.
func ownKey(f Fingerprint, address string) error {
	return &UnusableError{Fingerprint: f, Reason: fmt.Sprintf("is your own key, not that of %q: what is sealed to it only you can open; ask them for theirs, or say that the address is yours", cut(address))}
}
