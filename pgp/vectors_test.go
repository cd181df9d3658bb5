package pgp_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// vectors returns the files that match, without those that hold no message.
func vectors(t *testing.T, patterns ...string) (files []string) {
	t.Helper()
	root := os.Getenv("DKB_VECTORS")
	if root == "" {
		t.Skip("DKB_VECTORS is not set: no vectors")
	}
	for _, p := range patterns {
		found, err := filepath.Glob(filepath.Join(root, p))
		require.NoError(t, err)
		require.NotEmpty(t, found, p)
		files = append(files, found...)
	}
	return files
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	if strings.HasSuffix(file, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(b))
		require.NoError(t, err)
		b, err = io.ReadAll(z)
		require.NoError(t, err)
	}
	return b
}

// Messages of other programs with their keys beside them.
func TestVectorsOpen(t *testing.T) {
	opened := 0
	for dir, refused := range map[string]string{
		"openpgp-pqc":                     "sample-signature",
		"rpgp/rfc9580/v4-ed25519-x25519":  "csf",
		"rpgp/rfc9580/v4-legacy":          "csf",
		"rpgp/rfc9580/v4-nistp":           "csf",
		"rpgp/rfc9580/v4-rsa":             "csf",
		"rpgp/rfc9580/v6-25519-annex-a-4": "csf",
		"rpgp/rfc9580/v6-ed25519-x448":    "csf",
		"rpgp/rfc9580/v6-ed448-x448":      "csf",
		"rpgp/rfc9580/v6-nistp":           "csf",
		"rpgp/rfc9580/v6-rsa":             "csf",
		"rpgp/unit-tests/padding":         "alice.key",
		"rnp/RFC9580":                     "skesk",
	} {
		o := &envelope.Opener{Formats: []envelope.Format{pgp.Format()}}
		files := vectors(t, dir+"/*")
		for _, f := range files {
			if k, err := pgp.ParseKey(bytes.NewReader(read(t, f)), nil); err == nil {
				o.Identities = append(o.Identities, k.Identity())
			}
			if c, err := pgp.ParseCertificate(read(t, f)); err == nil {
				v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
				require.NoError(t, err)
				o.Senders = append(o.Senders, v)
			}
		}
		require.NotEmpty(t, o.Identities, dir)
		for _, f := range files {
			b := read(t, f)
			report, err := envelope.Inspect(bytes.NewReader(b), pgp.Format())
			if err != nil || !report.Encrypted || strings.Contains(filepath.Base(f), refused) {
				continue
			}
			got, report, err := open(o, bytes.NewReader(b))
			require.NoError(t, err, f)
			require.NotEmpty(t, got)
			for _, s := range report.Signatures {
				require.True(t, s.Valid(), "%s: %s", f, s.Problem())
			}
			opened++
		}
	}
	t.Logf("%d messages opened", opened)
	require.Equal(t, 26, opened)
}

// Messages that are damaged, odd or hostile: whatever comes out, it is not a
// valid signature, no error of another kind, and no panic.
func TestVectorsHostile(t *testing.T) {
	refused, inspected := 0, 0
	o := &envelope.Opener{Senders: []*keyring.Verified{verified(t, key(t, "curve25519"))}}
	for _, file := range vectors(t, "rnp/test_messages/*", "rnp/test_partial_length/*", "rnp/test_large_packet/*", "rnp/test_stream_armor/*", "rpgp/*.*", "rpgp/fuzz/*", "rpgp/unit-tests/*.*", "rpgp/weird/*") {
		b := read(t, file)
		if report, err := envelope.Inspect(bytes.NewReader(b), pgp.Format()); err != nil {
			failure(t, err)
			refused++
		} else {
			require.NotEmpty(t, report.Container, file)
			inspected++
		}
		_, _, err := open(opener(key(t, "curve25519")), bytes.NewReader(b))
		require.Error(t, err, file)
		failure(t, err)
		_, err = o.Verify(bytes.NewReader(b))
		require.Error(t, err, file)
		failure(t, err)
	}
	t.Logf("%d refused, %d read without a key", refused, inspected)
	require.Greater(t, inspected, 60)
}
