package mail_test

import (
	"archive/zip"
	"bytes"
	"crypto/fips140"
	"errors"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	dkbmail "github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// sealedBox is boxMarker in a message.
func sealedBox(t testing.TB, s *envelope.Sealer, to ...person) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := s.Seal(&b, to[0].verified)
	requireApproved(t, err)
	defer w.Abort()
	_, err = io.WriteString(w, boxMarker)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// signedBox is boxMarker in a message that is signed, and not encrypted.
func signedBox(t testing.TB, by person) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := (&envelope.Sealer{Signers: []envelope.Signer{by.signer}}).Sign(&b)
	requireApproved(t, err)
	defer w.Abort()
	_, err = io.WriteString(w, boxMarker)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// otherZip is an archive of another writer: in the clear, or what raw makes of
// its header.
func otherZip(t testing.TB, change func(*zip.FileHeader)) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "statement.txt", CompressedSize64: uint64(len(boxMarker)), UncompressedSize64: uint64(len(boxMarker))}
	if change != nil {
		change(h)
	}
	f, err := w.CreateRaw(h)
	require.NoError(t, err)
	_, err = io.WriteString(f, boxMarker)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// twoZips is what one gets who adds a file in the clear to a locked archive: its
// entry, then another, then one directory of both.
func twoZips(t testing.TB, locked []byte) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(locked), int64(len(locked)))
	require.NoError(t, err)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	require.NoError(t, w.Copy(r.File[0]))
	f, err := w.CreateRaw(&zip.FileHeader{Name: "letter.txt", CompressedSize64: 2, UncompressedSize64: 2})
	require.NoError(t, err)
	_, err = io.WriteString(f, "hi")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// turning is a box of which other octets are read from the nth time on.
type turning struct {
	*bytes.Reader
	then  []byte
	after int
}

func (c *turning) ReadAt(p []byte, off int64) (int, error) {
	if c.after--; c.after < 0 {
		return bytes.NewReader(c.then).ReadAt(p, off)
	}
	return c.Reader.ReadAt(p, off)
}

