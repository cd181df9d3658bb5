package smime

import (
	"bufio"
	"bytes"
	"io"
	"mime"
	"net/textproto"
	"strings"
)

// Mail programs that sign and seal put a whole MIME entity into the envelope,
// of which the body is the signed message (RFC 8551, Section 3.7). That entity
// is read and written here and nothing else of MIME.

// maxEntityHeader is how long the header of such an entity may be. It has
// three or four lines.
const maxEntityHeader = 16 << 10

// signedEntityHeader is what is written (RFC 8551, Section 3.5.2). Lines of
// base64 with CRLF follow.
const signedEntityHeader = "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n" +
	"Content-Transfer-Encoding: base64\r\n" +
	"Content-Disposition: attachment; filename=smime.p7m\r\n" +
	"\r\n"

// entityHeader parses the header at the beginning of head and returns where
// the body begins; ok is false for everything else.
func entityHeader(head []byte) (h textproto.MIMEHeader, body int, ok bool) {
	// Most content is no entity, and is told from one by its first octet.
	if len(head) == 0 || head[0]|0x20 < 'a' || head[0]|0x20 > 'z' {
		return nil, 0, false
	}
	for {
		i := bytes.IndexByte(head[body:], '\n')
		if i < 0 {
			return nil, 0, false
		}
		line := head[body : body+i]
		body += i + 1
		if len(line) == 0 || len(line) == 1 && line[0] == '\r' {
			break
		}
	}
	h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(head[:body]))).ReadMIMEHeader()
	return h, body, err == nil
}

// isSignedEntity reports whether head begins an entity with an opaque signed
// message. With named set its smime-type has to say so: then a file that is
// authenticated otherwise is not taken for one by a name that is common to all
// of S/MIME.
func isSignedEntity(head []byte, named bool) bool {
	h, _, ok := entityHeader(head)
	// Two types would be two opinions.
	if !ok || len(h["Content-Type"]) != 1 {
		return false
	}
	t, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || t != "application/pkcs7-mime" && t != "application/x-pkcs7-mime" {
		return false
	}
	kind, stated := params["smime-type"]
	// QUIRK: RFC 8551, Section 3.2.2 makes smime-type optional, and Outlook
	// Express left it out.
	return strings.EqualFold(kind, "signed-data") || !stated && !named
}

// entityBody returns the decoded body of the entity that plain yields.
func entityBody(plain io.Reader) (io.Reader, error) {
	br := bufio.NewReaderSize(plain, maxEntityHeader)
	head, _ := br.Peek(maxEntityHeader) // an error comes again
	h, body, ok := entityHeader(head)
	if !ok || len(h["Content-Transfer-Encoding"]) > 1 {
		return nil, malformed("the header of a MIME entity is damaged")
	}
	br.Discard(body)
	switch strings.ToLower(strings.TrimSpace(h.Get("Content-Transfer-Encoding"))) {
	case "base64":
		return newBase64Reader(br), nil
	case "", "binary", "7bit", "8bit":
		return br, nil
	}
	return nil, malformed("a MIME entity has an encoding that is not supported")
}
