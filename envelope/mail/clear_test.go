package mail_test

import (
	"bytes"
	"crypto/fips140"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	dkbmail "github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// clearKeys are made once: each signs as alice@example.org.
var clearKeys = sync.OnceValues(func() (map[string]clearKey, error) {
	keys := map[string]clearKey{}
	if !fips140.Enforced() { // which forbids OpenPGP
		p, err := pgp.GenerateKey(pgp.KeyOptions{Address: "alice@example.org"})
		if err != nil {
			return nil, err
		}
		keys["OpenPGP"] = clearKey{p.Signer(), p.Certificate(), "application/pgp-signature", "pgp-sha512"}
	}
	for algorithm, micalg := range map[string]string{"p256": "sha-256", "p384": "sha-384", "ed25519": "sha-512"} {
		k, err := smime.GenerateKey(smime.KeyOptions{Address: "alice@example.org", Algorithm: algorithm})
		if err != nil {
			return nil, err
		}
		keys[algorithm] = clearKey{k.Signer(), k.Certificate(), "application/pkcs7-signature", micalg}
	}
	return keys, nil
})

type clearKey struct {
	signer           envelope.Signer
	cert             *keyring.Certificate
	protocol, micalg string
}

func clearDraft() *dkbmail.Draft {
	return &dkbmail.Draft{
		From:    mail.Address{Name: "Alice", Address: "alice@example.org"},
		To:      []mail.Address{{Name: "B\u00F6b", Address: "bob@example.org"}},
		Cc:      []mail.Address{{Address: "carol@b\u00FCcher.example"}},
		Bcc:     []mail.Address{{Address: "dave@example.org"}, {Address: "bob@example.org"}},
		Subject: "Gr\u00FC\u00DFe",
		Text:    "From here\n.\ntrailing \ttab\t\nGr\u00FC\u00DFe\n-- \nlone\rCR",
		Attachments: []dkbmail.Attachment{
			{Name: "B\u00FCcher.bin", Body: strings.NewReader("\x00\r\n.\r\nFrom x\n" + strings.Repeat("\xFF", 5000))},
		},
	}
}

// TestSignClear: what is signed is the first part as it stands in the mail,
// found here without any of our own parsers.
func TestSignClear(t *testing.T) {
	t.Parallel()
	keys, err := clearKeys()
	require.NoError(t, err)
	for name, k := range keys {
		c := &dkbmail.Composer{Signers: []envelope.Signer{k.signer}}
		m, err := c.SignClear(clearDraft(), nil)
		require.NoError(t, err, name)
		var out, again bytes.Buffer
		n, err := m.WriteTo(&out)
		require.NoError(t, err)
		require.Equal(t, m.Size(), n)
		_, err = m.WriteTo(&again)
		require.NoError(t, err)
		require.True(t, bytes.Equal(out.Bytes(), again.Bytes()))
		require.Equal(t, []string{"bob@example.org", "carol@xn--bcher-kva.example", "dave@example.org"}, m.Recipients())
		require.Equal(t, "alice@example.org", m.From())
		require.False(t, m.NeedsSMTPUTF8())
		require.NotContains(t, out.String(), "dave")

		part, signature := splitSigned(t, out.Bytes(), k)
		verifyPart(t, k, part, signature)
		require.Contains(t, string(part), `hp="clear"`)
		require.NotContains(t, string(part), "HP-Outer")
		for line := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\r\n"), "\r\n") {
			require.LessOrEqual(t, len(line), 78)
			require.Equal(t, strings.TrimRight(line, " \t"), line)
			require.False(t, strings.ContainsAny(line, "\r\n\t"))
			require.False(t, strings.HasPrefix(line, "From ") || strings.HasPrefix(line, "."))
		}
		require.NoError(t, m.Close())
	}
}

// splitSigned returns the octets between the first two boundary lines, and the
// signature.
func splitSigned(t testing.TB, raw []byte, k clearKey) (part, signature []byte) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	require.NoError(t, err)
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/signed", kind)
	require.Equal(t, k.protocol, params["protocol"])
	require.Equal(t, k.micalg, params["micalg"])
	body, err := io.ReadAll(m.Body)
	require.NoError(t, err)
	pieces := bytes.Split(append([]byte("\r\n"), body...), []byte("\r\n--"+params["boundary"]))
	require.Len(t, pieces, 4)
	require.Empty(t, pieces[0])
	require.Equal(t, "--\r\n", string(pieces[3]))
	s, err := mail.ReadMessage(bytes.NewReader(bytes.TrimPrefix(pieces[2], []byte("\r\n"))))
	require.NoError(t, err)
	var r io.Reader = s.Body
	if s.Header.Get("Content-Transfer-Encoding") == "base64" {
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	signature, err = io.ReadAll(r)
	require.NoError(t, err)
	return bytes.TrimPrefix(pieces[1], []byte("\r\n")), signature
}

