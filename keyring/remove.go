package keyring

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Remove takes the key f from an address; the zero Fingerprint takes all of its
// keys. What is known of a key stays, unseen, so that a revocation is not
// forgotten with it: [Ring.Erase] leaves nothing.
//
// The error is an [*UnknownError] where address has no such key.
func (r *Ring) Remove(address string, f Fingerprint) error {
	a, err := normal(address)
	if err != nil {
		return err
	}
	return r.change(func(d *draft) error {
		for _, s := range slices.Clone(d.st.byAddress[a]) {
			if s.rows[0].group || !f.IsZero() && !f.Matches(s.rows[0].fingerprint) {
				continue
			}
			if err := r.load(s); err != nil {
				return err
			}
			rec, err := d.edit(s)
			if err != nil {
				return err
			}
			rec.unpin(func(p recordPin) bool { return p.Address == a })
			d.event = eventRemoved
			d.note(rec, recordEvent{Addresses: []string{a}})
		}
		if d.event == "" {
			hint := "it has no key in the ring"
			if !f.IsZero() {
				hint = fmt.Sprintf("it does not have the key %s", f)
			}
			return &UnknownError{Address: a, Hint: hint}
		}
		return nil
	})
}

// unpin takes addresses from a key. Who has none left introduces nobody: should the
// key come back one day, that is to be said anew.
func (rec *record) unpin(is func(recordPin) bool) {
	if rec.Pins = slices.DeleteFunc(rec.Pins, is); len(rec.Pins) == 0 {
		rec.Introducer = nil
	}
}

// Erase takes the key f from the ring with all that the ring knows of its owner,
// as somebody may ask by law: certificate, addresses, evidence, history and what
// was seen of revocations. With it go the keys that were removed from its
// addresses, and the addresses from groups unless they have another key. What
// stays is lines of the log that say that something was added, changed and
// erased, and not what. A person with several keys is erased key by key.
//
// Files are deleted and not overwritten: what a disk, a journal or a backup
// still has of them is not the ring's to say.
//
// The error is an [*UnknownError] for a key that is not in the ring.
func (r *Ring) Erase(f Fingerprint) error {
	return r.change(func(d *draft) error {
		s := d.st.find(f)
		if s == nil {
			return &UnknownError{Hint: fmt.Sprintf("the ring has no key %s", f)}
		}
		return r.erase(d, s)
	})
}

func (r *Ring) erase(d *draft, gone *slot) error {
	d.event, d.index = eventErased, true
	d.drops[gone.id] = gone
	was := map[string]bool{}
	for _, a := range gone.addresses() {
		was[a] = true
	}
	if err := r.load(gone); err == nil {
		for _, e := range gone.rec.History {
			for _, a := range e.Addresses {
				was[a] = true
			}
		}
	} else if !isRefusal(err) {
		return err // a record that is damaged is erased all the same
	}
	f := gone.rows[0].fingerprint.URI()
	for _, s := range d.st.slots {
		if s == gone {
			continue
		}
		if err := r.load(s); err != nil {
			if isRefusal(err) {
				continue
			}
			return err
		}
		if s.rec.Kind == kindKey && len(s.rec.Pins) == 0 && s.rec.about(was) {
			d.drops[s.id] = s
			continue
		}
		if err := d.scrub(s, f, was); err != nil {
			return err
		}
	}
	return nil
}

// about reports whether the history of r is about one of these addresses.
func (r *record) about(addresses map[string]bool) bool {
	return slices.ContainsFunc(r.History, func(e recordEvent) bool {
		return slices.ContainsFunc(e.Addresses, func(a string) bool { return addresses[a] })
	})
}

// scrub takes what is erased out of another record.
func (d *draft) scrub(s *slot, f string, was map[string]bool) error {
	orphan := func(a string) bool { return was[a] && !d.stays(a) }
	digits := f[strings.LastIndexByte(f, ':')+1:]
	names := func(e recordEvent) bool {
		return e.Other == f || containsFold(e.Detail, digits) ||
			slices.ContainsFunc(e.Addresses, orphan) || mentions(e.Detail, was, orphan)
	}
	// Evidence by introduction names who introduced.
	introduced := func(p recordPin) bool { return containsFold(p.Evidence, digits) || mentions(p.Evidence, was, orphan) }
	if !slices.ContainsFunc(s.rec.History, names) && !slices.ContainsFunc(s.rec.Members, orphan) && !slices.ContainsFunc(s.rec.Pins, introduced) {
		return nil
	}
	rec, err := d.edit(s)
	if err != nil {
		return err
	}
	for i := range rec.History {
		if e := &rec.History[i]; names(*e) {
			e.Other, e.Detail = "", ""
			e.Addresses = slices.DeleteFunc(e.Addresses, orphan)
		}
	}
	for i := range rec.Pins {
		if p := &rec.Pins[i]; introduced(*p) {
			p.Evidence = p.Basis + ", by a key that was erased"
		}
	}
	if rec.Kind == kindGroup {
		if rec.Members = slices.DeleteFunc(rec.Members, orphan); len(rec.Members) == 0 {
			delete(d.recs, s.id)
			d.drops[s.id] = s
		}
	}
	return nil
}

func containsFold(s, part string) bool {
	return strings.Contains(strings.ToUpper(s), strings.ToUpper(part))
}

func mentions(text string, was map[string]bool, orphan func(string) bool) bool {
	for a := range was {
		if orphan(a) && strings.Contains(text, a) {
			return true
		}
	}
	return false
}

// stays reports whether an address has a record that is not erased.
func (d *draft) stays(address string) bool {
	return slices.ContainsFunc(d.st.byAddress[address], func(s *slot) bool { return d.drops[s.id] == nil })
}

// sane makes text one that JSON keeps as it is.
func sane(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
