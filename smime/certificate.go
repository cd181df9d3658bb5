package smime

import (
	"bytes"
	"crypto/sha1"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// maxCertificate is the size of one certificate in octets. Those of people
// take 1 to 3 KiB; more is made to cost time.
const maxCertificate = 64 << 10

// certificate is an X.509 certificate that was parsed and is not trusted. It
// is immutable.
type certificate struct {
	x         *x509.Certificate
	key       publicKey
	addresses []string
	ski       []byte // subject key identifier, stated or computed; nil if neither is to be had
	reads     *reads // what its owner is known to read; nil: nothing is known
}

var _ seam.Certificate = (*certificate)(nil)

// parseCertificate parses one DER certificate of at most maxCertificate octets.
func parseCertificate(der []byte) (*certificate, error) {
	if len(der) > maxCertificate {
		return nil, fmt.Errorf("smime: a certificate of %d octets, more than %d are not read", len(der), maxCertificate)
	}
	// A copy, so that what the fingerprint is computed from cannot be changed
	// by whoever holds the slice.
	x, err := parseX509(bytes.Clone(der))
	if err != nil {
		return nil, fmt.Errorf("smime: not a certificate, or damaged: %q", cut(err.Error()))
	}
	c := &certificate{
		x:         x,
		key:       publicKeyOf(x),
		addresses: addressesOf(x),
		ski:       keyIdentifier(x),
		reads:     readsOf(x),
	}
	return c, nil
}

// keyIdentifier returns the subject key identifier that the certificate
// states, else the one that RFC 5280, Section 4.2.1.2, method 1 computes, which
// is what senders use for certificates without the extension.
func keyIdentifier(x *x509.Certificate) []byte {
	if len(x.SubjectKeyId) > 0 {
		return x.SubjectKeyId
	}
	spki, ok := subjectPublicKey(x.RawSubjectPublicKeyInfo)
	if !ok || fipsOnly() {
		return nil
	}
	// An identifier only: it selects what is tried, and proves nothing.
	sum := sha1.Sum(spki)
	return sum[:]
}

// Kind is X509.
func (c *certificate) Kind() seam.Kind { return seam.X509 }

// Hashed returns the whole certificate.
func (c *certificate) Hashed() []byte { return c.x.Raw }

// Encoding returns the whole certificate.
func (c *certificate) Encoding() []byte { return c.x.Raw }

// Addresses returns the claimed mail addresses.
func (c *certificate) Addresses() []string { return c.addresses }

// Format is S/MIME.
func (c *certificate) Format() seam.Format { return format{} }

// Refuse returns nil: an X.509 certificate says nothing of its own revocation.
func (c *certificate) Refuse() error { return nil }

// public returns c as the type that callers see.
func (c *certificate) public() *keyring.Certificate {
	p := keyring.Certificate(seam.Wrap[seam.Certificate](c))
	return &p
}

// fingerprint returns what identifies c in errors.
func (c *certificate) fingerprint() keyring.Fingerprint { return c.public().Fingerprint() }

// unusable is the refusal for one reason.
func (c *certificate) unusable(reason string) error {
	return &keyring.UnusableError{Fingerprint: c.fingerprint(), Reason: reason}
}

// CheckSeal returns why nothing may be sealed to c at this time.
//
// A certificate that may sign others (basicConstraints CA) is not refused for
// that: the self-signed certificates that common tools make for one person
// have it set, and whose key it is was verified by its fingerprint.
func (c *certificate) CheckSeal(now time.Time, p seam.Profile) error {
	if err := c.checkTime(now); err != nil {
		return err
	}
	if p == seam.PostQuantum && c.key.kind != keyMLKEM {
		return c.unusable("has no ML-KEM key, which the PostQuantum profile requires")
	}
	if reason := c.key.refuseSeal(); reason != "" {
		return c.unusable(reason)
	}
	// RFC 8550, Section 4.4.2: where the extension is absent any use is
	// allowed; RFC 5480, Section 3 says which bit is for ECDH.
	// For X25519 and X448 it is RFC 8410, Section 5, for ML-KEM RFC 9935, Section 5.
	need := x509.KeyUsageKeyEncipherment
	switch c.key.kind {
	case keyEC, keyX25519, keyX448:
		need = x509.KeyUsageKeyAgreement
	}
	if ku := c.x.KeyUsage; ku != 0 && ku&need == 0 {
		if ku&signingUsage != 0 {
			return c.unusable("is for signatures only")
		}
		return c.unusable("is not for encryption, as its key usage says")
	}
	if p == seam.Compatible && c.key.kind == keyRSA && c.key.only != rsaOAEP && fipsOnly() {
		return c.forbidden(forbiddenV15)
	}
	if what := c.key.fipsForbids(); what != "" {
		return c.forbidden(what)
	}
	return c.checkPurpose()
}

// signingUsage are the key usages for signing content.
const signingUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment

// checkSign is CheckSeal's counterpart for signatures, time apart.
func (c *certificate) checkSign() error {
	if reason := c.key.refuseSign(); reason != "" {
		return c.unusable(reason)
	}
	if c.key.fipsRefuses() {
		return c.forbidden(forbiddenRSA)
	}
	if ku := c.x.KeyUsage; ku != 0 && ku&signingUsage == 0 {
		return c.unusable("is not for signatures, as its key usage says")
	}
	return c.checkPurpose()
}

// checkTime refuses c outside of its validity.
func (c *certificate) checkTime(now time.Time) error {
	if c.validAt(now) {
		return nil
	}
	return &keyring.ExpiredError{
		Fingerprint: c.fingerprint(),
		NotBefore:   c.x.NotBefore,
		NotAfter:    c.x.NotAfter,
		At:          now,
	}
}

// validAt reports whether t is within the validity; both ends belong to it
// (RFC 5280, Section 4.1.2.5).
func (c *certificate) validAt(t time.Time) bool {
	return !t.Before(c.x.NotBefore) && !t.After(c.x.NotAfter)
}

// checkPurpose refuses a certificate whose extended key usage names purposes,
// mail not among them (RFC 8550, Section 4.4.4).
func (c *certificate) checkPurpose() error {
	if len(c.x.ExtKeyUsage) == 0 && len(c.x.UnknownExtKeyUsage) == 0 {
		return nil
	}
	for _, u := range c.x.ExtKeyUsage {
		if u == x509.ExtKeyUsageEmailProtection || u == x509.ExtKeyUsageAny {
			return nil
		}
	}
	return c.unusable("is not for mail protection, as its extended key usage says")
}

// errNotOurs is returned for a certificate that another format made.
var errNotOurs = errors.New("smime: not an S/MIME certificate")

// cut shortens untrusted text for an error message; %q does the rest.
func cut(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
