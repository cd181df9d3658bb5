package mail_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// thunderbird reads with the keys of Thunderbird's tests, at the time that their
// mails are of: certificates and keys of tests expire.
func thunderbird(t testing.TB) *mail.Opener {
	o := &mail.Opener{
		Formats: bothFormats,
		Time:    func() time.Time { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) },
	}
	dir := vectors(t, "comm-central", "mailnews", "test", "data", "smime")
	ring, err := keyring.OpenRing(t.TempDir(), smime.ParseCertificate)
	require.NoError(t, err)
	o.Ring = ring
	for _, name := range []string{"Alice", "Bob", "Dave"} {
		f, err := os.Open(filepath.Join(dir, name+".p12"))
		require.NoError(t, err)
		k, err := smime.ParseKey(f, []byte("nss"))
		f.Close()
		require.NoError(t, err, name)
		// Their certificates state the address in the subject, as was done before
		// there was an extension for it: who knows better says so in a ring.
		_, err = o.Ring.Add(believe(k.Certificate()), keyring.Addition{Addresses: []string{name + "@example.com"}, Alias: true})
		require.NoError(t, err, name)
		if name == "Bob" {
			o.Identities = append(o.Identities, k.Identity())
		}
	}
	dir = vectors(t, "comm-central", "mail", "test", "browser", "openpgp", "data", "keys")
	for _, name := range []string{"alice@openpgp.example-0xf231550c4f47e38e", "bob@openpgp.example-0xfbfcc82a015e7330"} {
		f, err := os.Open(filepath.Join(dir, name+"-secret.asc"))
		require.NoError(t, err)
		k, err := pgp.ParseKey(f, nil)
		f.Close()
		require.NoError(t, err, name)
		o.Senders = append(o.Senders, believe(k.Certificate()))
		o.Identities = append(o.Identities, k.Identity())
	}
	b, err := os.ReadFile(filepath.Join(dir, "carol@example.com-0x3099ff1238852b9f-pub.asc"))
	require.NoError(t, err)
	carol, err := pgp.ParseCertificate(b)
	require.NoError(t, err)
	o.Senders = append(o.Senders, believe(carol))
	return o
}

// TestCorporaOutcomes opens the cryptographic mails of others' tests.
func TestCorporaOutcomes(t *testing.T) {
	skipInFIPS(t)
	o := thunderbird(t)
	file, err := os.ReadFile("testdata/corpora.txt")
	require.NoError(t, err)
	rows, decided := 0, 0
	for _, line := range strings.Split(string(file), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, " | ")
		require.Len(t, f, 4, "%q", line)
		rows++
		if f[3] != "-" {
			decided++
			t.Logf("decided here: %s is %s: %s", filepath.Base(f[0]), f[1], f[3])
		}
		t.Run(strings.ReplaceAll(f[0], "/", ":"), func(t *testing.T) {
			b, err := os.ReadFile(vectors(t, filepath.FromSlash(f[0])))
			require.NoError(t, err)
			m, err := o.Open(bytes.NewReader(b))
			require.NoError(t, err)
			defer m.Close()
			require.Equal(t, f[1], outcome(m), "%v: %v", m.Err(), findingCodes(m))
			for _, code := range strings.Fields(f[2]) {
				require.True(t, code == "-" || slices.ContainsFunc(strings.Split(code, "/"), func(c string) bool { return hasFinding(m, c) }), "no finding %s in %v", code, findingCodes(m))
			}
			for _, p := range leaves(m) {
				contentOf(t, p)
			}
		})
	}
	t.Logf("%d mails, %d decided here", rows, decided)
	require.Equal(t, corporaMails, rows, "a mail that is lost must not go unnoticed")
	require.LessOrEqual(t, decided*20, rows, "more than one in twenty is decided here")
}

// outcome is what is said of a message, in words.
func outcome(m *mail.Message) string {
	s := m.Summary()
	var words []string
	if m.Err() != nil {
		words = append(words, "closed")
	}
	for word, is := range map[string]bool{"sealed": s.Encrypted, "signed": s.Signed, "verified": s.Verified} {
		if is {
			words = append(words, word)
		}
	}
	if len(words) == 0 {
		return "plain"
	}
	slices.Sort(words) // closed, sealed, signed, verified
	return strings.Join(words, " ")
}

// TestCorporaWithoutPanic reads every mail of the vectors, and every part of it:
// none is verified for a reader who believes nobody, none panics, and none is
// an error but for a limit, or for Strict.
func TestCorporaWithoutPanic(t *testing.T) {
	counts := map[string]int{}
	strict, ambiguous := 0, 0
	everyMail(t, func(name string, b []byte) {
		counts[strings.Split(name, "/")[0]]++
		o := &mail.Opener{Formats: bothFormats}
		m, err := o.Open(bytes.NewReader(b))
		var limit *envelope.LimitError
		if errors.As(err, &limit) {
			t.Logf("%s: %v", name, err)
			return
		}
		require.NoError(t, err, name)
		require.False(t, m.Summary().Verified, name)
		for _, p := range m.Parts() {
			_, err := io.Copy(io.Discard, p.Raw())
			require.NoError(t, err, "%s, part %s", name, p.Path)
			contentOf(t, p)
			require.Equal(t, p.SafeName == "", p.Name == "", "%s, part %s", name, p.Path)
		}
		require.NoError(t, m.Close())
		o.Strict = true
		strict++
		if m, err := o.Open(bytes.NewReader(b)); err != nil {
			var a *mail.AmbiguousError
			require.ErrorAs(t, err, &a, name)
			require.NotEmpty(t, a.Findings)
			ambiguous++
		} else {
			m.Close()
		}
	})
	t.Logf("%v; %d of %d ambiguous", counts, ambiguous, strict)
	require.Equal(t, corporaFiles, counts)
}

// everyMail calls f with every file of the corpora of mails.
func everyMail(t *testing.T, f func(name string, b []byte)) {
	root := vectors(t)
	for _, dir := range []string{"comm-central", "chatmail", "mimekit", "enmime", "ruby-mail"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, dir), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			name, err := filepath.Rel(root, path)
			require.NoError(t, err)
			b, err := os.ReadFile(path)
			f(filepath.ToSlash(name), b)
			return err
		}))
	}
	file, err := os.Open(filepath.Join(root, "mime4j", "mime4j-testmsgs.tar.gz"))
	require.NoError(t, err)
	defer file.Close()
	z, err := gzip.NewReader(file)
	require.NoError(t, err)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if h.Typeflag != tar.TypeReg {
			continue
		}
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		f("mime4j/"+h.Name, b)
	}
}

// What is read, so that a corpus that is lost does not go unnoticed.
const corporaMails = 153

var corporaFiles = map[string]int{"chatmail": 34, "comm-central": 253, "enmime": 113, "mime4j": 487, "mimekit": 81, "ruby-mail": 107}
