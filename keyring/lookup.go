package keyring

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Entry is one certificate of a [Ring] for one address, or a group.
type Entry struct {
	Address     string
	Format      string // "OpenPGP", "S/MIME"; "" for a group
	Fingerprint Fingerprint

	// Verified is nil where there is a Problem, and for a group.
	Verified *Verified
	Problem  error // why it is not handed out

	Preferred bool // among those of its format, by [Ring.Prefer]
	Alias     bool // the certificate need not state the address: the caller knew
	Signer    bool // signs for the address; nothing is sealed to it
	Own       bool // the caller's own

	Evidence   string // why it is believed; may repeat what others wrote
	Since      time.Time
	NotAfter   time.Time // until when it can be used; zero: no bound, or not known
	Algorithms []string  // of its keys, the primary one first
	Reads      []string  // what was noted of its owner's programs
	Introducer *Introducer
	Members    []string // of a group
	Record     string   // name of the record in the store
}

// Introducer says whose certifications a ring takes, by [Ring.Trust].
type Introducer struct {
	Depth   int      `json:"depth"`             // 1: introduces people; 2, 3: introduces introducers too
	Amount  int      `json:"amount"`            // 120: its word is enough; 60: two such are (RFC 9580, Section 5.2.3.21)
	Domains []string `json:"domains,omitempty"` // whose addresses it may introduce; none: all
}

// UnknownError says that a ring has nothing for an address.
type UnknownError struct {
	Address string   // "": it is a key that the ring does not have
	Similar []string // addresses of the ring that a person may take for it
	Hint    string   // one clause; may be ""
}

// Error implements error, on one line.
func (e *UnknownError) Error() string {
	if e.Address == "" { // about a key, and not about anybody
		return "keyring: " + e.Hint
	}
	s := fmt.Sprintf("keyring: no verified key for %q", cut(e.Address))
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	for i, a := range e.Similar {
		if i == 3 {
			break
		}
		if i == 0 {
			s += "; the ring has a look-alike, "
		} else {
			s += ", "
		}
		s += fmt.Sprintf("%q", cut(a))
	}
	if e.Hint == "" {
		s += "; add their certificate with its fingerprint, from paper or the telephone"
	}
	return s
}

// Is reports whether target is [ErrRefused].
func (e *UnknownError) Is(target error) bool { return target == ErrRefused }