func verifyPart(t testing.TB, k clearKey, part, signature []byte) {
	t.Helper()
	v, err := keyring.Verify(k.cert, keyring.Expect(k.cert.Fingerprint()))
	require.NoError(t, err)
	o := &envelope.Opener{Senders: []*keyring.Verified{v}}
	r, err := o.VerifyDetached(bytes.NewReader(signature), bytes.NewReader(part))
	require.NoError(t, err)
	require.Len(t, r.Signatures, 1)
	require.NotNil(t, r.Signatures[0].Sender)
	require.True(t, r.Signatures[0].Valid())
}

// TestSignedSurvives: what servers do to mail on the way leaves the signed part
// as it is, octet by octet.
func TestSignedSurvives(t *testing.T) {
	t.Parallel()
	keys, err := clearKeys()
	require.NoError(t, err)
	lines := func(change func(string) string) func(string) string {
		return func(s string) string {
			all := strings.Split(s, "\r\n")
			for i := range all {
				all[i] = change(all[i])
			}
			return strings.Join(all, "\r\n")
		}
	}
	transforms := map[string]func(string) string{
		"nothing":                    func(s string) string { return s },
		"blanks at the end of lines": lines(func(l string) string { return strings.TrimRight(l, " \t") }),
		"LF and back":                func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n") },
		"dots taken away":            lines(func(l string) string { return strings.TrimPrefix(l, ".") }),
		"dots doubled": lines(func(l string) string {
			if strings.HasPrefix(l, ".") {
				return "." + l
			}
			return l
		}),
		"From escaped": lines(func(l string) string {
			if strings.HasPrefix(l, "From ") {
				return ">" + l
			}
			return l
		}),
		"lines of 998": lines(func(l string) string {
			if len(l) > 998 {
				return l[:998] + "\r\n" + l[998:]
			}
			return l
		}),
		"tabs to blanks": lines(func(l string) string { return strings.ReplaceAll(l, "\t", "        ") }),
		"blanks to tabs": lines(func(l string) string { return strings.ReplaceAll(l, "        ", "\t") }),
		"seventh bit":    func(s string) string { return strings.Map(func(r rune) rune { return r & 0x7F }, s) },
		"a field before": func(s string) string { return "Received: from x\r\n\tby y; Wed, 4 Mar 2026 05:06:07 +0100\r\n" + s },
	}
	d := clearDraft()
	d.Text += "\n" + strings.Repeat("long ", 500) + "\n        eight\n" + strings.Repeat("=", 1500) + "\n.\n..\nFrom \n\n\n"
	d.HTML = "<p>" + strings.Repeat("<b>x</b>", 500) + "\n.\nFrom \t \n"
	for name, k := range keys {
		if name == "p384" || name == "ed25519" {
			continue // differ from p256 in the digest alone
		}
		d.Attachments[0].Body = strings.NewReader(strings.Repeat("\x00From \n", 1000))
		m, err := (&dkbmail.Composer{Signers: []envelope.Signer{k.signer}}).SignClear(d, nil)
		require.NoError(t, err)
		var out strings.Builder
		_, err = m.WriteTo(&out)
		require.NoError(t, err)
		require.NoError(t, m.Close())
		sent, _ := splitSigned(t, []byte(out.String()), k)
		for what, transform := range transforms {
			part, signature := splitSigned(t, []byte(transform(out.String())), k)
			require.True(t, bytes.Equal(sent, part), what)
			verifyPart(t, k, part, signature)
		}
	}
}

// TestSignClearFile: the message is in the File that was given, and a change of
// it is noticed.
func TestSignClearFile(t *testing.T) {
	t.Parallel()
	keys, err := clearKeys()
	require.NoError(t, err)
	c := &dkbmail.Composer{Signers: []envelope.Signer{keys["p256"].signer}}
	f, err := os.Create(filepath.Join(t.TempDir(), "1.eml"))
	require.NoError(t, err)
	defer f.Close()
	d := clearDraft()
	d.Attachments[0].Body = bytes.NewReader(make([]byte, 4<<20)) // more than is remembered of a file
	m, err := c.SignClear(d, f)
	require.NoError(t, err)
	var out bytes.Buffer
	_, err = m.WriteTo(&out)
	require.NoError(t, err)
	kept, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	require.True(t, bytes.Equal(kept, out.Bytes()))
	require.Equal(t, m.Receipt().Format, "S/MIME")

	_, err = c.SignClear(clearDraft(), f)
	require.ErrorContains(t, err, "not empty")

	// A file that was begun with is emptied after an error.
	g, err := os.Create(filepath.Join(t.TempDir(), "2.eml"))
	require.NoError(t, err)
	defer g.Close()
	boom := errors.New("boom")
	d.Attachments[0].Body = io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), iotest.ErrReader(boom))
	_, err = c.SignClear(d, g)
	require.ErrorIs(t, err, boom)
	left, err := os.ReadFile(g.Name())
	require.NoError(t, err)
	require.Empty(t, left)

	_, err = f.WriteAt([]byte{kept[100] ^ 1}, 100)
	require.NoError(t, err)
	_, err = m.WriteTo(io.Discard)
	require.Error(t, err)
	require.NoError(t, m.Close())
}

