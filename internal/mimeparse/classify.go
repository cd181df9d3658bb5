package mimeparse

import (
	"path"
	"strings"
)

// classify reads what the header of n says about its body.
func (p *parser) classify(n *Node) {
	n.MediaType = "text/plain" // RFC 2045, Section 5.2
	if n.Parent != nil && n.Parent.MediaType == "multipart/digest" {
		n.MediaType = "message/rfc822" // RFC 2046, Section 5.1.5
	}
	n.Encoding = "7bit"
	fs := (*findings)(&n.Findings)
	if value, ok := n.once("Content-Type"); ok {
		kind, params := parseParams(value, fs)
		n.mediaType(kind, params)
	}
	if value, ok := n.once("Content-Transfer-Encoding"); ok {
		n.encoding(value)
	}
	if value, ok := n.once("Content-Disposition"); ok {
		n.Disposition, n.DispositionParams = parseParams(value, fs)
		if !isToken(n.Disposition) {
			n.find("content-disposition-invalid", false, "the Content-Disposition %q is none", n.Disposition)
		}
	}
	if n.Parent == nil {
		n.version()
	}
	n.name()
	p.container(n)
}

// once returns the value of a field that may stand in a header once.
func (n *Node) once(name string) (string, bool) {
	values := n.Header.Values(name)
	if len(values) > 1 {
		n.find(strings.ToLower(name)+"-twice", true, "the header has "+name+" more than once: some programs take the first, some the last")
	}
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}

func (n *Node) version() {
	values := n.Header.Values("MIME-Version")
	for _, v := range values[min(1, len(values)):] {
		n.find("mime-version-twice", v != values[0], "the header has MIME-Version more than once")
	}
	if len(values) == 0 && n.Header.Count("Content-Type") > 0 {
		n.find("mime-version-missing", false, "the header has Content-Type and no MIME-Version")
	}
}

func (n *Node) mediaType(kind string, params map[string]string) {
	n.Params = params
	major, minor, ok := strings.Cut(kind, "/")
	if ok && isToken(major) && isToken(minor) {
		n.MediaType = kind
		return
	}
	// RFC 2045, Section 5.2, has what cannot be read be text, and some programs
	// make something else of it. Old ones write "text", which is text for all.
	_, bounded := params["boundary"]
	matters := bounded || kind != "text"
	n.find("content-type-invalid", matters, "the Content-Type %q is no type and subtype", kind)
}

// encoding reads Content-Transfer-Encoding: RFC 2045, Section 6.1.
func (n *Node) encoding(value string) {
	text, comment := dropComments(value)
	n.Encoding = strings.ToLower(strings.Trim(text, " \t"))
	if comment {
		n.find("encoding-comment", true, "the Content-Transfer-Encoding has a comment, which some programs do not read as one")
	}
	switch n.Encoding {
	case "7bit", "8bit", "binary", "base64", "quoted-printable":
	case "7-bit", "7bits", "8-bit", "8bits":
		n.find("encoding-odd", false, "the Content-Transfer-Encoding is %q", n.Encoding)
		n.Encoding = n.Encoding[:1] + "bit"
	case "":
		n.Encoding = "7bit"
		n.find("encoding-odd", false, "the Content-Transfer-Encoding is empty")
	default:
		n.find("encoding-unknown", true, "the Content-Transfer-Encoding %q is none that is known", n.Encoding)
	}
}

// name sets the file name, and says where the two places that have one differ.
func (n *Node) name() {
	file, inDisposition := n.DispositionParams["filename"]
	name, inType := n.Params["name"]
	n.Name = file
	if !inDisposition {
		n.Name = name
	}
	if inDisposition && inType && file != name {
		// A person takes the extension for what the file is. Thunderbird gives its
		// signatures one in one field alone.
		a, b := extension(file), extension(name)
		other := a != "" && b != "" && !strings.EqualFold(a, b)
		n.find("name-differs", other, "the file is called %q in one field, %q in another", file, name)
	}
}

func extension(name string) string { return path.Ext(strings.TrimSpace(name)) }

