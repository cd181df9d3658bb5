package smime

import (
	"bufio"
	"bytes"
	"io"
	"mime"
	"net/textproto"
	"strings"
	"unicode/utf8"
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
	for first, crlf := true, false; ; first = false {
		i := bytes.IndexByte(head[body:], '\n')
		if i < 0 {
			return nil, 0, false
		}
		line, cr := bytes.CutSuffix(head[body:body+i], []byte{'\r'})
		if body += i + 1; first {
			crlf = cr
		}
		if cr != crlf {
			return nil, 0, false
		}
		if len(line) == 0 {
			break
		}
		if !isHeaderLine(line) {
			return nil, 0, false
		}
	}
	if !isText(head[:body]) {
		return nil, 0, false
	}
	h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(head[:body]))).ReadMIMEHeader()
	return h, body, err == nil
}

// isHeaderLine reports whether every program reads the line as a field or as
// what continues one: a line of white space alone ends the header for some, and
// white space before the colon has some not know a second Content-Type, which is
// the first for others.
func isHeaderLine(line []byte) bool {
	if bytes.IndexByte(line, '\r') >= 0 {
		return false
	}
	if line[0] == ' ' || line[0] == '\t' {
		return len(bytes.Trim(line, " \t")) > 0
	}
	name, _, ok := bytes.Cut(line, []byte{':'})
	return ok && len(name) > 0 && !bytes.ContainsAny(name, " \t")
}

// isText reports whether b is text, as headers are. Blocks that somebody moved
// in a message in CBC mode decrypt to noise before each: what nobody signs
// should not be where noise does no harm.
func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\r' && c != '\n' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(b)
}

// mediaType returns the Content-Type, its type and subtype in lower case. Two
// types would be two opinions, and so would two values of a parameter.
func mediaType(h textproto.MIMEHeader) (t string, params map[string]string, err error) {
	if len(h["Content-Type"]) != 1 {
		return "", nil, malformed("a MIME entity has no type, or several")
	}
	t, params, err = mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return "", nil, malformed("the type of a MIME entity is damaged")
	}
	return t, params, nil
}

// sniffEntity says what head begins, if it begins an entity with a message
// that is signed or compressed. With named set its smime-type has to say so:
// then a file that is authenticated otherwise is not taken for one by a name
// that is common to all of S/MIME. What it is, its content says, not its name.
func sniffEntity(head []byte, named bool) nested {
	h, _, ok := entityHeader(head)
	if !ok {
		return notNested
	}
	if _, ok := parseMultipartSigned(h); ok {
		return nestedMultipart
	}
	t, params, err := mediaType(h)
	if err != nil || t != "application/pkcs7-mime" && t != "application/x-pkcs7-mime" {
		return notNested
	}
	kind, stated := params["smime-type"]
	// QUIRK: RFC 8551, Section 3.2.2 makes smime-type optional, and Outlook
	// Express left it out.
	if strings.EqualFold(kind, "signed-data") || strings.EqualFold(kind, "compressed-data") || !stated && !named {
		return nestedEntity
	}
	return notNested
}

// transferEncoding returns "base64", or "" where the body is as it is.
func transferEncoding(h textproto.MIMEHeader) (string, error) {
	if len(h["Content-Transfer-Encoding"]) > 1 {
		return "", malformed("the header of a MIME entity is damaged")
	}
	switch e := strings.ToLower(strings.TrimSpace(h.Get("Content-Transfer-Encoding"))); e {
	case "base64":
		return e, nil
	case "", "binary", "7bit", "8bit":
		return "", nil
	}
	return "", malformed("a MIME entity has an encoding that is not supported")
}

// enterEntity reads the header of the entity that br yields, and returns it
// with the decoded body. br holds at least maxEntityHeader.
func enterEntity(br *bufio.Reader) (textproto.MIMEHeader, io.Reader, error) {
	head, _ := br.Peek(maxEntityHeader) // an error comes again
	h, body, ok := entityHeader(head)
	if !ok {
		return nil, nil, malformed("the header of a MIME entity is damaged")
	}
	e, err := transferEncoding(h)
	if err != nil {
		return nil, nil, err
	}
	br.Discard(body)
	if e == "base64" {
		return h, newBase64Reader(br), nil
	}
	return h, br, nil
}

// entityBody returns the decoded body of the entity that plain yields.
func entityBody(plain io.Reader) (io.Reader, error) {
	_, body, err := enterEntity(bufio.NewReaderSize(plain, maxEntityHeader))
	return body, err
}
