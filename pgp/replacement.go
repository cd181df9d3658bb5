package pgp

import (
	"bytes"
	"crypto/sha3"
	"errors"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// ReplacementOf is the evidence that two keys name each other: that of old says
// in its own certificate that the other one replaces it, and the other one in
// its own that it does (draft-ietf-openpgp-replacementkey-08). Where the
// statement is new, merge it into old first: [Update].
//
// [keyring.Verify] with it proves that both keys signed that, each over the
// other's whole fingerprint and a SHA3-256 digest beside it, and that the old
// key has not expired and is not revoked, except as superseded by the very
// signature that names the other. One key alone proves nothing: anybody can say
// that they replace somebody.
//
// As with [SucceededIn] whoever stole the old key can name a successor.
//
// The statement stands in a signature subpacket for which no number has been
// assigned yet. The one that is read, 100, is for experiments and is what
// implementations of the draft write until one is assigned; nothing writes it here. A
// statement of something else is never taken for one: it would have to hold
// both digests of a key.
//
// Verify's error is [keyring.ErrRefused], and says which of the two does not
// name the other.
func ReplacementOf(old *keyring.Verified) keyring.Evidence { return replacementOf(old, time.Now) }

func replacementOf(v *keyring.Verified, now func() time.Time) keyring.Evidence {
	const how = "each of the two keys names the other"
	e := seam.Evidence{Basis: seam.BasisSuccession, Why: "replacement"}
	if old := inside(v.Certificate()); old != nil {
		e.Why = fmt.Sprintf("succeeds %s: %s", old.fingerprint(), how)
		e.Succeeds = &seam.Succession{Old: old, How: how, Stands: func(in, next seam.Certificate, now time.Time) error {
			old, ok := in.(*certificate)
			c, both := next.(*certificate)
			if !ok || !both || old == nil || c == nil {
				return errors.New("pgp: replacement: this is no OpenPGP certificate")
			}
			return c.replaces(old, now)
		}}
	}
	e.Check = func(in seam.Certificate) error {
		c, err := successor(v, in)
		if err != nil {
			return err
		}
		return c.replaces(inside(v.Certificate()), now())
	}
	return keyring.Evidence(seam.Wrap(e))
}

// replaces returns why c does not replace old.
func (c *certificate) replaces(old *certificate, now time.Time) error {
	if err := old.replaceable(now); err != nil {
		return err
	}
	named := old.replacedBy(now)
	switch {
	case len(named) == 0:
		return fmt.Errorf("pgp: %s does not say that another key replaces it: get a new copy of it, if it should", old.fingerprint())
	case len(named) > 1:
		return fmt.Errorf("pgp: %s names %d keys that replace it, and which is right it cannot say", old.fingerprint(), len(named))
	case !named[0].is(c):
		return c.unusable("is not the key that %s names as its replacement", old.fingerprint())
	}
	if err := c.inForce(now); err != nil {
		return err
	}
	for _, t := range c.replacing(now) {
		if t.is(old) {
			return nil
		}
	}
	return c.unusable("does not say that it replaces %s", old.fingerprint())
}

// replaceable returns why c names nobody any more. That it is superseded is
// what such a statement is for.
func (c *certificate) replaceable(now time.Time) error {
	err := c.inForce(now)
	var revoked *keyring.RevokedError
	if !errors.As(err, &revoked) {
		return err
	}
	for _, r := range c.revocations {
		if r.RevocationReason == nil || *r.RevocationReason != packet.KeySuperseded {
			return err
		}
	}
	return c.inTime(c.primary, expiry(c.primary, c.properties(now), newest(c.direct, now)), now)
}

// target is one key that such a statement names.
type target struct {
	version     byte
	fingerprint []byte
	imprint     []byte // SHA3-256 over what the fingerprint is the digest of
}

// is reports whether the target is c's primary key.
func (t target) is(c *certificate) bool {
	sum := sha3.Sum256(c.hashed)
	return int(t.version) == c.primary.Version && bytes.Equal(t.fingerprint, c.fullFingerprint()) && bytes.Equal(t.imprint, sum[:])
}

// replacedBy returns the keys that c names as replacing it, each once. Where it
// is revoked only what the revocation says counts.
func (c *certificate) replacedBy(now time.Time) (all []target) {
	sigs := c.stating(now)
	if len(c.revocations) > 0 {
		sigs = nil
		for i := range c.revocations {
			sigs = append(sigs, &c.revocations[i])
		}
	}
	for _, s := range sigs {
		if inverse, ts := statement(s.body); !inverse {
			all = appendTargets(all, ts)
		}
	}
	return all
}

// replacing returns the keys that c says that it replaces.
func (c *certificate) replacing(now time.Time) (all []target) {
	for _, s := range c.stating(now) {
		if inverse, ts := statement(s.body); inverse {
			all = appendTargets(all, ts)
		}
	}
	return all
}

// stating returns the self-signatures in force that speak of the primary key.
func (c *certificate) stating(now time.Time) (sigs []*selfSig) {
	for _, s := range []*selfSig{c.properties(now), newest(c.direct, now)} {
		if s != nil {
			sigs = append(sigs, s)
		}
	}
	return sigs
}

func appendTargets(all, more []target) []target {
	for _, m := range more {
		known := false
		for _, t := range all {
			known = known || t.version == m.version && bytes.Equal(t.fingerprint, m.fingerprint) && bytes.Equal(t.imprint, m.imprint)
		}
		if !known {
			all = append(all, m)
		}
	}
	return all
}

// subpacketReplacement is the number for private use that implementations of
// the draft have agreed on until IANA assigns one.
const subpacketReplacement = 100

// classInverse says that the key that signs replaces the targets, and not the
// target the key.
const classInverse = 1

// statement returns what the signature's hashed Replacement Key subpacket says:
// an octet of class, and records of a length, a key version, a fingerprint and
// an imprint. What is not understood in full says nothing, as do two of them.
func statement(body []byte) (inverse bool, ts []target) {
	area, _ := hashedArea(body)
	seen := false
	for len(area) > 0 {
		n, head := subpacketLen(area)
		if n == 0 || head+n > len(area) {
			return false, nil
		}
		sub := area[head : head+n]
		area = area[head+n:]
		if sub[0]&0x7F != subpacketReplacement {
			continue
		}
		if seen || len(sub) < 2 || sub[1] > classInverse {
			return false, nil
		}
		seen, inverse = true, sub[1] == classInverse
		var ok bool
		if ts, ok = readTargets(sub[2:]); !ok || !inverse && len(ts) != 1 {
			return false, nil
		}
	}
	return inverse, ts
}

func readTargets(b []byte) (ts []target, ok bool) {
	const imprint = 32
	for len(b) > 0 {
		n := int(b[0])
		if n < 1 || 1+n > len(b) {
			return nil, false
		}
		record := b[1 : 1+n]
		b = b[1+n:]
		size := map[byte]int{4: 20, 6: 32}[record[0]]
		switch {
		case size == 0: // of a version that is not known: no key here
		case len(record) != 1+size+imprint:
			return nil, false
		default:
			ts = append(ts, target{record[0], record[1 : 1+size], record[1+size:]})
		}
	}
	return ts, true
}
