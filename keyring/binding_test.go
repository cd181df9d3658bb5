package keyring_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

func binds(c *keyring.Certificate, address string) bool {
	return seam.Opaque[seam.Certificate](*c).Unwrap().Binds(address, time.Now()) == nil
}

// TestUserIDsBind: which address an OpenPGP user ID makes a certificate's.
func TestUserIDsBind(t *testing.T) {
	t.Parallel()
	withoutSHA1(t)
	for id, asked := range map[string]map[string]bool{
		"Bob <bob@example.org>": {
			"bob@example.org": true, "bob@EXAMPLE.org": true, "Bob@example.org": false, "bob@example.org.": false, "eve@example.org": false,
			"bob@example.net": false, "@example.org": false, "bob@ex\u0430mple.org": false, "b\u043Eb@example.org": false, "bob@examp1e.org": false,
			"": false, "Bob <bob@example.org>": false,
		},
		"bob@example.org":                       {"bob@example.org": true, "eve@example.org": false},
		"<bob@example.org>":                     {"bob@example.org": true, "eve@example.org": false},
		"bob@example.org <eve@example.net>":     {"bob@example.org": false, "eve@example.net": true}, // a name is not an address
		"<bob@example.org> <eve@example.net>":   {"bob@example.org": false, "eve@example.net": false},
		"Bob (bob@example.org)":                 {"bob@example.org": false},
		"bob@example.org, eve@example.net":      {"bob@example.org": false, "eve@example.net": false},
		"Bob <bob@b\u00FCcher.example>":         {"bob@xn--bcher-kva.example": true, "bob@b\u00FCcher.example": true, "bob@B\u00DCCHER.example": true, "bob@bucher.example": false},
		"Bob <bob@xn--bcher-kva.example>":       {"bob@xn--bcher-kva.example": true, "bob@b\u00FCcher.example": true, "bob@bucher.example": false},
		"B\u00FCcher <b\u00FCcher@example.org>": {"b\u00FCcher@example.org": true, "bu\u0308cher@example.org": true, "B\u00DCCHER@example.org": false, "bucher@example.org": false},
		"Bob <\u043Dob@example.org>":            {"\u043Dob@example.org": true, "hob@example.org": false},
	} {
		k, err := pgp.GenerateKey(pgp.KeyOptions{UserIDs: []string{id}})
		require.NoError(t, err, "%q", id)
		for address, want := range asked {
			require.Equal(t, want, binds(k.Certificate(), address), "%q for %q", id, address)
		}
	}
}

// sanCert is a certificate with these names of its owner and no others.
func sanCert(t *testing.T, names ...asn1.RawValue) *keyring.Certificate {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	san, err := asn1.Marshal(names)
	require.NoError(t, err)
	x := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bob@example.org"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: san}},
	}
	der, err := x509.CreateCertificate(rand.Reader, x, x, k.Public(), k)
	require.NoError(t, err)
	c, err := smime.ParseCertificate(der)
	require.NoError(t, err)
	return c
}

// rfc822 is an rfc822Name, RFC 5280, Section 4.2.1.6.
func rfc822(s string) asn1.RawValue { return asn1.RawValue{Class: 2, Tag: 1, Bytes: []byte(s)} }

// utf8Mailbox is a SmtpUTF8Mailbox, RFC 9598, Section 3.
func utf8Mailbox(t *testing.T, s string) asn1.RawValue {
	id, err := asn1.Marshal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 9})
	require.NoError(t, err)
	text, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(s)})
	require.NoError(t, err)
	value, err := asn1.Marshal(asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: text})
	require.NoError(t, err)
	return asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: append(id, value...)}
}

// TestSANsBind: which address a subjectAltName makes a certificate's. The common
// name is an address in all of them, and counts in none.
func TestSANsBind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		names []asn1.RawValue
		asked map[string]bool
	}{
		{[]asn1.RawValue{rfc822("bob@example.org")}, map[string]bool{
			"bob@example.org": true, "bob@EXAMPLE.org": true, "Bob@example.org": false, "bob@example.net": false, "@example.org": false,
			"bob@ex\u0430mple.org": false, "bob@examp1e.org": false, "": false,
		}},
		{[]asn1.RawValue{rfc822("bob@EXAMPLE.ORG")}, map[string]bool{"bob@example.org": true, "BOB@example.org": false}},
		{[]asn1.RawValue{rfc822("eve@example.net")}, map[string]bool{"bob@example.org": false, "eve@example.net": true}},
		{[]asn1.RawValue{rfc822("eve@example.net"), rfc822("bob@example.org")}, map[string]bool{"bob@example.org": true, "eve@example.net": true}},
		{[]asn1.RawValue{rfc822("bob@example.org\x00.example.net")}, map[string]bool{"bob@example.org": false, "bob@example.org.example.net": false}},
		{[]asn1.RawValue{rfc822("bob\x00@example.org")}, map[string]bool{"bob@example.org": false}},
		{[]asn1.RawValue{rfc822("bob@xn--bcher-kva.example")}, map[string]bool{"bob@xn--bcher-kva.example": true, "bob@b\u00FCcher.example": true, "bob@bucher.example": false}},
		{[]asn1.RawValue{utf8Mailbox(t, "b\u00FCcher@example.org")}, map[string]bool{"b\u00FCcher@example.org": true, "bu\u0308cher@example.org": true, "B\u00DCCHER@example.org": false, "bucher@example.org": false, "bob@example.org": false}},
		{[]asn1.RawValue{utf8Mailbox(t, "bu\u0308cher@example.org")}, map[string]bool{"b\u00FCcher@example.org": false}},
		{[]asn1.RawValue{utf8Mailbox(t, "bob@example.org")}, map[string]bool{"bob@example.org": false}}, // in ASCII it must be an rfc822Name
		{[]asn1.RawValue{utf8Mailbox(t, "b\u00FC@b\u00FCcher.example")}, map[string]bool{"b\u00FC@b\u00FCcher.example": false}},
		{[]asn1.RawValue{{Class: 2, Tag: 2, Bytes: []byte("example.org")}}, map[string]bool{"bob@example.org": false, "@example.org": false}},
	} {
		cert := sanCert(t, c.names...)
		for address, want := range c.asked {
			require.Equal(t, want, binds(cert, address), "%q for %q", c.names, address)
		}
	}
}

// TestAliasIsStated: what the certificate does not state, the caller has to.
func TestAliasIsStated(t *testing.T) {
	t.Parallel()
	r, err := keyring.OpenRing(t.TempDir(), smime.ParseCertificate)
	require.NoError(t, err)
	defer r.Close()
	v := expected(t, sanCert(t, rfc822("bob@example.org")))
	for _, address := range []string{"Bob@example.org", "robert@example.org", "@example.org"} {
		_, err := r.Add(v, keyring.Addition{Addresses: []string{address}})
		require.ErrorAs(t, err, new(*keyring.NotBoundError), address)
		_, err = r.Add(v, keyring.Addition{Addresses: []string{address}, Alias: true})
		require.NoError(t, err, address)
	}
	_, err = r.Add(v, keyring.Addition{Addresses: []string{"bob@EXAMPLE.org"}})
	require.NoError(t, err)
}
