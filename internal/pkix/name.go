package pkix

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// rdn is a RelativeDistinguishedName in a form that compares octet for octet.
type rdn string

// distinguished is a Name in the form that it is compared in.
type distinguished struct {
	rdns []rdn
	key  string // all of them, for maps

	// plain reports whether every text in it is ASCII. RFC 5280, Section 7.1
	// compares others after normalization (NFKC), which is not done here: two
	// spellings of one name may look different.
	plain bool
}

// parseName takes a Name apart. Comparing the result does what RFC 5280,
// Section 7.1 wants of attributes in ASCII: neither their string type nor case
// nor the amount of white space matters. Anything else is compared octet for
// octet, so that names at worst do not match.
//
//	RDNSequence ::= SEQUENCE OF SET SIZE (1..MAX) OF SEQUENCE {
//	   type OBJECT IDENTIFIER, value ANY }
func parseName(der []byte) (n distinguished, ok bool) {
	s := cryptobyte.String(der)
	var seq cryptobyte.String
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() {
		return n, false
	}
	n.plain = true
	for !seq.Empty() {
		var set cryptobyte.String
		if !seq.ReadASN1(&set, asn1.SET) {
			return n, false
		}
		r, plain, ok := parseRDN(set)
		if !ok {
			return n, false
		}
		n.add(r)
		n.plain = n.plain && plain
	}
	return n, true
}

// add appends one RDN.
func (n *distinguished) add(r rdn) {
	n.rdns = append(n.rdns, r)
	n.key += counted(string(r))
}

// parseRDN reads the inside of a RelativeDistinguishedName, whose attributes
// have no order.
func parseRDN(set cryptobyte.String) (r rdn, plain, ok bool) {
	var attributes []string
	plain = true
	for !set.Empty() {
		var seq, kind, value cryptobyte.String
		var tag asn1.Tag
		if !set.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1(&kind, asn1.OBJECT_IDENTIFIER) ||
			!seq.ReadAnyASN1(&value, &tag) || !seq.Empty() {
			return "", false, false
		}
		text, isText := text(tag, value)
		if isText {
			text = "t" + fold(text)
		} else {
			text = "o" + string([]byte{byte(tag)}) + string(value)
		}
		plain = plain && isText && ascii(text)
		attributes = append(attributes, counted(string(kind))+counted(text))
	}
	slices.Sort(attributes)
	return rdn(strings.Join(attributes, "")), plain, len(attributes) > 0
}

// text returns the value of a string type as UTF-8. T61String is read as
// ASCII or not at all: what its other octets mean nobody agrees on.
func text(tag asn1.Tag, value []byte) (string, bool) {
	const (
		universalString = asn1.Tag(28)
		bmpString       = asn1.Tag(30)
	)
	switch tag {
	case asn1.PrintableString, asn1.IA5String, asn1.T61String, asn1.Tag(18), asn1.Tag(26): // NumericString, VisibleString
		return string(value), ascii(string(value))
	case asn1.UTF8String:
		return string(value), utf8.Valid(value)
	case bmpString:
		if len(value)%2 != 0 {
			return "", false
		}
		units := make([]uint16, len(value)/2)
		for i := range units {
			units[i] = binary.BigEndian.Uint16(value[2*i:])
		}
		return string(utf16.Decode(units)), true
	case universalString:
		if len(value)%4 != 0 {
			return "", false
		}
		var b strings.Builder
		for i := 0; i < len(value); i += 4 {
			b.WriteRune(rune(binary.BigEndian.Uint32(value[i:])))
		}
		return b.String(), true
	}
	return "", false
}

// fold makes letters small and white space one blank.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// counted returns s after its length, so that strings put together cannot be
// taken apart in two ways.
func counted(s string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s
}

// under reports whether n is base or below it.
func (n *distinguished) under(base *distinguished) bool {
	return len(n.rdns) >= len(base.rdns) && slices.Equal(n.rdns[:len(base.rdns)], base.rdns)
}
