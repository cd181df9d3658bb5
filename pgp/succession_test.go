package pgp_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// Bob has a new key, and says so with the old one.
func ExampleSucceededIn() {
	make := func() *pgp.Key {
		key, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
		if err != nil {
			log.Fatal(err)
		}
		return key
	}
	before, after := make(), make()
	message, err := before.Transition(after.Certificate())
	if err != nil {
		log.Fatal(err)
	}

	// Who verified the old key before believes the new one.
	old, err := keyring.Verify(before.Certificate(), keyring.Expect(before.Certificate().Fingerprint()))
	if err != nil {
		log.Fatal(err)
	}
	bob, err := keyring.Verify(after.Certificate(), pgp.SucceededIn(old, message))
	fmt.Println(err == nil && bob.Fingerprint() == after.Certificate().Fingerprint())
	_, err = keyring.Verify(make().Certificate(), pgp.SucceededIn(old, message))
	fmt.Println(err == nil)
	// Output:
	// true
	// false
}

func bobsKey(t testing.TB, o pgp.KeyOptions) *pgp.Key {
	t.Helper()
	o.Address = "bob@example.org"
	k, err := pgp.GenerateKey(o)
	require.NoError(t, err)
	return k
}

func known(t testing.TB, c *keyring.Certificate) *keyring.Verified {
	t.Helper()
	v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
	require.NoError(t, err)
	return v
}

