package smime_test

import (
	"bytes"
	"crypto/fips140"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
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
	rsa := fresh["RSA-3072"]() // of which the certificate is another one in each process
	v15 := sealed(t, envelope.Sealer{Profile: envelope.Compatible, Signers: who.signers()}, []byte("text"), rsa.verified)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "v15"), v15, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rsa.crt"), rsa.key.Certificate().Marshal(), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "ciphers"), 0o700))
	for _, k := range contentCiphers() {
		if k.keyLen >= 16 { // AES key wrap takes no shorter ones
			msg := k.in(t, crafted{to: who, plain: []byte("text")}, false).bytes(t)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "ciphers", k.name), msg, 0o600))
		}
	}
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
	requireNotApproved(t, err)
	require.Zero(t, out.Len())
	msg, err := os.ReadFile(filepath.Join(dir, "gcm"))
	require.NoError(t, err)
	o := envelope.Opener{Identities: who.identities(), Senders: who.senders(), RequireSignature: true}
	_, _, err = open(o, bytes.NewReader(msg))
	requireNotApproved(t, err)

	// Of all content ciphers AES-CBC is left.
	names, err := os.ReadDir(filepath.Join(dir, "ciphers"))
	require.NoError(t, err)
	require.Greater(t, len(names), 10)
	every := envelope.Opener{Identities: who.identities(), Legacy: envelope.Legacy{TripleDES: true, RC2: true, UnauthenticatedCBC: true}}
	for _, name := range names {
		msg, err := os.ReadFile(filepath.Join(dir, "ciphers", name.Name()))
		require.NoError(t, err)
		got, _, err := open(every, bytes.NewReader(msg))
		if strings.HasPrefix(name.Name(), "AES") && strings.HasSuffix(name.Name(), "CBC") {
			require.NoError(t, err)
			require.Equal(t, "text", string(got))
		} else {
			requireNotApproved(t, err)
			require.Empty(t, got)
		}
	}

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
	// A message that was sealed so is refused by the same error.
	der, err := os.ReadFile(filepath.Join(dir, "rsa.crt"))
	require.NoError(t, err)
	rsa := personOf("rsa", der, smime.FixedRSA("rsa3072"))
	msg, err = os.ReadFile(filepath.Join(dir, "v15"))
	require.NoError(t, err)
	_, _, err = open(envelope.Opener{Identities: rsa.identities()}, bytes.NewReader(msg))
	requireNotApproved(t, err)
	for _, p := range []envelope.Profile{envelope.Compatible, envelope.Auto} {
		s.Profile = p
		_, err = s.Seal(&out, rsa.verified)
		require.ErrorIs(t, err, keyring.ErrRefused)
		requireNotApproved(t, err)
		require.Zero(t, out.Len())
	}
	t.Log("fips mode was on")
}

// requireNotApproved fails unless err is the one for what fips140=only forbids,
// and callers can reach it.
func requireNotApproved(t *testing.T, err error) {
	t.Helper()
	var e *envelope.NotApprovedError
	require.ErrorAs(t, err, &e)
	require.NotEmpty(t, e.What)
	require.Contains(t, err.Error(), "fips140=only")
	require.NotErrorIs(t, err, envelope.ErrDecrypt)
}

// allowed skips a test that is about what fips140=only forbids. What is left
// then, TestFIPSOnly tests.
func allowed(t testing.TB, what string) {
	t.Helper()
	if fips140.Enforced() {
		t.Skipf("skipped: needs %s, which GODEBUG=fips140=only does not allow", what)
	}
}