// boundary returns what separates the parts in n, nil for what has none.
func (n *Node) boundary() []byte {
	if !strings.HasPrefix(n.MediaType, "multipart/") {
		return nil
	}
	// White space behind a boundary in its line does not count, so none can be
	// at its end.
	b := strings.TrimRight(n.Params["boundary"], " \t")
	if b == "" || len(b) > maxBoundary {
		return nil
	}
	return []byte(b)
}

// encoded reports whether the body has a transfer encoding to be undone.
func (n *Node) encoded() bool {
	return n.Encoding == "base64" || n.Encoding == "quoted-printable"
}

// isMessage reports whether the body of n is a message that is read as a part
// of its own. RFC 2046, Section 5.2.1, forbids to encode it; one that is, is a
// leaf.
func (n *Node) isMessage() bool {
	return (n.MediaType == "message/rfc822" || n.MediaType == "message/global") && !n.encoded()
}

// container looks at what says where the parts in n are.
func (p *parser) container(n *Node) {
	major, _, _ := strings.Cut(n.MediaType, "/")
	if n.encoded() && (major == "multipart" || n.MediaType == "message/rfc822") {
		// RFC 2045, Section 6.4; message/global may be (RFC 6532, Section 3.7), and
		// is read by some and not by others all the same.
		n.find("encoding-of-container", true, "what has other parts in it must not have the transfer encoding "+n.Encoding)
	}
	if n.MediaType == "message/global" && n.encoded() {
		n.find("encoding-of-container", true, "a message in the message has the transfer encoding "+n.Encoding)
	}
	if major == "text" {
		n.charset()
	}
	if major != "multipart" {
		return
	}
	raw := n.Params["boundary"]
	b := string(n.boundary())
	switch {
	case raw == "":
		n.find("boundary-missing", true, "the multipart states no boundary")
	case len(raw) > 70: // RFC 2046, Section 5.1.1
		n.find("boundary-long", true, "the boundary is longer than 70 characters")
	case raw != b:
		n.find("boundary-blank", true, "the boundary ends with white space")
	}
	n.boundaryCharacters(raw)
	for i := range p.stack {
		switch o := string(p.stack[i].boundary); {
		case o == "" || b == "":
		case o == b:
			n.find("boundary-reused", true, "the boundary is that of a multipart around this one")
		case strings.HasPrefix(b, o) || strings.HasPrefix(o, b):
			n.find("boundary-prefix", true, "the boundary and that of a multipart around this one begin with each other")
		}
	}
}

// boundaryCharacters looks at the characters of a boundary: RFC 2046, Section
// 5.1.1.
func (n *Node) boundaryCharacters(b string) {
	for i := range len(b) {
		switch c := b[i]; {
		case isAlphanumeric(c) || strings.IndexByte("'()+_,-./:=? ", c) >= 0:
		case c <= ' ' || c >= 0x7F || strings.IndexByte(`"\;`, c) >= 0:
			n.find("boundary-characters", true, "the boundary %q has characters that programs read in several ways", b)
		default:
			n.find("boundary-characters", false, "the boundary %q has characters that none may have", b)
		}
	}
	if strings.HasPrefix(b, "=?") && strings.HasSuffix(b, "?=") && strings.Count(b, "?") == 4 {
		n.find("boundary-encoded", true, "the boundary is an encoded word, which some programs decode")
	}
}

// charset looks for character sets in which the octets of ASCII are something
// else: a program that does not know one shows another text.
func (n *Node) charset() {
	cs := strings.ToLower(n.Params["charset"])
	for _, prefix := range []string{"utf-7", "unicode-1-1-utf-7", "utf7", "utf-16", "utf16", "utf-32", "utf32", "ucs-", "iso-10646", "hz-gb", "ibm037", "cp037", "ebcdic", "imap"} {
		if strings.HasPrefix(cs, prefix) {
			n.find("charset-not-ascii", true, "in the character set %q the octets of ASCII are other characters", cs)
		}
	}
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// isToken reports whether s is a token of RFC 2045, Section 5.1.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7F || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
