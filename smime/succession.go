package smime

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/pkix"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// SucceededIn is the evidence that the owner of a certificate that was verified
// named another one in its place: message is signed with old's key and holds
// the certificate and nothing else, in DER or PEM, as [Key.Transition] and
// openssl cms -sign -nodetach -binary -outform DER write it. Where it is sealed
// too, by are the identities that it opens with.
//
// [keyring.Verify] with it proves that old's key signed exactly these octets,
// and that old was within its validity at the time of Verify: afterwards it is
// too late, also by a day, since what time a signature states is the choice of
// whoever has the key. Whether old is revoked its issuer knows: a ring holds
// what was seen of that, and asks nobody here.
//
// It proves nothing of who has old's key: whoever stole it can name a
// successor, and is believed. It does not say for which purpose the owner
// signed: never sign the certificate of somebody else who claims your address.
// The fingerprint of the new one, from its owner, proves more:
// [keyring.Expect].
//
// Verify's error is [keyring.ErrRefused]: a [*keyring.ExpiredError] for old, a
// [*keyring.MismatchError] where the message holds another certificate, what
// [envelope.Opener] returns for what is not signed by old
// ([envelope.ErrSignature]), and else one that says what the message is instead.
func SucceededIn(old *keyring.Verified, message []byte, by ...envelope.Identity) keyring.Evidence {
	return succession{old: old, message: message, by: by, now: time.Now}.evidence()
}

// maxTransition is far above what a certificate of the largest size takes with
// a signature and the certificates beside it, in PEM.
const maxTransition = 16 * maxCertificate

// succession is what SucceededIn was asked. It is not changed.
type succession struct {
	old     *keyring.Verified
	message []byte
	by      []envelope.Identity
	now     func() time.Time
}

func (s succession) evidence() keyring.Evidence {
	const how = "named in a message that it signed"
	e := seam.Evidence{Basis: seam.BasisSuccession, Why: "succession", Check: s.check}
	if old := verified(s.old); old != nil {
		e.Why = fmt.Sprintf("succeeds %s: %s", old.fingerprint(), how)
		e.Succeeds = &seam.Succession{Old: old, How: how, Stands: func(_, _ seam.Certificate, now time.Time) error {
			return old.checkTime(now) // X.509: there is no other copy
		}}
	}
	return keyring.Evidence(seam.Wrap(e))
}

// check is Evidence.Check.
func (s succession) check(in seam.Certificate) error {
	old, now := verified(s.old), s.now()
	c, err := successor(old, in)
	if err != nil {
		return err
	}
	if err := old.checkTime(now); err != nil {
		return err
	}
	if err := old.checkSign(); err != nil {
		return err
	}
	content, err := s.signed(now)
	if err != nil {
		return err
	}
	named, err := ParseCertificate(content)
	if err != nil {
		return fmt.Errorf("smime: what the old key signed is not one certificate and nothing else: %w", err)
	}
	if !bytes.Equal(named.Marshal(), c.x.Raw) {
		return &keyring.MismatchError{Want: named.Fingerprint(), Got: c.fingerprint()}
	}
	return nil
}

// signed returns what the old key signed, to the end.
func (s succession) signed(now time.Time) ([]byte, error) {
	if len(s.message) > maxTransition {
		return nil, &envelope.LimitError{What: "octets of a message with a certificate", Max: maxTransition, Fixed: true}
	}
	o := &envelope.Opener{
		Senders: []*keyring.Verified{s.old}, RequireSignature: true,
		Limits: envelope.Limits{Decompressed: maxTransition},
		Time:   func() time.Time { return now },
	}
	open := o.Verify
	if len(s.by) > 0 {
		o.Identities, open = s.by, o.Open
	}
	m, err := open(bytes.NewReader(s.message))
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return io.ReadAll(io.LimitReader(m, maxTransition+1)) // one more: parsing it refuses that
}

// verified returns what is inside v, nil for what is no S/MIME certificate.
func verified(v *keyring.Verified) *certificate { return inside(v.Certificate()) }

func inside(p *keyring.Certificate) *certificate {
	if p == nil {
		return nil
	}
	c, _ := seam.Opaque[seam.Certificate](*p).Unwrap().(*certificate)
	return c
}

