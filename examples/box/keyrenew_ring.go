package main

import (
	"slices"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// renewInRing brings the entries of the old key up to date: with its new end,
// or with the key that it names in its place.
func (a *app) renewInRing(r *renewal) error {
	dir, err := a.ringDir()
	if err != nil {
		return err
	}
	ring, err := a.openRing()
	if err != nil {
		return err
	}
	entries, err := ring.Entries()
	if err != nil {
		return failed("reading the ring", dir, err)
	}
	old, next := r.old.Certificate().Fingerprint(), r.next.Certificate()
	entries = slices.DeleteFunc(entries, func(e keyring.Entry) bool { return !old.Matches(e.Fingerprint) || e.Verified == nil })
	switch {
	case len(entries) == 0:
		a.say("note: the ring in %s does not have the old key, and stays as it is", shown(dir))
		return nil
	case old == next.Fingerprint():
		if _, err := ring.Update(next); err != nil {
			return failed("updating the ring", dir, err)
		}
	case r.transition == nil:
		a.say("note: the ring in %s keeps the old key: box ring add %s FINGERPRINT --replace", shown(dir), shown(r.prefix+".pub"))
		return nil
	default:
		if err := a.succeedInRing(ring, r, entries); err != nil {
			return failed("updating the ring", dir, err)
		}
	}
	a.say("updated the ring in %s", shown(dir))
	return nil
}

// succeedInRing adds the new key for all that the old one is in the ring for.
func (a *app) succeedInRing(ring *keyring.Ring, r *renewal, entries []keyring.Entry) error {
	p, err := ringPolicy(a.ring.accept)
	if err != nil {
		return err
	}
	for _, e := range entries {
		ev := pgp.SucceededIn(e.Verified, r.transition)
		if kindIs(r.next.Certificate()) == kindSMIME {
			ev = smime.SucceededIn(e.Verified, r.transition)
		}
		v, err := p.Verify(r.next.Certificate(), ev)
		if err != nil {
			return err
		}
		// The ring's owner has both keys: nobody else could have made the message.
		if _, err := ring.Add(v, keyring.Addition{Addresses: []string{e.Address}, Alias: e.Alias, Signer: e.Signer, Own: true}); err != nil {
			return err
		}
	}
	return nil
}
