package discover

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"mime/quotedprintable"
	"path"
	"strings"
)

const (
	// maxDepth is how deep parts of a message are looked for: a signed message
	// that was forwarded in a signed one twice has six levels.
	maxDepth = 12

	// maxParts is how many parts of a message are looked at.
	maxParts = 1000
)

// Message finds the certificates in an e-mail: those that came with an S/MIME
// signature, which is not checked; keys and certificates that are attached or
// stand in its text; and the key in its Autocrypt header, by the rules of
// Autocrypt Level 1.1. Address of the candidates is the one in the From field,
// which everybody can write there, except for certificates that state no address
// at all, as those of authorities.
//
// What is inside of encryption is not found: call it with what was opened. For
// Autocrypt-Gossip see [Reader.AutocryptGossip].
func (r *Reader) Message(name string, b []byte) ([]Candidate, []Problem) {
	return r.collect(name, b, (*collector).message)
}

// isMessage reports whether b begins with the header of a message.
func isMessage(b []byte) bool {
	header, _, err := splitHeader(withoutEnvelope(b))
	return err == nil && (header.get("from") != "" || header.get("mime-version") != "")
}

// withoutEnvelope takes off the line that separates the messages of a mail box,
// RFC 4155, Appendix A.
func withoutEnvelope(b []byte) []byte {
	if bytes.HasPrefix(b, []byte("From ")) {
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	return b
}

// part is a part of a message that is still to be looked at.
type part struct {
	place   string
	address string
	header  fields // nil: a whole message
	body    []byte
	depth   int
}

// message takes the parts of a message, the outermost first, without recursion.
func (c *collector) message(place string, b []byte) {
	todo := []part{{place: place, body: withoutEnvelope(b)}}
	for n := 0; len(todo) > 0 && c.room(); n++ {
		if n == maxParts {
			c.problem(place, fmt.Errorf("more than %d parts: the rest is not read", maxParts))
			return
		}
		p := todo[0]
		todo = append(c.part(p), todo[1:]...)
	}
}

// part takes one part, and returns those that are in it.
func (c *collector) part(p part) []part {
	if p.header == nil {
		var err error
		if p.header, p.body, err = splitHeader(p.body); err != nil {
			c.problem(p.place, err)
			return nil
		}
		if p.address, err = p.header.from(); err != nil {
			c.problem(p.place, err)
		} else if p.depth == 0 {
			c.autocryptHeader(p.place, p.header, p.address)
		}
	}
	kind, params, err := p.header.media()
	if err != nil {
		c.problem(p.place, err)
		return nil
	}
	nested := strings.HasPrefix(kind, "multipart/") || kind == "message/rfc822"
	if nested && p.depth == maxDepth {
		c.problem(p.place, fmt.Errorf("parts within parts, more than %d deep: they are not read", maxDepth))
		return nil
	}
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		return c.parts(p, params["boundary"])
	case kind == "message/rfc822":
		return []part{{place: join(p.place, "forwarded"), body: p.body, depth: p.depth + 1}}
	}
	body, err := decode(p.header.get("content-transfer-encoding"), p.body)
	if err != nil {
		c.problem(p.place, err)
		return nil
	}
	c.leaf(p, kind, params, body)
	return nil
}

// parts splits a multipart, RFC 2046, Section 5.1. What its parts hold is not
// decoded.
func (c *collector) parts(p part, boundary string) (all []part) {
	if boundary == "" {
		c.problem(p.place, errors.New("a multipart without its boundary"))
		return nil
	}
	r := multipart.NewReader(bytes.NewReader(p.body), boundary)
	for n := 1; len(all) < maxParts; n++ {
		next, err := r.NextRawPart()
		if err == io.EOF {
			return all
		}
		here := join(p.place, fmt.Sprintf("part %d", n))
		if err != nil {
			c.problem(here, fmt.Errorf("the parts cannot be told apart: %.120q", err.Error()))
			return all
		}
		body, err := io.ReadAll(next) // less than p.body has
		if err != nil {
			c.problem(here, errors.New("its end is missing"))
			return all
		}
		header := fields{{name: ""}} // not nil: a part may have none
		for _, name := range []string{"Content-Type", "Content-Transfer-Encoding", "Content-Disposition"} {
			header = append(header, field{name: strings.ToLower(name), value: next.Header.Get(name)})
		}
		all = append(all, part{place: here, address: p.address, header: header, body: body, depth: p.depth + 1})
	}
	return all
}

// decode undoes a Content-Transfer-Encoding, RFC 2045, Section 6.
func decode(encoding string, b []byte) ([]byte, error) {
	switch lowerASCII(strings.TrimSpace(encoding)) {
	case "base64":
		return unbase64(string(b))
	case "quoted-printable":
		out, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(b)))
		if err != nil {
			return nil, errors.New("its quoted-printable is damaged")
		}
		return out, nil
	}
	return b, nil
}

// leaf takes the content of a part that has no parts. Only what is named as a
// key or a certificate is taken for one where it is binary: pictures are no
// damaged keys.
func (c *collector) leaf(p part, kind string, params map[string]string, b []byte) {
	first := len(c.found)
	switch {
	case len(b) == 0:
	case isVCard(b):
		c.vcards(p.place, b)
		return // who they say they are of
	case strings.HasSuffix(kind, "pkcs7-mime") && isSealed(params["smime-type"]):
	case strings.HasSuffix(kind, "pkcs7-signature"), strings.HasSuffix(kind, "pkcs7-mime"):
		c.signed(p.place, "", b, "came with a signature, which was not checked")
	case isCertificateType(kind) || isCertificateName(p.header.fileName(params)):
		c.bare(p.place, b)
	case isText(b):
		c.text(p.place, b)
	}
	for i := first; i < len(c.found); i++ {
		if len(c.found[i].Certificate.Addresses()) > 0 {
			c.found[i].Address = p.address
		}
	}
}

// isSealed reports whether CMS of that smime-type (RFC 8551, Section 3.2.2) has
// its certificates inside of what has to be opened first.
func isSealed(smimeType string) bool {
	switch lowerASCII(smimeType) {
	case "enveloped-data", "authenveloped-data", "compressed-data":
		return true
	}
	return false
}

// isCertificateType reports whether content of that type is made of keys or
// certificates: RFC 3156, Section 7, RFC 2585, Section 4, RFC 7292, and what
// programs wrote before.
func isCertificateType(kind string) bool {
	switch kind {
	case "application/pgp-keys", "application/pkix-cert", "application/pkix-cert+pem", "application/x-pem-file",
		"application/x-x509-ca-cert", "application/x-x509-user-cert", "application/x-x509-email-cert",
		"application/pkcs12", "application/x-pkcs12", "application/x-pkcs7-certificates":
		return true
	}
	return false
}

// isCertificateName reports whether files of that name hold keys or
// certificates.
func isCertificateName(name string) bool {
	switch lowerASCII(path.Ext(name)) {
	case ".asc", ".pgp", ".gpg", ".key", ".pub", ".kbx", ".cer", ".crt", ".der", ".pem", ".p7c", ".p7b", ".p7s", ".p12", ".pfx":
		return true
	}
	return false
}
