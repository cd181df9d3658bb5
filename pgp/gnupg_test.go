package pgp

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// gnupg is GnuPG with a home of its own.
type gnupg struct {
	testing.TB
	home string
}

func newGnuPG(t testing.TB) *gnupg {
	if os.Getenv("DKB_PEERS") == "" {
		t.Skip("set DKB_PEERS to hold it against gpg")
	}
	// Not t.TempDir: the path of the agent's socket has to be short.
	home, err := os.MkdirTemp("", "gpg")
	require.NoError(t, err)
	g := &gnupg{t, home}
	t.Cleanup(func() {
		cmd := exec.Command("gpgconf", "--kill", "all")
		cmd.Env = append(os.Environ(), "GNUPGHOME="+home)
		_ = cmd.Run() // there may be no agent
		_ = os.RemoveAll(home)
	})
	return g
}

func (g *gnupg) run(args ...string) []byte {
	g.Helper()
	cmd := exec.Command("gpg", append([]string{"--batch", "--yes", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
	cmd.Env = append(os.Environ(), "GNUPGHOME="+g.home)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(g, err, "gpg %v: %s", args, said.String())
	return out
}

// person makes a key and returns its fingerprint.
func (g *gnupg) person(address string) string {
	g.run("--quick-gen-key", address, "ed25519", "cert,sign", "2y")
	list := string(g.run("--list-keys", "--with-colons", address))
	_, rest, found := strings.Cut(list, "\nfpr:::::::::")
	require.True(g, found, list)
	fpr, _, _ := strings.Cut(rest, ":")
	g.run("--quick-add-key", fpr, "cv25519", "encr", "1y")
	return fpr
}

// TestGnuPGCertifications: what gpg certifies, locally or not, and takes back
// introduces, and the revocation that it keeps beside every key revokes.
func TestGnuPGCertifications(t *testing.T) {
	g := newGnuPG(t)
	bob, carol := g.person("bob@example.org"), g.person("carol@example.org")
	want, err := keyring.ParseFingerprint(carol)
	require.NoError(t, err)
	introducer, err := ParseCertificate(g.run("--export", carol))
	require.NoError(t, err)
	byCarol, err := keyring.Verify(introducer, keyring.Expect(want))
	require.NoError(t, err)

	introduced := func(says string) *keyring.Certificate {
		t.Helper()
		file := g.run("--armor", "--export-options", "export-local-sigs", "--export", bob)
		cert, err := ParseCertificate(file)
		require.NoError(t, err)
		v, err := keyring.Verify(cert, IntroducedBy("bob@example.org", file, byCarol))
		if says != "" {
			require.ErrorContains(t, err, says)
			return cert
		}
		require.NoError(t, err)
		require.Contains(t, v.Evidence(), carol)
		return cert
	}
	before := introduced("nobody of those named certified it")
	g.run("--local-user", carol, "--quick-lsign-key", bob)
	introduced("")
	g.run("--local-user", carol, "--quick-sign-key", bob)
	introduced("")
	// gpg does not take back in the second in which it certified.
	later := time.Now().Add(time.Hour).UTC().Format("20060102T150405!")
	g.run("--faked-system-time", later, "--local-user", carol, "--quick-revoke-sig", bob, carol, "bob@example.org")
	after := introduced("is revoked")
	require.Equal(t, before.Marshal(), after.Marshal(), "nothing of carol's is kept")

	kept, err := os.ReadFile(filepath.Join(g.home, "openpgp-revocs.d", bob+".rev"))
	require.NoError(t, err)
	revocation := bytes.Replace(kept, []byte(":-----BEGIN"), []byte("-----BEGIN"), 1)
	require.NotEqual(t, kept, revocation)
	gone, err := Update(before, revocation)
	require.NoError(t, err)
	require.Error(t, inside(gone).Refuse())
	// What Merge makes of it, gpg reads.
	require.NoError(t, os.WriteFile(filepath.Join(g.home, "gone"), gone.Marshal(), 0o600))
	g.run("--import", filepath.Join(g.home, "gone"))
	require.Contains(t, string(g.run("--list-keys", "--with-colons", bob)), "pub:r:")
}
