package keyring

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Add puts a verified certificate into the ring for the addresses of a, or for
// none of them. It is the only door in. A copy of a key that the ring has is
// merged with it, and nothing of what either holds is lost.
//
// The error is a [*PolicyError], [*RevokedError], [*NotBoundError],
// [*UnusableError], [*ChangedError] or [*DowngradeError], all [ErrRefused]; or
// what is wrong with an address, or what the [Store] returned. After any of
// them the ring is as it was, but for an error of the Store, after which it is
// as it was or as it was meant to be.
func (r *Ring) Add(v *Verified, a Addition) (*Change, error) {
	if v == nil || v.cert == nil {
		return nil, fmt.Errorf("%w: no verified certificate was given", ErrRefused)
	}
	if o := v.origin; o != nil && o.ring != r {
		// What another ring no longer says is not believed here for it.
		if err := o.ring.view(func(st *state) error { return o.ring.still(st, v) }); err != nil {
			return nil, err
		}
	}
	// What cannot be read back must not go in.
	if _, err := r.parseOne(v.cert.Encoding(), v.Fingerprint()); err != nil {
		return nil, fmt.Errorf("%w: the certificate %s %w", ErrRefused, v.Fingerprint(), err)
	}
	addresses, err := a.resolve(v)
	if err != nil {
		return nil, err
	}
	var done *Change
	err = r.change(func(d *draft) error {
		done, err = r.add(d, v, addresses, a)
		return err
	})
	if err != nil {
		return nil, err
	}
	return done, nil
}

// resolve returns the addresses that a is about, each once.
func (a Addition) resolve(v *Verified) ([]string, error) {
	list := a.Addresses
	if len(list) == 0 {
		if list = v.cert.Addresses(); v.evidence.address != "" {
			list = []string{v.evidence.address}
		}
	}
	var out []string
	for _, s := range list {
		n, err := normal(s)
		switch {
		case err != nil && len(a.Addresses) == 0:
			continue // a user ID that is no address is no error of the caller
		case err != nil:
			return nil, err
		case len(a.Addresses) == 0 && n[0] == '@':
			continue // nothing that is stated makes it a domain's
		case !slices.Contains(out, n):
			out = append(out, n)
		}
	}
	switch {
	case len(out) == 0:
		return nil, &NotBoundError{Fingerprint: v.Fingerprint(), Has: v.cert.Addresses(), Reason: "nobody said whose it is"}
	case len(out) > maxPins:
		return nil, fmt.Errorf("keyring: %s would be for more than %d addresses", v.Fingerprint(), maxPins)
	}
	return out, nil
}

func (r *Ring) add(d *draft, v *Verified, addresses []string, a Addition) (*Change, error) {
	f := v.Fingerprint()
	if err := r.blind(d.st); err != nil {
		return nil, err
	}
	same := d.st.find(f)
	done := &Change{Fingerprint: f}
	if len(a.Addresses) == 0 && v.evidence.named() {
		addresses, done.Findings = d.st.inherited(v, addresses)
	}
	var rec *record
	claimed := 0
	for _, address := range addresses {
		pins, at, err := r.pins(d.st, address, same, formatOf(f), a.Signer)
		if err != nil {
			return nil, err
		}
		if len(at.groups) > 0 {
			return nil, fmt.Errorf("%w: %q is a group: take the group away first, or add the certificate for one of its members", ErrRefused, cut(address))
		}
		judged, err := r.policy.judge(v, address, a, pins)
		if err != nil {
			return nil, err
		}
		done.Findings = append(append(done.Findings, judged.findings...), d.st.foundLooks(address)...)
		if rec == nil {
			if rec, err = d.record(same, f); err != nil {
				return nil, err
			}
		}
		if !bytes.Equal(judged.cert.Encoding(), v.cert.Encoding()) {
			if _, err := r.parseOne(judged.cert.Encoding(), f); err != nil {
				return nil, fmt.Errorf("%w: the merged certificate %s %w", ErrRefused, f, err)
			}
		}
		event, changed := rec.take(v, address, a, &judged, r.policy, at.after(address, d.now))
		if !changed && len(judged.replaces) == 0 {
			continue
		}
		d.event = weightier(d.event, event)
		done.Addresses = append(done.Addresses, address)
		if event == eventAdded {
			claimed++
		}
		for _, i := range judged.replaces {
			old := at.slots[i]
			g, err := d.unpin(old, address, false, event, f)
			if err != nil {
				return nil, err
			}
			if !slices.Contains(done.Replaced, g) {
				done.Replaced = append(done.Replaced, g)
			}
		}
	}
	if len(done.Addresses) == 0 {
		clear(d.recs)
		return done, nil
	}
	if claimed > 1 && len(a.Addresses) == 0 && v.evidence.address == "" {
		// Whoever's fingerprint was compared wrote other people's addresses into
		// their key too, if they wished.
		done.Findings = append(done.Findings, fmt.Sprintf("it is for all of the %d addresses now that it states itself: make sure that each is its owner's", claimed))
	}
	done.Event = d.event
	d.note(rec, recordEvent{Addresses: done.Addresses, Other: otherOf(done.Replaced), Detail: v.why})
	return done, nil
}

