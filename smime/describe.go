package smime

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Binds implements seam.Certificate: the subject alternative name has exactly
// this address.
func (c *certificate) Binds(address string, _ time.Time) error {
	want, err := mailbox.Parse(address)
	if err != nil {
		return fmt.Errorf("smime: %w", err)
	}
	mailboxes := mailboxesOf(c.x)
	if isFor(mailboxes, want) {
		return nil
	}
	return wrongAddress(address, c, mailboxes)
}

// Merge implements seam.Certificate: an X.509 certificate is the same or
// another one.
func (c *certificate) Merge(other seam.Certificate) (seam.Certificate, error) {
	o, ok := other.(*certificate)
	if !ok || o == nil {
		return nil, errNotOurs
	}
	if !bytes.Equal(c.x.Raw, o.x.Raw) {
		return nil, &keyring.MismatchError{Want: c.fingerprint(), Got: o.fingerprint()}
	}
	if o.reads != nil && (c.reads == nil || o.reads.when.After(c.reads.when)) {
		return o, nil
	}
	return c, nil
}

// Describe implements seam.Certificate.
func (c *certificate) Describe(time.Time) seam.Description {
	d := seam.Description{
		Algorithms:  []string{c.key.name},
		Created:     c.x.NotBefore,
		NotBefore:   c.x.NotBefore,
		NotAfter:    c.x.NotAfter,
		CanSign:     c.checkSign() == nil,
		PostQuantum: c.key.kind == keyMLKEM,
		AEAD:        c.knownToRead(oidAES256GCM),
		Key:         sha256.Sum256(c.x.RawSubjectPublicKeyInfo),
		Subject:     bytes.Clone(c.x.RawSubject),
		Issuer:      bytes.Clone(c.x.RawIssuer),
		IssuerKey:   bytes.Clone(c.x.AuthorityKeyId),
		SelfIssued:  bytes.Equal(c.x.RawSubject, c.x.RawIssuer),
	}
	if s := c.x.Subject.String(); s != "" {
		d.Names = []string{s}
	}
	// Within its time: whether it is over is not asked here.
	d.CanSeal = c.CheckSeal(c.x.NotBefore, seam.Auto) == nil
	return d
}

// Reads implements seam.Certificate.
func (c *certificate) Reads() *seam.Reads {
	if c.reads == nil {
		return nil
	}
	return &seam.Reads{
		Algorithms: (&Capabilities{reads: *c.reads}).Algorithms(),
		When:       c.reads.when, Source: c.reads.source,
	}
}

// WithReads implements seam.Certificate. Algorithms that are not known are left
// out: a ring may have been written by a newer program.
func (c *certificate) WithReads(r seam.Reads) (seam.Certificate, error) {
	if r.When.IsZero() {
		return nil, fmt.Errorf("%w: what %s reads is noted without a time", keyring.ErrRefused, c.fingerprint())
	}
	n := reads{when: r.When, source: r.Source}
	for _, name := range r.Algorithms {
		if i := slices.IndexFunc(capabilityNames(), func(c capabilityName) bool { return c.name == name }); i >= 0 {
			n.algorithms = append(n.algorithms, capabilityNames()[i].oid)
		}
	}
	with := *c
	with.reads = &n
	return &with, nil
}
