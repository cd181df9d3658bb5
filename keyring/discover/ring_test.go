package discover_test

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// What a domain attests goes into a ring of the policy that takes it, for that
// address, and does not take the place of what is there. What a key server says
// of a key that is there is merged: a revocation stays.
func TestFromNetworkToRing(t *testing.T) {
	skipFIPS(t)
	bob, err := pgp.GenerateKey(pgp.KeyOptions{UserIDs: []string{"Bob <bob@example.com>", "Bob <bob@example.net>"}})
	require.NoError(t, err)
	answer := bob.Certificate().Marshal()
	web, _ := serveWeb(t, func(w http.ResponseWriter, r *http.Request) { give(answer)(w, r) }, here())
	fetch := func() (*keyring.Certificate, keyring.Evidence) {
		found, err := web.WKD(context.Background(), "bob@example.com", pgp.ParseCertificate)
		require.NoError(t, err)
		return found[0].Certificate, found[0].Attested()
	}
	policy := keyring.Policy{AcceptDomainAttested: true}
	dir := filepath.Join(t.TempDir(), "ring")
	ring, err := policy.OpenRing(dir, pgp.ParseCertificate)
	require.NoError(t, err)
	v, err := policy.Verify(fetch())
	require.NoError(t, err)
	change, err := ring.Add(v, keyring.Addition{})
	require.NoError(t, err)
	require.Equal(t, []string{"bob@example.com"}, change.Addresses)
	to, err := ring.Recipients("bob@example.com")
	require.NoError(t, err)
	require.Contains(t, to[0].Evidence(), "given out by Web Key Directory at openpgpkey.example.com")
	_, err = ring.Recipients("bob@example.net") // of which that domain said nothing
	require.ErrorIs(t, err, keyring.ErrRefused)

	// The same, by another address than the one that it was given out for.
	_, err = ring.Add(v, keyring.Addition{Addresses: []string{"bob@example.net"}})
	var notBound *keyring.NotBoundError
	require.ErrorAs(t, err, &notBound)

	// The server gives out another key one day.
	answer = key(t, "Bob <bob@example.com>")
	other, err := policy.Verify(fetch())
	require.NoError(t, err)
	_, err = ring.Add(other, keyring.Addition{})
	var changed *keyring.ChangedError
	require.ErrorAs(t, err, &changed)
	require.Equal(t, v.Fingerprint(), changed.Old[0])

	revoked, err := bob.Revoke(pgp.Superseded, "")
	require.NoError(t, err)
	keys, _ := keyServer(t, armored(t, revoked.Certificate().Marshal()))
	found, err := keys.Get(context.Background(), v.Fingerprint(), pgp.ParseCertificate)
	require.NoError(t, err)
	change, err = ring.Update(found.Certificate)
	require.NoError(t, err)
	require.NotEmpty(t, change.Event)
	var gone *keyring.RevokedError
	_, err = ring.Recipients("bob@example.com")
	require.ErrorAs(t, err, &gone)

	// A ring of the default policy believes nothing of it.
	require.NoError(t, ring.Close())
	strict, err := keyring.OpenRing(filepath.Join(t.TempDir(), "strict"), pgp.ParseCertificate)
	require.NoError(t, err)
	_, err = strict.Add(v, keyring.Addition{})
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, "AcceptDomainAttested")
	require.NoError(t, strict.Close())
}