func otherOf(list []Fingerprint) string {
	if len(list) == 0 {
		return ""
	}
	return list[0].URI()
}

// weightier returns which of two events of one change the log names it by.
func weightier(a, b string) string {
	order := []string{"", eventVerified, eventUpdated, eventAdded, eventRenewed, eventReissued, eventSucceeded, eventReplaced}
	if slices.Index(order, a) > slices.Index(order, b) {
		return a
	}
	return b
}

// record returns the next version of the record of a key, a new one for nil.
func (d *draft) record(same *slot, f Fingerprint) (*record, error) {
	if same != nil {
		return d.edit(same)
	}
	rec := d.add(kindKey)
	rec.Fingerprint, rec.Format = f.URI(), formatOf(f)
	return rec, nil
}

// take writes into rec what was judged of one address. It returns what the log
// calls it, and whether anything is other than before.
func (rec *record) take(v *Verified, address string, a Addition, d *verdict, p Policy, now time.Time) (event string, changed bool) {
	event = d.event
	if certificate := d.cert.Encoding(); !bytes.Equal(certificate, rec.Certificate) {
		rec.Certificate, changed = certificate, true
	}
	changed = rec.keepReads(d.cert.Reads()) || changed
	fresh := recordPin{
		Address: address, Alias: a.Alias, Signer: a.Signer, Own: a.Own, Basis: basisName(d.basis), Evidence: v.why, About: v.evidence.address,
		Since: now.UTC().Truncate(time.Microsecond), Policy: p.lowered(),
		Was: recordWas{PostQuantum: d.now.PostQuantum, AEAD: d.now.AEAD, Version: d.now.Version},
	}
	if d.basis != v.evidence.basis {
		fresh.Evidence += "; that one was believed by " + fresh.Basis
	}
	if v.evidence.authority != [sha256.Size]byte{} {
		fresh.Authority = v.evidence.authority[:]
	}
	i := slices.IndexFunc(rec.Pins, func(x recordPin) bool { return x.Address == address && x.Signer == a.Signer })
	if i < 0 {
		rec.Pins = append(rec.Pins, fresh)
		if event == "" || event == eventUpdated {
			event = eventAdded // the key is known, for this address it is new
		}
		return event, true
	}
	old := &rec.Pins[i]
	fresh.Preferred, fresh.Since = old.Preferred, old.Since
	fresh.Alias, fresh.Own = a.Alias || old.Alias, a.Own || old.Own
	if d.basis == seam.BasisNone || !stronger(d.basis, basisOf(old.Basis)) {
		// What was compared by hand stays so, whoever vouches for it later.
		fresh.Basis, fresh.Evidence, fresh.About, fresh.Authority, fresh.Policy = old.Basis, old.Evidence, old.About, old.Authority, old.Policy
	}
	if !samePin(old, &fresh) {
		*old, changed = fresh, true
	}
	if changed && event == "" {
		event = eventVerified
	}
	return event, changed
}

func samePin(a, b *recordPin) bool {
	return a.Alias == b.Alias && a.Own == b.Own && a.Basis == b.Basis && a.Evidence == b.Evidence && a.About == b.About &&
		bytes.Equal(a.Authority, b.Authority) && a.Was == b.Was
}

