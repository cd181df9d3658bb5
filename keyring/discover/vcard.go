package discover

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/url"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

const (
	// maxCards is how deep vCards may be within each other: an AGENT of version
	// 2.1 holds the card of a person's secretary.
	maxCards = 4

	// maxCardKeys is how many keys, and how many addresses, one vCard may have.
	maxCardKeys = 100
)

// isVCard reports whether b begins like a vCard: RFC 6350, Section 6.1.1.
func isVCard(b []byte) bool {
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\ufeff")), " \t\r\n")
	const begin = "BEGIN:VCARD"
	return len(b) >= len(begin) && strings.EqualFold(string(b[:len(begin)]), begin)
}

// card is one vCard.
type card struct {
	keys   []property
	emails []string
}

// property is one property of a vCard: a content line, RFC 6350, Section 3.3.
type property struct {
	name   string // in upper case, without its group
	params string // in upper case
	value  string
}

// vcards takes the keys of vCards of version 4 (RFC 6350), 3 (RFC 2426) and 2.1.
func (c *collector) vcards(place string, b []byte) {
	var open []*card
	n := 0
	for len(b) > 0 && c.room() {
		var p property
		p, b = nextProperty(b)
		switch {
		case p.name == "BEGIN" && strings.EqualFold(p.value, "VCARD"):
			if len(open) == maxCards {
				c.problem(place, fmt.Errorf("vCards within each other, more than %d deep", maxCards))
				return
			}
			open = append(open, &card{})
		case len(open) == 0:
		case p.name == "END" && strings.EqualFold(p.value, "VCARD"):
			n++
			if last := open[len(open)-1]; len(last.keys) > 0 {
				c.card(join(place, fmt.Sprintf("vCard %d", n)), last)
			}
			open = open[:len(open)-1]
		case p.name == "KEY" && len(open[len(open)-1].keys) < maxCardKeys:
			last := open[len(open)-1]
			last.keys = append(last.keys, p)
		case p.name == "EMAIL" && len(open[len(open)-1].emails) < maxCardKeys:
			last := open[len(open)-1]
			if address := strings.TrimSpace(strings.TrimPrefix(unescape(p.value), "mailto:")); address != "" {
				last.emails = append(last.emails, cutText(address))
			}
		}
	}
	if len(open) > 0 {
		c.problem(place, fmt.Errorf("a vCard is cut off: %w", io.ErrUnexpectedEOF))
	}
}

// nextProperty cuts one property off b, unfolded.
func nextProperty(b []byte) (p property, rest []byte) {
	line, rest := nextLine(b)
	head, value, _ := bytes.Cut(line, []byte(":"))
	name, params, _ := strings.Cut(string(head[:min(len(head), maxBlockLine)]), ";")
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:] // the group, RFC 6350, Section 3.3
	}
	p = property{name: strings.ToUpper(name), params: strings.ToUpper(params)}
	text := append([]byte(nil), value...)
	quoted := p.param("QUOTED-PRINTABLE")
	for len(rest) > 0 {
		switch {
		case quoted && bytes.HasSuffix(text, []byte("=")):
			// A soft line break: version 2.1 folds so.
			line, rest = nextLine(rest)
			text = append(append(text, '\n'), line...)
			continue
		case rest[0] == ' ' || rest[0] == '\t': // RFC 6350, Section 3.2
			line, rest = nextLine(rest)
			text = append(text, line[1:]...)
			continue
		}
		break
	}
	p.value = string(text)
	return p, rest
}

// nextLine cuts b after its first line end.
func nextLine(b []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest
}

// param reports whether the property has that parameter, as a value of any name
// or, in version 2.1, alone.
func (p property) param(value string) bool {
	for _, s := range strings.Split(p.params, ";") {
		if _, v, ok := strings.Cut(s, "="); ok {
			s = v
		}
		for _, v := range strings.Split(s, ",") {
			if strings.Trim(v, `" `) == value {
				return true
			}
		}
	}
	return false
}

