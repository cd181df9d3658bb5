package smime_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// person is a key with its verified certificate.
type person struct {
	name     string
	key      *smime.Key
	verified *keyring.Verified
}

func (p *person) identities() []envelope.Identity { return []envelope.Identity{p.key.Identity()} }
func (p *person) signers() []envelope.Signer      { return []envelope.Signer{p.key.Signer()} }
func (p *person) senders() []*keyring.Verified    { return []*keyring.Verified{p.verified} }

// fresh makes the keys of each kind once. RSA keys, which are slow to make, are
// the same in every run.
var fresh = map[string]func() *person{
	"RSA-3072":  sync.OnceValue(func() *person { return newPerson("RSA-3072", smime.FixedRSA("rsa3072")) }),
	"P-256":     sync.OnceValue(func() *person { return newPerson("P-256", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))) }),
	"P-384":     sync.OnceValue(func() *person { return newPerson("P-384", must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))) }),
	"P-521":     sync.OnceValue(func() *person { return newPerson("P-521", must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))) }),
	"stranger":  sync.OnceValue(func() *person { return newPerson("stranger", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))) }),
	"RSA-other": sync.OnceValue(func() *person { return newPerson("RSA-other", smime.FixedRSA("rsa2048-other")) }),
}

var kinds = []string{"RSA-3072", "P-256", "P-384", "P-521"}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// newPerson makes a self-signed certificate; gcm as an argument puts the
// capability AES-256-GCM into it (RFC 4262).
func newPerson(name string, k crypto.Signer, capabilities ...byte) *person {
	t := &x509.Certificate{
		SerialNumber: must(rand.Int(rand.Reader, big.NewInt(1<<62))),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage:       x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement,
		ExtKeyUsage:    []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		EmailAddresses: []string{name + "@example.org"},
	}
	if len(capabilities) > 0 {
		t.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 840, 113549, 1, 9, 15}, Value: capabilities}}
	}
	return personOf(name, must(x509.CreateCertificate(rand.Reader, t, t, k.Public(), k)), k)
}

// gcmCapability is SMIMECapabilities with 2.16.840.1.101.3.4.1.46 alone.
var gcmCapability = []byte{0x30, 13, 0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2e}

func personOf(name string, der []byte, k any) *person {
	c := must(smime.CertificateFromDER(der))
	return &person{name, must(smime.NewKey(c, k)), must(keyring.Verify(c, keyring.Expect(c.Fingerprint())))}
}

func personFromPEM(t testing.TB, certFile, keyFile string) *person {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		block, _ := pem.Decode(b)
		require.NotNil(t, block, name)
		return block.Bytes
	}
	k, err := x509.ParsePKCS8PrivateKey(read(keyFile))
	require.NoError(t, err)
	return personOf(certFile, read(certFile), k)
}

// form is one way to seal.
type form struct {
	name   string
	seal   envelope.Sealer
	signed bool
}

// forms are all that are written; CBC is never without a signature. With
// fips140=only they are those with CBC.
func forms(by *person) []form {
	all := []form{
		{"GCM", envelope.Sealer{Profile: envelope.Modern}, false},
		{"GCM+signed", envelope.Sealer{Profile: envelope.Modern, Signers: by.signers()}, true},
		{"GCM+entity", envelope.Sealer{Profile: envelope.Modern, Signers: by.signers(), Entity: true}, true},
		{"CBC+signed", envelope.Sealer{Profile: envelope.Compatible, Signers: by.signers()}, true},
		{"CBC+entity", envelope.Sealer{Profile: envelope.Compatible, Signers: by.signers(), Entity: true}, true},
	}
	if fips140.Enforced() {
		return all[3:]
	}
	return all
}

func sealed(t testing.TB, s envelope.Sealer, plain []byte, to ...*keyring.Verified) []byte {
	t.Helper()
	if s.Profile == envelope.Modern {
		allowed(t, "AES-GCM")
	}
	var out bytes.Buffer
	w, err := s.Seal(&out, to...)
	require.NoError(t, err)
	defer w.Abort()
	_, err = w.Write(plain)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// open returns everything that was released, also beside an error.
func open(o envelope.Opener, src io.Reader) (plain []byte, r *envelope.Report, err error) {
	m, err := o.Open(src)
	if err != nil {
		return nil, nil, err
	}
	defer m.Close()
	plain, err = io.ReadAll(m)
	return plain, m.Report(), err
}

// source reads b, hidden that it can seek if pipes is set.
func source(b []byte, pipes bool) io.Reader {
	if pipes {
		return pipe(b)
	}
	return bytes.NewReader(b)
}

// pipe hides that src can seek.
func pipe(b []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(b)} }