// TestSignClearRefuses: no half message comes of an error.
func TestSignClearRefuses(t *testing.T) {
	t.Parallel()
	keys, err := clearKeys()
	require.NoError(t, err)
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		signers []envelope.Signer
		change  func(*dkbmail.Draft)
		want    string
	}{
		"no signer":     {nil, func(*dkbmail.Draft) {}, "no signer"},
		"two formats":   {[]envelope.Signer{keys["p256"].signer, keys["OpenPGP"].signer}, func(*dkbmail.Draft) {}, "OpenPGP"},
		"another's key": {[]envelope.Signer{keys["p256"].signer}, func(d *dkbmail.Draft) { d.From.Address = "eve@example.org" }, "does not state the address in From"},
		"draft":         {[]envelope.Signer{keys["p256"].signer}, func(d *dkbmail.Draft) { d.Subject = "a\nb" }, "Subject"},
		"attachment": {[]envelope.Signer{keys["p256"].signer}, func(d *dkbmail.Draft) {
			d.Attachments[0].Body = io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(boom))
		}, "attachment 1"},
	} {
		if name == "two formats" && fips140.Enforced() {
			continue
		}
		d := clearDraft()
		c.change(d)
		m, err := (&dkbmail.Composer{Signers: c.signers}).SignClear(d, nil)
		require.ErrorContains(t, err, c.want, name)
		require.Nil(t, m)
	}
}

// TestSignClearIsRead: our own reader believes what is signed, and the header
// fields with it; and nothing any more after one octet of it changed.
func TestSignClearIsRead(t *testing.T) {
	t.Parallel()
	keys, err := clearKeys()
	require.NoError(t, err)
	for name, k := range keys {
		v, err := keyring.Verify(k.cert, keyring.Expect(k.cert.Fingerprint()))
		require.NoError(t, err)
		m, err := (&dkbmail.Composer{Signers: []envelope.Signer{k.signer}}).SignClear(clearDraft(), nil)
		require.NoError(t, err)
		raw, err := io.ReadAll(m.Open())
		require.NoError(t, err)
		require.NoError(t, m.Close())
		_, err = m.WriteTo(io.Discard)
		require.Error(t, err)

		o := &dkbmail.Opener{Senders: []*keyring.Verified{v}, Strict: true}
		got, err := o.Open(bytes.NewReader(raw))
		require.NoError(t, err, name)
		sum := got.Summary()
		require.True(t, sum.Verified, "%v", sum.Findings)
		require.False(t, sum.Encrypted)
		require.Equal(t, "Gr\u00FC\u00DFe", sum.Subject)
		require.Empty(t, sum.Findings)
		for _, p := range got.Parts() {
			require.Empty(t, p.Findings, p.Path)
		}
		require.NoError(t, got.Close())

		got, err = o.Open(bytes.NewReader(bytes.Replace(raw, []byte("lone"), []byte("gone"), 1)))
		require.NoError(t, err)
		require.True(t, got.Summary().Signed)
		require.False(t, got.Summary().Verified)
		require.NoError(t, got.Close())
	}
}

// TestSignClearAutocrypt: the field is outside, where programs look for it, and
// not among what is signed.
func TestSignClearAutocrypt(t *testing.T) {
	t.Parallel()
	if fips140.Enforced() {
		t.Skip("under fips140=only there is no OpenPGP")
	}
	keys, err := clearKeys()
	require.NoError(t, err)
	k := keys["OpenPGP"]
	m, err := (&dkbmail.Composer{Signers: []envelope.Signer{k.signer}, Autocrypt: k.cert}).SignClear(clearDraft(), nil)
	require.NoError(t, err)
	defer m.Close()
	raw, err := io.ReadAll(m.Open())
	require.NoError(t, err)
	require.Equal(t, 1, bytes.Count(raw, []byte("\r\nAutocrypt: addr=alice@example.org;")))
	part, signature := splitSigned(t, raw, k)
	require.NotContains(t, string(part), "Autocrypt")
	verifyPart(t, k, part, signature)
}

func ExampleComposer_SignClear() {
	key, err := smime.GenerateKey(smime.KeyOptions{Address: "alice@example.org", Algorithm: "p256"})
	if err != nil {
		log.Fatal(err)
	}
	c := &dkbmail.Composer{Signers: []envelope.Signer{key.Signer()}}
	m, err := c.SignClear(&dkbmail.Draft{
		From:    mail.Address{Name: "Alice", Address: "alice@example.org"},
		To:      []mail.Address{{Address: "bob@example.org"}},
		Subject: "Meeting",
		Text:    "At ten, for everybody to read.\n",
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	fmt.Println(m.Recipients(), m.Receipt().Signatures[0].Algorithm)
	// Output: [bob@example.org] ECDSA, SHA-256
}
