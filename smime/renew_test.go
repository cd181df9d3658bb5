package smime_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// A year later: the same key, a new certificate, and a message that names it.
func ExampleKey_Renew() {
	k, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	if err != nil {
		log.Fatal(err)
	}
	renewed, err := k.Renew(365 * 24 * time.Hour)
	if err != nil {
		log.Fatal(err)
	}
	message, err := k.Transition(renewed.Certificate())
	if err != nil {
		log.Fatal(err)
	}
	old, err := keyring.Verify(k.Certificate(), keyring.Expect(k.Certificate().Fingerprint()))
	if err != nil {
		log.Fatal(err)
	}
	_, err = keyring.Verify(renewed.Certificate(), smime.SucceededIn(old, message))
	fmt.Println(err)
	// Output:
	// <nil>
}

// What a certificate says of its owner stays, for every kind of key that signs,
// and crypto/x509 agrees that it signed itself.
func TestRenew(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"rsa3072", "p256", "p521", "ed25519", "mldsa65"} {
		if fips140.Enforced() && (algorithm == "mldsa65" || algorithm == "ed25519") {
			continue // not made there
		}
		k, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Name: "Bob Baker", Algorithm: algorithm, ReadsGCM: true, Lifetime: time.Hour})
		require.NoError(t, err, algorithm)
		r, err := k.Renew(0)
		require.NoError(t, err, algorithm)
		before, err := x509.ParseCertificate(k.Certificate().Marshal())
		require.NoError(t, err)
		after, err := x509.ParseCertificate(r.Certificate().Marshal())
		require.NoError(t, err)

		require.NotEqual(t, k.Certificate().Fingerprint(), r.Certificate().Fingerprint())
		require.Equal(t, before.RawSubjectPublicKeyInfo, after.RawSubjectPublicKeyInfo)
		require.Equal(t, before.RawSubject, after.RawSubject)
		require.Equal(t, before.RawSubject, after.RawIssuer)
		require.NotEqual(t, before.SerialNumber, after.SerialNumber)
		require.ElementsMatch(t, before.Extensions, after.Extensions, algorithm)
		require.Equal(t, []string{"bob@example.org"}, r.Certificate().Addresses())
		require.WithinDuration(t, time.Now().Add(2*365*24*time.Hour), after.NotAfter, time.Hour)
		require.True(t, after.NotBefore.Before(time.Now()))
		if after.PublicKeyAlgorithm != x509.UnknownPublicKeyAlgorithm {
			require.NoError(t, after.CheckSignature(after.SignatureAlgorithm, after.RawTBSCertificate, after.Signature), algorithm)
		}

		again, err := smime.ParseKey(bytes.NewReader(must(r.Marshal(nil))), nil)
		require.NoError(t, err)
		require.Equal(t, r.Certificate().Fingerprint(), again.Certificate().Fingerprint())
	}
}

// What is sealed to either certificate opens with the key beside it, and with
// nothing but that: the message names the certificate.
func TestRenewOpens(t *testing.T) {
	t.Parallel()
	if fips140.Enforced() {
		t.Skip("GODEBUG=fips140=only: nothing is sealed with AES-GCM there")
	}
	k, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	require.NoError(t, err)
	r, err := k.Renew(time.Hour)
	require.NoError(t, err)
	for _, to := range []*smime.Key{k, r} {
		v, err := keyring.Verify(to.Certificate(), keyring.Expect(to.Certificate().Fingerprint()))
		require.NoError(t, err)
		var out bytes.Buffer
		w, err := (&envelope.Sealer{Profile: envelope.Modern}).Seal(&out, v)
		require.NoError(t, err)
		_, err = io.WriteString(w, "hello")
		require.NoError(t, err)
		require.NoError(t, w.Close())
		o := &envelope.Opener{Formats: []envelope.Format{smime.Format()}, Identities: []envelope.Identity{k.Identity(), r.Identity()}}
		m, err := o.Open(bytes.NewReader(out.Bytes()))
		require.NoError(t, err)
		b, err := io.ReadAll(m)
		require.NoError(t, err)
		require.Equal(t, "hello", string(b))
	}
}

func TestRenewRefuses(t *testing.T) {
	t.Parallel()
	_, err := (&smime.Key{}).Renew(0)
	require.Error(t, err)
	_, err = (*smime.Key)(nil).Renew(0)
	require.Error(t, err)
	k, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	require.NoError(t, err)
	const century = 100 * 365 * 24 * time.Hour
	for lifetime, good := range map[time.Duration]bool{-1: false, 0: true, 1: true, century: true, century + 1: false} {
		_, err := k.Renew(lifetime)
		require.Equal(t, good, err == nil, "%v: %v", lifetime, err)
	}
	if fips140.Enforced() {
		return
	}
	pair, err := smime.GenerateKeys(smime.KeyOptions{Address: "bob@example.org", Algorithm: "ed25519+x25519"})
	require.NoError(t, err)
	_, err = pair[0].Renew(0)
	require.NoError(t, err)
	_, err = pair[1].Renew(0)
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, "signs nothing")
}

// What is about the issuer is left away, and one that has expired is renewed.
func TestRenewIssued(t *testing.T) {
	t.Parallel()
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		Subject: pkix.Name{CommonName: "Bob"}, EmailAddresses: []string{"bob@example.org"}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour), CRLDistributionPoints: []string{"http://example.org/a.crl"},
	}, &x509.Certificate{Subject: pkix.Name{CommonName: "Authority"}, SubjectKeyId: []byte{1, 2, 3}}, private.Public(), must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)))
	require.NoError(t, err)
	issued, err := smime.NewKey(must(smime.ParseCertificate(der)), private)
	require.NoError(t, err)
	before := must(x509.ParseCertificate(der))
	require.NotEmpty(t, before.CRLDistributionPoints)
	require.NotEmpty(t, before.AuthorityKeyId)
	r, err := issued.Renew(0)
	require.NoError(t, err)
	after, err := x509.ParseCertificate(r.Certificate().Marshal())
	require.NoError(t, err)
	require.Empty(t, after.CRLDistributionPoints)
	require.Empty(t, after.AuthorityKeyId)
	require.Equal(t, before.EmailAddresses, after.EmailAddresses)
	require.Equal(t, before.KeyUsage, after.KeyUsage)
	require.Equal(t, after.RawSubject, after.RawIssuer)
}
