package pgp

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// TestGnuPGSuccession: a new certificate that gpg signed with the old key, in a
// message or beside the file, succeeds it; one that the new key signed does not.
func TestGnuPGSuccession(t *testing.T) {
	g := newGnuPG(t)
	before, after := g.person("bob@example.org"), g.person("Bob <bob@example.org>")
	read := func(fpr string) *keyring.Certificate {
		c, err := ParseCertificate(g.run("--export", fpr))
		require.NoError(t, err)
		return c
	}
	cert := read(after)
	old, err := keyring.Verify(read(before), keyring.Expect(read(before).Fingerprint()))
	require.NoError(t, err)
	file := filepath.Join(g.home, "new.asc")
	content := g.run("--armor", "--export", after)
	require.NoError(t, os.WriteFile(file, content, 0o600))
	by := func(fpr string, args ...string) []byte {
		return g.run(append(append([]string{"--local-user", fpr + "!", "--output", "-"}, args...), file)...)
	}
	for name, ev := range map[string]keyring.Evidence{
		"binary":   SucceededIn(old, by(before, "--sign")),
		"armored":  SucceededIn(old, by(before, "--armor", "--sign")),
		"detached": SucceededBeside(old, content, by(before, "--detach-sign")),
	} {
		_, err := keyring.Verify(cert, ev)
		require.NoError(t, err, name)
	}
	_, err = keyring.Verify(cert, SucceededIn(old, by(after, "--sign")))
	require.ErrorIs(t, err, keyring.ErrRefused)
}
