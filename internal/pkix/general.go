package pkix

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// form is which of the forms of a GeneralName one is of.
type form uint8

const (
	formOther form = iota // none of the following: what cannot be compared
	formMail              // rfc822Name, SmtpUTF8Mailbox
	formDNS
	formDirectory
	formURI
	formIP
)

// maxNames is how many names of one certificate, or subtrees of its
// constraints, are compared. Certificates of people have one or two; the work
// is their product.
const maxNames = 1024

// generalName is a GeneralName (RFC 5280, Section 4.2.1.6).
type generalName struct {
	form form
	tag  asn1.Tag // which it is, for names that cannot be compared
	text string   // address, DNS name, URI; the octets of an IP address or of what cannot be compared
	name distinguished
	utf8 bool // SmtpUTF8Mailbox
}

// oidSmtpUTF8Mailbox is 1.3.6.1.5.5.7.8.9 (RFC 9598, Section 3).
const oidSmtpUTF8Mailbox = "\x2b\x06\x01\x05\x05\x07\x08\x09"

// readGeneralName consumes one GeneralName.
func readGeneralName(s *cryptobyte.String) (g generalName, ok bool) {
	var v cryptobyte.String
	if !s.ReadAnyASN1(&v, &g.tag) {
		return g, false
	}
	g.text = string(v)
	switch g.tag {
	case asn1.Tag(0).ContextSpecific().Constructed():
		var id cryptobyte.String
		if !v.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) {
			return g, false
		}
		if string(id) != oidSmtpUTF8Mailbox {
			// Constraints of one type of name say nothing about others.
			g.text = string(id)
			return g, true
		}
		var in cryptobyte.String
		var mailbox cryptobyte.String
		if !v.ReadASN1(&in, asn1.Tag(0).ContextSpecific().Constructed()) || !v.Empty() ||
			!in.ReadASN1(&mailbox, asn1.UTF8String) || !in.Empty() || !utf8.Valid(mailbox) {
			return g, false
		}
		g.form, g.text, g.utf8 = formMail, string(mailbox), true
	case asn1.Tag(1).ContextSpecific():
		g.form = formMail
		return g, ascii(g.text)
	case asn1.Tag(2).ContextSpecific():
		g.form = formDNS
		return g, ascii(g.text)
	case asn1.Tag(4).ContextSpecific().Constructed():
		g.form = formDirectory
		g.name, ok = parseName(v)
		return g, ok
	case asn1.Tag(6).ContextSpecific():
		g.form = formURI
		return g, ascii(g.text)
	case asn1.Tag(7).ContextSpecific():
		g.form = formIP
	}
	return g, true
}

// readGeneralNames reads the inside of GeneralNames.
func readGeneralNames(s cryptobyte.String) (all []generalName, ok bool) {
	for !s.Empty() {
		g, ok := readGeneralName(&s)
		if !ok || len(all) == maxNames {
			return nil, false
		}
		all = append(all, g)
	}
	return all, len(all) > 0
}

// parseGeneralNames reads a subjectAltName.
func parseGeneralNames(der []byte) ([]generalName, bool) {
	s := cryptobyte.String(der)
	var in cryptobyte.String
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !s.Empty() {
		return nil, false
	}
	return readGeneralNames(in)
}

// verdict is what comparing a name with a subtree leads to.
type verdict uint8

const (
	outside verdict = iota
	within
	unclear // cannot be compared: neither permitted nor free of an exclusion
)

// in compares g with the base of a subtree of the same form.
func (g *generalName) in(base *generalName) verdict {
	switch g.form {
	case formMail:
		return g.mailIn(base.text)
	case formDNS:
		return dnsIn(g.text, base.text)
	case formURI:
		return g.uriIn(base.text)
	case formDirectory:
		switch {
		case g.name.under(&base.name):
			return within
		case !g.name.plain && !base.name.plain:
			return unclear // two spellings of the same, perhaps
		}
		return outside
	case formIP:
		return ipIn(g.text, base.text)
	}
	if g.tag != base.tag || g.tag == asn1.Tag(0).ContextSpecific().Constructed() && g.text != otherNameType(base) {
		return outside
	}
	return unclear
}

// otherNameType returns the type of an otherName.
func otherNameType(g *generalName) string {
	if g.utf8 {
		return oidSmtpUTF8Mailbox
	}
	return g.text
}

// mailIn is RFC 5280, Section 4.2.1.10 for rfc822Name, which RFC 9598, Section
// 6 has extended to SmtpUTF8Mailbox: a mailbox, a host, or ".domain" for all
// hosts below it.
func (g *generalName) mailIn(base string) verdict {
	local, domain, ok := cutLast(g.text)
	if !ok {
		return unclear
	}
	domain = strings.ToLower(domain)
	if wantLocal, wantDomain, whole := cutLast(base); whole {
		if local == wantLocal && domain == strings.ToLower(wantDomain) {
			return within
		}
		return outside
	}
	base = strings.ToLower(base)
	if domain == base || base == "" || strings.HasPrefix(base, ".") && strings.HasSuffix(domain, base) {
		return within
	}
	// "example.org." is the same host as "example.org" to some, and to none a
	// domain of mail.
	if strings.HasSuffix(domain, ".") || strings.HasSuffix(base, ".") {
		return unclear
	}
	return outside
}

// cutLast cuts an address at its last @: a quoted local part may hold more.
func cutLast(s string) (local, domain string, ok bool) {
	i := strings.LastIndexByte(s, '@')
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}

// dnsIn: a name is within a domain that is made by adding labels on its left.
func dnsIn(name, base string) verdict {
	name, base = strings.ToLower(name), strings.ToLower(base)
	if strings.HasSuffix(name, ".") || strings.HasPrefix(name, "*") {
		return unclear
	}
	if base == "" || name == base || strings.HasSuffix(name, "."+strings.TrimPrefix(base, ".")) {
		return within
	}
	return outside
}

// uriIn compares the host: the whole of it, or ".domain" for what is below.
func (g *generalName) uriIn(base string) verdict {
	u, err := url.Parse(g.text)
	if err != nil || u.Host == "" {
		return unclear
	}
	host, base := strings.ToLower(u.Hostname()), strings.ToLower(base)
	if _, err := netip.ParseAddr(host); err == nil || host == "" || strings.HasSuffix(host, ".") {
		return unclear
	}
	if host == base || base == "" || strings.HasPrefix(base, ".") && strings.HasSuffix(host, base) {
		return within
	}
	return outside
}

// ipIn: the base is an address and a mask of the same length.
func ipIn(address, base string) verdict {
	n := len(address)
	if n != 4 && n != 16 {
		return unclear
	}
	if len(base) != 2*n {
		return outside
	}
	for i := range n {
		if (address[i]^base[i])&base[n+i] != 0 {
			return outside
		}
	}
	return within
}
