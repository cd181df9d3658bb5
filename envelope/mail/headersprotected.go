package mail

import (
	"slices"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
)

// scheme is how a message protects its header fields.
type scheme uint8

const (
	notProtected scheme = iota
	hpClear             // RFC 9788, hp="clear": what is outside is what is inside
	hpCipher            // RFC 9788, hp="cipher": HP-Outer says what is outside
	oldParameter        // protected-headers="v1", as Enigmail, K-9 and Thunderbird have written it
	oldWrapped          // the whole message as message/rfc822: RFC 8551, Section 3.1
)

// protection is the header that a message protects.
type protection struct {
	scheme scheme
	inside mimeparse.Header    // the protected fields; nil for notProtected
	outer  mimeparse.Header    // the fields that carried the message
	stated map[string][]string // by HP-Outer: what the sender put outside, by names in small letters
	part   *Part               // whose header inside is
}

// protectionOf finds the protected header. payload is the content of the
// innermost layer of the cryptographic envelope, nil where there is no such.
//
// Nothing but the payload's own header counts (RFC 9788, Section 4.1): an hp or
// an HP-Outer anywhere else was put there by anybody.
func protectionOf(outer mimeparse.Header, payload *Part) protection {
	p := protection{outer: outer}
	if payload == nil || payload.node == nil {
		return p
	}
	old := strings.EqualFold(payload.node.Params["protected-headers"], "v1")
	switch hp := strings.ToLower(payload.node.Params["hp"]); {
	case hp == "clear":
		p.scheme = hpClear
	case hp == "cipher" && (!old || payload.node.Header.Count("HP-Outer") > 0):
		p.scheme = hpCipher
	// Thunderbird 153 writes both parameters, and never an HP-Outer: nothing
	// then says what was outside, as in the older scheme.
	case old:
		p.scheme = oldParameter
	default:
		return p.wrapped(payload)
	}
	p.part, p.inside = payload, payload.node.Header
	if p.scheme == hpCipher {
		p.readOuterClaims()
	}
	return p
}

// wrapped finds the header of a message that is the payload as a whole:
// RFC 9788, Section 4.10.1. A message that was forwarded alone looks the same.
// Where nothing says which of the two it is, it is header protection if it is
// by the author whom the outer header names: what is believed of the author
// is then the same either way.
func (p protection) wrapped(payload *Part) protection {
	if payload.node.MediaType != "message/rfc822" && payload.node.MediaType != "message/global" || len(payload.children) != 1 {
		return p
	}
	inner := payload.children[0]
	if inner.node == nil || inner.layer != nil || inner.node.Params["hp"] != "" {
		return p
	}
	switch strings.ToLower(payload.node.Params["forwarded"]) {
	case "no":
	case "":
		in, out := readAuthor(inner.node.Header), readAuthor(p.outer)
		if in.address == (mailbox.Address{}) || in.address != out.address {
			return p
		}
	default:
		return p
	}
	p.scheme, p.part, p.inside = oldWrapped, inner, inner.node.Header
	return p
}

// readOuterClaims reads the HP-Outer fields: RFC 9788, Section 2.2.
func (p *protection) readOuterClaims() {
	p.stated = make(map[string][]string)
	for _, v := range p.inside.Values("HP-Outer") {
		if name, value, ok := strings.Cut(v, ":"); ok {
			name = strings.ToLower(strings.Trim(name, " \t"))
			p.stated[name] = append(p.stated[name], strings.Trim(value, " \t"))
		}
	}
}

// header returns the fields that are to be believed as far as the message is.
// From programs that write the old parameter only some fields are inside: for
// the others only the outer ones are there.
func (p *protection) header(name string) (fields []string, protected bool) {
	if p.scheme == notProtected {
		return p.outer.Values(name), false
	}
	fields = p.inside.Values(name)
	if len(fields) == 0 && p.scheme == oldParameter {
		return p.outer.Values(name), false
	}
	return fields, true
}

// sent returns what the sender put outside as the field of this name, and
// whether anything says so. inside is the protected value.
func (p *protection) sent(name string, inside []string) (fields []string, known bool) {
	if p.scheme == hpCipher { // RFC 9788, Section 4.2: what HP-Outer does not have was not outside
		return p.stated[strings.ToLower(name)], true
	}
	return inside, p.scheme == hpClear
}

// differs reports whether what is outside under this name is not what the
// sender put there. A field that a server took away says nothing wrong.
func (p *protection) differs(name string) bool {
	inside, protected := p.header(name)
	outside := p.outer.Values(name)
	if !protected || len(outside) == 0 {
		return false
	}
	sent, known := p.sent(name, inside)
	// Nothing in the old schemes says what the sender put outside: it is what
	// is inside, or something that says that it is not.
	if !known && placeholder(name, outside) {
		return false
	}
	return !sameField(name, outside, sent)
}

// placeholder reports whether the outer field is one of those that programs put
// there instead of what they hide.
func placeholder(name string, outside []string) bool {
	text := strings.ToLower(shown(outside))
	switch name {
	case "Subject":
		return slices.Contains([]string{"...", "[...]", "\u2026", "encrypted message", "[encrypted message]", "encrypted email", "p\u2261p", "pep", ""}, text)
	case "To", "Cc":
		list, ok := addressList(outside)
		return ok && len(list) == 0 // "undisclosed-recipients:;"
	}
	return false
}
