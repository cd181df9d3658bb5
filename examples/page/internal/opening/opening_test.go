package opening_test

import (
	"archive/zip"
	"bytes"
	"crypto/fips140"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/page/internal/opening"
	"github.com/doublekeybox/doublekeybox/examples/page/internal/pagetest"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/doublekeybox/doublekeybox/transport/link"
)

// forbidden skips what needs SHA-1, MD5 or another key derivation than PBKDF2.
func forbidden(t *testing.T) {
	t.Helper()
	if fips140.Enforced() {
		t.Skip("GODEBUG=fips140=only forbids what these formats need")
	}
}

// linkTo is the link to object.
func linkTo(object []byte) link.Link {
	return link.Link{
		URL: "https://bucket.example/object?X-Amz-Signature=0123", Size: int64(len(object)), SHA256: sha256.Sum256(object),
		Expires: time.Unix(1800000000, 0).UTC(), Name: "documents.zip",
	}
}

// opened opens what arrived for a link made for object; nil: no link.
func opened(t *testing.T, object, arrived []byte, s opening.Secrets) (map[string]string, error) {
	t.Helper()
	fragment := ""
	if object != nil {
		fragment = "#" + linkTo(object).Fragment()
	}
	b, err := opening.New(fragment)
	if err != nil {
		return nil, err
	}
	for part := range chunks(arrived, 1000) {
		if _, err := b.Write(part); err != nil {
			return nil, err
		}
	}
	if _, err := b.Complete(); err != nil {
		return nil, err
	}
	o, err := b.Open(s)
	if err != nil {
		require.Nil(t, o)
		return nil, err
	}
	defer o.Close()
	files := map[string]string{}
	for _, f := range o.Files {
		r := f.Open()
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.EqualValues(t, len(content), f.Size)
		files[f.Name] = string(content)
	}
	return files, nil
}

func chunks(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			k := min(n, len(b))
			if !yield(b[:k]) {
				return
			}
			b = b[k:]
		}
	}
}

func requireCode(t *testing.T, want opening.Code, err error) {
	t.Helper()
	var e *opening.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, want, e.Code, "%v", err)
	require.NotContains(t, err.Error(), "\n")
}

// box is one that a passphrase opens, and what is in it.
type box struct {
	object []byte
	files  map[string]string
}

const content = "%PDF-1.7\nYour statement: 1,234.56\n"

func boxes(t *testing.T, p *envelope.Passphrase) map[string]box {
	return map[string]box{
		"ZIP":     {pagetest.ZIP(t, p, pagetest.File{Name: "Beitrag Übersicht.pdf", Content: []byte(content)}, pagetest.File{Name: "empty.txt"}), map[string]string{"Beitrag Übersicht.pdf": content, "empty.txt": ""}},
		"OpenPGP": {pagetest.Message(t, pgp.Format(), p, []byte(content)), map[string]string{"document.pdf": content}},
		"S/MIME":  {pagetest.Message(t, smime.Format(), p, []byte(content)), map[string]string{"document.pdf": content}},
	}
}

func TestPassphrase(t *testing.T) {
	forbidden(t)
	p := envelope.NewPassphrase()
	for name, b := range boxes(t, p) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secret := p.Reveal()
			other := b.object[:len(b.object)-1]
			flipped := bytes.Clone(b.object)
			flipped[len(flipped)/2] ^= 1
			for _, c := range []struct {
				name            string
				object, arrived []byte
				passphrase      string
				want            opening.Code // "": it opens
			}{
				{"link", b.object, b.object, secret, ""},
				{"by hand", nil, b.object, secret, ""},
				{"pasted with blanks", b.object, b.object, " " + secret + "\t", ""},
				{"wrong", b.object, b.object, secret[:len(secret)-1] + "!", opening.Wrong},
				{"none", b.object, b.object, "", opening.NoSecret},
				{"blanks", b.object, b.object, "  ", opening.Wrong},
				{"too long", b.object, b.object, strings.Repeat("x", 1025), opening.Wrong},
				{"one octet less", b.object, other, secret, opening.Truncated},
				{"nothing", b.object, nil, secret, opening.Truncated},
				{"one octet more", b.object, append(bytes.Clone(b.object), 0), secret, opening.Replaced},
				{"one bit", b.object, flipped, secret, opening.Replaced},
			} {
				got, err := opened(t, c.object, c.arrived, opening.Secrets{Passphrase: c.passphrase})
				if c.want == "" {
					require.NoError(t, err, c.name)
					require.Equal(t, b.files, got, c.name)
					continue
				}
				t.Log(c.name)
				requireCode(t, c.want, err)
			}
			// Without a link there is no hash: nothing of what was changed comes out, whatever the error is.
			_, err := opened(t, nil, flipped, opening.Secrets{Passphrase: secret})
			require.Error(t, err)
			_, err = opened(t, nil, other, opening.Secrets{Passphrase: secret})
			require.Error(t, err)
		})
	}
}

// What was typed on a system that decomposes characters opens what was locked on
// one that does not.
func TestNormalForms(t *testing.T) {
	forbidden(t)
	p, err := envelope.WeakPassphrase("Grüße aus Köln, 7 Brücken und 1 Dom")
	require.NoError(t, err)
	decomposed := strings.NewReplacer("ü", "u\u0308", "ö", "o\u0308").Replace(p.Reveal())
	require.NotEqual(t, decomposed, p.Reveal())
	for _, object := range [][]byte{
		pagetest.ZIP(t, p, pagetest.File{Name: "a.txt"}),
		pagetest.Message(t, pgp.Format(), p, []byte(content)),
	} {
		got, err := opened(t, object, object, opening.Secrets{Passphrase: decomposed})
		require.NoError(t, err)
		require.Len(t, got, 1)
	}
}

