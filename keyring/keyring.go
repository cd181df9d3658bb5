// Package keyring decides whose keys are believed.
//
// A [Certificate] is parsed and nothing more: anybody can make one in anybody's
// name. [Verify] turns it into a [Verified] where there is [Evidence] that it
// belongs to the person meant, and package envelope seals to nothing else.
//
//	cert, err := smime.ParseCertificate(pem)
//	want, err := keyring.ParseFingerprint("9F:86:D0:…") // from paper, the telephone, a QR code
//	bob, err := keyring.Verify(cert, keyring.Expect(want))
//
// The expected fingerprint has to come by another way than the certificate:
// who can swap the one in a mail can swap the other beside it.
//
// A [Ring] remembers what was verified, so that it is asked for once:
//
//	ring, err := keyring.OpenRing(dir, pgp.ParseCertificate, smime.ParseCertificate)
//	change, err := ring.Add(bob, keyring.Addition{})  // for the addresses that the certificate states
//	to, err := ring.Recipients("bob@example.org")     // for envelope.Seal
//	from, err := ring.Senders("bob@example.org")      // for envelope.Opener
//
// It is in a directory, or in whatever is a [Store]. Nothing comes into it but by
// [Ring.Add]; another key for an address that has one is a [*ChangedError] until
// the caller brings evidence for that, or says what becomes of the old one. All
// that is refused, here and where it is used, is [ErrRefused].
//
// All values of this package but a Ring are immutable, and all are safe for
// concurrent use.
package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Certificate is a public key with what it says of itself, in either format.
// It is parsed and NOT trusted: seal to a [Verified].
//
// Only pgp.ParseCertificate and smime.ParseCertificate make one, and the keys
// of these packages. The zero value has no fingerprint and is refused everywhere.
type Certificate seam.Opaque[seam.Certificate]

func (c *Certificate) inside() seam.Certificate {
	if c == nil {
		return nil
	}
	return seam.Opaque[seam.Certificate](*c).Unwrap()
}

// Fingerprint returns the digest that identifies c, computed here and now from
// the octets that the format hashes: SHA-256 of an X.509 certificate, and for
// OpenPGP that of the primary key packet (SHA-1 for version 4; the zero
// Fingerprint where GODEBUG=fips140=only forbids SHA-1).
func (c *Certificate) Fingerprint() Fingerprint {
	in := c.inside()
	if in == nil {
		return Fingerprint{}
	}
	return digest(in.Kind(), in.Hashed())
}

// Addresses returns the mail addresses that c claims. They are claims of
// whoever made the certificate, not facts.
func (c *Certificate) Addresses() []string {
	in := c.inside()
	if in == nil {
		return nil
	}
	return slices.Clone(in.Addresses())
}

// Marshal returns c in its format's binary encoding: DER for X.509, packets
// for OpenPGP (the public ones only).
func (c *Certificate) Marshal() []byte {
	in := c.inside()
	if in == nil {
		return nil
	}
	return bytes.Clone(in.Encoding())
}

// Evidence is why a certificate is believed. It is opaque. [Expect], [Scan],
// [Spoken], [Fingerprint.Compared] and [FirstUse] make it here; other
// constructors, smime.ChainTo and pgp.IntroducedBy among them, live beside what
// they need to know. The zero value convinces nobody.
type Evidence seam.Opaque[seam.Evidence]

// Verified is a certificate together with the evidence that it is the right
// one. Only [Verify] makes one that is worth anything: nil and the zero value
// are refused wherever one is taken.
type Verified struct {
	// The inside of the Certificate, not a pointer to it: assigning to what
	// Verify was given changes nothing here.
	cert     seam.Certificate
	why      string
	evidence evidence
	origin   *origin // nil: it came from no ring
	as       string  // in what place a ring gave it out, for Evidence; it is no evidence
}

// evidence is what a ring keeps of the evidence beside its words.
type evidence struct {
	basis    seam.Basis
	address  string           // whose it is by the evidence; "": about the key alone
	succeeds *seam.Succession // nil unless basis is BasisSuccession

	// authority is a digest of the key that issued the certificate, where basis
	// is BasisChain; zero: not known.
	authority [32]byte
}

// Verify is [Policy.Verify] of the zero [Policy].
func Verify(cert *Certificate, ev Evidence) (*Verified, error) { return Policy{}.Verify(cert, ev) }

