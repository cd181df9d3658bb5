package keyring_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// Part of a person's address does not stay in the history of a group, wherever
// in the list of its members they were.
func TestEraseFromLongGroup(t *testing.T) {
	t.Parallel()
	const who = "bob.nobody@example.org"
	for n := range 7 {
		dir := filepath.Join(t.TempDir(), "ring")
		r, err := keyring.OpenRing(dir, parsers()...)
		require.NoError(t, err)
		bob := certOf(t, who)
		put(t, r, bob, keyring.Addition{})
		var members []string
		for i := range n {
			members = append(members, fmt.Sprintf("%d@example.org", i))
		}
		require.NoError(t, r.Group("team@example.org", append(members, who, "z@example.org")...))
		events, err := r.Events()
		require.NoError(t, err)
		require.Contains(t, events[len(events)-1].Detail, fmt.Sprintf("group of %d: ", n+2))
		require.NoError(t, r.Erase(bob.Fingerprint()))
		for name, octets := range files(t, dir) {
			require.NotContains(t, octets, "bob.", "%s, %d members before", name, n)
		}
		require.NoError(t, r.Close())
	}
}

// A program that reads one format alone is not kept from adding a certificate of
// that by what the address has of the other.
func TestAddBesideOtherFormat(t *testing.T) {
	t.Parallel()
	withoutSHA1(t)
	s := newMem()
	both := newRing(t, s)
	put(t, both, pgpFor(t, bobAt).Certificate(), keyring.Addition{})
	one, err := keyring.Policy{}.NewRing(s, smime.ParseCertificate)
	require.NoError(t, err)
	put(t, one, certOf(t, bobAt), keyring.Addition{})
	found, err := both.Lookup(bobAt)
	require.NoError(t, err)
	require.Len(t, found, 2)
	// Of its own format it must know who is there.
	other, err := keyring.Policy{}.NewRing(s, pgp.ParseCertificate)
	require.NoError(t, err)
	var changed *keyring.ChangedError
	_, err = other.Add(expected(t, pgpFor(t, bobAt).Certificate()), keyring.Addition{})
	require.ErrorAs(t, err, &changed)
}

// A path that was forgotten is not the directory where the program happens to
// be, whose files anybody may have brought.
func TestOpenRingNowhere(t *testing.T) {
	here, err := os.Getwd()
	require.NoError(t, err)
	dir := t.TempDir()
	t.Chdir(dir)
	_, err = keyring.OpenRing("", parsers()...)
	require.ErrorContains(t, err, "was not named")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, os.Chmod(dir, 0o700))
	r, err := keyring.OpenRing(".", parsers()...)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.False(t, strings.HasPrefix(here, dir))
}
