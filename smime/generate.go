package smime

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"filippo.io/mldsa"
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

// KeyOptions says what [GenerateKey] and [GenerateKeys] make. Address is
// required, all else has a default.
type KeyOptions struct {
	Address string // mail address in ASCII, local@domain
	Name    string // of the owner, "" for the address; at most 64 characters

	// Algorithm is "rsa3072" (also ""), "rsa4096", "p256", "p384" or "p521",
	// whose keys sign and open; "ed25519", "mldsa44", "mldsa65" or "mldsa87",
	// whose keys sign and open nothing; or a pair of one to sign and one to open
	// with, which GenerateKeys makes: "ed25519+x25519", "mldsa65+mlkem768" or
	// "mldsa87+mlkem1024". Few programs read anything but RSA and P-256.
	Algorithm string
	Lifetime  time.Duration // of the certificate, from now; 0: two years

	// ReadsGCM states in the certificate that the owner's programs read
	// AES-256-GCM, so that senders need not ask. Outlook and Apple Mail do not.
	ReadsGCM bool

	issues bool // the certificate of the other key in a pair
}

// GenerateKey makes a key and a certificate for it that is signed with the same
// key. Nobody vouches for such a certificate: who gets it verifies the
// fingerprint. Some mail programs refuse it for that reason.
//
// Errors name the option that cannot be. RSA takes up to some seconds.
func GenerateKey(o KeyOptions) (*Key, error) {
	if strings.Contains(o.Algorithm, "+") {
		return nil, fmt.Errorf("smime: %q makes two keys: use GenerateKeys", cut(o.Algorithm))
	}
	keys, err := GenerateKeys(o)
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

// GenerateKeys is [GenerateKey] for the algorithms that take a pair: it returns
// the key that signs, whose certificate is signed with itself, and then the key
// that opens, whose certificate is issued by the first, since it cannot sign
// its own. For the other algorithms it returns one Key.
//
// Who seals to the owner verifies the fingerprint of the second certificate, and
// who checks the owner's signatures that of the first.
func GenerateKeys(o KeyOptions) ([]*Key, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	first, second, pair := strings.Cut(o.Algorithm, "+")
	private, err := generatePrivate(first)
	if err != nil {
		return nil, err
	}
	if !pair {
		k, err := o.certify(private, nil)
		return []*Key{k}, err
	}
	exchanger, err := generateExchanger(first, second)
	if err != nil {
		return nil, err
	}
	o.issues = true
	signs, err := o.certify(private, nil)
	if err != nil {
		return nil, err
	}
	o.issues = false
	opens, err := o.certify(exchanger, signs.in)
	if err != nil {
		return nil, err
	}
	return []*Key{signs, opens}, nil
}

// certify makes the certificate for a new private key, signed by the issuer, or
// by itself for nil.
func (o *KeyOptions) certify(private any, issuer *privateKey) (*Key, error) {
	public, err := publicInfo(private)
	if err != nil {
		return nil, err
	}
	template, err := o.template(public, time.Now())
	if err != nil {
		return nil, err
	}
	var der []byte
	if s, ok := private.(crypto.Signer); ok && issuer == nil {
		der, err = signCertificate(template, public, template, s)
	} else if issuer != nil {
		// The same clock for both: an issuer's certificate that begins later
		// than what it issued would make a path invalid.
		template.NotBefore, template.NotAfter = issuer.cert.x.NotBefore, issuer.cert.x.NotAfter
		// Left out by CreateCertificate where both have one name.
		template.AuthorityKeyId = issuer.cert.x.SubjectKeyId
		der, err = signCertificate(template, public, issuer.cert.x, issuer.signer)
	} else {
		err = errNoKey
	}
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

// generatePrivate makes a private key that signs.
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
	case "ed25519":
		_, k, err := ed25519.GenerateKey(rand.Reader)
		return k, err
	case "mldsa44":
		return mldsa.GenerateKey(mldsa.MLDSA44())
	case "mldsa65":
		return mldsa.GenerateKey(mldsa.MLDSA65())
	case "mldsa87":
		return mldsa.GenerateKey(mldsa.MLDSA87())
	case "x25519", "mlkem768", "mlkem1024":
		return nil, fmt.Errorf("smime: a key of %s signs nothing, not even its own certificate: make a pair, ed25519+x25519, mldsa65+mlkem768 or mldsa87+mlkem1024", algorithm)
	}
	return nil, noAlgorithm(algorithm)
}

func noAlgorithm(algorithm string) error {
	return fmt.Errorf("smime: %q is no algorithm for a key: use rsa3072, rsa4096, p256, p384, p521, ed25519, mldsa44, mldsa65 or mldsa87, or a pair: ed25519+x25519, mldsa65+mlkem768 or mldsa87+mlkem1024", cut(algorithm))
}

// generateExchanger makes the private key that opens, of a pair.
func generateExchanger(signs, opens string) (any, error) {
	switch signs + "+" + opens {
	case "ed25519+x25519":
		if fipsOnly() {
			return nil, notApproved("X25519")
		}
		return ecdh.X25519().GenerateKey(rand.Reader)
	case "mldsa65+mlkem768":
		return mlkem.GenerateKey768()
	case "mldsa87+mlkem1024":
		return mlkem.GenerateKey1024()
	}
	return nil, noAlgorithm(signs + "+" + opens)
}

// usage returns the key usage of a new certificate, by the algorithm: RFC 4055,
// Section 1.2; RFC 5480, Section 3; RFC 8410, Section 5; RFC 9881, Section 5;
// RFC 9935, Section 5, which allows keyEncipherment alone.
func (k *publicKey) usage() x509.KeyUsage {
	switch k.kind {
	case keyRSA:
		return x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	case keyEC:
		return x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement
	case keyX25519, keyX448:
		return x509.KeyUsageKeyAgreement
	case keyMLKEM:
		return x509.KeyUsageKeyEncipherment
	}
	return x509.KeyUsageDigitalSignature
}

// template returns what the certificate says of a key, its SubjectPublicKeyInfo.
func (o *KeyOptions) template(spki []byte, now time.Time) (*x509.Certificate, error) {
	bits, ok := subjectPublicKey(spki)
	if !ok {
		return nil, errors.New("smime: internal error: public key")
	}
	sum := sha256.Sum256(bits) // RFC 7093, Section 2, method 1
	key := publicKeyOfInfo(spki)
	usage := key.usage()
	if o.issues {
		usage |= x509.KeyUsageCertSign
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
		// RFC 5280, Section 4.2.1.9: nothing else may issue. Its one issue is
		// the other half of the pair, below which there is nothing.
		IsCA:           o.issues,
		MaxPathLenZero: o.issues,
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