// Verify holds cert against the evidence.
//
// It decides about identity alone. Whether the key can be used is a question
// of purpose and time, which sealing and opening ask each time: an expired
// certificate verifies, and nothing is sealed to it. Evidence by an authority's
// word (smime.ChainTo) asks for more, the time among it.
//
// The error is a [*PolicyError] for evidence of a kind that p does not take,
// which for the zero Policy are first use and the word of a domain's server, a
// [*MismatchError] where the fingerprint is another one, and a [*RevokedError]
// where the certificate itself says that its key fell into wrong hands; all are
// [ErrRefused], as is a missing certificate or evidence.
func (p Policy) Verify(cert *Certificate, ev Evidence) (*Verified, error) {
	in := cert.inside() // once: what is checked is what is kept
	if in == nil {
		return nil, fmt.Errorf("%w: no certificate was given", ErrRefused)
	}
	got := digest(in.Kind(), in.Hashed())
	e := seam.Opaque[seam.Evidence](ev).Unwrap()
	if e.Check == nil || e.Basis == seam.BasisNone {
		return nil, fmt.Errorf("%w: no evidence was given for %s", ErrRefused, got)
	}
	if field := p.refuses(e.Basis); field != "" {
		return nil, &PolicyError{Fingerprint: got, Field: field, Evidence: e.Why}
	}
	if err := refusal(e.Check(in)); err != nil {
		return nil, err
	}
	if err := refusal(in.Refuse()); err != nil {
		return nil, err
	}
	if got.IsZero() {
		// Whatever the evidence is, what has no fingerprint cannot be named.
		if in.Kind() == seam.PGPv4 {
			return nil, errFIPS
		}
		return nil, fmt.Errorf("%w: a certificate without a fingerprint", ErrRefused)
	}
	why := e.Why
	if e.Found != nil {
		why = e.Found(in)
	}
	kept := evidence{basis: e.Basis, address: e.Address, succeeds: e.Succeeds}
	if e.Authority != nil {
		kept.authority = e.Authority(in)
	}
	return &Verified{cert: in, why: why, evidence: kept}, nil
}

// Note is what is known of the owner of a certificate beside it: what their
// programs read. It is no evidence of anything. smime.Capabilities makes one;
// the zero value is refused.
type Note seam.Opaque[seam.Note]

// With returns v with a note, which may change what is sealed to v and never
// who v is: certificate, fingerprint and evidence stay. v itself stays as it
// is. A note that is older than what is known changes nothing.
//
// The error is [ErrRefused] for a nil or zero Verified or Note, and for one
// that is about somebody else or of another format.
func (v *Verified) With(n Note) (*Verified, error) {
	in := seam.Opaque[seam.Note](n).Unwrap()
	if v == nil || v.cert == nil || in == nil {
		return nil, fmt.Errorf("%w: no verified certificate, or no note, was given", ErrRefused)
	}
	with, err := in.Apply(v.cert)
	if err != nil {
		return nil, refusal(err)
	}
	if with == nil || with.Kind() != v.cert.Kind() || !bytes.Equal(with.Hashed(), v.cert.Hashed()) || !bytes.Equal(with.Encoding(), v.cert.Encoding()) {
		return nil, fmt.Errorf("%w: internal error: a note changed whose certificate it is", ErrRefused)
	}
	return &Verified{cert: with, why: v.why, evidence: v.evidence, origin: v.origin, as: v.as}, nil
}

// refusal makes err one that is ErrRefused.
func refusal(err error) error {
	if err == nil || errors.Is(err, ErrRefused) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrRefused, err)
}

// Certificate returns the certificate that was verified, nil for a nil or
// zero Verified.
func (v *Verified) Certificate() *Certificate {
	if v == nil || v.cert == nil {
		return nil
	}
	c := Certificate(seam.Wrap(v.cert))
	return &c
}

// Fingerprint returns the fingerprint of what was verified, the zero
// Fingerprint for a nil or zero Verified.
func (v *Verified) Fingerprint() Fingerprint { return v.Certificate().Fingerprint() }

// Evidence says in a few words why the certificate is believed, "" for a nil
// or zero Verified.
func (v *Verified) Evidence() string {
	if v == nil {
		return ""
	}
	return v.why + v.as
}
