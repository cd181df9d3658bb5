package pgp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Extend returns the key with a new end: lifetime from now on, where zero
// means [DefaultLifetime] and [Forever] no end. It may have expired, and may
// end sooner than before. What it says of itself, user IDs and preferences,
// stays; so do revocations, and a key that is revoked is not extended.
//
// Subkeys that are valid get the same end, and of those that are not the last
// one of a purpose that no valid one serves; subkeys that were replaced stay
// as they are. k is not changed: Marshal the new key over the old file, and
// give the new certificate to those who have the old one. Its fingerprint is
// the same.
//
// The error says which part is missing: the secret of the primary key may be
// kept elsewhere.
func (k *Key) Extend(lifetime time.Duration) (*Key, error) {
	return k.extend(lifetime, time.Now().Truncate(time.Second))
}

func (k *Key) extend(lifetime time.Duration, now time.Time) (*Key, error) {
	primary, err := k.certifier("extend")
	if err != nil {
		return nil, err
	}
	c := k.private.cert
	if err := c.revocation(c.revocations, now); err != nil {
		return nil, err
	}
	if why := weakSigner(c.primary); why != "" {
		return nil, c.unusable("%s: make a new key", why)
	}
	if c.properties(now) == nil {
		return nil, c.noProperties(now)
	}
	e := &extension{c: c, b: newBinder(primary, now), secrets: k.private.secrets, now: now, lifetime: lifetime}
	e.primary()
	first := e.b.out
	e.b.out = nil
	e.users()
	for i := range c.subs {
		if s := &c.subs[i]; e.lives(s) {
			e.subkey(s)
		}
	}
	if e.b.err != nil {
		return nil, fmt.Errorf("pgp: cannot extend the key: %w", e.b.err)
	}
	return k.private.with(first, e.b.out)
}

// certifier returns the primary secret key, which alone changes a certificate.
func (k *Key) certifier(what string) (*packet.PrivateKey, error) {
	if k == nil || k.private == nil {
		return nil, errors.New("pgp: the zero Key cannot be changed")
	}
	if s := k.private.secrets[string(k.private.cert.primary.Fingerprint)]; canSign(s) {
		return s, nil
	}
	return nil, fmt.Errorf("pgp: the secret part of the primary key is kept elsewhere, and only it can %s the key", what)
}

// with returns the key with more signatures: those about the primary key, and
// then packets of a certificate. The whole is read again, as a stranger's would be.
func (k *privateKey) with(primary, rest []byte) (*Key, error) {
	head := appendKeyPacket(nil, keyTagPublic, k.cert.hashed[hashedHead(k.cert.primary):])
	for _, s := range slices.Concat(k.cert.revocations, k.cert.direct) {
		head = appendKeyPacket(head, keyTagSignature, s.body)
	}
	parts, err := splitKey(slices.Concat(head, primary, k.cert.encoding[len(head):], rest), false)
	if err != nil {
		return nil, err
	}
	c, err := newCertificate(parts)
	if err != nil {
		return nil, err
	}
	return &Key{&privateKey{cert: c, secrets: k.secrets, stubs: k.stubs}}, nil
}

// extension writes the new signatures of a key, each behind a copy of what it
// is about, so that reading puts them together.
type extension struct {
	c        *certificate
	b        *binder
	secrets  map[string]*packet.PrivateKey
	now      time.Time
	lifetime time.Duration
}

// until puts the new end of key into a signature.
func (e *extension) until(old *selfSig, key *packet.PublicKey) *packet.Signature {
	sig := renewed(old.Signature)
	seconds, err := lifetimeFrom(key.CreationTime, e.now, e.lifetime)
	if err != nil && e.b.err == nil {
		e.b.err = err
	}
	sig.KeyLifetimeSecs, sig.SigLifetimeSecs = &seconds, nil
	return sig
}

// primary renews the direct-key signature, whose end counts where there is one.
func (e *extension) primary() {
	if s := newest(e.c.direct, e.now); s != nil {
		e.b.direct(e.until(s, e.c.primary))
	}
}

// users renews the user IDs in force. Those of a version 6 key need no end of
// their own.
func (e *extension) users() {
	for i := range e.c.users {
		u := &e.c.users[i]
		s := newest(u.certs, e.now)
		if s == nil || u.revoked(s, e.now) || e.c.primary.Version == 6 && s.KeyLifetimeSecs == nil {
			continue
		}
		e.b.add(keyTagUserID, u.id)
		e.b.userID(u.id, e.until(s, e.c.primary))
	}
}

func (e *extension) subkey(s *subkey) {
	e.b.add(keyTagPublicSub, s.body)
	secret := e.secrets[string(s.key.Fingerprint)]
	if !canSign(secret) {
		secret = nil
	}
	e.b.subkey(secret, s.key, e.until(s.binding(e.now), s.key))
}

// lives reports whether a subkey is to be valid from now on.
func (e *extension) lives(s *subkey) bool {
	end, ok := e.endOf(s)
	if !ok || !end.IsZero() && !e.now.Before(end) && e.served(s, end) {
		return false
	}
	b := s.binding(e.now)
	return !b.FlagsValid || !b.FlagSign || b.back // else nothing proves that the subkey belongs here
}

// endOf returns when a subkey ends by its own binding; ok is false where it is
// revoked or nothing binds it.
func (e *extension) endOf(s *subkey) (end time.Time, ok bool) {
	b := s.binding(e.now)
	if b == nil || len(s.revocations) > 0 || s.key.CreationTime.After(e.now) {
		return time.Time{}, false
	}
	return expiry(s.key, b), true
}

// served reports whether another subkey for what s is for ends after it.
func (e *extension) served(s *subkey, end time.Time) bool {
	return slices.ContainsFunc(e.c.subs, func(o subkey) bool {
		if bytes.Equal(o.body, s.body) {
			return false
		}
		other, ok := e.endOf(&o)
		return ok && (other.IsZero() || other.After(end)) && samePurpose(s.binding(e.now), o.binding(e.now))
	})
}

func samePurpose(a, b *selfSig) bool {
	return a.FlagSign == b.FlagSign && a.FlagAuthenticate == b.FlagAuthenticate && forEncryption(a) == forEncryption(b)
}
