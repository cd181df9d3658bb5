package mail_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// someone has a key of each format, and the raw one behind the X.509
// certificate, for messages that are put together octet by octet.
type someone struct {
	address string
	pgp     *pgp.Key
	smime   *smime.Key
	raw     *ecdsa.PrivateKey
	cert    *x509.Certificate
}

func sure[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// skipInFIPS skips what needs keys of OpenPGP version 4 and AES-GCM with a
// nonce that is in the message.
func skipInFIPS(t testing.TB) {
	if fips140.Enforced() {
		t.Skip("skipped: these mails need what GODEBUG=fips140=only does not allow")
	}
}

// believe takes a certificate as if its owner had read the fingerprint out.
func believe(c *keyring.Certificate) *keyring.Verified {
	return sure(keyring.Verify(c, keyring.Expect(c.Fingerprint())))
}

func (p *someone) signer(f string) envelope.Signer {
	if f == "smime" {
		return p.smime.Signer()
	}
	return p.pgp.Signer()
}

func (p *someone) verified(f string) *keyring.Verified {
	if f == "smime" {
		return believe(p.smime.Certificate())
	}
	return believe(p.pgp.Certificate())
}

func (p *someone) identities() []envelope.Identity {
	return []envelope.Identity{p.pgp.Identity(), p.smime.Identity()}
}

func (p *someone) senders() []*keyring.Verified {
	return []*keyring.Verified{p.verified("pgp"), p.verified("smime")}
}

const (
	aliceAddress = "alice@example.org"
	bobAddress   = "bob@example.org"
	carolAddress = "carol@example.org"
	eveAddress   = "eve@example.net"
)

// cast is everybody: Alice writes to Bob, who reads; Carol is another whom she
// writes to; Eve attacks, with a key that Bob knows to be hers.
type cast struct {
	alice, bob, carol, eve *someone
	both                   *someone // Eve's other key, which claims Alice's address too
	bob6                   *pgp.Key // Bob's key that SEIPDv2 is sealed to
	ca, rogue              *authority
	ended, fits            *x509.Certificate // of Eve's raw key, in Alice's name
}

var everybody = sync.OnceValue(func() *cast {
	c := &cast{
		alice: newPerson("Alice", aliceAddress),
		bob:   newPerson("Bob", bobAddress),
		carol: newPerson("Carol", carolAddress),
		eve:   newPerson("Eve", eveAddress),
		both:  newPerson("Eve", eveAddress, aliceAddress),
		bob6:  sure(pgp.GenerateKey(pgp.KeyOptions{Address: bobAddress, Profile: envelope.Modern})),
		ca:    newAuthority("Good CA"),
		rogue: newAuthority("Good CA"), // the same name: only the key tells them apart
	}
	t := leaf("Alice", aliceAddress)
	c.fits = certificate(c.eve.raw, nil, t)
	t.NotAfter = time.Now().Add(-time.Minute)
	c.ended = certificate(c.eve.raw, nil, t)
	return c
})

func newPerson(name string, addresses ...string) *someone {
	var ids []string
	for _, a := range addresses {
		ids = append(ids, name+" <"+a+">")
	}
	p := &someone{address: addresses[0]}
	p.pgp = sure(pgp.GenerateKey(pgp.KeyOptions{UserIDs: ids}))
	p.raw = sure(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	p.cert = certificate(p.raw, nil, leaf(name, addresses...))
	p.smime = sure(smime.NewKey(parsed(p.cert), p.raw))
	return p
}

func parsed(c *x509.Certificate) *keyring.Certificate { return sure(smime.ParseCertificate(c.Raw)) }

func serial() *big.Int {
	return sure(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100)))
}

// leaf is the template of a certificate for mail.
func leaf(name string, addresses ...string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber:   serial(),
		Subject:        pkix.Name{CommonName: name},
		NotBefore:      time.Now().Add(-time.Hour),
		NotAfter:       time.Now().AddDate(2, 0, 0),
		KeyUsage:       x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement,
		ExtKeyUsage:    []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		EmailAddresses: addresses,
	}
}

// authority issues certificates.
type authority struct {
	raw  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(name string) *authority {
	a := &authority{raw: sure(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	t := leaf(name)
	t.IsCA, t.BasicConstraintsValid = true, true
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageCertSign|x509.KeyUsageCRLSign, nil
	a.cert = certificate(a.raw, nil, t)
	return a
}

// certificate signs t for k; by a, or where that is nil by k itself.
func certificate(k *ecdsa.PrivateKey, a *authority, t *x509.Certificate) *x509.Certificate {
	parent, key := t, k
	if a != nil {
		parent, key = a.cert, a.raw
	}
	return sure(x509.ParseCertificate(sure(x509.CreateCertificate(rand.Reader, t, parent, &k.PublicKey, key))))
}

// trust is evidence by the good authority and by no other.
func (c *cast) trust(address string, beside ...*keyring.Certificate) keyring.Evidence {
	return smime.ChainTo(address, &smime.Authorities{Roots: []*keyring.Certificate{parsed(c.ca.cert)}}, beside...)
}

// ringOfEve knows Eve's two keys by the address that Bob knows to be hers.
func (c *cast) ringOfEve(t testing.TB) *keyring.Ring {
	r, err := keyring.OpenRing(t.TempDir(), pgp.ParseCertificate, smime.ParseCertificate)
	require.NoError(t, err)
	for _, v := range c.both.senders() {
		_, err := r.Add(v, keyring.Addition{Addresses: []string{eveAddress}})
		require.NoError(t, err)
	}
	return r
}