func TestNoBox(t *testing.T) {
	forbidden(t)
	var plain bytes.Buffer
	w := zip.NewWriter(&plain)
	f, err := w.Create("a.txt")
	require.NoError(t, err)
	_, err = f.Write([]byte("hello"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	alice, err := pgp.GenerateKey(pgp.KeyOptions{Address: "alice@example.org"})
	require.NoError(t, err)
	var signed bytes.Buffer
	sw, err := envelope.Sign(&signed, alice.Signer())
	require.NoError(t, err)
	_, err = sw.Write([]byte("hello"))
	require.NoError(t, err)
	require.NoError(t, sw.Close())
	whole := pagetest.ZIP(t, envelope.NewPassphrase(), pagetest.File{Name: "a.txt", Content: []byte("hello")})
	for _, c := range []struct {
		name   string
		object []byte
		want   opening.Code
	}{
		{"text", []byte("Dear customer"), opening.NoBox},
		{"one octet", []byte("P"), opening.NoBox},
		{"only how archives begin", []byte("PK"), opening.NoBox},
		{"nothing", nil, opening.Truncated},
		{"a plain archive", plain.Bytes(), opening.Plain},
		{"a signed message", signed.Bytes(), opening.Plain},
		{"half an archive", whole[:len(whole)/2], opening.Truncated},
		{"random", random(t, 5000), opening.NoBox},
	} {
		_, err := opened(t, nil, c.object, opening.Secrets{Passphrase: "x"})
		t.Log(c.name)
		requireCode(t, c.want, err)
	}
}

// random returns octets that begin as no format does.
func random(t *testing.T, n int) []byte {
	b := make([]byte, n)
	_, err := rand.Read(b)
	require.NoError(t, err)
	b[0] = 0
	return b
}

func TestLink(t *testing.T) {
	object := []byte("anything")
	l := linkTo(object)
	b, err := opening.New(l.Fragment())
	require.NoError(t, err)
	got, ok := b.Link()
	require.True(t, ok)
	require.Equal(t, l, got)

	require.NoError(t, b.Alive(l.Expires.Add(-time.Nanosecond)))
	requireCode(t, opening.Expired, b.Alive(l.Expires))
	requireCode(t, opening.Expired, b.Alive(l.Expires.Add(time.Hour)))

	for _, none := range []string{"", "#"} {
		b, err := opening.New(none)
		require.NoError(t, err)
		_, ok := b.Link()
		require.False(t, ok)
		require.NoError(t, b.Alive(time.Unix(1<<40, 0)))
	}
	for _, bad := range []string{"#x", l.Fragment()[:40], strings.Replace(l.Fragment(), "v1.", "v2.", 1)} {
		_, err := opening.New(bad)
		requireCode(t, opening.BadLink, err)
		require.NotContains(t, err.Error(), "0123")
	}
	l.Size = opening.Limit
	_, err = opening.New(l.Fragment())
	require.NoError(t, err)
	l.Size++
	_, err = opening.New(l.Fragment())
	requireCode(t, opening.TooBig, err)
}

// What is too long is refused while it arrives.
func TestTooMuch(t *testing.T) {
	object := []byte("anything")
	b, err := opening.New(linkTo(object).Fragment())
	require.NoError(t, err)
	n, err := b.Write(object)
	require.NoError(t, err)
	require.Equal(t, len(object), n)
	_, err = b.Write([]byte{0})
	requireCode(t, opening.Replaced, err)

	b, err = opening.New("")
	require.NoError(t, err)
	large := make([]byte, opening.Limit+1)
	_, err = b.Write(large)
	requireCode(t, opening.TooBig, err)
}

func TestClear(t *testing.T) {
	forbidden(t)
	p := envelope.NewPassphrase()
	object := pagetest.ZIP(t, p, pagetest.File{Name: "a.txt", Content: []byte("hello")})
	b, err := opening.New(linkTo(object).Fragment())
	require.NoError(t, err)
	_, err = b.Open(opening.Secrets{Passphrase: p.Reveal()})
	requireCode(t, opening.NoBox, err) // Complete was not asked
	_, err = b.Write(object[:5])
	require.NoError(t, err)
	_, err = b.Complete()
	requireCode(t, opening.Truncated, err)
	b.Clear()
	_, err = b.Write(object)
	require.NoError(t, err)
	k, err := b.Complete()
	require.NoError(t, err)
	require.Equal(t, opening.Kind{Format: "ZIP", Passphrase: true}, k)
	o, err := b.Open(opening.Secrets{Passphrase: p.Reveal()})
	require.NoError(t, err)
	o.Close()
}

var errNone = errors.New("none")

func TestErrors(t *testing.T) {
	e := &opening.Error{Code: opening.Other, Err: errNone}
	require.ErrorIs(t, e, errNone)
	require.Equal(t, "opening: other: none", e.Error())
	require.Equal(t, "opening: big", (&opening.Error{Code: opening.TooBig}).Error())
}
