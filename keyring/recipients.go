package keyring

import (
	"fmt"
	"slices"
	"strings"
)

// recipient is one address that a message is for.
type recipient struct {
	address string
	group   string               // whose member it is; ""
	choices map[string]*Verified // by format
	err     error                // of the first format where there is no choice
}

// gaps says who cannot be sealed to.
type gaps struct{ list []error }

// Error implements error, on one line.
func (e *gaps) Error() string {
	const most = 20
	var parts []string
	for i, err := range e.list {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(e.list)-most))
			break
		}
		parts = append(parts, strings.TrimPrefix(err.Error(), "keyring: "))
	}
	return "keyring: nothing is sealed: " + strings.Join(parts, "; ")
}

// Unwrap returns the error for each.
func (e *gaps) Unwrap() []error { return e.list }

// Is reports whether target is [ErrRefused].
func (e *gaps) Is(target error) bool { return target == ErrRefused }

// formats that a message may have, the preferred one first.
func formats() []string { return []string{"OpenPGP", "S/MIME"} }

func (r *Ring) recipients(st *state, formats, addresses []string) ([]*Verified, error) {
	list, err := r.expand(st, addresses)
	if err != nil {
		return nil, err
	}
	now := r.policy.now()
	var missing []error
	have := map[string]int{}
	for i := range list {
		x := &list[i]
		entries, err := r.lookup(st, x.address, now)
		if err != nil {
			if !isRefusal(err) {
				return nil, err
			}
			missing = append(missing, x.named(err))
			continue
		}
		x.choices = map[string]*Verified{}
		for _, f := range formats {
			ofFormat := slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return e.Format != f })
			v, err := usable(ofFormat, now)
			if v != nil {
				x.choices[f] = v
				have[f]++
			} else if err != nil && x.err == nil {
				x.err = err
			}
		}
		if len(x.choices) == 0 {
			if x.err == nil {
				x.err = fmt.Errorf("%w: its keys are %s, and it has none in %s", ErrRefused, entries[0].Format, formats[0])
			}
			missing = append(missing, x.named(x.err))
		}
	}
	if len(missing) > 0 {
		return nil, &gaps{missing}
	}
	for _, f := range formats {
		if have[f] == len(list) {
			return choose(list, f), nil
		}
	}
	return nil, noFormat(list)
}

// named makes the error for a recipient one that names their address.
func (x *recipient) named(err error) error {
	if x.group != "" {
		return fmt.Errorf("%q, in the group %q: %w", cut(x.address), cut(x.group), err)
	}
	return fmt.Errorf("%q: %w", cut(x.address), err)
}

// choose returns the key of each in one format, each key once: the first who has
// it says why it is believed, and for whom it is all of them.
func choose(list []recipient, format string) (out []*Verified) {
	seen := map[string]*Verified{} // by the numbers of records
	for i := range list {
		v, x := list[i].choices[format], &list[i]
		first := seen[v.origin.id]
		if first == nil {
			seen[v.origin.id], v.origin.asked = v, nil
			out, first = append(out, v), v
		}
		if x.group != "" && !slices.ContainsFunc(first.origin.asked, func(y asked) bool { return y.group == x.group }) {
			first.as += fmt.Sprintf("; in the group %s", x.group)
		}
		first.origin.asked = append(first.origin.asked, asked{x.address, x.group})
	}
	return out
}

// noFormat is the error where some have keys of one format only, and others of
// the other only.
func noFormat(list []recipient) error {
	e := &gaps{}
	for _, f := range formats() {
		var lack []string
		var why error
		for i := range list {
			if list[i].choices[f] == nil {
				lack = append(lack, fmt.Sprintf("%q", cut(list[i].address)))
				if why == nil {
					why = list[i].err
				}
			}
		}
		const most = 5
		if n := len(lack) - most; n > 0 {
			lack = append(lack[:most], fmt.Sprintf("and %d more", n))
		}
		err := fmt.Errorf("%w: no key to seal to in %s for %s", ErrRefused, f, strings.Join(lack, ", "))
		if why != nil {
			err = fmt.Errorf("%w (%w)", err, why)
		}
		e.list = append(e.list, err)
	}
	e.list = append(e.list, fmt.Errorf("%w: a message has one format: seal one for each", ErrRefused))
	return e
}

// expand returns who the addresses are, each once: a group is its members. One
// that is named and a member of a group too is there for being named.
func (r *Ring) expand(st *state, addresses []string) ([]recipient, error) {
	if len(addresses) == 0 {
		return nil, fmt.Errorf("%w: no address was given", ErrRefused)
	}
	var list []recipient
	seen := map[string]bool{}
	add := func(address, group string) {
		if !seen[address] {
			seen[address] = true
			list = append(list, recipient{address: address, group: group})
		}
	}
	var groups []*slot
	for _, s := range addresses {
		a, err := normal(s)
		if err != nil {
			return nil, err
		}
		if g := st.group(a); g != nil {
			groups = append(groups, g)
			continue
		}
		add(a, "")
	}
	for _, g := range groups {
		if err := r.load(g); err != nil {
			return nil, err
		}
		for _, m := range g.rec.Members {
			add(m, g.rec.Address)
		}
	}
	return list, nil
}
