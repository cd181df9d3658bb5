package mail

import (
	"net/mail"
	"strings"
	"unicode"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
)

// maxFrom is more octets than a name and an address take: 254 for the address
// (RFC 5321, Section 4.5.3.1.3), and for a name of 300 letters that are encoded.
const maxFrom = 4096

// author is who a header says wrote the message.
type author struct {
	address  mailbox.Address // the zero value where there is not exactly one that every program reads
	name     string
	findings []Finding
	clean    bool // nothing in the field can be taken for another address
}

// found adds a finding. Each is one that keeps From from being believed.
func (a *author) found(code, text string, ambiguous bool) {
	a.findings = append(a.findings, Finding{Code: code, Text: text, Ambiguous: ambiguous})
	a.clean = false
}

// readAuthor reads the From field of a header.
//
// What is accepted is less than RFC 5322 allows, and less than any program
// reads: one field, spelled plainly, with one address, alone or in angle
// brackets behind a name. For who can choose the octets of the field, every
// further form is a way to have one program read one author and the next
// program another: lists and groups, routes, comments, quoted and encoded local
// parts, text behind the address, characters that end a text for some.
func readAuthor(h mimeparse.Header) author {
	a := author{clean: true}
	var fields []string
	for _, f := range h {
		if strings.EqualFold(f.Name, "From") {
			fields = append(fields, f.Value())
		}
		if hidesFrom(f) {
			a.found("two-from", "a line that some programs read as another From is hidden in the field "+cut(f.Name), true)
		}
	}
	switch {
	case len(fields) == 0:
		a.found("from-missing", "there is no From", false)
		return a
	case len(fields) > 1:
		a.found("two-from", "there are several From fields: "+cut(strings.Join(fields, " | ")), true)
		return a
	}
	a.read(fields[0])
	return a
}

// hidesFrom reports whether there is a From behind a lone carriage return or a
// NUL, where some programs begin a new line.
func hidesFrom(f mimeparse.Field) bool {
	lines := strings.FieldsFunc(string(f.Raw), func(r rune) bool { return strings.ContainsRune("\r\n\x00\v\f", r) })
	for i, line := range lines {
		// A line that was folded begins with white space, and is not meant.
		if name, _, ok := strings.Cut(line, ":"); i > 0 && ok && strings.EqualFold(strings.TrimRight(name, " \t"), "from") {
			return true
		}
	}
	return false
}

// read reads the value of the one From field.
func (a *author) read(value string) {
	switch {
	case collapsed(value) == "" || collapsed(value) == "<>":
		a.found("from-empty", "From is empty", false)
		return
	case len(value) > maxFrom:
		a.found("from-unreadable", "From is too long to be that of one author: "+cut(value), true)
		return
	case control(value):
		a.found("from-unreadable", "From has control characters, which end it in some programs: "+cut(value), true)
		return
	}
	name, addr, code, why := mailboxIn(value)
	if code != "" {
		a.found(code, why+": "+cut(value), code == "from-addresses")
		return
	}
	address, err := mailbox.Parse(addr)
	if err != nil || address.IsDomain() {
		a.found("from-unreadable", "From has no address that can be compared: "+cut(value), false)
		return
	}
	a.name = collapsed(decoded(name))
	if control(decoded(name)) || strings.ContainsFunc(decoded(name), turns) {
		a.found("from-unreadable", "the name in From has control characters, or some that turn it around: "+cut(value), true)
		return
	}
	// The same field as net/mail reads it, as most programs in Go do: a
	// disagreement between two readers is what an attack is made of.
	p := mail.AddressParser{WordDecoder: words()}
	if list, err := p.ParseList(value); err != nil || len(list) != 1 || !mailbox.Same(list[0].Address, addr) {
		a.found("from-unreadable", "programs read From in different ways: "+cut(value), true)
		return
	}
	a.address = address
	for _, text := range []string{a.name, name, value} {
		if other := otherAddress(text, address); other != "" {
			a.found("name-is-address", "From names "+cut(other)+" beside the address "+cut(address.String()), false)
			return
		}
	}
}

