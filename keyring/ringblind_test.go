package keyring_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// TestBlind: where a record cannot be read, and no index says whose it is, the
// gateway of a domain is not sealed to in the place of whoever it may be.
func TestBlind(t *testing.T) {
	m := threePeople(t)
	mustAdd(t, newRing(t, m), "gateway@example.org", keyring.Addition{Addresses: []string{"@example.org"}, Alias: true})
	_, err := newRing(t, m).Recipients("zoe@example.org") // the positive twin
	require.NoError(t, err)
	name := recordOf(t, m, "bob@example.org")
	m.records[name] = m.records[name][1:]
	delete(m.records, "index")
	r := newRing(t, m)
	for _, a := range []string{"bob@example.org", "zoe@example.org"} {
		_, err = r.Recipients(a)
		require.ErrorIs(t, err, keyring.ErrRefused, a)
		require.ErrorContains(t, err, name, a)
	}
	_, err = r.Recipients("alice@example.org")
	require.NoError(t, err)
}

// TestEvidenceSaysWhatWasVerified: as whose a key was given out is no evidence
// that a ring keeps.
func TestEvidenceSaysWhatWasVerified(t *testing.T) {
	r, other := newRing(t, newMem()), newRing(t, newMem())
	mustAdd(t, r, "alice@example.org", keyring.Addition{})
	require.NoError(t, r.Group("team@example.org", "alice@example.org"))
	to, err := r.Recipients("team@example.org")
	require.NoError(t, err)
	require.Equal(t, "expected fingerprint; in the group team@example.org", to[0].Evidence())
	_, err = other.Add(to[0], keyring.Addition{})
	require.NoError(t, err)
	found, err := other.Lookup("alice@example.org")
	require.NoError(t, err)
	require.Equal(t, "expected fingerprint", found[0].Verified.Evidence())
	// What the ring that it came from no longer says goes into no other.
	require.NoError(t, r.Remove("alice@example.org", keyring.Fingerprint{}))
	_, err = newRing(t, newMem()).Add(to[0], keyring.Addition{})
	var unknown *keyring.UnknownError
	require.ErrorAs(t, err, &unknown)
}

// TestEraseIntroducer: who introduced others is in their evidence no more.
func TestEraseIntroducer(t *testing.T) {
	m := newMem()
	r := newRing(t, m)
	carol := certOf(t, "carol@example.org")
	mustAdd(t, r, "carol@example.org", keyring.Addition{})
	v, err := keyring.Verify(certOf(t, "bob@example.org"), keyring.Evidence(seam.Wrap(seam.Evidence{
		Basis: seam.BasisIntroduced, Address: "bob@example.org", Why: "certified to be bob@example.org's by " + carol.Fingerprint().String(),
		Check: func(seam.Certificate) error { return nil },
	})))
	require.NoError(t, err)
	_, err = r.Add(v, keyring.Addition{})
	require.NoError(t, err)
	require.NoError(t, r.Erase(carol.Fingerprint()))
	for name, octets := range m.records {
		require.NotRegexp(t, regexp.MustCompile("(?i)"+carol.Fingerprint().String()), string(octets), name)
	}
	found, err := r.Lookup("bob@example.org")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(found[0].Verified.Evidence(), "introduced"), found[0].Verified.Evidence())
	require.NoError(t, r.Check())
	require.NoError(t, newRing(t, m).Check())
	require.False(t, bytes.Contains(m.log, []byte(carol.Fingerprint().String())))
}

// TestEraseLarge: the index of a large ring is not written with each change,
// and with each that erases.
func TestEraseLarge(t *testing.T) {
	m := newMem()
	r := newRing(t, m)
	for i := range 140 {
		mustAdd(t, r, fmt.Sprintf("person%d@example.org", i), keyring.Addition{})
	}
	before := string(m.records["index"])
	mustAdd(t, r, "zoe@example.org", keyring.Addition{})
	require.Equal(t, before, string(m.records["index"]), "the ring is large enough for the test")
	require.NoError(t, newRing(t, m).Check())
	require.NoError(t, r.Erase(certOf(t, "person7@example.org").Fingerprint()))
	for name, octets := range m.records {
		require.NotContains(t, string(octets), "person7@", name)
	}
	for _, r := range []*keyring.Ring{r, newRing(t, m)} {
		require.NoError(t, r.Check())
		_, err := r.Lookup("zoe@example.org")
		require.NoError(t, err)
		_, err = r.Lookup("person7@example.org")
		require.ErrorIs(t, err, keyring.ErrRefused)
	}
}
