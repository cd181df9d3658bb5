package discover_test

import (
	"crypto/fips140"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

type parser = func([]byte) (*keyring.Certificate, error)

// both are the parsers of a program that wants all there is.
func both() []parser {
	return []parser{pgp.ParseCertificate, pgp.KeyCertificate, smime.ParseCertificate}
}

// stored returns a file of testdata, decoded if it is in base64.
func stored(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	if strings.HasSuffix(name, ".b64") {
		b, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(b)), ""))
		require.NoError(t, err)
	}
	return b
}

// listed returns the fingerprints that the programs listed which made the
// stores, in order.
func listed(t testing.TB, program string) (all []string) {
	t.Helper()
	for _, line := range strings.Split(string(stored(t, "fingerprints.txt")), "\n") {
		if by, f, ok := strings.Cut(line, " "); ok && (by == program || program == "") {
			all = append(all, f)
		}
	}
	require.NotEmpty(t, all)
	slices.Sort(all)
	return all
}

// fingerprints returns those of the candidates, in order.
func fingerprints(found []discover.Candidate) (all []string) {
	for _, c := range found {
		all = append(all, c.Certificate.Fingerprint().String())
	}
	slices.Sort(all)
	return all
}

// skipFIPS skips what needs version 4 keys, whose fingerprints are SHA-1.
func skipFIPS(t testing.TB) {
	t.Helper()
	if fips140.Enforced() {
		t.Skip("skipped: GODEBUG=fips140=only reads no version 4 keys and no PKCS#12")
	}
}

// What gpg, gpgsm, NSS and openssl stored is found, with the fingerprints that
// they list.
func TestStores(t *testing.T) {
	skipFIPS(t)
	reader := discover.Reader{Parsers: both(), PKCS12: func(_ string, b []byte) ([]*keyring.Certificate, error) {
		return smime.PKCS12Certificates(b, []byte("carol"))
	}}
	for _, c := range []struct {
		file, program string
		problems      int
	}{
		{"pubring.kbx.b64", "", 0},
		{"pubring.gpg.b64", "gpg", 0},
		{"secret.asc", "gpg", 0},
		{"carol.p7c.b64", "gpgsm", 0},
		{"carol.p12.b64", "gpgsm", 0},
		{"nss.p12.b64", "gpgsm", 0},
		{"signed.eml", "gpgsm", 0},
	} {
		t.Run(c.file, func(t *testing.T) {
			found, problems := reader.Read(c.file, stored(t, c.file))
			require.Empty(t, problems)
			require.Equal(t, listed(t, c.program), fingerprints(found))
			for _, f := range found {
				require.True(t, strings.HasPrefix(f.Source, c.file+", "), f.Source)
			}
		})
	}
}

// Ownertrust is shown beside the key that it is of, and decides nothing.
func TestNoteOwnerTrust(t *testing.T) {
	skipFIPS(t)
	for _, file := range []string{"trustdb.gpg.b64", "ownertrust.txt"} {
		t.Run(file, func(t *testing.T) {
			found, _ := discover.Read("pubring.kbx", stored(t, "pubring.kbx.b64"), both()...)
			n, err := discover.NoteOwnerTrust(found, stored(t, file))
			require.NoError(t, err)
			require.Equal(t, 2, n)
			notes := map[string][]string{}
			for _, c := range found {
				for _, a := range c.Certificate.Addresses() {
					notes[a] = c.Notes
				}
				_, err := keyring.Verify(c.Certificate, keyring.Evidence{})
				require.ErrorIs(t, err, keyring.ErrRefused)
			}
			require.Equal(t, []string{"ownertrust: ultimate (not taken)"}, notes["alice@example.org"])
			require.Equal(t, []string{"ownertrust: marginal (not taken)"}, notes["bob@example.org"])
			require.Empty(t, notes["carol@example.org"])
		})
	}
}
