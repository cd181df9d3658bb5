package mail_test

import (
	"bytes"
	"encoding/base64"
	"io"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/stretchr/testify/require"
)

// memory is a mail.File in memory.
type memory struct{ b []byte }

func (m *memory) Write(p []byte) (int, error) {
	m.b = append(m.b, p...)
	return len(p), nil
}

func (m *memory) ReadAt(p []byte, off int64) (int, error) { return bytes.NewReader(m.b).ReadAt(p, off) }

// sealedText seals a mail to one person and returns it.
func sealedText(t testing.TB, to person) string {
	t.Helper()
	c := &mail.Composer{Keys: keysOf(to)}
	p, err := c.Plan(&mail.Draft{From: netmail.Address{Name: "Älice", Address: "alice@example.org"}, To: addresses(to), Subject: "secret", Text: "hello", MessageID: "1@example.org"})
	requireApproved(t, err)
	f := &memory{}
	all, err := p.Seal(f)
	requireApproved(t, err)
	var out bytes.Buffer
	_, err = all[0].WriteTo(&out)
	requireApproved(t, err)
	require.Equal(t, string(f.b), out.String())
	require.NoError(t, all[0].Close())
	return out.String()
}

func reopen(text string) (*mail.Sealed, error) {
	return mail.Reopen(&memory{[]byte(text)}, int64(len(text)), "alice@example.org", []string{"Bob@EXAMPLE.org", "bob@example.com"}, pgp.Format(), smime.Format())
}

// TestReopen takes what Seal wrote, and refuses it with one change.
func TestReopen(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		"OpenPGP": sealedText(t, pgpPerson(t, "bob@example.org", "curve25519")),
		"S/MIME":  sealedText(t, cmsPerson(t, "gcm@example.org", "p256 GCM")),
	}
	replace := func(old, new string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, new, 1) }
	}
	before := func(mark, more string) func(string) string { return replace(mark, more+mark) }
	end := func(more string) func(string) string { return func(s string) string { return s + more } }
	changes := map[string]func(string) string{
		"text before":              func(s string) string { return "hello\r\n" + s },
		"blank line before":        func(s string) string { return "\r\n" + s },
		"text behind":              end("hello\r\n"),
		"a line end behind":        end("\r\n"),
		"an octet less":            func(s string) string { return s[:len(s)-1] },
		"a line less":              func(s string) string { return s[:strings.LastIndex(s[:len(s)-2], "\r\n")+2] },
		"half of it":               func(s string) string { return s[:len(s)/2] },
		"another field":            before("Subject:", "X-Text: secret\r\n"),
		"Bcc":                      before("Subject:", "Bcc: carol@example.org\r\n"),
		"two From":                 before("Subject:", "From: eve@example.org\r\n"),
		"two Subject":              before("Subject:", "Subject: secret\r\n"),
		"a Content-Type more":      before("Subject:", "Content-Type: text/plain\r\n"),
		"a Content-Type of none":   replace("Content-Type:", "Content-Typo:"),
		"no MIME-Version":          replace("MIME-Version: 1.0\r\n", ""),
		"another author":           replace("alice@example.org", "malice@example.org"),
		"two authors":              replace("<alice@example.org>", "<alice@example.org>, eve@example.org"),
		"no message ID":            replace("<1@example.org>", ""),
		"a bare line feed":         replace("\r\nSubject", "\nSubject"),
		"a bare carriage return":   replace("\r\nSubject", "\rSubject"),
		"text in the body's begin": before("\r\n\r\n", "\r\n\r\nhello"),
		"another part type":        replace("Content-Type: application/", "Content-Type: text/"),
		"all in LF":                func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") },
		"plain text": func(s string) string {
			head, _, _ := strings.Cut(s, "MIME-Version")
			return head + "Content-Type: text/plain\r\n\r\nhello\r\n"
		},
		"base64 of text in the place of the message": func(s string) string {
			head, _, _ := strings.Cut(s, "\r\n\r\n")
			return head + "\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte("hello, this is a plain text.")) + "\r\n"
		},
	}
	only := map[string]map[string]func(string) string{
		"OpenPGP": {
			"text in the first part":   replace("Version: 1\r\n", "Version: 1\r\nhello\r\n"),
			"an armor header":          replace("MESSAGE-----\r\n", "MESSAGE-----\r\nComment: hello\r\n"),
			"text before the armor":    before("-----BEGIN", "hello\r\n"),
			"text behind the armor":    replace("-----END PGP MESSAGE-----\r\n", "-----END PGP MESSAGE-----\r\nhello\r\n"),
			"text in the armor":        replace("-----END", "hello there\r\n-----END"),
			"text before the parts":    before("\r\n\r\n--=_", "\r\n\r\nhello"),
			"a blank in the armor":     replace("\r\n-----END", " \r\n-----END"),
			"another kind of armor":    replace("BEGIN PGP MESSAGE", "BEGIN PGP SIGNATURE"),
			"other boundary in header": replace(`boundary="=_`, `boundary="=_x`),
		},
		"S/MIME": {
			"the other type":        replace("authEnveloped-data", "enveloped-data"),
			"signed-data":           replace("authEnveloped-data", "signed-data"),
			"another encoding":      replace("Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: 7bit"),
			"another name":          replace(`name="smime.p7m"`, `name="secret.p7m"`),
			"a blank in the base64": func(s string) string { i := strings.Index(s, "\r\n\r\n"); return s[:i+14] + " " + s[i+14:] },
			"another line length":   func(s string) string { i := strings.Index(s, "\r\n\r\n"); return s[:i+14] + "\r\n" + s[i+14:] },
			"lines of other lengths": func(s string) string {
				i := strings.Index(s, "\r\n\r\n") + 4
				return s[:i+75] + "\r\n" + s[i+75:i+76] + s[i+78:]
			},
			"base64 of text behind": end("aGVsbG8=\r\n"),
			"a multipart around": func(s string) string {
				head, body, _ := strings.Cut(s, "MIME-Version")
				return head + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nMIME-Version" + body + "\r\n--x\r\n\r\nhello\r\n--x--\r\n"
			},
		},
	}
	for format, text := range texts {
		s, err := reopen(text)
		require.NoError(t, err, format)
		require.Equal(t, "alice@example.org", s.From())
		require.Equal(t, []string{"Bob@example.org", "bob@example.com"}, s.Recipients())
		require.Equal(t, "1@example.org", s.MessageID())
		require.False(t, s.Own())
		require.False(t, s.NeedsSMTPUTF8())
		require.EqualValues(t, len(text), s.Size())
		require.Equal(t, format, s.Receipt().Format)
		var out bytes.Buffer
		_, err = s.WriteTo(&out)
		require.NoError(t, err)
		require.Equal(t, text, out.String())
		require.NoError(t, s.Close())
		for _, list := range []map[string]func(string) string{changes, only[format]} {
			for name, change := range list {
				changed := change(text)
				require.NotEqual(t, text, changed, "%s, %s", format, name)
				_, err := reopen(changed)
				require.ErrorIs(t, err, envelope.ErrFormat, "%s, %s", format, name)
			}
		}
	}
}

