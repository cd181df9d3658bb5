package discover_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/smime"
)

// GnuPG's home: all that gpg and gpgsm list, with ownertrust in the notes.
func TestDirGnuPG(t *testing.T) {
	skipFIPS(t)
	r := discover.Reader{Parsers: both()}
	home := fstest.MapFS{
		"pubring.kbx":               {Data: stored(t, "pubring.kbx.b64")},
		"pubring.kbx~":              {Data: []byte("an older one")},
		"trustdb.gpg":               {Data: stored(t, "trustdb.gpg.b64")},
		"private-keys-v1.d/A.key":   {Data: []byte("secret")},
		"openpgp-revocs.d/B.rev":    {Data: []byte("revocation")},
		"gpg.conf":                  {Data: []byte("no-greeting")},
		"crls.d/DIR.txt":            {Data: []byte("v:1:")},
		"S.gpg-agent":               {Mode: fs.ModeSocket},
		"public-keys.d/pubring.asc": {Data: stored(t, "alice.pub.asc")},
	}
	found, problems := r.Dir("home", home)
	require.Empty(t, problems)
	require.Equal(t, listed(t, ""), fingerprints(found))
	noted := 0
	for _, c := range found {
		require.True(t, strings.HasPrefix(c.Source, "home, pubring.kbx, entry "), c.Source)
		noted += len(c.Notes)
	}
	require.Equal(t, 2, noted)
	home["public-keys.d/pubring.db"] = &fstest.MapFile{Data: []byte("SQLite format 3\x00")}
	_, problems = r.Dir("home", home)
	require.Len(t, problems, 1)
	require.ErrorContains(t, problems[0], "GnuPG: gpg --export, gpgsm --export")
	delete(home, "public-keys.d/pubring.db")
	home["trustdb.gpg"].Data = []byte("?")
	found, problems = r.Dir("home", home)
	require.Len(t, found, 4)
	require.Len(t, problems, 1)
	require.ErrorContains(t, problems[0], "neither GnuPG's trustdb.gpg nor")
}

// A certificate directory says under which name each certificate is.
func TestDirCertificates(t *testing.T) {
	m := someKeys(t)
	f := strings.ToLower(listedAs(t, "alice@example.org"))
	name := f[:2] + "/" + f[2:]
	r := discover.Reader{Parsers: both()}
	for title, c := range map[string]struct {
		path  string
		data  []byte
		found int
		why   string
	}{
		"under its name":     {name, m.alice, 1, ""},
		"armored":            {name, m.aliceArmored, 0, "no OpenPGP packets"},
		"of another":         {f[:2] + "/" + strings.Repeat("0", 38), m.alice, 0, "whose name it does not have"},
		"two":                {name, join(m.alice, m.alice), 2, ""},
		"capitals":           {strings.ToUpper(name), m.alice, 0, "it holds no certificate"},
		"too short":          {name[:len(name)-1], m.alice, 0, "it holds no certificate"},
		"a key ID":           {f[24:26] + "/" + f[26:], m.alice, 0, "it holds no certificate"},
		"the root of trust":  {"trust-root", m.alice, 0, "it holds no certificate"},
		"not two digits":     {"abc/" + f[2:], m.alice, 0, "it holds no certificate"},
		"in a folder of its": {name + "/" + f[2:], m.alice, 0, "it holds no certificate"},
	} {
		t.Run(title, func(t *testing.T) {
			found, problems := r.Dir("d", fstest.MapFS{c.path: {Data: c.data}})
			require.Len(t, found, c.found, "%v", problems)
			if c.why == "" {
				require.Empty(t, problems)
			} else {
				require.Len(t, problems, 1)
				require.ErrorContains(t, problems[0], c.why)
			}
		})
	}
}

// listedAs returns the fingerprint that gpg listed for an address.
func listedAs(t testing.TB, address string) string {
	t.Helper()
	found, _ := discover.Read("f", stored(t, "pubring.kbx.b64"), both()...)
	for _, c := range found {
		if a := c.Certificate.Addresses(); len(a) == 1 && a[0] == address {
			return c.Certificate.Fingerprint().String()
		}
	}
	t.Fatal("nobody is " + address)
	return ""
}

// A folder of files: those whose names say what they hold.
func TestDirFolder(t *testing.T) {
	m := someKeys(t)
	r := discover.Reader{Parsers: both(), PKCS12: func(source string, b []byte) ([]*keyring.Certificate, error) {
		if source != "d, nss.P12" {
			return nil, errors.New("no such file: " + source)
		}
		return smime.PKCS12Certificates(b, []byte("carol"))
	}}
	found, problems := r.Dir("d", fstest.MapFS{
		"a.asc":      {Data: m.aliceArmored},
		"c.pem":      {Data: inPEM("CERTIFICATE", m.carol)},
		"c.vcf":      {Data: []byte("BEGIN:VCARD\nKEY:?\nEND:VCARD\n")},
		"m.eml":      {Data: stored(t, "signed.eml")},
		"nss.P12":    {Data: stored(t, "nss.p12.b64")},
		"other.p12":  {Data: stored(t, "nss.p12.b64")},
		"readme.txt": {Data: m.aliceArmored},
		"sub/a.asc":  {Data: m.aliceArmored},
	})
	require.Len(t, found, 6)
	require.Len(t, problems, 2)
	require.ErrorContains(t, problems[0], `"d, c.vcf, vCard 1": its base64`)
	require.ErrorContains(t, problems[1], `"d, other.p12": no such file: d, other.p12`)
}

// What is no file is not opened, and what is too much is not read.
func TestDirRefuses(t *testing.T) {
	m := someKeys(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.asc"), m.aliceArmored, 0o600))
	require.NoError(t, os.Symlink("a.asc", filepath.Join(dir, "b.asc")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "c.asc"), 0o700))
	r := discover.Reader{Parsers: both()}
	found, problems := r.Dir("d", os.DirFS(dir))
	require.Empty(t, problems)
	require.Len(t, found, 1)
	require.Equal(t, "d, a.asc", found[0].Source)

	_, problems = r.Dir("d", os.DirFS(filepath.Join(dir, "none")))
	require.Len(t, problems, 1)
	require.ErrorIs(t, problems[0], fs.ErrNotExist)

	large := fstest.MapFS{"z.asc": {Data: m.aliceArmored}}
	for _, n := range []string{"a.asc", "b.asc", "c.asc", "d.asc"} {
		large[n] = &fstest.MapFile{Data: make([]byte, 1000)}
	}
	all := int64(4000 + len(m.aliceArmored))
	found, problems = r.DirWithin("d", large, all-1)
	require.Empty(t, found)
	require.Len(t, problems, 1)
	require.ErrorContains(t, problems[0], fmt.Sprintf(`"d, z.asc": the files have more than %d octets together`, all-1))
	found, problems = r.DirWithin("d", large, all)
	require.Empty(t, problems)
	require.Len(t, found, 1)

	large = fstest.MapFS{"a.asc": {Data: make([]byte, 64<<20+1)}, "z.asc": {Data: m.aliceArmored}}
	found, problems = r.Dir("d", large)
	require.Len(t, found, 1)
	require.Len(t, problems, 1)
	require.ErrorContains(t, problems[0], "more than 67108864 octets")
}
