package identities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring/identities"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// What one passphrase costs whoever types it, and whoever guesses.
func BenchmarkUnlock(b *testing.B) {
	skipFIPS(b)
	d, err := identities.Open(newDir(b), parseKey, smime.ParseCertificate, pgp.ParseCertificate)
	require.NoError(b, err)
	k := newSMIME(b, "bob@example.org")
	_, err = d.Add(k, word("right"))
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_, err := d.Unlock(k.Certificate().Fingerprint(), asked("right"))
		require.NoError(b, err)
	}
}

// What it costs to look at them, without a passphrase.
func BenchmarkList(b *testing.B) {
	skipFIPS(b)
	d := open(b, newDir(b))
	for range 20 {
		_, err := d.Add(newSMIME(b, "bob@example.org"), word("right"))
		require.NoError(b, err)
	}
	b.ReportAllocs()
	for b.Loop() {
		all, err := d.List()
		require.NoError(b, err)
		require.Len(b, all, 20)
	}
}