// card takes the keys of one card.
func (c *collector) card(place string, k *card) {
	who := k.holders()
	for i, p := range k.keys {
		if !c.room() {
			return
		}
		here := place
		if len(k.keys) > 1 {
			here = join(place, fmt.Sprintf("KEY %d", i+1))
		}
		b, err := p.octets()
		if err != nil {
			c.problem(here, err)
			continue
		}
		first := len(c.found)
		c.bare(here, b)
		for j := first; j < len(c.found); j++ {
			who.say(&c.found[j])
		}
	}
}

// holders are whom a card is for. One KEY may hold ten thousand certificates, so
// that what is said beside each of them is made once.
type holders struct {
	emails, notes []string
	first         map[string]int // of the emails, the first one that is this address
}

func (k *card) holders() holders {
	h := holders{emails: k.emails, first: map[string]int{}}
	for i, e := range k.emails {
		h.notes = append(h.notes, fmt.Sprintf("the vCard is also for %q", e))
		if a, err := mailbox.Parse(lowerASCII(e)); err == nil {
			if _, there := h.first[a.String()]; !there {
				h.first[a.String()] = i
			}
		}
	}
	return h
}

// say says for whom the card says that the candidate is: of its emails the first
// one that the certificate states, else the first one.
func (h holders) say(c *Candidate) {
	if len(h.emails) == 0 {
		return
	}
	at := len(h.emails)
	for _, s := range c.Certificate.Addresses() {
		if a, err := mailbox.Parse(lowerASCII(s)); err == nil {
			if i, ok := h.first[a.String()]; ok {
				at = min(at, i)
			}
		}
	}
	at %= len(h.emails) // none: the first
	c.Address = h.emails[at]
	c.Notes = c.Notes[:len(c.Notes):len(c.Notes)]
	for i, note := range h.notes {
		if i != at && len(c.Notes) < maxNotes {
			c.Notes = append(c.Notes, note)
		}
	}
}

// octets returns what a KEY holds.
func (p property) octets() ([]byte, error) {
	value := strings.TrimSpace(p.value)
	switch {
	case p.param("B") || p.param("BASE64"): // RFC 2426, Section 2.4.1, and version 2.1
		return unbase64(value)
	case p.param("QUOTED-PRINTABLE"):
		b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(value)))
		if err != nil {
			return nil, errors.New("its quoted-printable is damaged")
		}
		return b, nil
	case len(value) > 5 && strings.EqualFold(value[:5], "data:"):
		return dataURI(value[5:])
	case strings.Contains(value, blockBegin):
		return []byte(unescape(value)), nil
	}
	if u, err := url.Parse(value); err == nil && u.Scheme != "" {
		return nil, fmt.Errorf("the key is elsewhere, and not fetched: %.80q", value)
	}
	return unbase64(value) // some leave out what says so
}

// dataURI returns what a data: URI holds, RFC 2397.
func dataURI(s string) ([]byte, error) {
	kind, data, ok := strings.Cut(strings.ReplaceAll(s, `\`, ""), ",")
	if !ok {
		return nil, errors.New("its data: URI has no data")
	}
	text, err := url.PathUnescape(data)
	if err != nil {
		return nil, errors.New("its data: URI is damaged")
	}
	if strings.HasSuffix(lowerASCII(kind), ";base64") {
		return unbase64(text)
	}
	return []byte(text), nil
}

// unbase64 decodes base64 with white space anywhere.
func unbase64(s string) ([]byte, error) {
	text := make([]byte, 0, len(s))
	for i := range len(s) {
		switch s[i] {
		case ' ', '\t', '\r', '\n':
		default:
			text = append(text, s[i])
		}
	}
	n, err := base64.StdEncoding.Decode(text, text) // what is decoded is never ahead of what is read
	if err != nil {
		return nil, errors.New("its base64 is damaged")
	}
	return text[:n], nil
}

// unescape undoes the escapes of text, RFC 6350, Section 3.4.
func unescape(s string) string {
	return strings.NewReplacer(`\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";", `\\`, `\`).Replace(s)
}

// cutText bounds what is kept of a text: an address has at most 320 octets.
func cutText(s string) string { return s[:min(len(s), 320)] }
