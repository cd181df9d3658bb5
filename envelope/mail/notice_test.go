package mail_test

import (
	"bytes"
	"crypto/fips140"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	dkbmail "github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

const boxMarker = "the policy of Bob"

// lockedZip is an archive with a file that says boxMarker.
func lockedZip(t testing.TB, p *envelope.Passphrase) []byte {
	t.Helper()
	if fips140.Enforced() {
		t.Skip("the format needs SHA-1, which is not allowed with GODEBUG=fips140=only")
	}
	var b bytes.Buffer
	w, err := new(zipbox.Locker).Lock(&b, p)
	require.NoError(t, err)
	defer w.Abort()
	f, err := w.Create("statement.txt", time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC))
	require.NoError(t, err)
	_, err = io.WriteString(f, boxMarker)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func box(name string, b []byte) dkbmail.Box {
	return dkbmail.Box{Name: name, Src: bytes.NewReader(b), Size: int64(len(b))}
}

func noticeDraft() *dkbmail.Draft {
	d := clearDraft()
	d.Attachments = nil
	d.HTML = "<p>Your statement is in the box.</p>"
	return d
}

// openBox returns the one file of an archive.
func openBox(t testing.TB, b []byte, p *envelope.Passphrase) string {
	t.Helper()
	a, err := new(zipbox.Opener).Open(bytes.NewReader(b), p)
	require.NoError(t, err)
	defer a.Close()
	require.Len(t, a.Files(), 1)
	f := a.Files()[0].Open()
	defer f.Close()
	content, err := io.ReadAll(f)
	require.NoError(t, err)
	return string(content)
}

// TestNotify: the notice of every kind of signer is read as signed and verified,
// and the box in it is the box.
func TestNotify(t *testing.T) {
	t.Parallel()
	keys, err := clearKeys()
	require.NoError(t, err)
	p := envelope.NewPassphrase()
	locked := lockedZip(t, p)
	for name, k := range keys {
		c := &dkbmail.Composer{Signers: []envelope.Signer{k.signer}, AllowUnsigned: true}
		m, err := c.Notify(noticeDraft(), nil, box("Ihre Größe.zip", locked), box("more.zip", locked))
		require.NoError(t, err, name)
		raw, err := io.ReadAll(m.Open())
		require.NoError(t, err)
		require.EqualValues(t, len(raw), m.Size())
		require.Equal(t, []string{"bob@example.org", "carol@xn--bcher-kva.example", "dave@example.org"}, m.Recipients())
		require.NotNil(t, m.Receipt())
		require.NotContains(t, string(raw), "dave")
		require.NotContains(t, string(raw), "statement.txt")
		part, signature := splitSigned(t, raw, k)
		verifyPart(t, k, part, signature)

		v, err := keyring.Verify(k.cert, keyring.Expect(k.cert.Fingerprint()))
		require.NoError(t, err)
		got, err := (&dkbmail.Opener{Senders: []*keyring.Verified{v}, Strict: true}).Open(bytes.NewReader(raw))
		require.NoError(t, err)
		sum := got.Summary()
		require.True(t, sum.Verified, "%v", sum.Findings)
		require.False(t, sum.Encrypted)
		require.Equal(t, "Grüße", sum.Subject)
		require.Empty(t, sum.Findings)
		var names []string
		for _, part := range got.Parts() {
			require.Empty(t, part.Findings, part.Path)
			if part.MediaType != "application/zip" {
				continue
			}
			names = append(names, part.Name)
			require.True(t, part.Signed)
			b, err := io.ReadAll(part.Open())
			require.NoError(t, err)
			require.True(t, bytes.Equal(locked, b))
			require.Equal(t, boxMarker, openBox(t, b, p))
		}
		require.Equal(t, []string{"Ihre Größe.zip", "more.zip"}, names)
		require.NoError(t, got.Close())
		require.NoError(t, m.Close())
		_, err = m.WriteTo(io.Discard)
		require.Error(t, err)
	}
}

// TestNotifyUnsigned: it is an ordinary mail that claims nothing, and only where
// that is permitted.
func TestNotifyUnsigned(t *testing.T) {
	t.Parallel()
	locked := lockedZip(t, envelope.NewPassphrase())
	c := &dkbmail.Composer{}
	m, err := c.Notify(noticeDraft(), nil, box("statement.zip", locked))
	require.ErrorContains(t, err, "AllowUnsigned")
	require.Nil(t, m)

	c.AllowUnsigned = true
	m, err = c.Notify(noticeDraft(), nil, box("statement.zip", locked))
	require.NoError(t, err)
	defer m.Close()
	require.Nil(t, m.Receipt())
	raw, err := io.ReadAll(m.Open())
	require.NoError(t, err)
	for _, claim := range []string{"hp=", "protected-headers", "HP-Outer", "multipart/signed"} {
		require.NotContains(t, string(raw), claim)
	}
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	require.NoError(t, err)
	kind, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/mixed", kind)
	r := multipart.NewReader(message.Body, params["boundary"])
	_, err = r.NextPart()
	require.NoError(t, err)
	part, err := r.NextPart()
	require.NoError(t, err)
	require.Equal(t, "statement.zip", part.FileName())
	b, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, part))
	require.NoError(t, err)
	require.True(t, bytes.Equal(locked, b))
	_, err = r.NextPart()
	require.Equal(t, io.EOF, err)

	got, err := (&dkbmail.Opener{}).Open(bytes.NewReader(raw))
	require.NoError(t, err)
	defer got.Close()
	require.False(t, got.Summary().Signed)
	require.False(t, got.Summary().Verified)
	require.Empty(t, got.Layers())
}