// signedBy returns content in a message signed by k, sealed to others where
// there are any.
func signedBy(t testing.TB, k *pgp.Key, content []byte, to ...*keyring.Verified) []byte {
	t.Helper()
	var out bytes.Buffer
	s := &envelope.Sealer{Signers: []envelope.Signer{k.Signer()}}
	var w *envelope.Writer
	var err error
	if len(to) > 0 {
		w, err = s.Seal(&out, to...)
	} else {
		w, err = s.Sign(&out)
	}
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// Each refusal differs in one thing from what is believed in the first lines.
func TestSucceededIn(t *testing.T) {
	t.Parallel()
	before, after, other := bobsKey(t, pgp.KeyOptions{}), bobsKey(t, pgp.KeyOptions{}), bobsKey(t, pgp.KeyOptions{})
	alice := bobsKey(t, pgp.KeyOptions{})
	old, cert := known(t, before.Certificate()), after.Certificate()
	good := signedBy(t, before, cert.Marshal())
	armored, err := pgp.MarshalArmored(cert)
	require.NoError(t, err)
	sealed := signedBy(t, before, cert.Marshal(), known(t, alice.Certificate()))

	believed := map[string]keyring.Evidence{
		"binary":  pgp.SucceededIn(old, good),
		"armored": pgp.SucceededIn(old, signedBy(t, before, armored)),
		"sealed":  pgp.SucceededIn(old, sealed, alice.Identity()),
	}
	for name, ev := range believed {
		v, err := keyring.Verify(cert, ev)
		require.NoError(t, err, name)
		require.Equal(t, "succeeds "+old.Fingerprint().String()+": named in a message that it signed", v.Evidence())
	}

	revoke := func(why pgp.Reason) *keyring.Verified {
		k, err := before.Revoke(why, "")
		require.NoError(t, err)
		// Verified before it was revoked, and merged since.
		c, err := pgp.Merge(before.Certificate(), k.Certificate())
		require.NoError(t, err)
		v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
		require.NoError(t, err)
		return v
	}
	ended, err := before.Extend(time.Second)
	require.NoError(t, err)
	time.Sleep(1100 * time.Millisecond) // whole seconds are the format's
	refused := map[string]struct {
		cert *keyring.Certificate
		ev   keyring.Evidence
		want string
	}{
		"another certificate":         {other.Certificate(), pgp.SucceededIn(old, good), "this is another key"},
		"signed by another":           {cert, pgp.SucceededIn(old, signedBy(t, other, cert.Marshal())), "signature"},
		"one bit":                     {cert, pgp.SucceededIn(old, flipped(good, len(good)/2)), ""},
		"cut off":                     {cert, pgp.SucceededIn(old, good[:len(good)-1]), ""},
		"two certificates":            {cert, pgp.SucceededIn(old, signedBy(t, before, append(cert.Marshal(), other.Certificate().Marshal()...))), "not one certificate"},
		"text about it":               {cert, pgp.SucceededIn(old, signedBy(t, before, []byte(cert.Fingerprint().String()))), "not one certificate"},
		"not signed":                  {cert, pgp.SucceededIn(old, cert.Marshal()), ""},
		"nothing":                     {cert, pgp.SucceededIn(old, nil), ""},
		"sealed, without an identity": {cert, pgp.SucceededIn(old, sealed), ""},
		"sealed to somebody else":     {cert, pgp.SucceededIn(old, sealed, other.Identity()), ""},
		"the old key itself":          {before.Certificate(), pgp.SucceededIn(old, signedBy(t, before, before.Certificate().Marshal())), "the old key itself"},
		"no old key":                  {cert, pgp.SucceededIn(nil, good), "no old key"},
		"a zero old key":              {cert, pgp.SucceededIn(&keyring.Verified{}, good), "no old key"},
		"superseded":                  {cert, pgp.SucceededIn(revoke(pgp.Superseded), good), "revoked"},
		"retired":                     {cert, pgp.SucceededIn(revoke(pgp.Retired), good), "revoked"},
		"expired since":               {cert, pgp.SucceededIn(known(t, ended.Certificate()), good), "expired"},
	}
	for name, c := range refused {
		t.Run(name, func(t *testing.T) {
			_, err := keyring.Verify(c.cert, c.ev)
			require.ErrorIs(t, err, keyring.ErrRefused)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
	_, err = keyring.Verify(cert, pgp.SucceededIn(old, make([]byte, 65<<20)))
	require.ErrorIs(t, err, envelope.ErrLimit)
	_, err = keyring.Policy{FingerprintOnly: true}.Verify(cert, pgp.SucceededIn(old, good))
	var policy *keyring.PolicyError
	require.ErrorAs(t, err, &policy)
	require.Equal(t, "FingerprintOnly", policy.Field)
}

func flipped(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

func TestSucceededBeside(t *testing.T) {
	t.Parallel()
	before, after := bobsKey(t, pgp.KeyOptions{}), bobsKey(t, pgp.KeyOptions{})
	old, cert := known(t, before.Certificate()), after.Certificate()
	file, err := pgp.MarshalArmored(cert)
	require.NoError(t, err)
	sign := func(content []byte) []byte {
		var out bytes.Buffer
		w, err := envelope.SignDetached(&out, before.Signer())
		require.NoError(t, err)
		_, err = io.Copy(w, bytes.NewReader(content))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return out.Bytes()
	}
	sig := sign(file)
	_, err = keyring.Verify(cert, pgp.SucceededBeside(old, file, sig))
	require.NoError(t, err)
	for name, ev := range map[string]keyring.Evidence{
		"another file":  pgp.SucceededBeside(old, cert.Marshal(), sig),
		"a line more":   pgp.SucceededBeside(old, append(bytes.Clone(file), '\n'), sig),
		"no signature":  pgp.SucceededBeside(old, file, nil),
		"by another":    pgp.SucceededBeside(known(t, cert), file, sig),
		"of other data": pgp.SucceededBeside(old, file, sign([]byte("other"))),
		"too large":     pgp.SucceededBeside(old, make([]byte, 65<<20), sig),
	} {
		_, err := keyring.Verify(cert, ev)
		require.ErrorIs(t, err, keyring.ErrRefused, name)
	}
}

// A transition is not written for what could not succeed.
func TestTransition(t *testing.T) {
	t.Parallel()
	before, after := bobsKey(t, pgp.KeyOptions{}), bobsKey(t, pgp.KeyOptions{Profile: envelope.Modern})
	message, err := before.Transition(after.Certificate())
	require.NoError(t, err)
	_, err = keyring.Verify(after.Certificate(), pgp.SucceededIn(known(t, before.Certificate()), message))
	require.NoError(t, err, "from version 4 to 6")

	eve, err := pgp.GenerateKey(pgp.KeyOptions{Address: "eve@example.org"})
	require.NoError(t, err)
	revoked, err := after.Revoke(pgp.Superseded, "")
	require.NoError(t, err)
	for name, f := range map[string]func() ([]byte, error){
		"to itself":          func() ([]byte, error) { return before.Transition(before.Certificate()) },
		"another address":    func() ([]byte, error) { return before.Transition(eve.Certificate()) },
		"to a revoked key":   func() ([]byte, error) { return before.Transition(revoked.Certificate()) },
		"from a revoked key": func() ([]byte, error) { return revoked.Transition(before.Certificate()) },
	} {
		_, err := f()
		require.ErrorIs(t, err, keyring.ErrRefused, name)
	}
	_, err = before.Transition(nil)
	require.Error(t, err)
	_, err = (&pgp.Key{}).Transition(after.Certificate())
	require.Error(t, err)
}
