package mail

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

// shownFields are the header fields that people are shown, and go by. Bcc is
// among them for the copy that a recipient in Bcc gets (RFC 5322, Section 3.6.3).
func shownFields() []string {
	return []string{"From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Subject", "Date"}
}

// isAddressField reports whether the field holds a list of addresses.
func isAddressField(name string) bool {
	return slices.Contains([]string{"From", "Sender", "Reply-To", "To", "Cc", "Bcc"}, name)
}

// maxWords is how many encoded words of one field are decoded that are neither
// UTF-8 nor ISO 8859-1: each costs a decoder of its own, and a hostile header
// has 12,000.
const maxWords = 1000

var errWords = errors.New("mail: too many encoded words")

// words returns a decoder for one field.
func words() *mime.WordDecoder {
	left := maxWords
	return &mime.WordDecoder{CharsetReader: func(name string, in io.Reader) (io.Reader, error) {
		if left--; left < 0 {
			return nil, errWords
		}
		return charset.Reader(name, in)
	}}
}

// decoded returns text with its encoded words (RFC 2047) decoded, in whatever
// charset, as valid UTF-8. What cannot be decoded stays as it is.
func decoded(text string) string {
	if s, err := words().DecodeHeader(text); err == nil {
		text = s
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// shown returns what a person is shown of the fields of one name: all of them,
// so that nothing that was put beside the first one goes unseen.
func shown(fields []string) string {
	var all []string
	for _, v := range fields {
		all = append(all, plain(collapsed(decoded(v))))
	}
	return strings.Join(all, ", ")
}

// plain puts a sign in the place of what could do more to who looks at a text
// than be read: control characters, and those that turn a part of it around.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || turns(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// turns reports whether r changes the direction of what is behind it, so that an
// address can be written backwards: the embeddings, overrides and isolates of
// Unicode Standard Annex 9, Section 2.
func turns(r rune) bool { return r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069' }

// collapsed makes each run of white space one space: servers fold and unfold
// (RFC 5322, Section 2.2.3), and nobody sees the difference.
func collapsed(s string) string { return strings.Join(strings.Fields(s), " ") }

// sameField reports whether a field says the same in both of its forms. Servers
// fold it anew and change how it is encoded and quoted; a person or a program
// is told the same for all that.
func sameField(name string, a, b []string) bool {
	if slices.Equal(a, b) {
		return true
	}
	switch {
	case isAddressField(name):
		x, okA := addressList(a)
		y, okB := addressList(b)
		return okA && okB && slices.Equal(x, y) && !remarks(a) && !remarks(b) || shown(a) == shown(b)
	case name == "Date" && len(a) == 1 && len(b) == 1:
		x, errA := mail.ParseDate(a[0])
		y, errB := mail.ParseDate(b[0])
		return errA == nil && errB == nil && x.Equal(y) || shown(a) == shown(b)
	}
	return shown(a) == shown(b)
}

// remarks reports whether there is more in fields than names and addresses:
// comments and the names of groups, which some programs show and addressList
// leaves out.
func remarks(fields []string) bool {
	for _, v := range fields {
		for i := 0; i < len(v); i++ {
			switch v[i] {
			case '"':
				if n, _ := quotedString(v[i:]); n > 0 {
					i += n - 1
				}
			case '(', ':', ';':
				return true
			}
		}
	}
	return false
}

// addressList returns the names and addresses in fields, each as it is
// compared: two that are shown alike are equal.
func addressList(fields []string) (all []mail.Address, ok bool) {
	for _, v := range fields {
		if collapsed(v) == "" {
			continue
		}
		p := mail.AddressParser{WordDecoder: words()}
		list, err := p.ParseList(v)
		if err != nil {
			return nil, false
		}
		for _, a := range list {
			if m, err := mailbox.Parse(a.Address); err == nil {
				a.Address = m.String()
			}
			all = append(all, mail.Address{Name: collapsed(a.Name), Address: a.Address})
		}
	}
	return all, true
}

// cut is for what a message says in a text of ours: quoted, on one line, short.
func cut(s string) string {
	const most = 80
	if len(s) <= most {
		return fmt.Sprintf("%q", s)
	}
	for most := most; ; most-- {
		if utf8.RuneStart(s[most]) || most == 0 {
			return fmt.Sprintf("%q…", s[:most])
		}
	}
}

// control reports whether text holds what no header field may (RFC 5322,
// Section 2.2): it ends the text in one program and not in the next.
func control(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r != '\t' && unicode.IsControl(r) || r == '\u2028' || r == '\u2029' })
}
