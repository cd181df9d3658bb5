package mail

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
)

var testTime = time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))

// rendered is a whole mail without cryptography, as the standard library reads it.
func rendered(t testing.TB, d *Draft) (string, *mail.Message) {
	t.Helper()
	c, err := d.check(testTime)
	require.NoError(t, err)
	b := c.body(Baseline, false)
	var out bytes.Buffer
	require.NoError(t, writeFields(&out, append(c.protected(nil), b.fields("")...)...))
	out.WriteString("\r\n")
	require.NoError(t, b.writeTo(&out))
	m, err := mail.ReadMessage(strings.NewReader(out.String()))
	require.NoError(t, err)
	return out.String(), m
}

func draft() *Draft {
	return &Draft{
		From:    mail.Address{Name: "Alice", Address: "alice@example.org"},
		To:      []mail.Address{{Name: "Bob", Address: "bob@example.org"}},
		Subject: "Hello",
		Text:    "Hi Bob.\n",
	}
}

// TestStructure: which parts a draft becomes.
func TestStructure(t *testing.T) {
	t.Parallel()
	file := func() Attachment {
		return Attachment{Name: "a.bin", Body: strings.NewReader("content\x00")}
	}
	image := func() Attachment {
		return Attachment{Name: "a.png", ContentID: "a@example.org", Body: strings.NewReader("image")}
	}
	for want, change := range map[string]func(*Draft){
		"text/plain": func(*Draft) {},
		"text/html":  func(d *Draft) { d.Text, d.HTML = "", "<p>Hi" },
		"multipart/alternative(text/plain text/html)":                              func(d *Draft) { d.HTML = "<p>Hi" },
		"multipart/mixed(text/plain application/octet-stream)":                     func(d *Draft) { d.Attachments = []Attachment{file()} },
		"multipart/mixed(application/octet-stream)":                                func(d *Draft) { d.Text, d.Attachments = "", []Attachment{file()} },
		"multipart/mixed(text/plain image/png)":                                    func(d *Draft) { d.Attachments = []Attachment{image()} },
		"multipart/alternative(text/plain multipart/related(text/html image/png))": func(d *Draft) { d.HTML, d.Attachments = "<p>Hi", []Attachment{image()} },
		"multipart/mixed(multipart/alternative(text/plain multipart/related(text/html image/png)) application/octet-stream)": func(d *Draft) {
			d.HTML, d.Attachments = "<p>Hi", []Attachment{image(), file()}
		},
	} {
		d := draft()
		change(d)
		_, m := rendered(t, d)
		require.Equal(t, want, structure(t, m.Header.Get("Content-Type"), m.Body))
	}
}

func structure(t testing.TB, contentType string, r io.Reader) string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	require.NoError(t, err)
	if !strings.HasPrefix(kind, "multipart/") {
		return kind
	}
	var parts []string
	mr := multipart.NewReader(r, params["boundary"])
	for {
		p, err := mr.NextRawPart()
		if err == io.EOF {
			return kind + "(" + strings.Join(parts, " ") + ")"
		}
		require.NoError(t, err)
		parts = append(parts, structure(t, p.Header.Get("Content-Type"), p))
	}
}

// leaves reads every part that has no others in it, decoded by the standard
// library.
func leaves(t testing.TB, header textproto.MIMEHeader, r io.Reader) (all []string) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	require.NoError(t, err)
	if strings.HasPrefix(kind, "multipart/") {
		mr := multipart.NewReader(r, params["boundary"])
		for {
			p, err := mr.NextRawPart()
			if err == io.EOF {
				return all
			}
			require.NoError(t, err)
			all = append(all, leaves(t, p.Header, p)...)
		}
	}
	switch header.Get("Content-Transfer-Encoding") {
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	default:
		require.Equal(t, "7bit", header.Get("Content-Transfer-Encoding"))
	}
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return []string{string(b)}
}

// FuzzBody: what is put into a mail comes out of it, by the standard library
// and by our own parser, which finds nothing odd.
func FuzzBody(f *testing.F) {
	f.Add("text", "<p>html", []byte("file"), true)
	f.Add("", "", []byte{}, false)
	f.Add("a \n.\nFrom \n--=_\n", "<html><body>\u00FC", bytes.Repeat([]byte{0}, 200), true)
	f.Add("\r\n--=_x\r\n", "", []byte("\r\n--=_x--\r\n"), false)
	f.Fuzz(func(t *testing.T, text, html string, file []byte, inline bool) {
		d := draft()
		d.Text, d.HTML = text, html
		d.Attachments = []Attachment{{Name: "a", Body: bytes.NewReader(file)}}
		if inline {
			d.Attachments = append(d.Attachments, Attachment{Name: "b", ContentID: "b@b", Body: bytes.NewReader(file)})
		}
		if _, err := d.check(testTime); err != nil {
			return
		}
		raw, m := rendered(t, d)
		var want []string
		if text != "" {
			want = append(want, canonical(text))
		}
		if html != "" {
			want = append(want, canonical(document(html)))
		}
		if inline {
			want = append(want, string(file)) // beside the HTML; or a file, equal to the other one
		}
		want = append(want, string(file))
		require.Equal(t, want, leaves(t, textproto.MIMEHeader(m.Header), m.Body))

		n, err := mimeparse.Parse(strings.NewReader(raw), int64(len(raw)), mimeparse.Limits{Depth: 10, Parts: 10, HeaderBytes: 1 << 20})
		require.NoError(t, err)
		var ours []string
		for todo := []*mimeparse.Node{n}; len(todo) > 0; {
			n := todo[0]
			todo = append(n.Children[:len(n.Children):len(n.Children)], todo[1:]...)
			require.Empty(t, n.Findings, "%q", raw)
			if len(n.Children) == 0 {
				b, err := io.ReadAll(n.Decoded(strings.NewReader(raw)))
				require.NoError(t, err)
				require.EqualValues(t, len(b), n.Size)
				ours = append(ours, string(b))
			}
		}
		require.Equal(t, want, ours)
	})
}
