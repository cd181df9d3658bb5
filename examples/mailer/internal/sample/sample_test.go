package sample_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/sample"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

func TestMake(t *testing.T) {
	t.Parallel()
	w, err := sample.Make(t.TempDir(), sample.Options{People: 8})
	require.NoError(t, err)
	require.Len(t, w.People, 8)
	list, err := os.ReadFile(w.List)
	require.NoError(t, err)
	require.Equal(t, 9, strings.Count(string(list), "\n"))
	ring, err := keyring.OpenRing(w.Ring, pgp.ParseCertificate, smime.ParseCertificate)
	require.NoError(t, err)
	defer ring.Close()
	keys := 0
	for _, p := range w.People {
		b, err := os.ReadFile(filepath.Join(w.Documents, p.Document))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(b), "%PDF"))
		_, err = ring.Recipients(p.Address)
		require.Equal(t, p.Identities != nil, err == nil, p.Address)
		if err == nil {
			keys++
		}
	}
	require.Equal(t, 5, keys)
	_, err = ring.Recipients(w.PrintShop)
	require.NoError(t, err)
	require.Len(t, w.Senders, 2)
}

// With gateways the ring has the two keys of each domain and the print shop's,
// and everybody with a key is reached by that of their domain.
func TestGateways(t *testing.T) {
	t.Parallel()
	w, err := sample.Make(t.TempDir(), sample.Options{People: 40, Gateways: true, Documents: 3, Document: sample.Fixed(1000)})
	require.NoError(t, err)
	ring, err := keyring.OpenRing(w.Ring, pgp.ParseCertificate, smime.ParseCertificate)
	require.NoError(t, err)
	defer ring.Close()
	entries, err := ring.Entries()
	require.NoError(t, err)
	require.Len(t, entries, 11)
	for _, p := range w.People {
		if p.Identities != nil {
			_, err = ring.Recipients(p.Address)
			require.NoError(t, err, p.Address)
		}
	}
	files, err := os.ReadDir(w.Documents)
	require.NoError(t, err)
	require.Len(t, files, 3)
	info, err := files[0].Info()
	require.NoError(t, err)
	require.EqualValues(t, 1000, info.Size())
	for _, o := range []sample.Options{{}, {People: 1, Documents: -1}} {
		_, err = sample.Make(t.TempDir(), o)
		require.Error(t, err)
	}
}