// TestNotifyWithoutBox: where the text has a link, nothing need go along.
func TestNotifyWithoutBox(t *testing.T) {
	t.Parallel()
	keys, err := clearKeys()
	require.NoError(t, err)
	k := keys["p256"]
	m, err := (&dkbmail.Composer{Signers: []envelope.Signer{k.signer}}).Notify(noticeDraft(), nil)
	require.NoError(t, err)
	defer m.Close()
	raw, err := io.ReadAll(m.Open())
	require.NoError(t, err)
	part, signature := splitSigned(t, raw, k)
	verifyPart(t, k, part, signature)
	require.NotContains(t, string(part), "attachment")
}

// TestNotifyRefusesDrafts: nothing is written of a draft that has more than a
// covering letter, or that nobody would believe.
func TestNotifyRefusesDrafts(t *testing.T) {
	t.Parallel()
	keys, err := clearKeys()
	require.NoError(t, err)
	locked := lockedZip(t, envelope.NewPassphrase())
	for name, c := range map[string]struct {
		signers  []envelope.Signer
		unsigned bool
		change   func(*dkbmail.Draft, *dkbmail.Box)
		want     string // "": none
	}{
		"as it is":            {[]envelope.Signer{keys["p256"].signer}, false, func(*dkbmail.Draft, *dkbmail.Box) {}, ""},
		"unsigned":            {nil, true, func(*dkbmail.Draft, *dkbmail.Box) {}, ""},
		"unsigned by mistake": {nil, false, func(*dkbmail.Draft, *dkbmail.Box) {}, "nobody signs"},
		"an attachment": {nil, true, func(d *dkbmail.Draft, _ *dkbmail.Box) {
			d.Attachments = []dkbmail.Attachment{{Name: "statement.pdf", Body: strings.NewReader("x")}}
		}, "lock them in a box"},
		"a locked attachment": {nil, true, func(d *dkbmail.Draft, _ *dkbmail.Box) {
			d.Attachments = []dkbmail.Attachment{{Name: "statement.zip", Body: bytes.NewReader(locked)}}
		}, "lock them in a box"},
		"another's key":                   {[]envelope.Signer{keys["p256"].signer}, true, func(d *dkbmail.Draft, _ *dkbmail.Box) { d.From.Address = "eve@example.org" }, "does not state the address in From"},
		"a zero signer":                   {[]envelope.Signer{{}}, true, func(*dkbmail.Draft, *dkbmail.Box) {}, "signer"},
		"no recipient":                    {nil, true, func(d *dkbmail.Draft, _ *dkbmail.Box) { d.To, d.Cc, d.Bcc = nil, nil, nil }, "no recipient"},
		"the subject":                     {nil, true, func(d *dkbmail.Draft, _ *dkbmail.Box) { d.Subject = "a\r\nBcc: eve@example.org" }, "Subject"},
		"CR LF in a name":                 {nil, true, func(_ *dkbmail.Draft, b *dkbmail.Box) { b.Name = "a.zip\r\nBcc: eve@example.org" }, "U+000D"},
		"LF in a name":                    {nil, true, func(_ *dkbmail.Draft, b *dkbmail.Box) { b.Name = "a\n.zip" }, "U+000A"},
		"NUL in a name":                   {nil, true, func(_ *dkbmail.Draft, b *dkbmail.Box) { b.Name = "a\x00.zip" }, "U+0000"},
		"a line end of Unicode in a name": {nil, true, func(_ *dkbmail.Draft, b *dkbmail.Box) { b.Name = "a\u2028.zip" }, "U+2028"},
		"a quotation mark in a name":      {nil, true, func(_ *dkbmail.Draft, b *dkbmail.Box) { b.Name = `a"; x="y.zip` }, ""},
		"a path":                          {nil, true, func(_ *dkbmail.Draft, b *dkbmail.Box) { b.Name = "../a.zip" }, "without a path"},
		"a name that turns":               {nil, true, func(_ *dkbmail.Draft, b *dkbmail.Box) { b.Name = "a\u202Epiz.exe" }, "turns the direction"},
		"no name":                         {nil, true, func(_ *dkbmail.Draft, b *dkbmail.Box) { b.Name = "" }, "no name"},
		"no source":                       {nil, true, func(_ *dkbmail.Draft, b *dkbmail.Box) { b.Src = nil }, "box 1"},
		"negative size":                   {nil, true, func(_ *dkbmail.Draft, b *dkbmail.Box) { b.Size = -1 }, "box 1"},
	} {
		d, b := noticeDraft(), box("statement.zip", locked)
		c.change(d, &b)
		f, err := os.Create(filepath.Join(t.TempDir(), "1.eml"))
		require.NoError(t, err)
		m, err := (&dkbmail.Composer{Signers: c.signers, AllowUnsigned: c.unsigned}).Notify(d, f, b)
		if c.want == "" {
			require.NoError(t, err, name)
			raw, err := io.ReadAll(m.Open())
			require.NoError(t, err)
			message, err := mail.ReadMessage(bytes.NewReader(raw))
			require.NoError(t, err)
			require.Empty(t, message.Header.Get("Bcc"))
			require.NoError(t, m.Close())
		} else {
			require.ErrorContains(t, err, c.want, name)
			require.NotContains(t, err.Error(), "\n")
			require.Nil(t, m)
			info, err := f.Stat()
			require.NoError(t, err)
			require.Zero(t, info.Size(), name)
		}
		require.NoError(t, f.Close())
	}
}