// successor returns the certificate, if it can succeed old.
func successor(old *certificate, in seam.Certificate) (*certificate, error) {
	c, ok := in.(*certificate)
	switch {
	case !ok || c == nil:
		return nil, errNotOurs
	case old == nil:
		return nil, errors.New("smime: succession: no old certificate was given, or one that is no verified S/MIME certificate")
	case bytes.Equal(old.x.Raw, c.x.Raw):
		return nil, c.unusable("is the old certificate itself, and succeeds no other")
	}
	return c, nil
}

// Reissued is the evidence that the authority that issued a certificate which
// was verified issued another one in its place: for the same subject and for
// address, which both state. It is [ChainTo] and more: the key that signed the
// certificate, on a path to one of a.Roots that is valid now, is the key that
// signed old. That both name the same issuer would prove nothing, since anybody
// below a root can name theirs so.
//
// It proves what ChainTo proves, at the word of one authority: whoever makes it
// issue a certificate, by mistake or on demand, is then sealed to. A ring takes
// it where Policy.AcceptReissued says so.
//
// Verify's errors are those of ChainTo, and [keyring.ErrRefused] for another
// subject, another address and another authority.
func Reissued(old *keyring.Verified, address string, a *Authorities, intermediates ...*keyring.Certificate) keyring.Evidence {
	e := seam.Evidence{Basis: seam.BasisSuccession, Why: "reissued"}
	if normal, err := mailbox.Parse(address); err == nil { // else Check says why not
		e.Address = normal.String()
	}
	o := verified(old)
	if o != nil && a != nil {
		how := "reissued for " + fmt.Sprintf("%q", cut(address)) + " by the same authority"
		e.Why = fmt.Sprintf("succeeds %s: %s, %s", o.fingerprint(), how, a.why(address))
		e.Succeeds = &seam.Succession{Old: o, How: how, Reissued: true}
	}
	e.Check = func(in seam.Certificate) error {
		c, err := successor(o, in)
		if err != nil {
			return err
		}
		if !bytes.Equal(o.x.RawSubject, c.x.RawSubject) {
			return c.unusable(fmt.Sprintf("is for the subject %q, and the certificate before it for %q", cut(c.x.Subject.String()), cut(o.x.Subject.String())))
		}
		if err := o.Binds(address, time.Time{}); err != nil {
			return err
		}
		path, err := a.check(c, address, intermediates)
		if err != nil {
			return err
		}
		if len(path) < 2 || !pkixOf(o).SignedBy(path[1], a.options(nil)) {
			return c.unusable("is by another authority, or another key of it, than the certificate before it")
		}
		return nil
	}
	return keyring.Evidence(seam.Wrap(e))
}

// issuerKey returns a digest of the key that signed the first certificate of a
// path, zero if that is a root itself.
func issuerKey(path []*pkix.Certificate) [32]byte {
	if len(path) < 2 {
		return [32]byte{}
	}
	return sha256.Sum256(path[1].X.RawSubjectPublicKeyInfo)
}

// Transition returns a message, in PEM, by which k's owner names the
// certificate that takes k's place, for all who have k's: [SucceededIn] reads
// it. It is signed with k and holds next, whose fingerprint everybody can
// compare besides.
//
// Give it out before k's certificate expires or is revoked: later nobody
// believes it. next must be for an address that k's certificate is for, if that
// has any.
//
// The error is [keyring.ErrRefused] where next is none that could succeed k's,
// and where k signs nothing (now).
func (k *Key) Transition(next *keyring.Certificate) ([]byte, error) {
	if k == nil || k.in == nil {
		return nil, errNoKey
	}
	c := inside(next)
	if c == nil {
		return nil, errNotOurs
	}
	old, now := k.in.cert, time.Now()
	switch {
	case bytes.Equal(old.x.Raw, c.x.Raw):
		return nil, c.unusable("is the old certificate itself, and succeeds no other")
	case !shareAddress(old, c, now):
		return nil, c.unusable(fmt.Sprintf("is for none of the addresses that the old certificate is for: %.80q", old.addresses))
	}
	if err := c.checkTime(now); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w, err := (&envelope.Sealer{Signers: []envelope.Signer{k.Signer()}, Armor: true}).Sign(&out)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	if _, err := w.Write(c.x.Raw); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// shareAddress reports whether c is for an address of old, or old for none.
func shareAddress(old, c *certificate, now time.Time) bool {
	for _, a := range mailboxesOf(old.x) {
		if c.Binds(a, now) == nil {
			return true
		}
	}
	return len(mailboxesOf(old.x)) == 0
}
