package mail

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/full"
)

// TestMediaTypes: by which type an attachment goes. The extensions are those
// that package mime knows on every machine.
func TestMediaTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, kind, want string }{
		{"a", "", "application/octet-stream"},
		{"a.pdf", "", "application/pdf"},
		{"a.PDF", "", "application/pdf"},
		{"a.png", "image/x-other", "image/x-other"},
		{"a.html", "", "text/html"}, // and not in the UTF-8 that the table says, which nobody looked at
		{"a.html", "Text/HTML; charset=koi8-r", `text/html; charset="koi8-r"`},
		{"a.txt", `text/plain; charset="\u00FC"`, "text/plain; charset*=utf-8''%C3%BC"},
		{"a.eml", "message/rfc822", "application/octet-stream"},
		{"a", "message/global", "application/octet-stream"},
		{"a", "multipart/mixed; boundary=x", "application/octet-stream"},
		{"a.p7m", "application/pkcs7-mime; smime-type=signed-data", `application/pkcs7-mime; smime-type="signed-data"`},
	} {
		d := draft()
		d.Attachments = []Attachment{{Name: c.name, MediaType: strings.ReplaceAll(c.kind, `\u00FC`, "\u00FC"), Body: strings.NewReader("")}}
		checked, err := d.check(testTime)
		require.NoError(t, err, c.kind)
		got := unfold(checked.body(Baseline, false).root.parts[1].fields()[0].value)
		require.Equal(t, c.want+`; name="`+c.name+`"`, got)
	}
}

// TestInline: an image that HTML refers to stands beside it, and is named by its
// content ID.
func TestInline(t *testing.T) {
	t.Parallel()
	d := draft()
	d.HTML = `<img src="cid:a@example.org">`
	d.Attachments = []Attachment{{Name: "a.png", ContentID: "a@example.org", Body: strings.NewReader("x")}}
	c, err := d.check(testTime)
	require.NoError(t, err)
	related := c.body(Baseline, false).root.parts[1]
	kind, params, err := mime.ParseMediaType(unfold(related.fields()[0].value))
	require.NoError(t, err)
	require.Equal(t, "multipart/related", kind)
	require.Equal(t, "text/html", params["type"]) // RFC 2387, Section 3.1
	require.Equal(t, []field{
		{"Content-Type", `image/png; name="a.png"`},
		{"Content-Transfer-Encoding", "base64"},
		{"Content-ID", "<a@example.org>"},
		{"Content-Disposition", `inline; filename="a.png"`},
	}, related.parts[1].fields())
}

// TestAttachmentContent: every octet of every length arrives, and the reader is
// read to its end once.
func TestAttachmentContent(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 56, 57, 58, readBlock - 1, readBlock, readBlock + 1, 3 * readBlock} {
		data := bytes.Repeat([]byte("a\x00\r\n.\xFF"), n/6+1)[:n]
		var out bytes.Buffer
		e := attachment{name: "a", src: iotest.HalfReader(bytes.NewReader(data))}.entity()
		require.NoError(t, e.writeTo(&out))
		got, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, &out))
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, got), n)
	}
}

type tooMany struct{}

func (tooMany) Read(p []byte) (int, error) { return len(p) + 1, nil }

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// TestAttachmentFails: the error of a reader names the attachment, and one that
// breaks the rules of a reader neither hangs nor panics.
func TestAttachmentFails(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for want, src := range map[error]io.Reader{
		boom:                io.MultiReader(strings.NewReader("a"), iotest.ErrReader(boom)),
		full.ErrRead:        tooMany{},
		io.ErrNoProgress:    idle{},
		io.ErrUnexpectedEOF: iotest.ErrReader(io.ErrUnexpectedEOF),
	} {
		d := draft()
		d.Attachments = []Attachment{{Name: "a", Body: strings.NewReader("")}, {Name: "b", Body: src}}
		c, err := d.check(testTime)
		require.NoError(t, err)
		err = c.body(Baseline, false).writeTo(io.Discard)
		require.ErrorIs(t, err, want)
		require.ErrorContains(t, err, `attachment 2, "b"`)
	}
}

// TestBoundaries: each is new, none begins with another, and no line of the
// content can be one.
func TestBoundaries(t *testing.T) {
	t.Parallel()
	d := draft()
	d.Text = "--=_\n--=_AAAAAAAAAAAAAAAAAAAAAAAAAA\n"
	d.HTML = "<p>\n--=_x\n"
	d.Attachments = []Attachment{
		{Name: "a", Body: strings.NewReader("\r\n--=_A\r\n")},
		{ContentID: "a@b", Body: strings.NewReader("")},
	}
	raw, _ := rendered(t, d)
	lines := map[string]int{}
	for line := range strings.SplitSeq(raw, "\r\n") {
		if strings.HasPrefix(line, "--=_") {
			lines[strings.TrimSuffix(line, "--")]++
		}
	}
	require.Len(t, lines, 3) // mixed, alternative, related: two parts and an end each
	for line, n := range lines {
		require.Len(t, line, len("--=_")+26)
		require.Equal(t, 3, n)
	}
}
