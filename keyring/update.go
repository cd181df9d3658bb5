package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Update merges a copy of a certificate into the one with the same key that the
// ring has: what its owner revoked, new subkeys, a new expiry. It adds no key
// and no address, so that the copy may come from anywhere. Where there is
// nothing new, Change.Event is "" and nothing is written.
//
// What became worse is taken too, a revocation above all, and told by
// Change.Findings; whether the key is still handed out, [Ring.Lookup] decides.
//
// The error is an [*UnknownError] for a key that is not in the ring, or what
// the format says of two copies that do not fit.
func (r *Ring) Update(c *Certificate) (*Change, error) {
	in := c.inside()
	if in == nil {
		return nil, fmt.Errorf("%w: no certificate was given", ErrRefused)
	}
	f := digest(in.Kind(), in.Hashed())
	if f.IsZero() {
		return nil, errFIPS
	}
	var done *Change
	err := r.change(func(d *draft) error {
		s := d.st.find(f)
		if s == nil {
			return &UnknownError{Hint: fmt.Sprintf("the ring has no key %s to update", f)}
		}
		old, err := r.certificate(s)
		if err != nil {
			return err
		}
		if !bytes.Equal(old.Hashed(), in.Hashed()) {
			return twins(s.rec.fingerprint())
		}
		merged, err := old.Merge(in)
		if err != nil {
			return refusal(err)
		}
		done, err = r.update(d, s, old, merged)
		return err
	})
	if err != nil {
		return nil, err
	}
	return done, nil
}

// twins is the refusal of two keys that have one fingerprint.
func twins(f Fingerprint) error {
	return &ChangedError{Old: []Fingerprint{f}, New: f, Hint: "they are two keys with one fingerprint, which somebody made for that, and neither can be believed"}
}

func (r *Ring) update(d *draft, s *slot, old, merged seam.Certificate) (*Change, error) {
	done := &Change{Fingerprint: s.rec.fingerprint()}
	// What it reads is learned by Note alone.
	if bytes.Equal(merged.Encoding(), old.Encoding()) {
		return done, nil
	}
	if _, err := r.parseOne(merged.Encoding(), done.Fingerprint); err != nil {
		return nil, fmt.Errorf("%w: the merged certificate %s %w", ErrRefused, done.Fingerprint, err)
	}
	rec, err := d.edit(s)
	if err != nil {
		return nil, err
	}
	rec.Certificate = merged.Encoding()
	d.event = eventUpdated
	detail := "merged"
	var revoked *RevokedError
	if errors.As(merged.Refuse(), &revoked) && rec.Revoked == nil {
		d.event, detail = eventRevoked, revoked.Reason
		rec.revoke(revoked, d.now)
	}
	for i := range rec.Pins {
		p := &rec.Pins[i]
		done.Addresses = append(done.Addresses, p.Address)
		if p.Signer || d.event == eventRevoked {
			continue
		}
		x := rec.pin(i, merged)
		v := &Verified{cert: merged, why: p.Evidence, evidence: x.evidence}
		if err := r.policy.reconsider(v, &x, p.Address, d.now); err != nil {
			done.Findings = append(done.Findings, err.Error())
			continue
		}
		// What it has now it must not lose unseen either.
		desc := merged.Describe(d.now)
		p.Was.PostQuantum, p.Was.AEAD = p.Was.PostQuantum || desc.PostQuantum, p.Was.AEAD || desc.AEAD
	}
	if d.event == eventRevoked {
		done.Findings = append(done.Findings, revoked.Error())
	}
	done.Event = d.event
	d.note(rec, recordEvent{Addresses: done.Addresses, Detail: detail})
	return done, nil
}

// revoke notes a revocation for good.
func (rec *record) revoke(why *RevokedError, now time.Time) {
	rec.Revoked = &recordRevoke{When: why.When.UTC(), Reason: why.Reason, Seen: now.UTC().Truncate(time.Second)}
}

// Revoke notes that a key is not to be used any more, for good, where its
// certificate does not say so itself: a revocation list has it, or its owner
// rang. why states when and for what reason, of which at most 1,000 octets are
// kept. No copy of the certificate and no other call undoes it.
//
// The error is an [*UnknownError] for a key that is not in the ring.
func (r *Ring) Revoke(f Fingerprint, why *RevokedError) (*Change, error) {
	if why == nil {
		return nil, errors.New("keyring: why is the key revoked? Give a *RevokedError")
	}
	note := *why
	if note.Reason = sane(note.Reason); len(note.Reason) > maxReason {
		note.Reason = sane(note.Reason[:maxReason])
	}
	done := &Change{}
	err := r.change(func(d *draft) error {
		s := d.st.find(f)
		if s == nil {
			return &UnknownError{Hint: fmt.Sprintf("the ring has no key %s", f)}
		}
		if err := r.load(s); err != nil {
			return err
		}
		*done = Change{Fingerprint: s.rec.fingerprint(), Addresses: s.addresses()}
		if s.rec.Revoked != nil {
			return nil
		}
		rec, err := d.edit(s)
		if err != nil {
			return err
		}
		rec.revoke(&note, d.now)
		d.event, done.Event = eventRevoked, eventRevoked
		d.note(rec, recordEvent{Addresses: done.Addresses, Detail: note.Reason})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return done, nil
}

// maxReason is more than any certificate or list states.
const maxReason = 1000

func (s *slot) addresses() (list []string) {
	for i := range s.rows {
		if s.rows[i].address != "" {
			list = append(list, s.rows[i].address)
		}
	}
	return list
}

// Note keeps what is known of the owner of the key f beside their certificate:
// what their programs read (smime.Capabilities). It is learned by this call
// alone, whatever messages say. A note that is older than what is known changes
// nothing, and Change.Event is "" then.
//
// The error is an [*UnknownError] where the ring does not have f for any
// address, or that of [Verified.With].
func (r *Ring) Note(f Fingerprint, n Note) (*Change, error) {
	done := &Change{}
	err := r.change(func(d *draft) error {
		s := d.st.find(f)
		if s == nil || s.rows[0].address == "" {
			return &UnknownError{Hint: fmt.Sprintf("the ring has no key %s", f)}
		}
		c, err := r.certificate(s)
		if err != nil {
			return err
		}
		v, err := (&Verified{cert: c}).With(n)
		if err != nil {
			return err
		}
		*done = Change{Fingerprint: s.rec.fingerprint(), Addresses: s.addresses()}
		rec, err := d.edit(s)
		if err != nil {
			return err
		}
		if !rec.keepReads(v.cert.Reads()) {
			clear(d.recs)
			return nil
		}
		for i := range rec.Pins {
			rec.Pins[i].Was.AEAD = rec.Pins[i].Was.AEAD || v.cert.Describe(d.now).AEAD
		}
		d.event, done.Event = eventNoted, eventNoted
		d.note(rec, recordEvent{Addresses: done.Addresses, Detail: rec.Reads.Source})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return done, nil
}
