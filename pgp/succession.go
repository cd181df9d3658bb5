package pgp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// SucceededIn is the evidence that the owner of a key that was verified named
// a certificate as the one in its place: message is signed by old and holds the
// certificate and nothing else, as [Key.Transition] and gpg --sign write it,
// binary or armored. Where the message is sealed too, by are the identities
// that it opens with.
//
// [keyring.Verify] with it proves that the old key signed exactly these octets,
// in which this certificate's primary key is, and that the old key was neither
// revoked nor expired by the time of Verify. Later it is too late, whatever
// time the signature states: who finds an expired key chooses that.
//
// It proves nothing of who has the old key: whoever stole it can name a
// successor, and is believed. It does not say for which purpose the owner
// signed: never sign the certificate of somebody else who claims your address.
// The fingerprint of the new key, from its owner, proves more:
// [keyring.Expect].
//
// Verify's error is [keyring.ErrRefused]: a [*keyring.RevokedError] or
// [*keyring.ExpiredError] for the old key, a [*keyring.MismatchError] where the
// message holds another certificate, what [envelope.Opener] returns for what is
// not signed by old ([envelope.ErrSignature]), and else one that says what the
// message is instead.
func SucceededIn(old *keyring.Verified, message []byte, by ...envelope.Identity) keyring.Evidence {
	return succession{old: old, now: time.Now, signed: func(o *envelope.Opener) ([]byte, *envelope.Report, error) {
		if len(message) > maxTransition {
			return nil, nil, &envelope.LimitError{What: "octets of a message with a key", Max: maxTransition, Fixed: true}
		}
		open := o.Verify
		if len(by) > 0 {
			o.Identities, open = by, o.Open
		}
		m, err := open(bytes.NewReader(message))
		if err != nil {
			return nil, nil, err
		}
		defer m.Close()
		content, err := io.ReadAll(io.LimitReader(m, maxTransition+1)) // one more: parsing it refuses that
		return content, m.Report(), err
	}}.evidence()
}

// SucceededBeside is [SucceededIn] where the signature is in a file of its own,
// as gpg --detach-sign writes it beside a file with the new certificate.
func SucceededBeside(old *keyring.Verified, file, signature []byte) keyring.Evidence {
	return succeededBeside(old, file, signature, time.Now)
}

func succeededBeside(old *keyring.Verified, file, signature []byte, now func() time.Time) keyring.Evidence {
	return succession{old: old, now: now, signed: func(o *envelope.Opener) ([]byte, *envelope.Report, error) {
		if len(file) > maxTransition || len(signature) > maxTransition {
			return nil, nil, &envelope.LimitError{What: "octets of a file with a key", Max: maxTransition, Fixed: true}
		}
		r, err := o.VerifyDetached(bytes.NewReader(signature), bytes.NewReader(file))
		return file, r, err
	}}.evidence()
}

// maxTransition is as much as a certificate may take, in armor, which is in
// armor again with its signature.
const maxTransition = 2 * maxKeyRead

// succession is what these constructors were asked. It is not changed.
type succession struct {
	old    *keyring.Verified
	signed func(*envelope.Opener) ([]byte, *envelope.Report, error) // what the old key signed, to the end
	now    func() time.Time
}

func (s succession) evidence() keyring.Evidence {
	const how = "named in a message that it signed"
	old := inside(s.old.Certificate())
	e := seam.Evidence{Basis: seam.BasisSuccession, Why: "succession", Check: s.check}
	if old != nil {
		e.Why = fmt.Sprintf("succeeds %s: %s", old.fingerprint(), how)
		e.Succeeds = &seam.Succession{Old: old, How: how, Stands: func(in, _ seam.Certificate, now time.Time) error {
			old, ok := in.(*certificate)
			if !ok || old == nil {
				return errors.New("pgp: succession: this is no OpenPGP certificate")
			}
			return old.inForce(now)
		}}
	}
	return keyring.Evidence(seam.Wrap(e))
}