// Lookup returns what the ring has for exactly this address, or else for its
// domain ("@example.org"), to be sealed to: each verified again now, those of one
// format together, the preferred one first. What cannot be believed any more is
// left out; where that is all, the error says why.
//
// The error is an [*UnknownError], a [*RevokedError] where all are revoked, or
// what [Ring.Add] has for the first one that is refused.
func (r *Ring) Lookup(address string) ([]Entry, error) {
	a, err := normal(address)
	if err != nil {
		return nil, err
	}
	var found []Entry
	err = r.view(func(st *state) error {
		all, err := r.lookup(st, a, r.policy.now())
		if err != nil {
			return err
		}
		found = nil
		for _, e := range all {
			if e.Problem == nil {
				found = append(found, e)
			}
		}
		if len(found) == 0 {
			return firstProblem(all)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// firstProblem is the error for entries none of which is handed out: a
// revocation only where it is all of them.
func firstProblem(list []Entry) error {
	var revoked *RevokedError
	for _, e := range list {
		if !errors.As(e.Problem, &revoked) {
			return e.Problem
		}
	}
	return list[0].Problem
}

// lookup returns the entries to seal to for an address in normal form, or those
// of its domain, each with its problem. There is at least one, or an error.
func (r *Ring) lookup(st *state, address string, now time.Time) ([]Entry, error) {
	for _, a := range []string{address, domainOf(address)} {
		list := st.byAddress[a]
		entries, err := r.entriesOf(list, a, now, func(x *row) bool { return !x.signer && !x.group })
		if err != nil {
			return nil, err
		}
		if len(entries) > 0 {
			for i := range entries {
				v := entries[i].Verified
				if v != nil {
					v.origin.asked = []asked{{address: address}}
				}
				if v != nil && a != address {
					v.as += fmt.Sprintf("; as the gateway of %s", a)
					entries[i].Evidence = v.Evidence()
				}
			}
			return entries, nil
		}
		if slices.ContainsFunc(list, func(s *slot) bool { return s.rows[0].group }) {
			return nil, &UnknownError{Address: a, Hint: "it is a group, which has no key of its own: ask for its recipients"}
		}
		if a == address && address[0] == '@' {
			break
		}
		// Whose record nobody can read may be the one who is looked for, and
		// nobody's gateway is sealed to in their place.
		if r.blind(st) != nil {
			break
		}
	}
	return nil, r.unknown(st, address)
}

// entriesOf returns the entries for an address that want takes, those of one
// format together and the preferred one first. The error is one of the store.
func (r *Ring) entriesOf(list []*slot, address string, now time.Time, want func(*row) bool) (out []Entry, err error) {
	for _, s := range list {
		for i := range s.rows {
			x := &s.rows[i]
			if x.address != address || !want(x) {
				continue
			}
			e, err := r.entry(s, i, now)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Format, b.Format), -compareBool(a.Preferred, b.Preferred),
			a.Since.Compare(b.Since), cmp.Compare(a.Fingerprint.String(), b.Fingerprint.String()))
	})
	return out, nil
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// entry returns what rows[i] of s stands for, which is Pins[i] of its record.
func (r *Ring) entry(s *slot, i int, now time.Time) (Entry, error) {
	x := &s.rows[i]
	e := Entry{
		Address: x.address, Format: formatOf(x.fingerprint), Fingerprint: x.fingerprint, Preferred: x.preferred, Alias: x.alias,
		Signer: x.signer, Own: x.own, Evidence: x.evidence, Since: x.since, Record: s.name,
	}
	if err := r.load(s); err != nil {
		if !isRefusal(err) {
			return e, err
		}
		e.Problem = err
		return e, nil
	}
	if x.group {
		e.Members = slices.Clone(s.rec.Members)
		return e, nil
	}
	j := slices.IndexFunc(s.rec.Pins, func(p recordPin) bool { return p.Address == x.address && p.Signer == x.signer })
	if j < 0 {
		e.Problem = fmt.Errorf("%w: the index of the ring and its record %s are of two minds", ErrRefused, s.name)
		return e, nil
	}
	e.Introducer = s.rec.Introducer.clone()
	if s.rec.Reads != nil {
		e.Reads = slices.Clone(s.rec.Reads.Algorithms)
	}
	v, err := r.believe(s, j, now)
	if err != nil && !isRefusal(err) {
		return e, err
	}
	e.Verified, e.Problem = v, err
	if s.cert != nil {
		if s.desc == nil || now.Sub(s.described).Abs() > describedFor {
			d := s.cert.Describe(now)
			s.desc, s.described = &d, now
		}
		e.NotAfter, e.Algorithms = s.desc.NotAfter, slices.Clone(s.desc.Algorithms)
	}
	return e, nil
}

// describedFor is how long what is shown of a certificate is not worked out
// anew. What decides is.
const describedFor = time.Minute

func (t *Introducer) clone() *Introducer {
	if t == nil {
		return nil
	}
	c := *t
	c.Domains = slices.Clone(t.Domains)
	return &c
}

// unknown is the error for an address that the ring has nothing for.
func (r *Ring) unknown(st *state, address string) error {
	if err := r.blind(st); err != nil {
		return fmt.Errorf("%w; it may be what %q needs", err, cut(address))
	}
	return &UnknownError{Address: address, Similar: st.similar(address)}
}

// Recipients returns to whom a message for these addresses is sealed: for each
// its key that is preferred, or else the first that was added of those that can
// be sealed to now; all of one format, which is OpenPGP where all have both. A
// group is all its members, and what is behind a domain has one key for all of
// its addresses; Evidence of what is returned says so. A key that is behind
// several addresses is returned once.
//
// It is all or nothing: the error names every address that cannot be sealed to,
// and why, and is [ErrRefused].
func (r *Ring) Recipients(addresses ...string) ([]*Verified, error) {
	return r.recipientsOf(formats(), addresses)
}

// RecipientsIn is [Ring.Recipients] for a message in one format, "OpenPGP" or
// "S/MIME" as in [Entry]: for who has keys in both, and who else reads the
// message, or who signs it, decides.
func (r *Ring) RecipientsIn(format string, addresses ...string) ([]*Verified, error) {
	if !slices.Contains(formats(), format) {
		return nil, fmt.Errorf("%w: %.80q is no format: OpenPGP or S/MIME", ErrRefused, format)
	}
	return r.recipientsOf([]string{format}, addresses)
}

func (r *Ring) recipientsOf(formats, addresses []string) ([]*Verified, error) {
	var out []*Verified
	err := r.view(func(st *state) error {
		var err error
		out, err = r.recipients(st, formats, addresses)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Senders returns by whom mail from this address may be signed: its keys, those
// that sign for it, and those of its domain. The error is that of [Ring.Lookup].
func (r *Ring) Senders(address string) ([]*Verified, error) {
	a, err := normal(address)
	if err != nil {
		return nil, err
	}
	var out []*Verified
	err = r.view(func(st *state) error {
		out = nil
		var entries []Entry
		for _, x := range []string{a, domainOf(a)} {
			list, err := r.entriesOf(st.byAddress[x], x, r.policy.now(), func(x *row) bool { return !x.group })
			if err != nil {
				return err
			}
			entries = append(entries, list...)
		}
		if len(entries) == 0 {
			return r.unknown(st, a)
		}
		for _, e := range entries {
			if e.Verified == nil || slices.ContainsFunc(out, func(v *Verified) bool { return v.Fingerprint() == e.Fingerprint }) {
				continue
			}
			if e.Signer {
				e.Verified.as += fmt.Sprintf("; as a signer for %s", e.Address)
			}
			out = append(out, e.Verified)
		}
		if len(out) == 0 {
			return firstProblem(entries)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// usable is what can be sealed to of entries of one format: the one that is
// preferred, or the first that can be used now.
func usable(entries []Entry, now time.Time) (*Verified, error) {
	var first error
	for _, e := range entries {
		err := e.Problem
		if err == nil {
			err = e.Verified.cert.CheckSeal(now, seam.Auto)
		}
		if err == nil {
			return e.Verified, nil
		}
		if first == nil {
			first = refusal(err)
		}
		if e.Preferred {
			break // nobody else's key is sealed to in place of the one that was chosen
		}
	}
	return nil, first
}
