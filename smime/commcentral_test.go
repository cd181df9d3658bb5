package smime_test

import (
	"bytes"
	"crypto/fips140"
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// nssMail is a mail of Thunderbird's tests, made by NSS, taken apart.
type nssMail struct {
	name string
	cms  []byte // the sealed or opaque signed message, nil if it is a multipart/signed
	part []byte // the signed part and its signature
	sig  []byte
}

var (
	boundaryOf = regexp.MustCompile(`boundary="([^"]+)"`)
)

func readNSSMail(t *testing.T, file string) nssMail {
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	m := nssMail{name: filepath.Base(file)}
	head, body, ok := strings.Cut(string(b), "\r\n\r\n")
	require.True(t, ok, m.name)
	decode := func(s string) []byte {
		_, body, ok := strings.Cut("\r\n\r\n"+s, "\r\n\r\n")
		require.True(t, ok, m.name)
		der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(body))
		require.NoError(t, err, m.name)
		return der
	}
	if !strings.Contains(head, "multipart/signed") {
		m.cms = decode(body)
		return m
	}
	parts := strings.Split("\r\n"+body, "\r\n--"+boundaryOf.FindStringSubmatch(head)[1])
	require.Len(t, parts, 4, m.name)
	m.part = []byte(strings.TrimPrefix(parts[1], "\r\n"))
	if strings.HasPrefix(m.name, "alice.env.dsig.") {
		// These were signed with the line ends of Unix.
		m.part = bytes.ReplaceAll(m.part, []byte("\r\n"), []byte("\n"))
	}
	_, sig, _ := strings.Cut(parts[2], "\r\n\r\n")
	m.sig = decode(sig)
	return m
}

// want is the outcome that a mail's name states. Decided here is only that a
// signature with SHA-1 authenticates nothing: collisions of it are made. What
// is "future" is the date in the mail's header, which is not in the signature.
func (m *nssMail) want() (sealed bool, err error) {
	sealed = strings.Contains(m.name, ".env.eml")
	last := m.name[max(0, strings.LastIndex(m.name, "sig.")):]
	switch {
	case sealed && (m.name == "alice.env.eml" || strings.Contains(last, "SHA1")):
		return sealed, envelope.ErrDecrypt
	case strings.Contains(m.name, "mismatch-econtent"):
		return sealed, envelope.ErrFormat // the signature is over another content, which it brings
	case strings.Contains(last, "SHA1"), strings.Contains(m.name, ".bad."):
		return sealed, envelope.ErrSignature
	}
	return sealed, nil
}

// TestNSSMails opens and verifies the mails of Thunderbird's tests, or what of
// them is CMS.
func TestNSSMails(t *testing.T) {
	t.Parallel()
	if fips140.Enforced() {
		t.Skip("skipped: the mails are sealed with RSA PKCS#1 v1.5, which GODEBUG=fips140=only does not allow")
	}
	dir := os.Getenv("DKB_VECTORS")
	if dir == "" {
		t.Skip("DKB_VECTORS is not set: the mails of Thunderbird's tests were not read")
	}
	dir = filepath.Join(dir, "comm-central", "mailnews", "test", "data", "smime")
	people := map[string]*person{}
	for _, name := range []string{"Alice", "Bob", "Dave"} {
		f, err := os.Open(filepath.Join(dir, name+".p12"))
		require.NoError(t, err)
		k, err := smime.ParseKey(f, []byte("nss"))
		f.Close()
		require.NoError(t, err, name)
		c := k.Certificate()
		people[name] = &person{name, k, must(keyring.Verify(c, keyring.Expect(c.Fingerprint())))}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	require.NoError(t, err)
	require.Len(t, files, 66, "a mail that is lost must not go unnoticed")
	count := map[string]int{}
	for _, file := range files {
		m := readNSSMail(t, file)
		sealed, want := m.want()
		o := envelope.Opener{Identities: people["Bob"].identities(), Time: func() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }}
		by := people["Alice"]
		if strings.Contains(m.name, "dave") {
			by = people["Dave"]
		}
		o.Senders = by.senders()
		var r *envelope.Report
		var got []byte
		switch {
		case sealed:
			got, r, err = open(o, bytes.NewReader(m.cms))
		case m.cms != nil:
			got, r, err = verify(o, bytes.NewReader(m.cms))
		default:
			r, err = o.VerifyDetached(bytes.NewReader(m.sig), bytes.NewReader(m.part))
			got = m.part
		}
		if want != nil {
			require.ErrorIs(t, err, want, m.name)
			count[want.Error()]++
		} else {
			require.NoError(t, err, m.name)
			require.Same(t, by.verified, r.Signatures[0].Sender, m.name)
			require.True(t, bytes.HasPrefix(got, []byte("Content-Type: ")), m.name)
			count["valid"]++
		}
		if sealed && want != nil {
			o.Legacy.UnauthenticatedCBC = true
			got, r, err = open(o, bytes.NewReader(m.cms))
			require.NoError(t, err, m.name)
			require.True(t, r.Unauthenticated && len(got) > 0, m.name)
		}
	}
	t.Log(count)
}
