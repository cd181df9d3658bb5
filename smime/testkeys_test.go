package smime

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// cheap is a cost of key derivation for tests.
const cheap = 2

// testKey returns a key that is made once for all tests.
func testKey(t testing.TB, algorithm string) *privateKey {
	t.Helper()
	if algorithm == "rsa3072" {
		algorithm = "" // which is the same
	}
	k, err := testKeys(algorithm)
	require.NoError(t, err)
	return k.in
}

var testKeys = func() func(string) (*Key, error) {
	type made struct {
		once sync.Once
		key  *Key
		err  error
	}
	var keys sync.Map
	return func(algorithm string) (*Key, error) {
		v, _ := keys.LoadOrStore(algorithm, &made{})
		m := v.(*made)
		m.once.Do(func() {
			o := KeyOptions{Address: "alice@example.org", Algorithm: algorithm}
			if algorithm == "" {
				m.key, m.err = o.certify(FixedRSA("rsa3072"), nil)
				return
			}
			m.key, m.err = GenerateKey(o)
		})
		return m.key, m.err
	}
}()

// issue returns a certificate for signer's key that differs from a good one
// in what change does.
func issue(t testing.TB, private crypto.Signer, change func(*x509.Certificate)) *certificate {
	t.Helper()
	now := time.Now()
	x := &x509.Certificate{
		SerialNumber:   big.NewInt(0x1234567890),
		Subject:        pkix.Name{CommonName: "Test"},
		NotBefore:      now.Add(-time.Hour),
		NotAfter:       now.Add(time.Hour),
		KeyUsage:       x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement,
		ExtKeyUsage:    []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		EmailAddresses: []string{"alice@example.org"},
	}
	if change != nil {
		change(x)
	}
	der, err := x509.CreateCertificate(rand.Reader, x, x, private.Public(), private)
	require.NoError(t, err)
	c, err := parseCertificate(der)
	require.NoError(t, err)
	return c
}

// secret returns the private key of testKey.
func secret(t testing.TB, algorithm string) crypto.Signer {
	t.Helper()
	return testKey(t, algorithm).private.(crypto.Signer)
}

// keyFor joins a certificate with a private key.
func keyFor(t testing.TB, c *certificate, private any) *privateKey {
	t.Helper()
	k, err := newPrivateKey(c, private)
	require.NoError(t, err)
	return k
}

func requireUnusable(t *testing.T, err error, reason string) {
	t.Helper()
	var u *keyring.UnusableError
	require.ErrorAs(t, err, &u)
	require.Contains(t, u.Reason, reason)
	require.ErrorIs(t, err, keyring.ErrRefused)
}

func edKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return k
}

// cbcEncrypt encrypts whole blocks.
func cbcEncrypt(t testing.TB, enc *algorithm, key, data []byte) []byte {
	t.Helper()
	b, err := aes.NewCipher(key)
	require.NoError(t, err)
	out := make([]byte, len(data))
	cipher.NewCBCEncrypter(b, enc.params[2:]).CryptBlocks(out, data)
	return out
}
