package pgp_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// TestPostQuantumProfile: one classical recipient among post-quantum ones is
// refused by name before a byte is written, and without them it is sealed.
func TestPostQuantumProfile(t *testing.T) {
	t.Parallel()
	person := func(p envelope.Profile) (*pgp.Key, *keyring.Verified) {
		k, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org", Profile: p})
		require.NoError(t, err)
		v, err := keyring.Verify(k.Certificate(), keyring.Expect(k.Certificate().Fingerprint()))
		require.NoError(t, err)
		return k, v
	}
	bobs, bob := person(envelope.PostQuantum)
	_, ann := person(envelope.Modern)
	_, eve := person(envelope.Compatible)
	s := &envelope.Sealer{Profile: envelope.PostQuantum}
	for name, to := range map[string][]*keyring.Verified{"version 6": {bob, ann}, "version 4": {eve, bob}, "both": {ann, bob, eve}} {
		var out bytes.Buffer
		_, err := s.Seal(&out, to...)
		require.ErrorIs(t, err, keyring.ErrRefused, name)
		require.Zero(t, out.Len(), name)
		for _, v := range to {
			if v == bob {
				require.NotContains(t, err.Error(), v.Fingerprint().String(), name)
			} else {
				require.Contains(t, err.Error(), v.Fingerprint().String()+" has no post-quantum encryption key", name)
			}
		}
	}
	var out bytes.Buffer
	w, err := s.Seal(&out, bob)
	require.NoError(t, err)
	_, err = io.WriteString(w, "text")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	m, err := (&envelope.Opener{Identities: []envelope.Identity{bobs.Identity()}}).Open(&out)
	require.NoError(t, err)
	defer m.Close()
	got, err := io.ReadAll(m)
	require.NoError(t, err)
	require.Equal(t, "text", string(got))
}
