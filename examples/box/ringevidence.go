package main

import (
	"errors"
	"slices"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// evidenceOf reads what somebody was told: digits, figures, words, or what a QR
// code held.
func evidenceOf(text string) (keyring.Evidence, error) {
	f, err := keyring.ParseFingerprint(text)
	if err != nil {
		if scanned, e := keyring.Scan(text); e == nil { // an invitation of another program
			return scanned, nil
		}
		return keyring.Evidence{}, err
	}
	// How it was told is kept beside what was told.
	if scanned, err := keyring.Scan(text); err == nil {
		return scanned, nil
	}
	if spoken, err := keyring.Spoken(text); err == nil {
		return spoken, nil
	}
	return keyring.Expect(f), nil
}

// forAddresses are the addresses that a key is to be added for.
func forAddresses(f *ringAddFlags, c found) []string {
	if len(f.addresses) > 0 {
		return f.addresses
	}
	return c.Certificate.Addresses()
}

// believeAuthority asks the authorities of --roots, for each of the addresses.
// What comes back is believed for the last of them: the others are asked here
// so that all or none are added.
func (a *app) believeAuthority(p keyring.Policy, f *ringAddFlags, name string, all []found) (*keyring.Verified, error) {
	authorities, err := a.authorities("FILE")
	if err != nil {
		return nil, err
	}
	var beside []*keyring.Certificate
	for _, c := range all {
		if isX509(c.Certificate) {
			beside = append(beside, c.Certificate)
		}
	}
	var first error
	for _, c := range all {
		if !isX509(c.Certificate) || len(forAddresses(f, c)) == 0 {
			continue
		}
		var v *keyring.Verified
		var err error
		for _, address := range forAddresses(f, c) {
			if v, err = p.Verify(c.Certificate, smime.ChainTo(address, authorities, beside...)); err != nil {
				break
			}
		}
		if err == nil {
			return v, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = errors.New("no certificate in it states an address: authorities speak for S/MIME alone; for an OpenPGP key give its fingerprint")
	}
	return nil, failed("adding", name, first)
}

// believeIntroducers takes the word of those whom the ring trusts to introduce.
func (a *app) believeIntroducers(p keyring.Policy, f *ringAddFlags, name string, all []found) (*keyring.Verified, error) {
	r, err := a.openRing()
	if err != nil {
		return nil, err
	}
	entries, err := r.Entries()
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(entries, func(e keyring.Entry) bool { return e.Introducer != nil && e.Verified != nil }) {
		return nil, usagef("--introduced: nobody in the ring is an introducer: box ring introducer FINGERPRINT")
	}
	file, err := a.readAtMost(name, mostStoreBytes)
	if err != nil {
		return nil, err
	}
	var first error
	for _, c := range all {
		for _, address := range forAddresses(f, c) {
			v, err := p.Verify(c.Certificate, pgp.IntroducedThrough(address, file, entries...))
			if err == nil {
				return v, nil
			}
			if first == nil {
				first = err
			}
		}
	}
	if first == nil {
		first = errors.New("no key in it states an address")
	}
	return nil, failed("adding", name, first)
}

// believeSuccession takes the word of the key that an address has for the one
// that comes after it.
func (a *app) believeSuccession(p keyring.Policy, f *ringAddFlags, all []found) (*keyring.Verified, error) {
	message, err := a.readSmall(f.succeeds)
	if err != nil {
		return nil, err
	}
	r, err := a.openRing()
	if err != nil {
		return nil, err
	}
	var first error
	for _, c := range all {
		for _, address := range forAddresses(f, c) {
			entries, err := r.Lookup(address)
			if err != nil {
				if first == nil {
					first = a.ringRefused(err)
				}
				continue
			}
			for _, old := range entries {
				ev := pgp.SucceededIn(old.Verified, message)
				if old.Format == string(kindSMIME) {
					ev = smime.SucceededIn(old.Verified, message)
				}
				v, err := p.Verify(c.Certificate, ev)
				if err == nil {
					return v, nil
				}
				if first == nil {
					first = err
				}
			}
		}
	}
	if first == nil {
		first = errors.New("no key in it states an address of the ring")
	}
	return nil, failed("reading the transition", f.succeeds, first)
}

// believeFirst believes that a key is an address' for want of anything else.
func (a *app) believeFirst(p keyring.Policy, f *ringAddFlags, name string, all []found) (*keyring.Verified, error) {
	addresses := forAddresses(f, all[0])
	if len(all) != 1 || len(addresses) != 1 {
		return nil, failed("reading the key", name, errors.New("which key, for which address? Give a file with one key, and --address"))
	}
	return p.Verify(all[0].Certificate, keyring.FirstUse(addresses[0]))
}
