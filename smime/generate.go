package smime

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
)

const (
	// defaultLifetime is how long a generated certificate is valid: two years,
	// the most that public mail certificates may be (CA/Browser Forum S/MIME
	// Baseline Requirements, Section 6.3.2).
	defaultLifetime = 2 * 365 * 24 * time.Hour

	// maxLifetime bounds it to what dates in certificates can say.
	maxLifetime = 100 * 365 * 24 * time.Hour

	// maxName is the length of a common name (RFC 5280, Appendix A.1).
	maxName = 64
)

// KeyOptions says what [GenerateKey] makes. Address is required, all else has
// a default.
type KeyOptions struct {
	Address   string        // mail address in ASCII, local@domain
	Name      string        // of the owner, "" for the address; at most 64 characters
	Algorithm string        // "rsa3072" (also ""), "rsa4096", "p256", "p384" or "p521"
	Lifetime  time.Duration // of the certificate, from now; 0: two years

	// ReadsGCM states in the certificate that the owner's programs read
	// AES-256-GCM, so that senders need not ask. Outlook and Apple Mail do not.
	ReadsGCM bool
}

// GenerateKey makes a key and a certificate for it that is signed with the same
// key. Nobody vouches for such a certificate: who gets it verifies the
// fingerprint. Some mail programs refuse it for that reason.
//
// Errors name the option that cannot be. RSA takes up to some seconds.
func GenerateKey(o KeyOptions) (*Key, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	private, err := generatePrivate(o.Algorithm)
	if err != nil {
		return nil, err
	}
	return o.certify(private)
}

// certify makes the certificate for a new private key.
func (o *KeyOptions) certify(private crypto.Signer) (*Key, error) {
	now := time.Now()
	template, err := o.template(private.Public(), now)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, fmt.Errorf("smime: making a certificate: %w", err)
	}
	c, err := parseCertificate(der)
	if err != nil {
		return nil, err
	}
	k, err := newPrivateKey(c, private)
	if err != nil {
		return nil, err
	}
	return &Key{k}, nil
}

// check refuses options that would end up as something else in a certificate.
func (o *KeyOptions) check() error {
	if !validAddress(o.Address) {
		return fmt.Errorf("smime: %q is not a mail address in ASCII: local@domain", cut(o.Address))
	}
	if !utf8.ValidString(o.Name) || utf8.RuneCountInString(o.Name) > maxName {
		return fmt.Errorf("smime: the name %q has more than %d characters, or is not UTF-8", cut(o.Name), maxName)
	}
	for _, r := range o.Name {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("smime: the name %q has characters that cannot be printed", cut(o.Name))
		}
	}
	if o.Lifetime < 0 || o.Lifetime > maxLifetime {
		return errors.New("smime: the lifetime of a certificate must be between 0 (two years) and 100 years")
	}
	return nil
}

// generatePrivate makes a private key.
func generatePrivate(algorithm string) (crypto.Signer, error) {
	switch algorithm {
	case "", "rsa3072":
		return rsa.GenerateKey(rand.Reader, 3072)
	case "rsa4096":
		return rsa.GenerateKey(rand.Reader, 4096)
	case "p256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "p521":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	}
	return nil, fmt.Errorf("smime: %q is no algorithm for a key: use rsa3072, rsa4096, p256, p384 or p521", cut(algorithm))
}

// template returns what the certificate says.
func (o *KeyOptions) template(public any, now time.Time) (*x509.Certificate, error) {
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	bits, ok := subjectPublicKey(spki)
	if !ok {
		return nil, errors.New("smime: internal error: public key")
	}
	sum := sha256.Sum256(bits) // RFC 7093, Section 2, method 1
	usage := x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement
	if _, ok := public.(*rsa.PublicKey); ok {
		usage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	}
	name, lifetime := o.Name, o.Lifetime
	if name == "" && len(o.Address) <= maxName {
		name = o.Address
	}
	if lifetime == 0 {
		lifetime = defaultLifetime
	}
	t := &x509.Certificate{
		// Serial number: left to CreateCertificate, which takes a random one.
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-time.Hour).Truncate(time.Second), // for clocks that are behind
		NotAfter:              now.Add(lifetime).Truncate(time.Second),
		KeyUsage:              usage,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		EmailAddresses:        []string{o.Address},
		SubjectKeyId:          sum[:20],
		BasicConstraintsValid: true,
	}
	if o.ReadsGCM {
		capabilities, err := ourCapabilities()
		if err != nil {
			return nil, err
		}
		id, err := objectIdentifier(oidSMIMECapabilities)
		if err != nil {
			return nil, err
		}
		t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{Id: id, Value: capabilities})
	}
	return t, nil
}

// objectIdentifier returns o in the form that crypto/x509 takes.
func objectIdentifier(o oid) (asn1.ObjectIdentifier, error) {
	var id asn1.ObjectIdentifier
	s := cryptobyte.String(o.tlv())
	if !s.ReadASN1ObjectIdentifier(&id) {
		return nil, errors.New("smime: internal error: object identifier")
	}
	return id, nil
}