// TestNotifyBoxes: each box that is refused has one beside it that is not, and
// nothing was written of the mail.
func TestNotifyBoxes(t *testing.T) {
	t.Parallel()
	if fips140.Enforced() {
		t.Skip("neither the archives nor OpenPGP are allowed with GODEBUG=fips140=only")
	}
	locked := lockedZip(t, envelope.NewPassphrase())
	p, s := pgpPerson(t, "alice@example.org", "curve25519"), cmsPerson(t, "alice@example.org", "p256 GCM")
	pgpBox, cmsBox := sealedBox(t, new(envelope.Sealer), p), sealedBox(t, new(envelope.Sealer), s)
	cut := func(b []byte) []byte { return b[:len(b)-1] }
	more := func(b []byte, with string) []byte { return append(bytes.Clone(b), with...) }
	z, pg, cm := envelope.Format{}, pgp.Format(), smime.Format()
	var refused *zipbox.RefusedError
	for _, c := range []struct {
		name   string
		format envelope.Format
		b      []byte
		code   string // of zipbox.RefusedError; "format": any that is envelope.ErrFormat; "": taken
	}{
		{"an archive", z, locked, ""},
		{"a message of OpenPGP", pg, pgpBox, ""},
		{"a message of CMS", cm, cmsBox, ""},
		{"nothing", z, nil, "cut"},
		{"text", z, []byte(boxMarker), "no-zip"},
		{"a plain archive", z, otherZip(t, nil), "not-encrypted"},
		{"a file in the clear beside it", z, twoZips(t, locked), "not-encrypted"},
		{"ZipCrypto", z, otherZip(t, func(h *zip.FileHeader) { h.Flags |= 1 }), "zipcrypto"},
		{"an archive that is cut", z, cut(locked), "format"},
		{"an archive with more behind it", z, more(locked, boxMarker), "after"},
		{"an archive with more before it", z, append([]byte(boxMarker), locked...), "before"},
		{"a message as an archive", z, pgpBox, "no-zip"},
		{"an archive as a message", pg, locked, "format"},
		{"CMS as OpenPGP", pg, cmsBox, "format"},
		{"OpenPGP as CMS", cm, pgpBox, "format"},
		{"signed by OpenPGP", pg, signedBox(t, p), "format"},
		{"signed by CMS", cm, signedBox(t, s), "format"},
		{"OpenPGP as text", pg, sealedBox(t, &envelope.Sealer{Armor: true}, p), "format"},
		{"OpenPGP, cut", pg, cut(pgpBox), "format"},
		{"CMS, cut", cm, cut(cmsBox), "format"},
		{"OpenPGP with more behind it", pg, more(pgpBox, boxMarker), "format"},
		{"CMS with more behind it", cm, more(cmsBox, boxMarker), "format"},
		{"OpenPGP twice", pg, more(pgpBox, string(pgpBox)), "format"},
		{"CMS twice", cm, more(cmsBox, string(cmsBox)), "format"},
		{"OpenPGP with text in a packet before it", pg, append(append([]byte{0xC0 | 21, byte(len(boxMarker))}, boxMarker...), pgpBox...), "format"},
		{"OpenPGP padded with text", pg, more(pgpBox, string([]byte{0xC0 | 21, byte(len(boxMarker))})+boxMarker), "format"},
		{"OpenPGP for nobody", pg, append([]byte{0xC0 | 18, byte(1 + len(boxMarker)), 1}, boxMarker...), "format"},
		{"text as OpenPGP", pg, []byte(boxMarker), "format"},
		{"text as CMS", cm, []byte(boxMarker), "format"},
	} {
		f, err := os.Create(filepath.Join(t.TempDir(), "1.eml"))
		require.NoError(t, err)
		b := box("box.bin", c.b)
		b.Format = c.format
		m, err := (&dkbmail.Composer{AllowUnsigned: true}).Notify(noticeDraft(), f, box("first.zip", locked), b)
		if c.code == "" {
			require.NoError(t, err, c.name)
			requireBox(t, m, "box.bin", c.b)
			require.NoError(t, m.Close())
			require.NoError(t, f.Close())
			continue
		}
		require.Nil(t, m, c.name)
		var boxError *dkbmail.BoxError
		require.True(t, errors.As(err, &boxError), "%s: %v", c.name, err)
		require.Equal(t, 2, boxError.Box)
		require.ErrorIs(t, err, envelope.ErrFormat, c.name)
		if c.code != "format" {
			require.True(t, errors.As(err, &refused), "%s: %v", c.name, err)
			require.Equal(t, c.code, refused.Code, c.name)
		}
		require.NotContains(t, err.Error(), "\n")
		require.NotContains(t, err.Error(), boxMarker)
		info, err := f.Stat()
		require.NoError(t, err)
		require.Zero(t, info.Size(), c.name)
		require.NoError(t, f.Close())
	}
}

// requireBox holds a part of a mail to what was put into it.
func requireBox(t *testing.T, m *dkbmail.Notice, name string, want []byte) {
	t.Helper()
	got, err := (&dkbmail.Opener{}).Open(m.Open())
	require.NoError(t, err)
	defer got.Close()
	for _, p := range got.Parts() {
		if p.Name == name {
			b, err := io.ReadAll(p.Open())
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, b))
			return
		}
	}
	require.Fail(t, "there is no part of that name")
}

// TestNotifyShownNames: an archive of another program is not taken as long as it
// shows the names of its files.
func TestNotifyShownNames(t *testing.T) {
	t.Parallel()
	others, err := filepath.Glob("../zipbox/testdata/*-256.zip")
	require.NoError(t, err)
	require.NotEmpty(t, others)
	for _, name := range others {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		_, err = zipbox.Inspect(bytes.NewReader(b), int64(len(b)))
		require.NoError(t, err)
		_, err = (&dkbmail.Composer{AllowUnsigned: true}).Notify(noticeDraft(), nil, box("a.zip", b))
		var boxError *dkbmail.BoxError
		require.ErrorAs(t, err, &boxError)
		require.ErrorContains(t, err, "names")
	}
}

