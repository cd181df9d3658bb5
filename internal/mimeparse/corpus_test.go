package mimeparse

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shape is a tree by its types and names.
func shape(n *Node) string {
	s := n.MediaType
	if n.Name != "" {
		s += fmt.Sprintf("(%q)", n.Name)
	}
	if len(n.Children) == 0 {
		return s
	}
	var parts []string
	for _, c := range n.Children {
		parts = append(parts, shape(c))
	}
	return s + "{" + strings.Join(parts, " ") + "}"
}

// TestShapes: the mails that other readers are tested with, and what is in
// them, as can be seen there. Those that are ambiguous say why.
func TestShapes(t *testing.T) {
	const (
		jsmime  = "comm-central/mailnews/mime/jsmime/test/unit/data/"
		enmime  = "enmime/"
		ruby    = "ruby-mail/emails/attachment_emails/"
		inlined = `multipart/alternative{text/plain multipart/related{text/html image/png("favicon.png")}}`
	)
	for _, c := range []struct{ file, want, ambiguous string }{
		{jsmime + "base64-1", `text/plain`, ""},
		{jsmime + "base64-2", `text/html`, ""},
		{jsmime + "basic1", `text/plain`, ""},
		{jsmime + "bug505221", `multipart/mixed{text/html message/rfc822{message/rfc822{text/html}}}`, ""},
		{jsmime + "bugmail11", `text/plain`, ""},
		{jsmime + "charsets", `multipart/mixed{` + strings.TrimSpace(strings.Repeat("text/plain ", 12)) + `}`, "charset-not-ascii"},
		{jsmime + "message-encoded", `multipart/mixed{message/rfc822{text/plain} message/global message/news}`, "encoding-of-container"},
		{jsmime + "multipart-base64-1", `multipart/mixed{text/plain}`, "encoding-of-container"},
		{jsmime + "multipart-base64-2", `multipart/mixed{text/html}`, ""},
		{jsmime + "multipart-base64-3", `multipart/mixed{text/html}`, ""},
		{jsmime + "multipart-complex2", `multipart/mixed{multipart/related{multipart/digest{multipart/alternative{application/octet-stream}}} text/plain text/html}`, "boundary-prefix"},
		{jsmime + "multipart1", `multipart/mixed{text/plain}`, ""},
		{jsmime + "multipart2", `multipart/mixed{text/html}`, ""},
		{jsmime + "multipart3", `multipart/mixed{text/html}`, ""},
		{jsmime + "multipart4", `multipart/mixed{text/plain}`, ""},
		{jsmime + "multipartmalt-detach", `multipart/alternative{text/plain multipart/related{text/html text/plain("head_update.txt") text/plain("smurf_update_neu.txt")} text/plain("head_update.txt")}`, ""},
		{jsmime + "shift-jis-image", `multipart/mixed{text/plain image/png}`, ""},

		{enmime + "low-quality/bad-final-boundary.raw", `multipart/mixed{text/plain application/x-zip-compressed("foo_9E5D72.zip") text/plain}`, "boundary-unended"},
		{enmime + "low-quality/bad-header-wrap.raw", `multipart/mixed{text/plain application/x-zip-compressed("7DDA4_foo_9E5D72.zip")}`, "header-no-colon"},
		{enmime + "low-quality/malformed-base64-attach.raw", `multipart/mixed{text/plain application/msword("some.doc")}`, "base64-stray"},
		{enmime + "low-quality/unk-encoding-part.raw", `multipart/mixed{text/plain application/x-zip-compressed("foo_9E5D72.zip")}`, "encoding-unknown"},
		{enmime + "mail/epilogue-sample.raw", `multipart/mixed{text/plain text/html("test.html")}`, "boundary-prefix-line"},
		{enmime + "mail/html-mime-inline.raw", inlined, ""},
		{enmime + "mail/html-mime-bad-charset-inline.raw", inlined, ""},
		{enmime + "mail/mime-bad-8bit-filename.raw", `multipart/mixed{text/plain application/msword("管理.doc")}`, ""},
		{enmime + "mail/mime-blank-media-name.raw", `multipart/mixed{text/plain text/plain("Invoice_302232133150612.pdf")}`, "content-type-invalid"},
		{enmime + "mail/mime-duplicate-param.raw", `multipart/mixed{text/plain application/pdf("Invoice_302232133150612.pdf")}`, ""},
		{enmime + "mail/mime-signed.raw", `multipart/mixed{multipart/signed{text/plain application/pgp-signature("signature.asc")} text/plain}`, ""},
		{enmime + "mail/mime-unquoted-tspecials-param.raw", `multipart/mixed{text/plain application/pdf("Invoice_(302232133150612).pdf")}`, ""},
		{enmime + "mail/multipart-wo-boundary.raw", `multipart/report`, "boundary-missing"},
		{enmime + "parts/missing-closing-param-quote.raw", `text/html`, "parameter-quote"},
		{enmime + "parts/similar-boundary.raw", `multipart/mixed{text/plain multipart/alternative{text/plain text/html}}`, "boundary-prefix"},

		{ruby + "attachment_content_disposition.eml", `multipart/mixed{text/plain text/x-ruby-script("api.rb")}`, ""},
		{ruby + "attachment_message_rfc822.eml", `multipart/mixed{text/plain message/rfc822("ForwardedMessage.eml"){multipart/mixed{text/plain application/pdf("broken.pdf")}}}`, "header-bad-name"},
		{ruby + "attachment_nonascii_filename.eml", `multipart/mixed{text/plain text/plain("ciële.txt")}`, ""},
		{ruby + "attachment_pdf.eml", `multipart/mixed{text/plain application/pdf("broken.pdf")}`, ""},
		{ruby + "attachment_with_base64_encoded_name.eml", `multipart/mixed{text/plain application/pdf("This is a test.pdf")}`, ""},
		{ruby + "attachment_with_encoded_name.eml", "multipart/mixed{text/plain application/octet-stream(\"01 Quien Te Dij\uFFFDat. Pitbull.mp3\")}", ""},
		{ruby + "attachment_with_quoted_filename.eml", `multipart/mixed{image/jpeg("Eelanalüüsi päring.jpg")}`, ""},
		{ruby + "attachment_with_unquoted_name.eml", `multipart/mixed{text/plain text/plain("This is a test.txt")}`, ""},
	} {
		data, err := os.ReadFile(filepath.Join(vectors(t), c.file))
		require.NoError(t, err)
		n := mustParse(t, string(data))
		require.Equal(t, c.want, shape(n), c.file)
		all := codes(n)
		if c.ambiguous == "" {
			require.False(t, slices.ContainsFunc(all, func(s string) bool { return strings.HasSuffix(s, "!") }), "%s %v", c.file, all)
			continue
		}
		require.Contains(t, all, c.ambiguous+"!", c.file)
	}
}