// mailboxIn takes the name and the address out of a field that holds exactly
// one mailbox (RFC 5322, Section 3.4). code is what keeps it from being one.
// The name is not decoded, but without its quotes.
func mailboxIn(value string) (name, addr, code, why string) {
	const unreadable = "from-unreadable"
	var phrase strings.Builder
	for i := 0; i < len(value); i++ {
		switch c := value[i]; c {
		case '"':
			n, text := quotedString(value[i:])
			if n == 0 {
				return "", "", unreadable, "a quote in From is not closed"
			}
			phrase.WriteString(text)
			i += n - 1
		case '(', ')':
			return "", "", unreadable, "From has a comment, in which programs see different things"
		case ',':
			return "", "", "from-addresses", "From has several addresses"
		case ':', ';':
			return "", "", "from-addresses", "From has a group of addresses"
		case '\\', '[', ']', '>':
			return "", "", unreadable, "From is not a name and an address"
		case '<':
			addr, rest, ok := strings.Cut(value[i+1:], ">")
			switch {
			case !ok:
				return "", "", unreadable, "a bracket in From is not closed"
			case strings.HasPrefix(strings.TrimLeft(rest, " \t"), ","):
				return "", "", "from-addresses", "From has several addresses"
			case strings.Trim(rest, " \t") != "":
				return "", "", unreadable, "something stands behind the address in From"
			}
			return phrase.String(), strings.Trim(addr, " \t"), encodedAddress(addr), "the address in From is encoded"
		default:
			phrase.WriteByte(c)
		}
	}
	addr = strings.Trim(phrase.String(), " \t")
	if strings.Contains(value, `"`) {
		return "", "", unreadable, "From has a quoted address or none"
	}
	return "", addr, encodedAddress(addr), "the address in From is encoded"
}

// encodedAddress refuses encoded words in the place of an address, where
// RFC 2047, Section 5 forbids them: some programs decode them, and read what
// is in them up to a NUL (Mailsploit, CVE-2017-17848 and others).
func encodedAddress(addr string) (code string) {
	if strings.Contains(addr, "=?") {
		return "from-unreadable"
	}
	return ""
}

// quotedString returns how long the quoted string is that s begins with, 0 if
// it has no end, and the text in it: RFC 5322, Section 3.2.4.
func quotedString(s string) (n int, text string) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i + 1, b.String()
		case '\\':
			if i++; i == len(s) {
				return 0, ""
			}
		}
		b.WriteByte(s[i])
	}
	return 0, ""
}

// otherAddress returns what in a text a person takes for an address that is not
// this one, "" if there is nothing.
func otherAddress(text string, address mailbox.Address) string {
	// "alice @ example.org" is read as an address too.
	text = strings.NewReplacer(" @ ", "@", " @", "@", "@ ", "@").Replace(collapsed(strings.Map(plainRune, text)))
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`"<>()[],:;\`, r) }) {
		local, domain, ok := strings.Cut(strings.Trim(word, "'`|/"), "@")
		domain = strings.TrimRight(domain, ".!?")
		if !ok || local == "" || !strings.Contains(domain, ".") {
			continue
		}
		// Whoever sees it does not mind the case of the local part.
		if a, err := mailbox.Parse(local + "@" + domain); err != nil || !strings.EqualFold(a.String(), address.String()) {
			return word
		}
	}
	return ""
}

// plainRune makes of a character the one that a person takes it for, as far as
// addresses are concerned, and nothing of one that cannot be seen.
func plainRune(r rune) rune {
	switch {
	case r == '\uFE6B': // small @
		return '@'
	case r == '\u3002' || r == '\uFF61' || r == '\uFE52' || r == '\u2024': // full stops
		return '.'
	case r >= '\uFF01' && r <= '\uFF5E': // the forms of full width
		return r - '\uFF01' + '!'
	case unicode.IsSpace(r):
		return ' '
	case !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
		return -1
	}
	return r
}
