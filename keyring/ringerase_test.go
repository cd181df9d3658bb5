package keyring_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// files returns what is in a directory, by name.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[strings.TrimPrefix(path, dir)] = string(b)
		return err
	}))
	return all
}

// traces are the forms in which something may stand in a file.
func traces(b []byte) (forms []string) {
	forms = append(forms, string(b), hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)))
	for skip := range 3 {
		// Base64 of what stands at any place: whole groups of four alone.
		if c := b[min(skip, len(b)):]; len(c) >= 6 {
			c = c[:len(c)/3*3]
			forms = append(forms, base64.StdEncoding.EncodeToString(c), base64.URLEncoding.EncodeToString(c))
		}
	}
	return forms
}

// TestErase: nothing of a person is in any file afterwards, and the log holds.
func TestErase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ring")
	r, err := keyring.OpenRing(dir, parsers()...)
	require.NoError(t, err)
	defer r.Close()
	const address = "bob.nobody@example.org"
	generate := func() *keyring.Certificate {
		k, err := smime.GenerateKey(smime.KeyOptions{Address: address, Name: "Bob Nobody", Algorithm: "p256"})
		require.NoError(t, err)
		return k.Certificate()
	}
	old, bob, alice := generate(), generate(), certOf(t, "alice@example.org")
	add := func(c *keyring.Certificate, a keyring.Addition) {
		_, err := r.Add(expected(t, c), a)
		require.NoError(t, err)
	}
	add(alice, keyring.Addition{})
	add(old, keyring.Addition{})
	add(bob, keyring.Addition{Replace: true})
	add(alice, keyring.Addition{Addresses: []string{"claims@example.org"}, Alias: true})
	add(bob, keyring.Addition{Addresses: []string{"claims@example.org"}, Alias: true, Beside: true})
	add(certOf(t, "dora@example.org"), keyring.Addition{Addresses: []string{"claims@example.org"}, Alias: true, Replace: true})
	require.NoError(t, r.Group("team@example.org", "alice@example.org", address))
	require.NoError(t, r.Group("just@example.org", address))
	_, err = r.Revoke(bob.Fingerprint(), &keyring.RevokedError{Reason: "Bob Nobody lost it"})
	require.NoError(t, err)
	require.NoError(t, r.Check())

	gone := [][]byte{[]byte(address), []byte("bob.nobody"), []byte("Bob Nobody")}
	for _, c := range []*keyring.Certificate{old, bob} {
		raw, err := hex.DecodeString(c.Fingerprint().String())
		require.NoError(t, err)
		gone = append(gone, raw, c.Marshal(), c.Marshal()[40:70])
	}
	found := func() (where []string) {
		for name, text := range files(t, dir) {
			for i, g := range gone {
				for _, form := range traces(g) {
					if strings.Contains(text, form) {
						where = append(where, name+": "+string(rune('0'+i)))
					}
				}
			}
		}
		return where
	}
	require.NotEmpty(t, found(), "the test sees what is there")
	before := len(mustEvents(t, r))
	require.NoError(t, r.Erase(bob.Fingerprint()))
	require.Empty(t, found())
	require.NoError(t, r.Check())
	again, err := keyring.OpenRing(dir, parsers()...)
	require.NoError(t, err)
	defer again.Close()
	require.NoError(t, again.Check())
	for _, r := range []*keyring.Ring{r, again} {
		events := mustEvents(t, r)
		require.Len(t, events, before+1, "the lines stay")
		require.Equal(t, "erased", events[before].Event)
		for _, e := range events {
			require.NotContains(t, e.Addresses, address)
		}
		to, err := r.Recipients("team@example.org")
		require.NoError(t, err)
		require.Len(t, to, 1)
		require.Equal(t, alice.Fingerprint(), to[0].Fingerprint())
		require.Contains(t, to[0].Evidence(), "; in the group team@example.org")
		_, err = r.Recipients("just@example.org")
		require.ErrorIs(t, err, keyring.ErrRefused)
	}
	var unknown *keyring.UnknownError
	require.ErrorAs(t, r.Erase(bob.Fingerprint()), &unknown)
	// Nothing is remembered: as is said, a revocation neither.
	_, err = r.Add(expected(t, bob), keyring.Addition{})
	require.NoError(t, err)
}

func mustEvents(t testing.TB, r *keyring.Ring) []keyring.Event {
	t.Helper()
	events, err := r.Events()
	require.NoError(t, err)
	return events
}

// TestEraseDamaged: what is damaged can be erased too, which is how a ring is
// repaired.
func TestEraseDamaged(t *testing.T) {
	m := threePeople(t)
	name := recordOf(t, m, "bob@example.org")
	m.records[name] = m.records[name][:100]
	r := newRing(t, m)
	require.ErrorContains(t, r.Check(), name)
	require.NoError(t, r.Erase(certOf(t, "bob@example.org").Fingerprint()))
	require.NoError(t, r.Check())
	require.NotContains(t, m.records, name)
	_, err := r.Add(expected(t, certOf(t, "bob@example.org")), keyring.Addition{})
	require.NoError(t, err)
}

// TestInjection: what comes from outside stands in files without line ends and
// without anything that a terminal obeys.
func TestInjection(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ring")
	r, err := keyring.OpenRing(dir, parsers()...)
	require.NoError(t, err)
	defer r.Close()
	bob := certOf(t, "bob@example.org")
	_, err = r.Add(expected(t, bob), keyring.Addition{})
	require.NoError(t, err)
	evil := "\x1b[2J\"\n2 2026-01-01T00:00:00Z added \u202e\x00\xff\u2028\u0085"
	_, err = r.Revoke(bob.Fingerprint(), &keyring.RevokedError{Reason: evil})
	require.NoError(t, err)
	for _, bad := range []string{evil, "eve\n@example.org", "eve\x1b@example.org", "\u202eeve@example.org", "eve @example.org"} {
		_, err = r.Add(expected(t, bob), keyring.Addition{Addresses: []string{bad}, Alias: true})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "\n")
		require.NotContains(t, err.Error(), "\x1b")
		require.Error(t, r.Group("team@example.org", bad))
		require.Error(t, r.Group(bad, "bob@example.org"))
		require.Error(t, r.Prefer(bad, bob.Fingerprint()))
		require.Error(t, r.Remove(bad, bob.Fingerprint()))
		_, err = r.Lookup(bad)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "\x1b")
	}
	for name, text := range files(t, dir) {
		for _, c := range []string{"\x1b", "\x00", "\u202e", "\u2028", "\u0085", "\xff"} {
			require.NotContains(t, text, c, "%s %q", name, c)
		}
	}
	_, err = r.Lookup("bob@example.org")
	var revoked *keyring.RevokedError
	require.ErrorAs(t, err, &revoked)
	require.NotContains(t, err.Error(), "\x1b")
	require.NotContains(t, err.Error(), "\n")
	require.NoError(t, r.Check())
	require.Equal(t, 3, bytes.Count([]byte(files(t, dir)["/log"]), []byte("\n")))
}