// check is Evidence.Check.
func (s succession) check(in seam.Certificate) error {
	now := s.now()
	c, err := successor(s.old, in)
	if err != nil {
		return err
	}
	old := inside(s.old.Certificate())
	if err := old.inForce(now); err != nil {
		return err
	}
	content, report, err := s.signed(&envelope.Opener{
		Senders: []*keyring.Verified{s.old}, RequireSignature: true,
		Limits: envelope.Limits{Decompressed: maxTransition},
		Time:   func() time.Time { return now },
	})
	if err != nil {
		return err
	}
	if err := old.stillSigns(report, now); err != nil {
		return err
	}
	named, err := parseCertificate(content)
	if err != nil {
		return fmt.Errorf("pgp: what the old key signed is not one certificate and nothing else: %w", err)
	}
	if !bytes.Equal(named.hashed, c.hashed) {
		return &keyring.MismatchError{Want: named.fingerprint(), Got: c.fingerprint()}
	}
	return nil
}

// successor returns the certificate, if there is an old one that it can succeed.
func successor(old *keyring.Verified, in seam.Certificate) (*certificate, error) {
	c, ok := in.(*certificate)
	o := inside(old.Certificate())
	switch {
	case !ok || c == nil:
		return nil, errors.New("pgp: succession: this is no OpenPGP certificate")
	case o == nil:
		return nil, errors.New("pgp: succession: no old key was given, or one that is no verified OpenPGP certificate")
	case bytes.Equal(o.hashed, c.hashed):
		return nil, c.unusable("is the old key itself, and succeeds no other")
	}
	return c, nil
}

// inForce returns why the primary key's word is not taken now: it is revoked,
// for whatever reason, has expired, or is too weak.
func (c *certificate) inForce(now time.Time) error {
	_, err := c.checkPrimary(now)
	return err
}

// stillSigns returns why none of the signatures that are by c and valid is by a
// key that signs now: a signature counts by the time that it states, and that
// one has expired since is no reason to call a letter forged. Here somebody
// would be sealed to for it.
func (c *certificate) stillSigns(r *envelope.Report, now time.Time) error {
	why := c.unusable("signed with a key that is not its own")
	for _, s := range r.Signatures {
		if !s.Valid() || s.Sender == nil {
			continue
		}
		if s.SignerID == keyName(c.fullFingerprint(), 0) {
			return nil // inForce asked that, and worth whether it is for signing
		}
		for i := range c.subs {
			sub := &c.subs[i]
			if sub.key == nil || s.SignerID != keyName(sub.key.Fingerprint, 0) {
				continue
			}
			if why = c.checkSigning(sub, now); why == nil {
				return nil
			}
		}
	}
	return why
}

// Transition returns a message, armored, by which k's owner names the
// certificate that takes k's place, for all who have k's: [SucceededIn] reads
// it. It is signed by k and holds the certificate of next, whose fingerprint
// everybody can compare besides.
//
// Give it out before k expires or is revoked: later nobody believes it. next
// must be for an address that k's certificate is for, if that has any.
//
// The error is [keyring.ErrRefused] where next is none that could succeed k's,
// and where k signs nothing (now).
func (k *Key) Transition(next *keyring.Certificate) ([]byte, error) {
	if k == nil || k.private == nil {
		return nil, errors.New("pgp: the zero Key names nobody")
	}
	c, now := inside(next), time.Now()
	if c == nil {
		return nil, errors.New("pgp: Transition: this is no OpenPGP certificate")
	}
	old := k.private.cert
	switch {
	case bytes.Equal(old.hashed, c.hashed):
		return nil, c.unusable("is the old key itself, and succeeds no other")
	case !shareAddress(old, c, now):
		return nil, c.unusable("is for none of the addresses that the old key is for: %.80q", old.addresses)
	}
	if err := old.inForce(now); err != nil {
		return nil, err
	}
	if err := c.inForce(now); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w, err := (&envelope.Sealer{Signers: []envelope.Signer{k.Signer()}, Armor: true}).Sign(&out)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	if _, err := w.Write(c.encoding); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// shareAddress reports whether c is for an address of old, or old for none.
func shareAddress(old, c *certificate, now time.Time) bool {
	for _, a := range old.addresses {
		if c.Binds(a, now) == nil {
			return true
		}
	}
	return len(old.addresses) == 0
}
