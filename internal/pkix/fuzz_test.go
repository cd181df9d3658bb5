package pkix

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"
)

var fuzzTime = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// fuzzIssuer is a self-signed authority, with a certificate by it.
func fuzzIssuer(t testing.TB) (ca, leaf *Certificate, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotBefore: fuzzTime.Add(-time.Hour), NotAfter: fuzzTime.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	make := func(c *x509.Certificate) *Certificate {
		der, err := x509.CreateCertificate(rand.Reader, c, template, key.Public(), key)
		require.NoError(t, err)
		x, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		return New(x, nil)
	}
	ca = make(template)
	leaf = make(&x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Bob"}, NotBefore: template.NotBefore, NotAfter: template.NotAfter})
	return ca, leaf, key
}

// fuzzOptions believes signatures of certificates and, as told, of all else.
func fuzzOptions(ca *Certificate, believe bool) *Options {
	return &Options{
		Roots: NewPool([]*Certificate{ca}), Time: fuzzTime, Revocation: &Revocation{},
		Verify: func(_ *Certificate, _, message, signature []byte) error {
			if believe || ca.X.CheckSignature(x509.ECDSAWithSHA256, message, signature) == nil {
				return nil
			}
			return errors.New("wrong")
		},
	}
}

// A list that is not the authority's own, octet for octet, never makes a
// certificate good or revoked; none makes the program stop; and what is read
// is what crypto/x509 reads.
func FuzzCRL(f *testing.F) {
	ca, leaf, key := fuzzIssuer(f)
	seen := map[string]bool{}
	for _, serial := range []int64{2, 3} {
		l := &x509.RevocationList{Number: big.NewInt(5), ThisUpdate: fuzzTime.Add(-time.Minute), NextUpdate: fuzzTime.Add(time.Minute),
			RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(serial), RevocationTime: fuzzTime}}}
		der, err := x509.CreateRevocationList(rand.Reader, l, ca.X, key)
		require.NoError(f, err)
		f.Add(der)
		seen[string(der)] = true
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		l, err := ParseCRL(der)
		if err != nil {
			return
		}
		std, err := x509.ParseRevocationList(der)
		require.NoError(t, err)
		last := map[string]x509.RevocationListEntry{}
		for _, e := range std.RevokedCertificateEntries {
			last[e.SerialNumber.String()] = e
		}
		for _, e := range last {
			got, ok := l.find(&Certificate{X: &x509.Certificate{SerialNumber: e.SerialNumber}, issuer: l.issuer})
			if l.scope.indirect {
				continue
			}
			require.True(t, ok)
			require.True(t, e.RevocationTime.Equal(got.when))
			require.Equal(t, e.ReasonCode, got.reason)
		}
		for _, believe := range []bool{true, false} {
			o := fuzzOptions(ca, believe)
			o.Revocation.CRLs = []*CRL{l, l}
			_, err = Check(leaf, o)
			if !believe && !seen[string(der)] {
				var problem *Problem
				require.ErrorAs(t, err, &problem)
			}
		}
	})
}

// The same for OCSP responses.
func FuzzResponse(f *testing.F) {
	if fips140.Enforced() {
		f.Skip("x/crypto/ocsp needs SHA-1, which GODEBUG=fips140=only does not allow")
	}
	ca, leaf, key := fuzzIssuer(f)
	seen := map[string]bool{}
	for _, status := range []int{ocsp.Good, ocsp.Revoked, ocsp.Unknown} {
		der, err := ocsp.CreateResponse(ca.X, ca.X, ocsp.Response{
			Status: status, SerialNumber: big.NewInt(2), ThisUpdate: fuzzTime.Add(-time.Minute), NextUpdate: fuzzTime.Add(time.Minute),
			RevokedAt: fuzzTime, Certificate: leaf.X}, key)
		require.NoError(f, err)
		f.Add(der)
		seen[string(der)] = true
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		r, err := ParseResponse(der, func(*x509.Certificate) any { return nil })
		if err != nil {
			return
		}
		for _, believe := range []bool{true, false} {
			o := fuzzOptions(ca, believe)
			o.Revocation.Responses = []*Response{r, r}
			_, err = Check(leaf, o)
			if !believe && !seen[string(der)] {
				// The certificates of a response are not covered by its
				// signature: it may be the same but for these.
				for known := range seen {
					k, err := ParseResponse([]byte(known), func(*x509.Certificate) any { return nil })
					require.NoError(t, err)
					if string(k.tbs) == string(r.tbs) {
						return
					}
				}
				var problem *Problem
				require.ErrorAs(t, err, &problem)
			}
		}
	})
}

// Certificates of any kind are taken apart, and none without a signature leads
// to a root.
func FuzzCertificate(f *testing.F) {
	ca, leaf, _ := fuzzIssuer(f)
	f.Add(leaf.X.Raw)
	f.Add(ca.X.Raw)
	f.Fuzz(func(t *testing.T, der []byte) {
		x, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		c := New(x, nil)
		o := fuzzOptions(ca, true)
		o.Others = []*Pool{NewPool([]*Certificate{c})}
		_, _ = Check(c, o)
		if _, err := Check(c, fuzzOptions(ca, false)); err == nil {
			require.True(t, string(x.RawTBSCertificate) == string(leaf.X.RawTBSCertificate) || string(x.RawTBSCertificate) == string(ca.X.RawTBSCertificate))
		}
	})
}
