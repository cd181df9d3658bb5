package keyring

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// Event is a line of a ring's log, with what it was about where that was not
// erased.
type Event struct {
	Sequence    int64
	Time        time.Time
	Event       string // "added", "renewed", "succeeded", "replaced", "updated", "revoked", "removed", "erased", …
	Fingerprint Fingerprint
	Addresses   []string
	Other       Fingerprint // the other key that it was about, if there was one
	Detail      string      // for people; may repeat what others wrote: quote it
	Digest      string      // over this line and all before it: whoever keeps it elsewhere sees that none was changed
}

// Entries returns all that is in the ring, by address, as people read it: also
// what is not handed out any more, with its Problem, and groups.
func (r *Ring) Entries() ([]Entry, error) {
	var out []Entry
	err := r.view(func(st *state) error {
		out = nil
		now := r.policy.now()
		for _, s := range st.slots {
			if s.rows == nil {
				out = append(out, Entry{Record: s.name, Problem: s.err})
			}
			for i := range s.rows {
				if s.rows[i].address == "" {
					continue
				}
				e, err := r.entry(s, i, now)
				if err != nil {
					return err
				}
				out = append(out, e)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b Entry) int {
		return cmp.Or(strings.Compare(addressOrder(a.Address), addressOrder(b.Address)), strings.Compare(a.Address, b.Address),
			compareBool(a.Signer, b.Signer), cmp.Compare(a.Format, b.Format), -compareBool(a.Preferred, b.Preferred),
			a.Since.Compare(b.Since), strings.Compare(a.Fingerprint.String(), b.Fingerprint.String()), strings.Compare(a.Record, b.Record))
	})
	return out, nil
}

// addressOrder puts the people of a domain together, after the domain itself.
func addressOrder(address string) string {
	return domainOf(address) + " " + strings.TrimSuffix(address, domainOf(address))
}

// Events returns the log, the first line first.
func (r *Ring) Events() ([]Event, error) {
	var out []Event
	err := r.view(func(st *state) error {
		lines, err := r.lines(st)
		if err != nil {
			return err
		}
		out = lines
		at := map[int64]*Event{}
		for i := range out {
			at[out[i].Sequence] = &out[i]
		}
		for _, s := range st.slots {
			if err := r.load(s); err != nil {
				if isRefusal(err) {
					continue
				}
				return err
			}
			s.rec.tell(at)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// lines reads the log from its beginning.
func (r *Ring) lines(st *state) (out []Event, err error) {
	log, err := r.store.Log(0)
	if err != nil {
		return nil, fmt.Errorf("keyring: the ring's log cannot be read: %w", err)
	}
	l := &line{}
	for seq := int64(1); seq <= st.seq; seq++ {
		text, rest, whole := bytes.Cut(log, []byte("\n"))
		if !whole {
			return nil, errors.New("keyring: the ring's log is shorter than it was")
		}
		if l, err = parseLine(text, seq, l.chain); err != nil {
			return nil, err
		}
		out = append(out, Event{Sequence: l.seq, Time: l.when, Event: l.event, Digest: hex.EncodeToString(l.chain[:])})
		log = rest
	}
	if l.chain != st.chain {
		return nil, errors.New("keyring: the ring's log is another one than it was")
	}
	return out, nil
}

// tell adds what the history of a record says to the lines that it is about.
// Where a line is about several records, the one that took another's place, or
// else the first, says it.
func (rec *record) tell(at map[int64]*Event) {
	for _, h := range rec.History {
		e := at[h.Sequence]
		if e == nil {
			continue
		}
		told := !e.Fingerprint.IsZero() || len(e.Addresses) > 0
		if told && (len(rec.Pins) == 0 || len(h.Addresses) < len(e.Addresses)) {
			continue
		}
		e.Fingerprint, e.Addresses, e.Detail = Fingerprint{}, slices.Clone(h.Addresses), h.Detail
		if rec.Kind == kindKey {
			e.Fingerprint = rec.fingerprint()
		}
		e.Other, _ = ParseFingerprint(h.Other)
	}
}

// broken is all that Check found.
type broken struct{ list []error }

// Error implements error, on one line.
func (e *broken) Error() string {
	const most = 10
	var parts []string
	for i, err := range e.list {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(e.list)-most))
			break
		}
		parts = append(parts, strings.TrimPrefix(strings.TrimPrefix(err.Error(), "keyring: "), "refused: "))
	}
	return "keyring: the ring is damaged: " + strings.Join(parts, "; ")
}

// Unwrap returns the error for each damage.
func (e *broken) Unwrap() []error { return e.list }

// Is reports whether target is [ErrRefused].
func (e *broken) Is(target error) bool { return target == ErrRefused }

// Check reads the whole ring again: every line of the log, every record, every
// certificate, and the index. The error names each that is wrong; Unwrap gives
// them one by one. That a key expired, was revoked or is not for the policy of
// this ring is nothing wrong with the ring: [Ring.Entries] says so.
func (r *Ring) Check() error {
	return r.view(func(st *state) error {
		if _, err := r.lines(st); err != nil {
			return &broken{[]error{err}}
		}
		var wrong []error
		add := func(err error) error {
			if err == nil || isRefusal(err) {
				if err != nil {
					wrong = append(wrong, err)
				}
				return nil
			}
			return err
		}
		for _, s := range st.slots {
			// What was read before is read again: it may have been changed since.
			again := &slot{id: s.id, put: s.put, seq: s.seq}
			err := r.load(again)
			if err == nil && again.rec.Kind == kindKey {
				_, err = r.certificate(again)
			}
			if err == nil && s.rows != nil && !sameRows(s.rows, again.rec.rows(s.name)) {
				err = fmt.Errorf("%w: the index of the ring and its record %s are of two minds", ErrRefused, s.name)
			}
			if err := add(err); err != nil {
				return err
			}
		}
		if err := add(r.checkIndex(st)); err != nil {
			return err
		}
		if len(wrong) > 0 {
			slices.SortFunc(wrong, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
			return &broken{wrong}
		}
		return nil
	})
}

// sameRows compares rows as the index has them, by address, with those that a
// record makes.
func sameRows(a, b []row) bool {
	order := func(x, y row) int {
		return cmp.Or(strings.Compare(x.address, y.address), compareBool(x.signer, y.signer))
	}
	return slices.Equal(slices.SortedFunc(slices.Values(a), order), slices.SortedFunc(slices.Values(b), order))
}

// checkIndex says what is wrong with the index. That there is none is nothing
// wrong: it is made anew.
func (r *Ring) checkIndex(st *state) error {
	var wrong error
	for try := range indexTries {
		at := st.index
		if at.name == "" {
			return nil
		}
		octets, err := r.store.Record(indexName)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("keyring: the ring's index cannot be read: %w", err)
		}
		if _, wrong = parseIndex(octets, &at.digest); wrong == nil {
			return nil
		}
		// A change may be on its way.
		if err := r.readLog(); err != nil {
			return err
		}
		if st.index == at {
			time.Sleep(time.Duration(try) * time.Millisecond)
		}
	}
	return fmt.Errorf("%w: the index of the ring %w", ErrRefused, wrong)
}
