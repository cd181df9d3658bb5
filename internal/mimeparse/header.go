package mimeparse

import (
	"bytes"
	"strings"
)

// Get returns the value of the first field of that name, in any case of
// letters: unfolded, without the white space around it, and not decoded. It is
// "" where there is none.
func (h Header) Get(name string) string {
	for i := range h {
		if strings.EqualFold(h[i].Name, name) {
			return h[i].Value()
		}
	}
	return ""
}

// Values returns the values of all fields of that name, in order, as Get does.
func (h Header) Values(name string) []string {
	var values []string
	for i := range h {
		if strings.EqualFold(h[i].Name, name) {
			values = append(values, h[i].Value())
		}
	}
	return values
}

// Count returns how many fields have that name.
func (h Header) Count(name string) int {
	n := 0
	for i := range h {
		if strings.EqualFold(h[i].Name, name) {
			n++
		}
	}
	return n
}

// Value returns what is behind the colon, unfolded as RFC 5322, Section 2.2.3,
// says, and without the white space around it.
func (f Field) Value() string {
	raw := f.Raw
	if f.Name != "" {
		_, raw, _ = bytes.Cut(raw, []byte{':'})
	}
	if bytes.IndexByte(raw, '\n') == len(raw)-1 { // one line, as most are
		return string(bytes.Trim(raw, " \t\r\n"))
	}
	value := make([]byte, 0, len(raw))
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte{'\n'})
		value = append(value, bytes.TrimSuffix(line, []byte{'\r'})...)
		raw = rest
	}
	return string(bytes.Trim(value, " \t"))
}

// structural fields say what the parts of a message are, and shown ones who
// wrote it and what about. Where two programs read one of these in two ways,
// they show two messages.
var structural = []string{"Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "MIME-Version"}

var shown = []string{"From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Subject", "Date"}

func among(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// fields cuts the octets of a header into its fields. It keeps no copy of raw:
// the fields refer to it.
func (p *parser) fields(n *Node, raw []byte) Header {
	h := p.scratch[:0]
	for first := true; len(raw) > 0; first = false {
		end := fieldEnd(raw)
		field := raw[:end:end]
		raw = raw[end:]
		h = append(h, Field{fieldName(n, field, first && n.Parent == nil), field})
		checkField(n, field)
	}
	p.scratch = h[:0]
	if len(h) == 0 {
		return nil
	}
	return append(Header(nil), h...)
}

// fieldEnd returns where the field ends that raw begins with: before the first
// line that does not begin with white space.
func fieldEnd(raw []byte) int {
	end := 0
	for {
		i := bytes.IndexByte(raw[end:], '\n')
		if i < 0 {
			return len(raw)
		}
		end += i + 1
		if end == len(raw) || raw[end] != ' ' && raw[end] != '\t' {
			return end
		}
	}
}

// fieldName returns the name of a field, "" for what is no field: a line
// without a colon, or what cannot be a name before it. For some programs such
// a line ends the header, others skip it.
func fieldName(n *Node, field []byte, first bool) string {
	if field[0] == ' ' || field[0] == '\t' {
		n.find("header-folded-first", true, "the header begins with a line that continues one")
		return ""
	}
	colon := bytes.IndexByte(field, ':')
	line := field
	if i := bytes.IndexByte(field, '\n'); i >= 0 {
		line = field[:i]
	}
	// "From :" with white space before the colon is a field (RFC 5322, Section 4.5).
	if from, ok := bytes.CutPrefix(bytes.TrimPrefix(line, []byte{'>'}), []byte("From ")); first && ok && !bytes.HasPrefix(bytes.TrimLeft(from, " \t"), []byte{':'}) {
		n.find("header-from-line", false, "the header begins with the separator line of a mailbox file")
		return ""
	}
	if colon < 0 || colon >= len(line) {
		n.find("header-no-colon", true, "a line of the header is no field, and ends the header for some programs")
		return ""
	}
	name := bytes.TrimRight(line[:colon], " \t")
	for _, c := range name {
		// RFC 5322, Section 3.6.8: printable ASCII without the colon.
		if c <= ' ' || c >= 0x7F {
			n.find("header-bad-name", true, "what stands before the colon of a header line cannot be a field name")
			return ""
		}
	}
	if len(name) == 0 {
		n.find("header-bad-name", true, "a header line begins with its colon")
		return ""
	}
	if len(name) < colon {
		matters := among(structural, string(name)) || among(shown, string(name))
		n.find("header-space-before-colon", matters, "a field name has white space behind it: some programs do not know it then")
	}
	return string(name)
}

// checkField looks at what can stand in any field.
func checkField(n *Node, field []byte) {
	if bytes.IndexByte(field, 0) >= 0 {
		n.find("header-nul", true, "the header has a zero octet, where it ends for some programs")
	}
	for rest := field; ; {
		i := bytes.IndexByte(rest, '\r')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		if len(rest) == 0 || rest[0] != '\n' {
			n.find("header-bare-cr", true, "the header has a carriage return alone, which ends a line for some programs")
			break
		}
	}
	for _, c := range field {
		switch {
		case c >= ' ' && c != 0x7F || c == '\t' || c == '\r' || c == '\n' || c == 0:
		case c == '\v' || c == '\f' || 0x1C <= c && c <= 0x1E:
			n.find("header-control", true, "the header has a control character that ends a line for some programs")
		default:
			n.find("header-control", false, "the header has a control character")
		}
	}
	for rest := field; ; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 || i == len(rest)-1 {
			break
		}
		rest = rest[i+1:]
		line, _, _ := bytes.Cut(rest, []byte{'\n'})
		if len(bytes.Trim(line, " \t\r")) == 0 {
			n.find("header-blank-line", true, "a line of the header is of white space alone, and ends the header for some programs")
			break
		}
	}
}