// TestNotifyChangingBox: what goes out is what was inspected. However often the
// box is read before it changes, no mail has what it changed to.
func TestNotifyChangingBox(t *testing.T) {
	t.Parallel()
	locked := lockedZip(t, envelope.NewPassphrase())
	other := bytes.Repeat([]byte("x"), len(locked))
	refused := 0
	for after := range 64 {
		f, err := os.Create(filepath.Join(t.TempDir(), "1.eml"))
		require.NoError(t, err)
		src := &turning{bytes.NewReader(locked), other, after}
		m, err := (&dkbmail.Composer{AllowUnsigned: true}).Notify(noticeDraft(), f, dkbmail.Box{Name: "a.zip", Src: src, Size: int64(len(locked))})
		if err == nil {
			requireBox(t, m, "a.zip", locked)
			require.NoError(t, m.Close())
			require.NoError(t, f.Close())
			require.Positive(t, refused)
			return
		}
		refused++
		require.Nil(t, m)
		left, err := os.ReadFile(f.Name())
		require.NoError(t, err)
		require.Empty(t, left)
		require.NoError(t, f.Close())
	}
	require.Fail(t, "the box is read too often")
}

// TestNotifyShorterBox: a box with fewer octets than it says, and one of which
// more is there than it says, which is cut.
func TestNotifyShorterBox(t *testing.T) {
	t.Parallel()
	locked := lockedZip(t, envelope.NewPassphrase())
	for _, more := range []int64{-1, 0, 1} {
		b := box("a.zip", locked)
		b.Size += more
		m, err := (&dkbmail.Composer{AllowUnsigned: true}).Notify(noticeDraft(), nil, b)
		if more == 0 {
			require.NoError(t, err)
			require.NoError(t, m.Close())
			continue
		}
		require.Error(t, err)
		require.Nil(t, m)
	}
}

// TestNotifyHeaders: whatever is in a name or the subject, the fields of the
// header are those of the draft, and there are as many parts.
func TestNotifyHeaders(t *testing.T) {
	t.Parallel()
	locked := lockedZip(t, envelope.NewPassphrase())
	for _, with := range []string{"\r", "\n", "\r\n", "\r\nBcc: eve@example.org\r\n", "\x00", "\v", "\f", "\u2028", "\u2029", "\u0085", "\x7f", "\xff"} {
		for where, change := range map[string]func(*dkbmail.Draft, *dkbmail.Box){
			"name":    func(_ *dkbmail.Draft, b *dkbmail.Box) { b.Name = "a" + with + ".zip" },
			"subject": func(d *dkbmail.Draft, _ *dkbmail.Box) { d.Subject = "a" + with },
			"sender":  func(d *dkbmail.Draft, _ *dkbmail.Box) { d.From.Name = "a" + with },
		} {
			d, b := noticeDraft(), box("a.zip", locked)
			change(d, &b)
			_, err := (&dkbmail.Composer{AllowUnsigned: true}).Notify(d, nil, b)
			require.Error(t, err, "%s with %q", where, with)
		}
	}
	for _, with := range []string{`"`, `\`, ";", "=?utf-8?q?x?=", "%0D%0A", "ü", strings.Repeat("long ", 40)} {
		if strings.Contains(with, `\`) {
			continue // which no name of a file has
		}
		d, b := noticeDraft(), box("a"+with+".zip", locked)
		d.Subject += with
		m, err := (&dkbmail.Composer{AllowUnsigned: true}).Notify(d, nil, b)
		require.NoError(t, err)
		message, err := mail.ReadMessage(m.Open())
		require.NoError(t, err)
		require.Len(t, message.Header, 8, "%v", message.Header) // From, To, Cc, Subject, Date, Message-ID, MIME-Version, Content-Type
		requireBox(t, m, b.Name, locked)
		require.NoError(t, m.Close())
	}
}
