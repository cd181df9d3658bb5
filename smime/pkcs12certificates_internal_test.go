package smime

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// Certificates alone are read with the passphrase, and private keys beside them
// stay as they are.
func TestPKCS12Certificates(t *testing.T) {
	if fipsOnly() {
		t.Skip("skipped: GODEBUG=fips140=only reads no PKCS#12")
	}
	key, err := GenerateKey(KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	require.NoError(t, err)
	pass := []byte("pass")
	file, err := key.MarshalPKCS12(pass)
	require.NoError(t, err)
	x := key.in.cert.x
	store := func(n int) []byte {
		b, err := pkcs12.Modern.EncodeTrustStore(slices.Repeat([]*x509.Certificate{x}, n), "pass")
		require.NoError(t, err)
		return b
	}
	none, err := pkcs12.Passwordless.WithRand(rand.Reader).EncodeTrustStore([]*x509.Certificate{x}, "")
	require.NoError(t, err)
	changed := bytes.Clone(file)
	changed[len(changed)/2] ^= 1
	for name, c := range map[string]struct {
		b, pass []byte
		n       int
		why     string
		is      error
	}{
		"with a key":             {file, pass, 1, "", nil},
		"other passphrase":       {file, []byte("Pass"), 0, "wrong passphrase", ErrPassphrase},
		"no passphrase":          {file, nil, 0, "wrong passphrase", ErrPassphrase},
		"a bit changed":          {changed, pass, 0, "smime: ", nil},
		"cut":                    {file[:len(file)-1], pass, 0, "neither PEM nor a PKCS#12 file", nil},
		"certificates alone":     {store(2), pass, 2, "", nil},
		"64 certificates":        {store(64), pass, 64, "", nil},
		"65 certificates":        {store(65), pass, 0, "more than 64 certificates", nil},
		"without a MAC":          {none, nil, 0, "has no MAC", nil},
		"a certificate":          {x.Raw, pass, 0, "neither PEM nor a PKCS#12 file", nil},
		"nothing":                {nil, pass, 0, "neither PEM nor a PKCS#12 file", nil},
		"one MiB":                {make([]byte, 1<<20), pass, 0, "neither PEM nor a PKCS#12 file", nil},
		"one MiB and one octet":  {make([]byte, 1<<20+1), pass, 0, "octets in a PKCS#12 file", envelope.ErrLimit},
		"no certificates at all": {store(0), pass, 0, "holds no certificate", nil},
	} {
		t.Run(name, func(t *testing.T) {
			certs, err := PKCS12Certificates(c.b, c.pass)
			require.Len(t, certs, c.n)
			if c.why == "" {
				require.NoError(t, err)
				require.Equal(t, key.Certificate().Fingerprint(), certs[0].Fingerprint())
				return
			}
			require.ErrorContains(t, err, c.why)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
		})
	}
	for _, public := range []bool{false, true} {
		p := &pkcs12Reader{passphrase: pass, public: public}
		require.NoError(t, p.read(file))
		require.Len(t, p.file.certs, 1)
		require.Equal(t, public, len(p.file.privates) == 0)
	}
}
