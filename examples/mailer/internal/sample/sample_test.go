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