// TestReopenArguments is about what is not in the message.
func TestReopenArguments(t *testing.T) {
	t.Parallel()
	text := sealedText(t, cmsPerson(t, "gcm@example.org", "p256 GCM"))
	f, size := &memory{[]byte(text)}, int64(len(text))
	s, err := mail.Reopen(f, size, "alice@example.org", nil, smime.Format())
	require.NoError(t, err)
	require.True(t, s.Own())
	require.Empty(t, s.Recipients())
	_, err = mail.Reopen(f, size, "bob@example.org", nil, smime.Format())
	require.ErrorIs(t, err, envelope.ErrFormat)
	for _, a := range []string{"", "nobody", "@example.org", "a b@example.org"} {
		_, err = mail.Reopen(f, size, a, nil, smime.Format())
		require.Error(t, err)
		_, err = mail.Reopen(f, size, "alice@example.org", []string{a}, smime.Format())
		require.Error(t, err)
	}
	_, err = mail.Reopen(f, size+1, "alice@example.org", nil, smime.Format())
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, err = mail.Reopen(f, size-1, "alice@example.org", nil, smime.Format())
	require.ErrorIs(t, err, envelope.ErrFormat)
	_, err = mail.Reopen(f, 0, "alice@example.org", nil, smime.Format())
	require.ErrorIs(t, err, envelope.ErrFormat)
	_, err = mail.Reopen(nil, 0, "alice@example.org", nil, smime.Format())
	require.Error(t, err)
	_, err = mail.Reopen(f, size, "alice@example.org", nil, pgp.Format())
	require.ErrorIs(t, err, envelope.ErrFormat)
	_, err = mail.Reopen(f, size, "alice@example.org", nil)
	require.Error(t, err)
}

// TestReopenSigned: what is only signed is plain text.
func TestReopenSigned(t *testing.T) {
	t.Parallel()
	alice := cmsPerson(t, "alice@example.org", "p256")
	var der bytes.Buffer
	w, err := envelope.Sign(&der, alice.signer)
	require.NoError(t, err)
	_, err = io.WriteString(w, "hello")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	sealed := sealedText(t, cmsPerson(t, "gcm@example.org", "p256 GCM"))
	head, _, _ := strings.Cut(sealed, "\r\n\r\n")
	var body strings.Builder
	text := base64.StdEncoding.EncodeToString(der.Bytes())
	for len(text) > 0 {
		n := min(76, len(text))
		body.WriteString(text[:n] + "\r\n")
		text = text[n:]
	}
	_, err = reopen(head + "\r\n\r\n" + body.String())
	require.ErrorIs(t, err, envelope.ErrFormat)
	require.ErrorContains(t, err, "not encrypted")
}

// TestSealedChanged: a file that is changed is not sent.
func TestSealedChanged(t *testing.T) {
	t.Parallel()
	bob := pgpPerson(t, "bob@example.org", "curve25519")
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer f.Close()
	c := &mail.Composer{Keys: keysOf(bob)}
	p, err := c.Plan(&mail.Draft{From: netmail.Address{Address: "alice@example.org"}, To: addresses(bob), Text: "hello",
		Attachments: []mail.Attachment{{Name: "a", Body: strings.NewReader(strings.Repeat("a", 1<<20))}}})
	require.NoError(t, err)
	all, err := p.Seal(f)
	require.NoError(t, err)
	s := all[0]
	_, err = s.WriteTo(io.Discard)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("*"), 500_000) // which is not in base64
	require.NoError(t, err)
	_, err = s.WriteTo(io.Discard)
	require.ErrorContains(t, err, "changed")
	_, err = io.Copy(io.Discard, s.Open())
	require.ErrorContains(t, err, "changed")
	require.NoError(t, s.Close())
	_, err = s.WriteTo(io.Discard)
	require.ErrorContains(t, err, "closed")
	var zero mail.Sealed
	n, err := zero.WriteTo(io.Discard)
	require.NoError(t, err)
	require.Zero(t, n)
	require.NoError(t, zero.Close())
}
