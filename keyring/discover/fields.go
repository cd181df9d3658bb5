package discover

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/mail"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

const (
	// maxMailHeader is the size of a header in octets: gossip of 400 keys, each in
	// the largest field that is allowed.
	maxMailHeader = 4 << 20

	// maxFields is how many fields a header may have.
	maxFields = 5000

	// maxValue is the size in octets of a field that is taken apart. One line has
	// at most 998 (RFC 5322, Section 2.1.1); what the standard library makes of
	// each parameter or word takes forty times the memory, and seconds for a MiB.
	maxValue = 4 << 10
)

var (
	errHeader = errors.New("it does not begin with the header of a message")
	errFrom   = errors.New("the From field does not hold exactly one address")
	errValue  = fmt.Errorf("its Content-Type has more than %d octets: it is not read", maxValue)
)

// field is a header field, RFC 5322, Section 2.2.
type field struct {
	name  string // in lower case
	value string // unfolded
	size  int    // octets of all of it, line ends included
}

// fields is the header of a message or of a part.
type fields []field

// splitHeader cuts b into header fields and the body. It fails where b does not
// begin with a header.
func splitHeader(b []byte) (list fields, body []byte, err error) {
	rest := b
	for len(rest) > 0 {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		size := len(rest) - len(after)
		line = bytes.TrimSuffix(line, []byte("\r"))
		rest = after
		if len(line) == 0 {
			break
		}
		if len(b)-len(rest) > maxMailHeader || len(list) == maxFields {
			return nil, nil, errors.New("its header is too large")
		}
		if line[0] == ' ' || line[0] == '\t' {
			if len(list) == 0 {
				return nil, nil, errHeader
			}
			last := &list[len(list)-1]
			last.size += size
			continue
		}
		name, _, ok := bytes.Cut(line, []byte(":"))
		name = bytes.TrimRight(name, " \t")
		if !ok || !isFieldName(name) {
			return nil, nil, errHeader
		}
		list = append(list, field{name: strings.ToLower(string(name)), size: size})
	}
	if len(list) == 0 {
		return nil, nil, errHeader
	}
	unfold(list, b)
	return list, rest, nil
}

// unfold sets the values, each with one allocation however often it is folded:
// RFC 5322, Section 2.2.3.
func unfold(list fields, b []byte) {
	for i := range list {
		raw := string(b[:list[i].size])
		b = b[list[i].size:]
		_, value, _ := strings.Cut(raw, ":")
		list[i].value = strings.TrimSpace(strings.NewReplacer("\r\n", "", "\n", "").Replace(value))
	}
}

// isFieldName reports whether b is made of what field names are, RFC 5322,
// Section 3.6.8.
func isFieldName(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7F || c == ':' {
			return false
		}
	}
	return len(b) > 0
}

// get returns the first field of that name, in lower case.
func (l fields) get(name string) string {
	for _, f := range l {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// from returns the one address in the one From field, as it is written.
func (l fields) from() (string, error) {
	n, value := 0, ""
	for _, f := range l {
		if f.name == "from" {
			n, value = n+1, f.value
		}
	}
	if n != 1 || len(value) > maxValue {
		return "", errFrom
	}
	list, err := mail.ParseAddressList(value)
	if err != nil || len(list) != 1 {
		return "", errFrom
	}
	return list[0].Address, nil
}

// media returns what the content is, RFC 2045, Section 5.
func (l fields) media() (kind string, params map[string]string, err error) {
	value := l.get("content-type")
	if len(value) > maxValue {
		return "", nil, errValue
	}
	kind, params, err = mime.ParseMediaType(value)
	if err != nil && kind == "" {
		kind = "text/plain" // Section 5.2
	}
	return kind, params, nil
}

// fileName returns the name that the content has as a file, "" if none.
func (l fields) fileName(params map[string]string) string {
	if value := l.get("content-disposition"); len(value) <= maxValue {
		if _, d, err := mime.ParseMediaType(value); err == nil && d["filename"] != "" {
			return d["filename"]
		}
	}
	return params["name"]
}

// sameAddress compares addresses as Autocrypt does, with upper and lower case
// of ASCII alike in the local part too: what else is alike is for the ring to
// say.
func sameAddress(a, b string) bool { return mailbox.Same(lowerASCII(a), lowerASCII(b)) }