func ExampleComposer_Notify() {
	// For this recipient alone, who is told by another way.
	passphrase := envelope.NewPassphrase()
	var locked bytes.Buffer
	w, err := zipbox.Lock(&locked, passphrase)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort()
	file, err := w.Create("statement.txt", time.Now())
	if err != nil {
		log.Fatal(err)
	}
	io.WriteString(file, "All of it.\n")
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	key, err := smime.GenerateKey(smime.KeyOptions{Address: "office@example.org", Algorithm: "p256"})
	if err != nil {
		log.Fatal(err)
	}
	c := &dkbmail.Composer{Signers: []envelope.Signer{key.Signer()}}
	notice, err := c.Notify(&dkbmail.Draft{
		From:    mail.Address{Name: "Office", Address: "office@example.org"},
		To:      []mail.Address{{Address: "bob@example.org"}},
		Subject: "Your statement",
		Text:    "It is in the archive. The passphrase comes by post.\n",
	}, nil, dkbmail.Box{Name: "statement.zip", Src: bytes.NewReader(locked.Bytes()), Size: int64(locked.Len())})
	if err != nil {
		log.Fatal(err)
	}
	defer notice.Close()
	fmt.Println(notice.Recipients(), notice.Receipt().Signatures[0].Algorithm)
	// Output: [bob@example.org] ECDSA, SHA-256
}
