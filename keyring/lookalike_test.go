package keyring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// TestLookAlikes: an address that a person may take for one of the ring is told
// of when it is added, and named when it is asked for and unknown.
func TestLookAlikes(t *testing.T) {
	t.Parallel()
	r, err := keyring.OpenRing(t.TempDir(), smime.ParseCertificate)
	require.NoError(t, err)
	defer r.Close()
	add := func(address string) *keyring.Change {
		t.Helper()
		done, err := r.Add(expected(t, certOf(t, "bob@example.org")), keyring.Addition{Addresses: []string{address}, Alias: true})
		require.NoError(t, err)
		return done
	}
	require.Empty(t, add("bob@paypal.example").Findings)
	require.Empty(t, add("carol@paypal.example").Findings, "another person")
	require.Empty(t, add("bob@paypal.example").Findings, "the same again")

	for address, says := range map[string]string{
		"bob@paypa1.example":        `"bob@paypa1.example" looks like "bob@paypal.example"`,
		"bob@xn--pypal-4ve.example": `its domain mixes Cyrillic and Latin letters`,
		"Bob@paypal.example":        `"Bob@paypal.example" looks like "bob@paypal.example"`,
	} {
		_, err := r.Lookup(address)
		var unknown *keyring.UnknownError
		require.ErrorAs(t, err, &unknown, address)
		require.Contains(t, unknown.Similar, "bob@paypal.example", address)
		require.Contains(t, err.Error(), "bob@paypal.example")
		findings := add(address).Findings
		require.NotEmpty(t, findings, address)
		require.Contains(t, findings[0], says)
		require.NoError(t, r.Remove(address, keyring.Fingerprint{}))
	}

	// A typing error is named where nothing is found, and nowhere else.
	var unknown *keyring.UnknownError
	_, err = r.Lookup("bob@papyal.example")
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, []string{"bob@paypal.example"}, unknown.Similar)
	require.Empty(t, add("bob@papyal.example").Findings)
	_, err = r.Lookup("dave@example.net")
	require.ErrorAs(t, err, &unknown)
	require.Empty(t, unknown.Similar)
}
