package pgp_test

import (
	"bytes"
	"crypto/fips140"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// TestMain runs the tests of the mode alone where GODEBUG=fips140=only: nearly
// all others begin with a key that the mode forbids to make.
func TestMain(m *testing.M) {
	flag.Parse()
	if fips140.Enforced() {
		fmt.Println("GODEBUG=fips140=only: of this package only TestFIPS runs")
		flag.Set("test.run", "^TestFIPS$")
		flag.Set("test.bench", "^$")
	}
	os.Exit(m.Run())
}

// Under GODEBUG=fips140=only what std forbids is a typed error before it
// begins, never a panic of std; what needs no such cryptography works.
func TestFIPS(t *testing.T) {
	t.Parallel()
	locked, err := os.ReadFile("testdata/v6-locked.key")
	require.NoError(t, err)
	if !fips140.Enforced() {
		_, err := pgp.ParseKey(bytes.NewReader(locked), []byte("passphrase")) // as it can be without the mode
		require.NoError(t, err)
		c := exec.Command(os.Args[0], "-test.run=^TestFIPS$", "-test.v")
		c.Env = append(os.Environ(), "GODEBUG=fips140=only")
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "--- PASS: TestFIPS/messages")
		return
	}
	t.Run("keys", func(t *testing.T) { fipsKeys(t, locked) })
	t.Run("messages", fipsMessages)
}

// notApproved runs f, whose error has to be the typed one.
func notApproved(t *testing.T, name string, f func() error) {
	t.Helper()
	var forbidden *envelope.NotApprovedError
	require.NotPanics(t, func() {
		err := f()
		require.ErrorAs(t, err, &forbidden, name)
		require.NotContains(t, err.Error(), "\n")
	}, name)
}

func fipsKeys(t *testing.T, locked []byte) {
	files, err := filepath.Glob("testdata/keys/*.asc")
	require.NoError(t, err)
	require.Greater(t, len(files), 20)
	for _, f := range append(files, "testdata/messages/v4.key") { // all of version 4
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		notApproved(t, f, func() error {
			if strings.HasSuffix(f, ".pub.asc") {
				_, err := pgp.ParseCertificate(b)
				return err
			}
			_, err := pgp.ParseKey(bytes.NewReader(b), []byte("passphrase"))
			return err
		})
	}
	for _, p := range []envelope.Profile{envelope.Auto, envelope.Modern, envelope.Compatible} {
		for _, a := range []string{"", "rsa3072", "p256"} {
			notApproved(t, a, func() error {
				_, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org", Profile: p, Algorithm: a})
				return err
			})
		}
	}
	k := fipsKey(t)
	notApproved(t, "locking", func() error { _, err := k.Marshal([]byte("passphrase")); return err })
	b, err := k.Marshal(nil)
	require.NoError(t, err)
	_, err = pgp.ParseKey(bytes.NewReader(b), nil)
	require.NoError(t, err)
	_, err = pgp.ParseCertificate(k.Certificate().Marshal())
	require.NoError(t, err)
	_, err = k.Revocation()
	require.NoError(t, err)
	notApproved(t, "unlocking", func() error {
		_, err := pgp.ParseKey(bytes.NewReader(locked), []byte("passphrase"))
		return err
	})
}

// fipsKey is a key of version 6, Ed25519 and X25519, that nothing protects.
func fipsKey(t *testing.T) *pgp.Key {
	b, err := os.ReadFile("testdata/messages/v6.key")
	require.NoError(t, err)
	k, err := pgp.ParseKey(bytes.NewReader(b), nil)
	require.NoError(t, err)
	return k
}

func fipsMessages(t *testing.T) {
	k := fipsKey(t)
	bob := verified(t, k)
	o := &envelope.Opener{Identities: []envelope.Identity{k.Identity()}, Senders: []*keyring.Verified{bob}}
	for _, msg := range fuzzSeeds(t) {
		r, err := envelope.Inspect(bytes.NewReader(msg), pgp.Format())
		require.NoError(t, err)
		if r.Encrypted {
			notApproved(t, "opening", func() error { _, _, err := open(o, bytes.NewReader(msg)); return err })
		}
	}
	for _, p := range []envelope.Profile{envelope.Auto, envelope.Modern, envelope.Compatible, envelope.PostQuantum} {
		notApproved(t, "sealing", func() error {
			var out bytes.Buffer
			_, err := (&envelope.Sealer{Profile: p}).Seal(&out, bob)
			require.Zero(t, out.Len())
			require.ErrorIs(t, err, keyring.ErrRefused)
			return err
		})
	}
	// Ed25519 with SHA-512 is not forbidden.
	text := []byte("text")
	_, err := o.VerifyDetached(bytes.NewReader(detached(t, false, text, k)), bytes.NewReader(text))
	require.NoError(t, err)
	m, err := o.Verify(bytes.NewReader(inline(t, true, text, k)))
	require.NoError(t, err)
	got, err := io.ReadAll(m)
	require.NoError(t, err)
	require.Equal(t, text, got)
	_, err = o.Verify(bytes.NewReader(inline(t, true, text, k)[:200]))
	require.True(t, errors.Is(err, envelope.ErrFormat))
}
