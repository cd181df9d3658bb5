package opening_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/page/internal/opening"
	"github.com/doublekeybox/doublekeybox/examples/page/internal/pagetest"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

func TestKeys(t *testing.T) {
	forbidden(t)
	const secret = "correct horse"
	bob, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	require.NoError(t, err)
	eve, err := smime.GenerateKey(smime.KeyOptions{Address: "eve@example.org", Algorithm: "p256"})
	require.NoError(t, err)
	carol, err := pgp.GenerateKey(pgp.KeyOptions{Address: "carol@example.org"})
	require.NoError(t, err)
	file := func(b []byte, err error) []byte { require.NoError(t, err); return b }
	var (
		bobs    = pagetest.Sealed(t, bob.Certificate(), []byte("PK\x03\x04rest"))
		carols  = pagetest.Sealed(t, carol.Certificate(), []byte("text"))
		pem     = file(bob.Marshal(nil))
		locked  = file(bob.Marshal([]byte(secret)))
		p12     = file(bob.MarshalPKCS12([]byte(secret)))
		armored = file(carol.Marshal([]byte(secret)))
		other   = file(eve.Marshal(nil))
	)
	for _, c := range []struct {
		name   string
		object []byte
		s      opening.Secrets
		file   string // that comes out
		want   opening.Code
	}{
		{"PEM", bobs, opening.Secrets{Key: pem}, "documents.zip", ""},
		{"PEM, locked", bobs, opening.Secrets{Key: locked, KeyPassphrase: secret}, "documents.zip", ""},
		{"PEM, wrong", bobs, opening.Secrets{Key: locked, KeyPassphrase: secret + "!"}, "", opening.KeyLocked},
		{"PEM, none", bobs, opening.Secrets{Key: locked}, "", opening.KeyLocked},
		{"PKCS#12", bobs, opening.Secrets{Key: p12, KeyPassphrase: secret}, "documents.zip", ""},
		{"PKCS#12, wrong", bobs, opening.Secrets{Key: p12, KeyPassphrase: secret + "!"}, "", opening.KeyLocked},
		{"OpenPGP", carols, opening.Secrets{Key: armored, KeyPassphrase: secret}, "document", ""},
		{"OpenPGP, wrong", carols, opening.Secrets{Key: armored, KeyPassphrase: secret + "!"}, "", opening.KeyLocked},
		{"another's key", bobs, opening.Secrets{Key: other}, "", opening.NotForYou},
		{"a key of the other format", bobs, opening.Secrets{Key: armored, KeyPassphrase: secret}, "", opening.NotForYou},
		{"a passphrase instead", bobs, opening.Secrets{Passphrase: secret}, "", opening.NeedsKey},
		{"a certificate", bobs, opening.Secrets{Key: file(smime.MarshalCertificates(bob.Certificate()))}, "", opening.BadKey},
		{"no key", bobs, opening.Secrets{Key: []byte("hello")}, "", opening.BadKey},
		{"too long", bobs, opening.Secrets{Key: make([]byte, 5<<20)}, "", opening.BadKey},
	} {
		got, err := opened(t, c.object, c.object, c.s)
		t.Log(c.name)
		if c.want != "" {
			requireCode(t, c.want, err)
			require.NotContains(t, err.Error(), secret)
			continue
		}
		require.NoError(t, err)
		require.Contains(t, got, c.file)
	}
}

func TestKind(t *testing.T) {
	forbidden(t)
	bob, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	require.NoError(t, err)
	p := envelope.NewPassphrase()
	for _, c := range []struct {
		object []byte
		want   opening.Kind
	}{
		{pagetest.ZIP(t, p, pagetest.File{Name: "a"}), opening.Kind{Format: "ZIP", Passphrase: true}},
		{pagetest.Message(t, pgp.Format(), p, nil), opening.Kind{Format: "OpenPGP", Passphrase: true}},
		{pagetest.Message(t, smime.Format(), p, nil), opening.Kind{Format: "S/MIME", Passphrase: true}},
		{pagetest.Sealed(t, bob.Certificate(), nil), opening.Kind{Format: "S/MIME", Key: true}},
	} {
		b, err := opening.New("")
		require.NoError(t, err)
		_, err = b.Write(c.object)
		require.NoError(t, err)
		k, err := b.Complete()
		require.NoError(t, err)
		require.Equal(t, c.want, k)
	}
}
