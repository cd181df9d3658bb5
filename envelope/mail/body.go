package mail

import (
	"crypto/rand"
	"errors"
	"io"
	"strings"
)

// body is what a mail says: the payload that is sealed or signed, without the
// header of the mail.
type body struct {
	root *entity
	used bool
}

// entity is one part: a container with others in it, or a leaf.
type entity struct {
	kind     string // media type
	params   []param
	rest     []field // Content-* fields but Content-Type
	parts    []*entity
	boundary string
	write    func(w io.Writer) error // of a leaf: its content, encoded
}

// body returns the parts of the mail. With legacyDisplay the fields that p hides
// are repeated in the texts.
func (c *checked) body(p HeaderPolicy, legacyDisplay bool) *body {
	var display []field
	if legacyDisplay {
		display = c.hidden(p)
	}
	var inline, files []*entity
	for _, a := range c.attachments {
		if a.contentID != "" && c.html != "" {
			inline = append(inline, a.entity())
		} else {
			files = append(files, a.entity())
		}
	}
	var texts []*entity
	if c.text != "" || c.html == "" && len(files) == 0 {
		texts = append(texts, textEntity("text/plain", c.text, display))
	}
	if c.html != "" {
		html := textEntity("text/html", c.html, display)
		if len(inline) > 0 {
			// RFC 2387: the images are of the HTML, and of nothing else.
			html = container("multipart/related", append([]*entity{html}, inline...)...)
			html.params = append(html.params, param{"type", "text/html"})
		}
		texts = append(texts, html)
	}
	if len(texts) > 1 {
		texts = []*entity{container("multipart/alternative", texts...)}
	}
	// Files alone are in a container too: one of a cryptographic type must not
	// become a layer of the mail (RFC 9787, Section 3.2).
	if len(files) > 0 {
		return &body{root: container("multipart/mixed", append(texts, files...)...)}
	}
	return &body{root: texts[0]}
}

// container makes a multipart. No line of what is in it can be its boundary: =_
// is in no base64 nor quoted-printable (RFC 2045, Section 6.7), text that goes
// as it is has no line that begins so, and no boundary begins with another.
func container(kind string, parts ...*entity) *entity {
	b := boundaryMark + rand.Text()
	return &entity{kind: kind, params: []param{{"boundary", b}}, parts: parts, boundary: b}
}

// fields returns the fields of the payload's top part. hp says how the header
// is protected: "cipher", "clear", or "" for not at all (RFC 9788, Section 2.1.1).
func (b *body) fields(hp string) []field {
	fs := []field{{"MIME-Version", "1.0"}}
	if hp == "" {
		return append(fs, b.root.fields()...)
	}
	// The older parameter is what Thunderbird 153 looks for, which shows no
	// protected subject without it, and what it writes beside hp itself.
	return append(fs, b.root.fields(param{"protected-headers", "v1"}, param{"hp", hp})...)
}

func (e *entity) fields(more ...param) []field {
	const name = "Content-Type"
	ps := append(e.params[:len(e.params):len(e.params)], more...)
	return append([]field{{name, withParams(name, e.kind, ps...)}}, e.rest...)
}

var errBodyUsed = errors.New("mail: the body was written already, and its attachments can be read once")

// writeTo writes what follows the header of the top part. It reads each
// attachment once, and can be called once.
func (b *body) writeTo(w io.Writer) error {
	if b.used {
		return errBodyUsed
	}
	b.used = true
	return b.root.writeTo(w)
}

// writeTo writes an entity without its header. Containers are three deep at most.
func (e *entity) writeTo(w io.Writer) error {
	if e.write != nil {
		return e.write(w)
	}
	for i, p := range e.parts {
		line := "\r\n--" + e.boundary + "\r\n"
		if i == 0 {
			line = strings.TrimPrefix(line, "\r\n")
		}
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
		if err := writeFields(w, p.fields()...); err != nil {
			return err
		}
		if _, err := io.WriteString(w, "\r\n"); err != nil {
			return err
		}
		if err := p.writeTo(w); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "\r\n--"+e.boundary+"--\r\n")
	return err
}
