package mail_test

import (
	"bytes"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	dkbmail "github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// needsPrograms skips where one of them is not here; with DKB_REQUIRE_PEERS=1
// that is a failure.
func needsPrograms(t *testing.T, names ...string) {
	t.Helper()
	missing := ""
	if os.Getenv("DKB_PEERS") == "" {
		missing = "DKB_PEERS, the folder of other programs"
	}
	for _, n := range names {
		if _, err := exec.LookPath(n); err != nil {
			missing = n
		}
	}
	if missing != "" && os.Getenv("DKB_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is missing, and DKB_REQUIRE_PEERS=1", missing)
	} else if missing != "" {
		t.Skipf("skipped: %s is missing", missing)
	}
}

// extract is what a program makes of a mail that knows MIME alone: the first
// archive in it.
const extract = `
import email, email.policy, sys
m = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
boxes = [p for p in m.walk() if p.get_content_type() == "application/zip"]
assert len(boxes) == 1 and not m.defects, (boxes, m.defects)
assert boxes[0].get_filename() == "Ihre Größe.zip", boxes[0].get_filename()
open(sys.argv[2], "wb").write(boxes[0].get_payload(decode=True))
`

// TestNotifyPeers: openssl and gpg verify what we sign, and what Python takes out
// of the mail 7-Zip opens, twice, as a person does.
func TestNotifyPeers(t *testing.T) {
	needsPrograms(t, "openssl", "gpg", "python3", "7z")
	p := envelope.NewPassphrase()
	locked := lockedZip(t, p)
	keys, err := clearKeys()
	require.NoError(t, err)
	for name, verifies := range map[string]func(t *testing.T, k clearKey, dir, mail string, raw []byte) error{
		"p256": openSSLVerifies, "OpenPGP": gpgVerifies, "": nil,
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "n") // short, for the socket of gpg's agent
			require.NoError(t, err)
			defer os.RemoveAll(dir)
			c := &dkbmail.Composer{AllowUnsigned: name == ""}
			if name != "" {
				c.Signers = []envelope.Signer{keys[name].signer}
			}
			m, err := c.Notify(noticeDraft(), nil, box("Ihre Größe.zip", locked))
			require.NoError(t, err)
			defer m.Close()
			var raw bytes.Buffer
			_, err = m.WriteTo(&raw)
			require.NoError(t, err)
			mail := filepath.Join(dir, "1.eml")
			require.NoError(t, os.WriteFile(mail, raw.Bytes(), 0o600))

			archive := filepath.Join(dir, "box.zip")
			program(t, dir, "python3", "-c", extract, mail, archive)
			program(t, dir, "7z", "x", "-y", "-p"+p.Reveal(), archive)
			program(t, dir, "7z", "x", "-y", filepath.Join(dir, "attachments.zip"))
			got, err := os.ReadFile(filepath.Join(dir, "statement.txt"))
			require.NoError(t, err)
			require.Equal(t, boxMarker, string(got))

			if verifies == nil {
				return
			}
			require.NoError(t, verifies(t, keys[name], dir, mail, raw.Bytes()))
			changed := bytes.Replace(raw.Bytes(), []byte("Gr=C3=BC"), []byte("Gr=C3=BB"), 1)
			require.NotEqual(t, raw.Bytes(), changed)
			require.NoError(t, os.WriteFile(mail, changed, 0o600))
			require.Error(t, verifies(t, keys[name], dir, mail, changed))
		})
	}
}

func program(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
}

func openSSLVerifies(t *testing.T, k clearKey, dir, mail string, _ []byte) error {
	ca := filepath.Join(dir, "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.cert.Marshal()}), 0o600))
	return exec.Command("openssl", "cms", "-verify", "-inform", "SMIME", "-in", mail, "-CAfile", ca, "-purpose", "any", "-out", os.DevNull).Run()
}

func gpgVerifies(t *testing.T, k clearKey, dir, _ string, raw []byte) error {
	part, signature := splitSigned(t, raw, k)
	armored, err := pgp.MarshalArmored(k.cert)
	require.NoError(t, err)
	for name, b := range map[string][]byte{"key": armored, "part": part, "sig": signature} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	program(t, dir, "gpg", "--batch", "--quiet", "--homedir", dir, "--import", "key")
	defer func() { _ = exec.Command("gpgconf", "--homedir", dir, "--kill", "all").Run() }()
	cmd := exec.Command("gpg", "--batch", "--quiet", "--homedir", dir, "--verify", "sig", "part")
	cmd.Dir = dir
	return cmd.Run()
}