// stronger reports whether evidence of kind a says at least as much as what
// rests on b.
func stronger(a, b seam.Basis) bool {
	rank := func(b seam.Basis) int {
		switch b {
		case seam.BasisFingerprint, seam.BasisScanned, seam.BasisSpoken, seam.BasisSafetyNumber:
			return 3
		case seam.BasisChain, seam.BasisIntroduced, seam.BasisSuccession:
			return 2
		case seam.BasisDomain:
			return 1
		}
		return 0
	}
	return rank(a) >= rank(b)
}

// lowered names the fields of p that take more, or less, than the zero Policy.
func (p Policy) lowered() (list []string) {
	for _, x := range []struct {
		name string
		set  bool
	}{
		{"FingerprintOnly", p.FingerprintOnly}, {"AcceptReissued", p.AcceptReissued},
		{"AcceptFirstUse", p.AcceptFirstUse}, {"AcceptDomainAttested", p.AcceptDomainAttested},
	} {
		if x.set {
			list = append(list, x.name)
		}
	}
	return list
}

// keepReads notes what the owner's programs read, and reports whether that is
// new.
func (rec *record) keepReads(r *seam.Reads) bool {
	if r == nil {
		return false
	}
	is := &recordReads{Algorithms: r.Algorithms, When: r.When.UTC(), Source: r.Source}
	if old := rec.Reads; old != nil && slices.Equal(old.Algorithms, is.Algorithms) && old.When.Equal(is.When) && old.Source == is.Source {
		return false
	}
	rec.Reads = is
	return true
}

// unpin takes an address from a key, which is then a tombstone if it was its
// last: what is known of the key is known for good. by is the key that takes its
// place.
func (d *draft) unpin(s *slot, address string, signer bool, event string, by Fingerprint) (Fingerprint, error) {
	rec, err := d.edit(s)
	if err != nil {
		return Fingerprint{}, err
	}
	rec.unpin(func(x recordPin) bool { return x.Address == address && x.Signer == signer })
	d.note(rec, recordEvent{Event: event, Addresses: []string{address}, Other: by.URI()})
	return rec.fingerprint(), nil
}

// at is where the pins come from that judge is given.
type at struct {
	slots  []*slot // of each pin
	groups []*slot
}

// after returns now, or the first microsecond after that in which the last key of
// the address came: of several the first is sealed to, and which that is must
// not hang on how quickly they were added.
func (a at) after(address string, now time.Time) time.Time {
	now = now.UTC().Truncate(time.Microsecond)
	for _, s := range a.slots {
		for i := range s.rows {
			if x := &s.rows[i]; x.address == address && !x.since.Before(now) {
				now = x.since.Add(time.Microsecond)
			}
		}
	}
	return now
}

// pins returns what judge is told of an address, same being the record of the
// very key that is judged, which is of this format, if there is one. r.mu is held.
func (r *Ring) pins(st *state, address string, same *slot, format string, signer bool) (pins []pin, from at, err error) {
	add := func(s *slot, x pin) {
		pins, from.slots = append(pins, x), append(from.slots, s)
	}
	seen := false
	for _, s := range st.byAddress[address] {
		if err := r.load(s); err != nil {
			return nil, from, err
		}
		if s.rec.Kind == kindGroup {
			from.groups = append(from.groups, s)
			continue
		}
		c, err := r.certificate(s)
		if err != nil {
			if errors.Is(err, errGone) || s == same || formatOf(s.rows[0].fingerprint) == format {
				return nil, from, err
			}
			continue // of a format that this program does not have, or damaged: it is no rival
		}
		for i := range s.rec.Pins {
			// That a key may sign for an address does not say that it is its
			// owner's, and the other way round.
			if p := &s.rec.Pins[i]; p.Address == address && (s != same || p.Signer == signer) {
				add(s, s.rec.pin(i, c))
				seen = seen || s == same
			}
		}
	}
	if same == nil || seen {
		return pins, from, nil
	}
	// The key is known, and not for this address: a revocation counts.
	c, err := r.certificate(same)
	if err != nil {
		return nil, from, err
	}
	add(same, pin{cert: c, removed: true, revoked: same.rec.revocation()})
	return pins, from, nil
}

// blind refuses to change what a record is about that nobody can read, and of
// which it is not even known what it is for.
func (r *Ring) blind(st *state) error {
	for _, s := range st.unknown {
		if s.err != nil {
			return s.err
		}
	}
	return nil
}
