package pgp_test

import (
	"bytes"
	"crypto/fips140"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// Under GODEBUG=fips140=only what std forbids is a typed error before it
// begins, never a panic of std; what needs no cryptography works.
func TestFIPS(t *testing.T) {
	if !fips140.Enforced() {
		c := exec.Command(os.Args[0], "-test.run=^TestFIPS$", "-test.v")
		c.Env = append(os.Environ(), "GODEBUG=fips140=only")
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "--- PASS: TestFIPS")
		return
	}
	msgs := fuzzSeeds(t)
	for _, msg := range msgs {
		_, err := envelope.Inspect(bytes.NewReader(msg), pgp.Format())
		require.NoError(t, err)
	}
	var forbidden *pgp.NotApprovedError
	b, err := os.ReadFile("testdata/messages/v6.key")
	require.NoError(t, err)
	var k *pgp.Key
	require.NotPanics(t, func() { k, err = pgp.ParseKey(bytes.NewReader(b), nil) })
	require.NoError(t, err)
	o := &envelope.Opener{Identities: []envelope.Identity{k.Identity()}}
	for _, msg := range msgs {
		require.NotPanics(t, func() {
			_, _, err := open(o, bytes.NewReader(msg))
			require.ErrorAs(t, err, &forbidden)
		})
	}
	v, err := keyring.Verify(k.Certificate(), keyring.Expect(k.Certificate().Fingerprint()))
	require.NoError(t, err)
	require.NotPanics(t, func() {
		var out bytes.Buffer
		_, err := envelope.Seal(&out, v)
		// The key is looked at first, and X25519 is forbidden too.
		require.True(t, errors.As(err, &forbidden) || errors.Is(err, keyring.ErrRefused), "%v", err)
		require.Zero(t, out.Len())
	})
	require.NotPanics(t, func() {
		o := &envelope.Opener{Senders: []*keyring.Verified{v}}
		text := []byte("text")
		_, err := o.VerifyDetached(bytes.NewReader(detached(t, false, text, k)), bytes.NewReader(text))
		require.NoError(t, err) // Ed25519 and SHA-512 are approved
	})
}
