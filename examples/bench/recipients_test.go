package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mozilla.org/pkcs7"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// BenchmarkRecipients seals 1 MiB to 1000 keys of RSA-3072, beside
// go.mozilla.org/pkcs7. Both in AES-256-CBC with PKCS#1 v1.5, ours with the
// signature that the Compatible profile needs, and ours in AES-256-GCM and OAEP.
func BenchmarkRecipients(b *testing.B) {
	const many = 1000
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	require.NoError(b, err)
	var theirs []*x509.Certificate
	var ours []*keyring.Verified
	for i := range many {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: fmt.Sprintf("r%d", i)},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			KeyUsage: x509.KeyUsageKeyEncipherment,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		require.NoError(b, err)
		c, err := x509.ParseCertificate(der)
		require.NoError(b, err)
		theirs = append(theirs, c)
		cert, err := smime.ParseCertificate(der)
		require.NoError(b, err)
		v, err := keyring.Verify(cert, keyring.Expect(cert.Fingerprint()))
		require.NoError(b, err)
		ours = append(ours, v)
	}
	signer, err := smime.GenerateKey(smime.KeyOptions{Address: "alice@example.org"})
	require.NoError(b, err)
	content := make([]byte, 1<<20)
	seal := func(b *testing.B, s *envelope.Sealer) {
		for b.Loop() {
			w, err := s.Seal(io.Discard, ours...)
			require.NoError(b, err)
			_, err = io.Copy(w, bytes.NewReader(content))
			require.NoError(b, err)
			require.NoError(b, w.Close())
		}
	}
	pkcs7.ContentEncryptionAlgorithm = pkcs7.EncryptionAlgorithmAES256CBC
	// In turn, so that whatever else the machine does falls on all of them.
	for round := range 3 {
		b.Run(fmt.Sprintf("mozilla pkcs7 CBC/%d", round), func(b *testing.B) {
			for b.Loop() {
				_, err := pkcs7.Encrypt(content, theirs)
				require.NoError(b, err)
			}
		})
		b.Run(fmt.Sprintf("ours CBC signed/%d", round), func(b *testing.B) {
			seal(b, &envelope.Sealer{Profile: envelope.Compatible, Signers: []envelope.Signer{signer.Signer()}})
		})
		b.Run(fmt.Sprintf("ours GCM/%d", round), func(b *testing.B) { seal(b, &envelope.Sealer{Profile: envelope.Modern}) })
	}
}
