package pgp

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Binds implements seam.Certificate: a user ID that is in force now has exactly
// this address.
func (c *certificate) Binds(address string, now time.Time) error {
	want, err := mailbox.Parse(address)
	if err != nil {
		return fmt.Errorf("pgp: %w", err)
	}
	gone := false
	for i := range c.users {
		u := &c.users[i]
		if !u.isOf(want) {
			continue
		}
		if s := newest(u.certs, now); s != nil && !u.revoked(s, endOfTime) {
			return nil
		}
		gone = true
	}
	if gone {
		return c.unusable("is no longer for %.80q: its owner took that user ID back, or let it expire", address)
	}
	return c.unusable("has no user ID for %.80q", address)
}

// Merge implements seam.Certificate.
func (c *certificate) Merge(other seam.Certificate) (seam.Certificate, error) {
	o, ok := other.(*certificate)
	if !ok || o == nil {
		return nil, errors.New("pgp: Merge: this is no OpenPGP certificate")
	}
	return merge(c, o)
}

// Describe implements seam.Certificate.
func (c *certificate) Describe(now time.Time) seam.Description {
	d := seam.Description{
		Algorithms: []string{algorithmName(c.primary)},
		Created:    c.primary.CreationTime,
		NotBefore:  c.primary.CreationTime,
		Version:    c.primary.Version,
		AEAD:       c.readsSEIPDv2(now),
		Key:        sha256.Sum256(c.hashed),
		CanSign:    c.primary.PubKeyAlgo.CanSign(),
	}
	for i := range c.users {
		d.Names = append(d.Names, string(c.users[i].id))
	}
	for i := range c.subs {
		s := &c.subs[i]
		if s.key != nil {
			d.Algorithms = append(d.Algorithms, algorithmName(s.key))
			d.CanSeal = d.CanSeal || s.encrypts()
		}
	}
	if e, err := c.encryptionKey(now, seam.Auto); err == nil {
		d.CanSeal, d.PostQuantum, d.NotAfter = true, postQuantum(e.key), e.end
	}
	for _, t := range c.replacedBy(now) {
		d.ReplacedBy = append(d.ReplacedBy, bytes.Clone(t.fingerprint))
	}
	for _, t := range c.replacing(now) {
		d.Replaces = append(d.Replaces, bytes.Clone(t.fingerprint))
	}
	if p := c.properties(now); p != nil {
		if end := expiry(c.primary, p); d.NotAfter.IsZero() || !end.IsZero() && end.Before(d.NotAfter) {
			d.NotAfter = end
		}
	}
	return d
}

// algorithmName names a key's algorithm to people: "RSA 3072", "X25519".
func algorithmName(k *packet.PublicKey) string {
	switch k.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly, packet.PubKeyAlgoRSAEncryptOnly:
		if n, err := k.BitLength(); err == nil {
			return fmt.Sprintf("RSA %d", n)
		}
		return "RSA"
	case packet.PubKeyAlgoECDH, packet.PubKeyAlgoECDSA, packet.PubKeyAlgoEdDSA:
		if curve, err := k.Curve(); err == nil {
			return string(curve)
		}
		return "ECC"
	case packet.PubKeyAlgoX25519:
		return "X25519"
	case packet.PubKeyAlgoX448:
		return "X448"
	case packet.PubKeyAlgoEd25519:
		return "Ed25519"
	case packet.PubKeyAlgoEd448:
		return "Ed448"
	case packet.PubKeyAlgoMlkem768X25519:
		return "ML-KEM-768+X25519"
	case packet.PubKeyAlgoMlkem1024X448:
		return "ML-KEM-1024+X448"
	case packet.PubKeyAlgoMldsa65Ed25519:
		return "ML-DSA-65+Ed25519"
	case packet.PubKeyAlgoMldsa87Ed448:
		return "ML-DSA-87+Ed448"
	}
	return fmt.Sprintf("algorithm %d", k.PubKeyAlgo)
}

// Reads implements seam.Certificate: an OpenPGP certificate says itself what
// its owner reads, see Describe.
func (c *certificate) Reads() *seam.Reads { return nil }

// WithReads implements seam.Certificate.
func (c *certificate) WithReads(seam.Reads) (seam.Certificate, error) {
	return nil, fmt.Errorf("%w: an OpenPGP certificate says itself what its owner reads: ask for a new copy", keyring.ErrRefused)
}
