package mail

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
