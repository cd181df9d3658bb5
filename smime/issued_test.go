package smime_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// capabilityList is a SMIMECapabilities extension of these identifiers.
func capabilityList(t *testing.T, ids ...asn1.ObjectIdentifier) []pkix.Extension {
	t.Helper()
	type capability struct{ ID asn1.ObjectIdentifier }
	var list []capability
	for _, id := range ids {
		list = append(list, capability{id})
	}
	der, err := asn1.Marshal(list)
	require.NoError(t, err)
	return []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 15}, Value: der}}
}

// Certificates as authorities issue them: what they can be used for, and what
// is written for them.
func TestCertificatesAsIssued(t *testing.T) {
	var (
		tripleDES = asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}
		rc2       = asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 2}
		aes128CBC = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}
		aes128GCM = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 6}
		aes256GCM = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 46}
	)
	lists := func(ids ...asn1.ObjectIdentifier) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtraExtensions = capabilityList(t, ids...) }
	}
	for _, c := range []struct {
		name       string
		change     func(*x509.Certificate)
		content    string // "": not sealed to,
		seal, sign string // and why not; or not signed with
	}{
		{"for both", nil, "AES-256-CBC", "", ""},
		{"for encryption alone", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }, "AES-256-CBC", "", "is not for signatures"},
		{"for signatures alone", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }, "", "is for signatures only", ""},
		{"non-repudiation alone", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageContentCommitment }, "", "is for signatures only", ""},
		{"no key usage", func(c *x509.Certificate) { c.KeyUsage = 0 }, "AES-256-CBC", "", ""},
		{"any purpose", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }, "AES-256-CBC", "", ""},
		{"no purpose stated", func(c *x509.Certificate) { c.ExtKeyUsage = nil }, "AES-256-CBC", "", ""},
		{"mail among others", func(c *x509.Certificate) { c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) }, "AES-256-CBC", "", ""},
		{"others without mail", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, "", "is not for mail protection", "is not for mail protection"},
		{"reads triple DES alone", lists(tripleDES), "AES-256-CBC", "", ""},
		{"reads RC2 and AES-128", lists(rc2, aes128CBC), "AES-256-CBC", "", ""},
		{"reads AES-128-GCM", lists(aes128GCM), "AES-256-CBC", "", ""},
		{"reads AES-256-GCM", lists(tripleDES, aes256GCM), "AES-256-GCM", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.HasSuffix(c.content, "GCM") {
				allowed(t, "AES-GCM with a nonce in the message")
			}
			p := newPKI(t, func(_, _, bob *x509.Certificate) {
				if c.change != nil {
					c.change(bob)
				}
			})
			bob, err := keyring.Verify(p.bob.cert(t), smime.ChainTo("bob@example.org", p.authorities(t)))
			if strings.HasPrefix(c.seal, "is not for mail") {
				require.ErrorContains(t, err, c.seal)
				return
			}
			require.NoError(t, err)
			key, err := smime.NewKey(p.bob.cert(t), p.bob.key)
			require.NoError(t, err)
			var message bytes.Buffer
			other := newPKI(t, nil).bob
			otherKey, err := smime.NewKey(other.cert(t), other.key)
			require.NoError(t, err)
			s := envelope.Sealer{Signers: []envelope.Signer{otherKey.Signer()}, Time: atChainTime}
			w, err := s.Seal(&message, bob)
			if c.seal != "" {
				require.ErrorContains(t, err, c.seal)
			} else {
				require.NoError(t, err)
				_, err = io.WriteString(w, "hello")
				require.NoError(t, err)
				require.NoError(t, w.Close())
				require.Equal(t, c.content, w.Receipt().Content)
				o := envelope.Opener{Identities: []envelope.Identity{key.Identity()}, Time: atChainTime}
				m, err := o.Open(&message)
				require.NoError(t, err)
				text, err := io.ReadAll(m)
				require.NoError(t, err)
				require.Equal(t, "hello", string(text))
			}
			detached, err := (&envelope.Sealer{Signers: []envelope.Signer{key.Signer()}, Time: atChainTime}).SignDetached(io.Discard)
			if c.sign != "" {
				require.ErrorContains(t, err, c.sign)
				return
			}
			require.NoError(t, err)
			detached.Abort()
		})
	}
}
