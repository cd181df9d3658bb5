package smime

import (
	"crypto/rsa"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

func TestGenerateKey(t *testing.T) {
	for _, algorithm := range []string{"", "p256", "p384", "p521"} {
		k := testKey(t, algorithm)
		c := k.cert
		require.Equal(t, []string{"alice@example.org"}, c.Addresses())
		require.NoError(t, c.CheckSeal(time.Now(), seam.Auto))
		require.NoError(t, (&signer{key: k}).CheckSign(time.Now(), seam.Auto))
		require.NoError(t, c.x.CheckSignature(c.x.SignatureAlgorithm, c.x.RawTBSCertificate, c.x.Signature), "signed with its own key")
		require.False(t, c.x.IsCA)
		require.Len(t, c.x.SubjectKeyId, 20)
		require.NotZero(t, c.x.SerialNumber.Sign())
		require.InDelta(t, defaultLifetime.Hours(), time.Until(c.x.NotAfter).Hours(), 1)
		require.True(t, c.validAt(time.Now().Add(-30*time.Minute)), "clocks may be behind")
	}
	private, err := generatePrivate("")
	require.NoError(t, err)
	require.Equal(t, 3072, private.Public().(*rsa.PublicKey).N.BitLen())
	a, err := GenerateKey(KeyOptions{Address: "b@example.org", Name: "Bö B", Algorithm: "p256", Lifetime: time.Hour})
	require.NoError(t, err)
	require.Equal(t, "Bö B", a.in.cert.x.Subject.CommonName)
	require.Error(t, a.in.cert.CheckSeal(time.Now().Add(2*time.Hour), seam.Auto))
	b, err := GenerateKey(KeyOptions{Address: "b@example.org", Algorithm: "p256"})
	require.NoError(t, err)
	require.NotEqual(t, a.in.cert.x.SerialNumber, b.in.cert.x.SerialNumber)
	require.False(t, a.in.cert.key.ecdsa.Equal(b.in.cert.key.ecdsa))
}

func TestGenerateKeyRefuses(t *testing.T) {
	good := KeyOptions{Address: "a@example.org", Algorithm: "p256"}
	for _, c := range []struct {
		name   string
		change func(*KeyOptions)
		want   string // in the error; "": accepted
	}{
		{"good", func(*KeyOptions) {}, ""},
		{"no address", func(o *KeyOptions) { o.Address = "" }, "mail address"},
		{"no domain", func(o *KeyOptions) { o.Address = "a@" }, "mail address"},
		{"two at signs", func(o *KeyOptions) { o.Address = "a@b@c" }, "mail address"},
		{"CR LF", func(o *KeyOptions) { o.Address = "a@example.org\r\n" }, "mail address"},
		{"NUL", func(o *KeyOptions) { o.Address = "a@example.org\x00" }, "mail address"},
		{"not ASCII", func(o *KeyOptions) { o.Address = "ä@example.org" }, "mail address"},
		{"space", func(o *KeyOptions) { o.Address = "a b@example.org" }, "mail address"},
		{"local part of 64", func(o *KeyOptions) { o.Address = strings.Repeat("a", 64) + "@example.org" }, ""},
		{"local part of 65", func(o *KeyOptions) { o.Address = strings.Repeat("a", 65) + "@example.org" }, "mail address"},
		{"domain of 255", func(o *KeyOptions) { o.Address = "a@" + strings.Repeat("a", 255) }, ""},
		{"domain of 256", func(o *KeyOptions) { o.Address = "a@" + strings.Repeat("a", 256) }, "mail address"},
		{"name of 64", func(o *KeyOptions) { o.Name = strings.Repeat("ö", 64) }, ""},
		{"name of 65", func(o *KeyOptions) { o.Name = strings.Repeat("ö", 65) }, "64 characters"},
		{"name with a line end", func(o *KeyOptions) { o.Name = "a\nb" }, "printed"},
		{"name with a right-to-left mark", func(o *KeyOptions) { o.Name = "a\u202eb" }, "printed"},
		{"name not UTF-8", func(o *KeyOptions) { o.Name = "\xff" }, "UTF-8"},
		{"100 years", func(o *KeyOptions) { o.Lifetime = maxLifetime }, ""},
		{"more than 100 years", func(o *KeyOptions) { o.Lifetime = maxLifetime + 1 }, "lifetime"},
		{"negative", func(o *KeyOptions) { o.Lifetime = -1 }, "lifetime"},
		{"unknown algorithm", func(o *KeyOptions) { o.Algorithm = "rsa1024" }, `"rsa1024"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := good
			c.change(&o)
			k, err := GenerateKey(o)
			if c.want == "" {
				require.NoError(t, err)
				require.Equal(t, []string{o.Address}, k.Certificate().Addresses())
				return
			}
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
			require.Nil(t, k)
		})
	}
}
