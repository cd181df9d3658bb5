package keyring

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Group says that a message for address is for these members, addresses too,
// and for nobody else: who reads claims@ is known to the caller, and never taken
// from a certificate or a message. Members again says anew who they are; none
// takes the group away. A member need not be in the ring yet; [Ring.Recipients]
// asks. No member is a group itself.
//
// An address that has keys of its own cannot be a group: remove them first.
func (r *Ring) Group(address string, members ...string) error {
	a, err := normal(address)
	if err != nil {
		return err
	}
	if a[0] == '@' {
		return fmt.Errorf("keyring: %q is a domain, which has no members: give an address", cut(address))
	}
	var list []string
	for _, m := range members {
		n, err := normal(m)
		switch {
		case err != nil:
			return err
		case n == a:
			return fmt.Errorf("keyring: the group %q is a member of itself", cut(a))
		case n[0] == '@':
			return fmt.Errorf("keyring: %q is a domain, and no member of a group: give addresses", cut(m))
		case !slices.Contains(list, n):
			list = append(list, n)
		}
	}
	if len(list) > maxMembers {
		return fmt.Errorf("keyring: the group %q would have more than %d members", cut(a), maxMembers)
	}
	return r.change(func(d *draft) error { return r.group(d, a, list) })
}

func (r *Ring) group(d *draft, address string, members []string) error {
	if err := r.blind(d.st); err != nil {
		return err
	}
	old := d.st.group(address)
	if len(members) == 0 {
		if old == nil {
			return &UnknownError{Address: address, Hint: "there is no such group"}
		}
		d.event, d.index = eventRemoved, true
		d.drops[old.id] = old
		return nil
	}
	if old == nil && len(d.st.byAddress[address]) > 0 {
		return fmt.Errorf("%w: %q has keys of its own: remove them before it is made a group", ErrRefused, cut(address))
	}
	for _, m := range members {
		if d.st.group(m) != nil {
			return fmt.Errorf("%w: %q is a group, and cannot be a member of %q: name its members", ErrRefused, cut(m), cut(address))
		}
	}
	if in := d.st.memberOf(r, address); in != "" {
		return fmt.Errorf("%w: %q is a member of the group %q, and cannot be one", ErrRefused, cut(address), cut(in))
	}
	var rec *record
	if old == nil {
		rec = d.add(kindGroup)
		rec.Address, rec.Since = address, d.now.UTC().Truncate(time.Microsecond)
	} else {
		if err := r.load(old); err != nil {
			return err
		}
		if slices.Equal(old.rec.Members, members) {
			return nil
		}
		var err error
		if rec, err = d.edit(old); err != nil {
			return err
		}
	}
	rec.Members = members
	d.event = eventGrouped
	d.note(rec, recordEvent{Addresses: []string{address}, Detail: fmt.Sprintf("group of %d: %s", len(members), someOf(members))})
	return nil
}

// someOf names the first members, each whole: of part of an address Erase would
// not know whose it was.
func someOf(members []string) string {
	const most = 80
	text := members[0]
	for i, m := range members[1:] {
		if len(text)+len(m) > most {
			return fmt.Sprintf("%s and %d more", text, len(members)-1-i)
		}
		text += ", " + m
	}
	return text
}

// memberOf returns the group that an address is a member of, "" for none.
func (st *state) memberOf(r *Ring, address string) string {
	for _, s := range st.slots {
		if len(s.rows) > 0 && s.rows[0].group && r.load(s) == nil && slices.Contains(s.rec.Members, address) {
			return s.rec.Address
		}
	}
	return ""
}

// Prefer makes the key f the one that is sealed to where address has several of
// its format; the zero Fingerprint takes back what was said of the address.
//
// The error is an [*UnknownError] where address has no such key.
func (r *Ring) Prefer(address string, f Fingerprint) error {
	a, err := normal(address)
	if err != nil {
		return err
	}
	return r.change(func(d *draft) error {
		found := f.IsZero()
		format := ""
		if s := d.st.find(f); s != nil {
			format = formatOf(s.rows[0].fingerprint)
		}
		for _, s := range d.st.byAddress[a] {
			if s.rows[0].group || format != "" && formatOf(s.rows[0].fingerprint) != format {
				continue
			}
			is := f.Matches(s.rows[0].fingerprint)
			if err := r.load(s); err != nil {
				if is || !isRefusal(err) {
					return err
				}
				continue
			}
			for i := range s.rec.Pins {
				p := &s.rec.Pins[i]
				if p.Address != a || p.Signer {
					continue
				}
				found = found || is
				if p.Preferred == is {
					continue
				}
				rec, err := d.edit(s)
				if err != nil {
					return err
				}
				rec.Pins[i].Preferred = is
				d.event = eventPreferred
				detail := "preferred"
				if !is {
					detail = "no longer preferred"
				}
				d.note(rec, recordEvent{Addresses: []string{a}, Detail: detail})
			}
		}
		if !found {
			return &UnknownError{Address: a, Hint: fmt.Sprintf("it has no key %s that is sealed to", f)}
		}
		return nil
	})
}

// Trust says that the key f may introduce others, by certifications that
// evidence of introduction takes (pgp.IntroducedBy); nil: no more. It does
// nothing by itself: [Ring.Entries] has it for who gathers introducers.
//
// The error is an [*UnknownError] where the ring does not have f for any
// address, or one that says what is wrong with t.
func (r *Ring) Trust(f Fingerprint, t *Introducer) error {
	t = t.clone()
	if t != nil {
		if t.Depth < 1 || t.Depth > maxDepth || t.Amount < 1 || t.Amount > fullTrust {
			return fmt.Errorf("keyring: an introducer has a depth of 1 to %d and an amount of 1 to %d", maxDepth, fullTrust)
		}
		for i, d := range t.Domains {
			if !strings.HasPrefix(d, "@") {
				d = "@" + d
			}
			a, err := normal(d)
			if err != nil {
				return err
			}
			t.Domains[i] = a
		}
	}
	return r.change(func(d *draft) error {
		s := d.st.find(f)
		if s == nil || s.rows[0].address == "" {
			return &UnknownError{Hint: fmt.Sprintf("the ring has no key %s", f)}
		}
		if err := r.load(s); err != nil {
			return err
		}
		if t == nil && s.rec.Introducer == nil {
			return nil
		}
		rec, err := d.edit(s)
		if err != nil {
			return err
		}
		detail := "introduces no more"
		if rec.Introducer = t; t != nil {
			detail = fmt.Sprintf("introduces, to depth %d, with amount %d, for %d domains", t.Depth, t.Amount, len(t.Domains))
		}
		d.event = eventTrusted
		d.note(rec, recordEvent{Detail: detail})
		return nil
	})
}

const (
	// maxDepth is how many introductions may stand between a person and who was
	// verified: what the third says of the fourth is hearsay.
	maxDepth = 3

	// fullTrust is the amount of one whose word is enough (RFC 9580,
	// Section 5.2.3.21).
	fullTrust = 120
)
