package mail

import (
	"cmp"
	"errors"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// maxClaimed is how many of the addresses in a signer's certificate are looked
// at to name the signer; who makes a certificate can write any number into it.
const maxClaimed = 8

// maxAsked is how often in one message it is asked whether a signer is believed:
// each time a ring may be read or a chain of certificates built, and a hostile
// message has some hundred signatures beside each other, each with a
// certificate for some addresses. The author is asked for first.
const maxAsked = 256

// believes reports whether s is a valid signature by somebody who may sign for
// exactly this address: one whom the ring has for it, a sender named by the
// caller whose certificate states it and who was not verified as somebody else,
// or one for whom there is evidence.
//
// What the message says of the signer counts for nothing: not the identifier,
// not the name in the certificate, not which address it claims. The ring is
// asked for the address anew, since the senders that the message was opened
// with were looked up for whatever From was outside.
func (j *judgement) believes(l *Layer, s envelope.Signature, who mailbox.Address) bool {
	if !s.Valid() || who == (mailbox.Address{}) || who.IsDomain() {
		return false
	}
	if j.asked++; j.asked > maxAsked {
		return false
	}
	if j.opener.Ring != nil {
		known, err := j.opener.Ring.Senders(who.String())
		if err != nil && !errors.Is(err, keyring.ErrRefused) {
			j.err = cmp.Or(j.err, err) // what it does not say is not that nobody is believed
		}
		for _, v := range known {
			if err == nil && madeBy(s, v) {
				return true
			}
		}
	}
	for _, v := range j.opener.Senders {
		if madeBy(s, v) && v.Of(who.String()) && v.Check() == nil && j.states(v.Certificate(), who) {
			return true
		}
	}
	return j.evident(l, s, who)
}

// evident reports whether there is evidence that the certificate which the
// message brought is that of who.
func (j *judgement) evident(l *Layer, s envelope.Signature, who mailbox.Address) bool {
	if s.Certificate == nil || j.opener.Evidence == nil || !j.states(s.Certificate, who) {
		return false
	}
	policy := keyring.Policy{Time: j.opener.Time}
	_, err := policy.Verify(s.Certificate, j.opener.Evidence(who.String(), l.Report.Certificates...))
	if who == j.from.address && j.unproven == nil {
		j.unproven = err // the first signature's: one line says why
	}
	return err == nil
}

// madeBy reports whether the key of v made the signature. A certificate that
// the message brought is v's own if it has its fingerprint, which for X.509
// covers all of it. For OpenPGP it covers the primary key alone, and the
// message's copy may be without a revocation that v's has: there only the
// verification with v's copy counts.
func madeBy(s envelope.Signature, v *keyring.Verified) bool {
	if v == nil || v.Certificate() == nil {
		return false
	}
	if s.Sender != nil && s.Sender.Fingerprint().Matches(v.Fingerprint()) {
		return true
	}
	c := s.Certificate
	return c != nil && inside(c).Kind() == seam.X509 && c.Fingerprint().Matches(v.Fingerprint())
}

// states reports whether the certificate states, now, that it is for exactly
// this address: by a subject alternative name (RFC 8550, Section 3) or a user
// ID that stands. An address in a subject's name does not count.
func (j *judgement) states(c *keyring.Certificate, who mailbox.Address) bool {
	in := inside(c)
	return in != nil && in.Binds(who.String(), j.now) == nil
}

// otherSigner returns an address that the signer is believed for, beside From;
// "" if there is none. It is for people: it makes nothing verified.
func (j *judgement) otherSigner(l *Layer, s envelope.Signature) string {
	if !s.Valid() {
		return ""
	}
	var claimed []mailbox.Address
	switch {
	case s.Sender != nil && s.Sender.Check() == nil:
		claimed = addresses(s.Sender.Certificate().Addresses())
	case s.Certificate != nil:
		claimed = addresses(s.Certificate.Addresses())
	}
	for i, a := range claimed {
		if i < maxClaimed && j.believes(l, s, a) {
			return a.String()
		}
	}
	return ""
}

// islander returns an address that a signer of the layer is believed for, "" if
// there is none, or something is wrong with the layer.
func (j *judgement) islander(l *Layer) string {
	if l.Err != nil || l.Report == nil || l.intended == intendedOthers || hasBad(l) {
		return ""
	}
	who, known := j.islanders[l]
	if known {
		return who
	}
	for _, s := range l.Report.Signatures {
		if who == "" && j.believes(l, s, j.from.address) {
			who = j.from.address.String()
		}
		if who == "" {
			who = j.otherSigner(l, s)
		}
	}
	j.islanders[l] = who
	return who
}

// certificateOf returns the certificate of an identity, nil for one that has
// none: a passphrase, a session key.
func certificateOf(id envelope.Identity) seam.Certificate {
	if c, ok := seam.Opaque[seam.Identity](id).Unwrap().(interface{ Certificate() seam.Certificate }); ok {
		return c.Certificate()
	}
	return nil
}
