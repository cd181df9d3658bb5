package pgp

import (
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// newest returns the self-signature that holds at a time: the latest of those
// made by then that have not expired, and whose digest proves something.
func newest(sigs []selfSig, at time.Time) (best *selfSig) {
	for i := range sigs {
		s := &sigs[i]
		if s.CreationTime.After(at) || s.SigExpired(at) || weakDigest(s.Signature) {
			continue
		}
		if best == nil || !s.CreationTime.Before(best.CreationTime) {
			best = s
		}
	}
	return best
}

// properties returns the self-signature that says what the primary key is for
// and until when: the direct-key signature of a version 6 key, and that of the
// primary user ID of a version 4 key, RFC 9580, Sections 5.2.3.10 and 10.1; a
// version 4 key without user ID may have a direct-key signature instead.
func (c *certificate) properties(at time.Time) (best *selfSig) {
	if c.primary.Version == 4 {
		for i := range c.users {
			u := &c.users[i]
			s := newest(u.certs, at)
			if s == nil || u.revoked(s, at) {
				continue
			}
			if best == nil || isPrimary(s) && !isPrimary(best) ||
				isPrimary(s) == isPrimary(best) && s.CreationTime.After(best.CreationTime) {
				best = s
			}
		}
	}
	if best == nil {
		best = newest(c.direct, at)
	}
	return best
}

func isPrimary(s *selfSig) bool { return s.IsPrimaryId != nil && *s.IsPrimaryId }

// revoked reports whether the user ID was taken back. Only a certification
// made after a revocation for the reason "no longer valid" puts it in force again.
func (u *userID) revoked(cert *selfSig, at time.Time) bool {
	for _, r := range u.revocations {
		again := r.RevocationReason != nil && *r.RevocationReason == packet.UserIDNotValid && cert.CreationTime.After(r.CreationTime)
		if !again && !r.CreationTime.After(at) {
			return true
		}
	}
	return false
}

// hard reports whether a revocation holds for all times: the key may have been
// in wrong hands before it was made, and who has it chooses the dates of his
// signatures. No reason is such a reason, RFC 9580, Section 5.2.3.31.
func hard(r *packet.Signature) bool {
	if r.RevocationReason == nil {
		return true
	}
	switch *r.RevocationReason {
	case packet.KeySuperseded, packet.KeyRetired, packet.UserIDNotValid:
		return false
	}
	return true
}

// revocation returns what revokes a key at a time: anything hard, and what is
// soft from its date on. A revocation never ends, whatever lifetime it states.
func (c *certificate) revocation(rs []selfSig, at time.Time) error {
	for _, r := range rs {
		if hard(r.Signature) || !r.CreationTime.After(at) {
			return &keyring.RevokedError{Fingerprint: c.fingerprint(), When: r.CreationTime, Reason: reasonText(r.Signature)}
		}
	}
	return nil
}

func reasonText(r *packet.Signature) string {
	if r.RevocationReasonText != "" {
		return r.RevocationReasonText
	}
	if r.RevocationReason == nil {
		return ""
	}
	switch *r.RevocationReason {
	case packet.KeySuperseded:
		return "superseded"
	case packet.KeyCompromised:
		return "in wrong hands"
	case packet.KeyRetired:
		return "retired"
	}
	return ""
}

// Refuse implements seam.Certificate: a hard revocation of the primary key.
func (c *certificate) Refuse() error {
	for _, r := range c.revocations {
		if hard(r.Signature) {
			return &keyring.RevokedError{Fingerprint: c.fingerprint(), When: r.CreationTime, Reason: reasonText(r.Signature)}
		}
	}
	return nil
}

// expiry returns when a key ends according to its self-signatures, the zero
// time if never, RFC 9580, Section 5.2.3.13.
func expiry(key *packet.PublicKey, sigs ...*selfSig) (end time.Time) {
	for _, s := range sigs {
		if s == nil || s.KeyLifetimeSecs == nil || *s.KeyLifetimeSecs == 0 {
			continue
		}
		e := key.CreationTime.Add(time.Duration(*s.KeyLifetimeSecs) * time.Second)
		if end.IsZero() || e.Before(end) {
			end = e
		}
	}
	return end
}

// inTime returns an *keyring.ExpiredError if key is not valid at a time.
func (c *certificate) inTime(key *packet.PublicKey, end, at time.Time) error {
	if key.CreationTime.After(at) || !end.IsZero() && !at.Before(end) {
		return &keyring.ExpiredError{Fingerprint: c.fingerprint(), NotBefore: key.CreationTime, NotAfter: end, At: at}
	}
	return nil
}

func (c *certificate) unusable(format string, args ...any) error {
	return &keyring.UnusableError{Fingerprint: c.fingerprint(), Reason: fmt.Sprintf(format, args...)}
}

// checkPrimary returns why nothing that hangs on the primary key is to be used
// at a time, and the self-signature that holds then.
func (c *certificate) checkPrimary(at time.Time) (*selfSig, error) {
	if err := c.revocation(c.revocations, at); err != nil {
		return nil, err
	}
	if c.primary.CreationTime.After(at) {
		return nil, c.inTime(c.primary, time.Time{}, at)
	}
	if why := weakSigner(c.primary); why != "" {
		return nil, c.unusable("%s: ask its owner for a new key", why)
	}
	props := c.properties(at)
	if props == nil {
		return nil, c.noProperties(at)
	}
	// Either signature can end the key: an owner who shortened its life in
	// one of them meant it.
	return props, c.inTime(c.primary, expiry(c.primary, props, newest(c.direct, at)), at)
}

// noProperties says why no self-signature holds.
func (c *certificate) noProperties(at time.Time) error {
	var all []selfSig
	revoked := false
	for i := range c.users {
		u := &c.users[i]
		all = append(all, u.certs...)
		if s := newest(u.certs, at); s != nil && u.revoked(s, at) {
			revoked = true
		}
	}
	if c.primary.Version == 6 {
		all, revoked = nil, false
	}
	all = append(all, c.direct...)
	switch {
	case len(all) == 0 && c.primary.Version == 6:
		return c.unusable("has no valid direct-key signature, so that nothing says what it is for")
	case len(all) == 0:
		return c.unusable("has no user ID with a valid signature of its own, so that nothing says what it is for")
	case revoked:
		return c.unusable("has no user ID that is not revoked: ask its owner for a new key")
	}
	return c.lapsed(all, at)
}

// lapsed says why none of some self-signatures holds.
func (c *certificate) lapsed(sigs []selfSig, at time.Time) error {
	var last, first time.Time
	for _, s := range sigs {
		if weakDigest(s.Signature) {
			return c.unusable("is held together by SHA-1 signatures made after 2019, which can be forged: its owner can renew them, or make a new key")
		}
		if s.CreationTime.After(at) {
			if first.IsZero() || s.CreationTime.Before(first) {
				first = s.CreationTime
			}
			continue
		}
		if end := s.CreationTime.Add(lifetime(s.SigLifetimeSecs)); end.After(last) {
			last = end
		}
	}
	if last.IsZero() {
		return &keyring.ExpiredError{Fingerprint: c.fingerprint(), NotBefore: first, At: at}
	}
	return &keyring.ExpiredError{Fingerprint: c.fingerprint(), NotAfter: last, At: at}
}

func lifetime(seconds *uint32) time.Duration {
	if seconds == nil {
		return 0
	}
	return time.Duration(*seconds) * time.Second
}

// endOfTime is after every time that a signature can state: 32 bits of seconds.
var endOfTime = time.Unix(1<<32, 0)

// latest returns the last of some self-signatures whose digest proves something,
// whether or not it has expired.
func latest(sigs []selfSig) (best *selfSig) {
	for i := range sigs {
		if s := &sigs[i]; !weakDigest(s.Signature) && (best == nil || !s.CreationTime.Before(best.CreationTime)) {
			best = s
		}
	}
	return best
}
