package pgp

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Certify signs that the certificate belongs to whom it names: whoever takes
// k's owner at their word ([IntroducedBy]) then believes it too. who is a mail
// address, or one whole user ID; it is signed wherever it stands in a user ID
// that the owner of v signed and did not revoke. v was verified, so that no
// name is certified on the word of the certificate alone.
//
// It returns v's certificate with the certifications in it, armored, as gpg
// --import takes it and IntroducedBy reads it. [ParseCertificate] keeps nothing
// of other people's, so that keeping them is up to the caller: to add them to
// a file that holds others', append one to the other.
//
// The error is [keyring.ErrRefused] where v has no such user ID, or where k's
// primary key may not certify now; it is another where the secret part of that
// is kept elsewhere.
func (k *Key) Certify(v *keyring.Verified, who string) ([]byte, error) {
	primary, err := k.certifier("certify with")
	if err != nil {
		return nil, err
	}
	var c *certificate
	if v != nil {
		c = inside(v.Certificate())
	}
	if c == nil {
		return nil, errors.New("pgp: Certify: this is no verified OpenPGP certificate")
	}
	now := time.Now()
	if err := k.private.cert.mayCertify(now); err != nil {
		return nil, err
	}
	// In a copy, of which nothing but its octets leaves: what is certified is
	// by somebody else, and has no place in a certificate here.
	with := *c
	with.users = slices.Clone(c.users)
	address, _ := mailbox.Parse(who) // the zero value is of no user ID
	found := false
	for i := range with.users {
		u := &with.users[i]
		s := newest(u.certs, now)
		if s == nil || u.revoked(s, now) || string(u.id) != who && !u.isOf(address) {
			continue
		}
		body, err := certification(primary, c, u, now)
		if err != nil {
			return nil, err
		}
		u.certs = append(slices.Clone(u.certs), selfSig{body: body})
		found = true
	}
	if !found {
		return nil, c.unusable("has no user ID %.80q that its owner signed and did not revoke", who)
	}
	return armorKey(armorPublic, with.encode(nil), c.primary.Version == 4)
}

// certification certifies a user ID of somebody else's certificate, RFC 9580,
// Section 5.2.1.4: generically, which claims nothing on how it was checked.
func certification(by *packet.PrivateKey, c *certificate, u *userID, now time.Time) (body []byte, err error) {
	b := newBinder(by, now)
	b.hashed = c.hashed
	b.sign(sigCertFirst, &packet.Signature{}, hashedUserID(u.id))
	if b.err != nil {
		return nil, fmt.Errorf("pgp: cannot certify: %w", b.err)
	}
	err = splitKeyPackets(b.out, func(_ int, sig []byte) error { body = sig; return nil })
	return body, err
}

// mayCertify returns why the primary key certifies nothing now.
func (c *certificate) mayCertify(now time.Time) error {
	props, err := c.checkPrimary(now)
	if err != nil {
		return err
	}
	if !props.FlagsValid || !props.FlagCertify {
		return c.unusable("has a primary key that is not for certifying")
	}
	return nil
}
