package smime_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/gcm"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// fipsDir tells the process that TestFIPSOnly starts where its messages are.
const fipsDir = "DKB_TEST_FIPS_DIR"

// TestFIPSOnly runs fipsOnly in a process with GODEBUG=fips140=only: the mode
// cannot be entered later.
func TestFIPSOnly(t *testing.T) {
	if dir := os.Getenv(fipsDir); dir != "" {
		fipsOnly(t, dir)
		return
	}
	if os.Getenv("GODEBUG") == "fips140=only" {
		t.Skip("needs messages that were made outside of the mode")
	}
	dir, who := t.TempDir(), fixed()
	gcmMessage := sealed(t, envelope.Sealer{Profile: envelope.Modern}, []byte("text"), who.verified)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "gcm"), gcmMessage, 0o600))
	cbcMessage := sealed(t, envelope.Sealer{Profile: envelope.Compatible, Signers: who.signers()}, []byte("text"), who.verified)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cbc"), cbcMessage, 0o600))
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run=^TestFIPSOnly$", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only", fipsDir+"="+dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "fips mode was on")
}

func fipsOnly(t *testing.T, dir string) {
	who := fixed()
	var out bytes.Buffer
	s := envelope.Sealer{Profile: envelope.Modern}
	_, err := s.Seal(&out, who.verified)
	require.ErrorIs(t, err, gcm.ErrFIPS)
	require.Zero(t, out.Len())
	msg, err := os.ReadFile(filepath.Join(dir, "gcm"))
	require.NoError(t, err)
	o := envelope.Opener{Identities: who.identities(), Senders: who.senders(), RequireSignature: true}
	_, _, err = open(o, bytes.NewReader(msg))
	require.ErrorIs(t, err, gcm.ErrFIPS)

	// What is allowed works: AES-CBC, ECDH and ECDSA on P-256.
	msg, err = os.ReadFile(filepath.Join(dir, "cbc"))
	require.NoError(t, err)
	got, _, err := open(o, bytes.NewReader(msg))
	require.NoError(t, err)
	require.Equal(t, "text", string(got))
	s = envelope.Sealer{Profile: envelope.Compatible, Signers: who.signers()}
	got, _, err = open(o, bytes.NewReader(sealed(t, s, []byte("again"), who.verified)))
	require.NoError(t, err)
	require.Equal(t, "again", string(got))

	// RSA PKCS#1 v1.5 encryption is not.
	rsa := fresh["RSA-3072"]()
	for _, p := range []envelope.Profile{envelope.Compatible, envelope.Auto} {
		s.Profile = p
		_, err = s.Seal(&out, rsa.verified)
		require.ErrorIs(t, err, keyring.ErrRefused)
		require.Zero(t, out.Len())
	}
	t.Log("fips mode was on")
}
