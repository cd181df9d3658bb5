package smime

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// counter is a private key that counts how often it is used.
type counter struct {
	crypto.Decrypter
	calls *int
}

func (c counter) Decrypt(random io.Reader, b []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	*c.calls++
	return c.Decrypter.Decrypt(random, b, opts)
}

// twins are keys whose certificates have one identifier.
func twins(t *testing.T, names ...string) (keys []*privateKey, calls []int) {
	calls = make([]int, len(names))
	for i, name := range names {
		k := FixedRSA(name)
		c := issue(t, k, func(x *x509.Certificate) { x.SubjectKeyId = []byte("the same") })
		keys = append(keys, keyFor(t, c, counter{k, &calls[i]}))
	}
	return keys, calls
}

func planOf(keys ...*privateKey) *seam.OpenPlan {
	p := &seam.OpenPlan{Limits: testLimits}
	for _, k := range keys {
		p.Identities = append(p.Identities, k)
	}
	return p
}

// TestTwins: several certificates of ours with one identifier, which a
// RecipientInfo names, are all tried, whichever it is for.
func TestTwins(t *testing.T) {
	t.Parallel()
	keys, calls := twins(t, "rsa2048", "rsa2048-other", "rsa3072")
	for i, k := range keys {
		der, _, _, err := wrapFor(k.cert, testCEK, false)
		require.NoError(t, err)
		clear(calls)
		m := &mine{plan: planOf(keys...)}
		m.add(one(t, der))
		require.NoError(t, m.check())
		cek, by, lost := m.unwrap(32)
		require.False(t, lost)
		require.Equal(t, i, by)
		require.Equal(t, testCEK, cek)
		require.Equal(t, []int{1, 1, 1}, calls, "each once, whether it works or not")
	}
}

// The first key that comes out is taken, and the later ones are tried all the
// same.
func TestFirstKeyIsTaken(t *testing.T) {
	t.Parallel()
	keys, calls := twins(t, "rsa2048", "rsa3072")
	m := &mine{plan: planOf(keys...)}
	for i, k := range keys {
		der, _, _, err := wrapFor(k.cert, bytes.Repeat([]byte{byte(i)}, 32), false)
		require.NoError(t, err)
		m.add(one(t, der))
	}
	cek, by, lost := m.unwrap(32)
	require.False(t, lost)
	require.Equal(t, 0, by)
	require.Equal(t, make([]byte, 32), cek)
	require.Equal(t, []int{2, 2}, calls)

	// Nothing comes out: a random key, another one each time.
	a, by, lost := m.unwrap(24)
	require.True(t, lost)
	require.Equal(t, -1, by)
	b, _, _ := m.unwrap(24)
	require.NotEqual(t, a, b)
}

// TestTwinsV15: of several keys, RSA PKCS#1 v1.5 is tried with one, the first
// whose modulus is as long as the encrypted key.
func TestTwinsV15(t *testing.T) {
	t.Parallel()
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	keys, calls := twins(t, "rsa2048", "rsa3072", "rsa2048-other")
	for i, want := range [][]int{{1, 0, 0}, {0, 1, 0}, {1, 0, 0}} {
		der, _, _, err := wrapFor(keys[i].cert, testCEK, true)
		require.NoError(t, err)
		clear(calls)
		m := &mine{plan: planOf(keys...)}
		ri := one(t, der)
		m.add(ri)
		m.add(ri)
		cek, _, lost := m.unwrap(32)
		require.False(t, lost, "nobody can tell")
		if i == 2 && calls[0] == 2 {
			calls[0] = 1 // a number above the modulus is an error, after which one more form is tried
		}
		require.Equal(t, want, calls)
		require.Equal(t, i < 2, bytes.Equal(cek, testCEK))
	}
}

// TestWeakRSA: a key of fewer than 2048 bits opens if that was allowed by its
// name, and that is reported.
func TestWeakRSA(t *testing.T) {
	t.Parallel()
	allowed(t, "RSA keys of 1024 bits")
	for name, weak := range map[string]bool{"rsa1024": true, "rsa2047": true, "rsa2048": false} {
		private := FixedRSA(name)
		k := keyFor(t, issue(t, private, func(x *x509.Certificate) { x.SubjectKeyId = []byte("id") }), private)
		encrypted, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &private.PublicKey, testCEK, nil)
		require.NoError(t, err)
		ri := one(t, ktri(t, func(b *cryptobyte.Builder) { addOAEPWith(b, oidSHA256, oidSHA256, nil) }, encrypted))
		for _, allow := range []bool{false, true} {
			p := planOf(k)
			p.Legacy.RSA1024 = allow
			m := &mine{plan: p}
			m.add(ri)
			if weak && !allow {
				require.ErrorIs(t, m.check(), envelope.ErrFormat)
				require.ErrorContains(t, m.check(), "Legacy.RSA1024")
				continue
			}
			require.NoError(t, m.check())
			cek, by, lost := m.unwrap(32)
			require.False(t, lost)
			require.Equal(t, testCEK, cek)
			require.Equal(t, weak, len(m.findings(by)) == 1, name)
			require.Empty(t, m.findings(-1))
		}
		_, _, _, err = wrapFor(k.cert, testCEK, false)
		if weak {
			requireUnusable(t, err, "fewer than 2048")
		} else {
			require.NoError(t, err)
		}
	}
}

// TestRestrictedToOAEP: a certificate that allows OAEP and nothing else gets it,
// also where others get PKCS#1 v1.5.
func TestRestrictedToOAEP(t *testing.T) {
	t.Parallel()
	k := testKey(t, "rsa3072")
	for only, want := range map[rsaUse]string{rsaAny: v15Name, rsaOAEP: "RSA-OAEP-SHA256"} {
		if only == rsaAny && fipsOnly() {
			continue
		}
		c := *k.cert
		c.key.only = only
		s := &sealing{plan: &seam.SealPlan{Profile: seam.Compatible}, recipients: []*certificate{&c}}
		infos, _, err := s.wrap(testCEK)
		require.NoError(t, err)
		require.Equal(t, want, one(t, infos[0]).seamRecipient().Algorithm)
		require.Equal(t, one(t, infos[0]).seamRecipient(), s.facts.Recipients[0])
	}
}
