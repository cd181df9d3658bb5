package mailbox

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// strange says what no part of an address may contain, "" where it does not.
func strange(s string) string {
	if !utf8.ValidString(s) {
		return "it is not UTF-8"
	}
	if strings.ContainsAny(s, `"()<>[]\,:;`) { // the specials of RFC 5322, Section 3.2.3
		return "it contains quotes, brackets or punctuation that stands between addresses: give it alone, without a name"
	}
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf && (r <= ' ' || r == 0x7F):
			return "it contains a space or a control character"
		case r < utf8.RuneSelf:
		case invisible(r):
			return "it contains a character that cannot be seen"
		case unicode.IsSpace(r):
			return "it contains a space or a control character"
		case forASCII(r):
			return "it contains a character that stands for another one in ASCII: type that"
		}
	}
	return ""
}

// invisible reports whether nothing is shown for r, or something that depends
// on the program: control characters, formats (those that turn the direction
// of writing, joiners of width zero), variation selectors, fillers, and what is
// not assigned or private.
func invisible(r rune) bool {
	return !unicode.IsPrint(r) && !unicode.IsSpace(r) ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// forASCII reports whether r is in Unicode only for the sake of something that
// ASCII has (RFC 8264, Section 9.17 has the wider class of all that have a
// compatibility equivalent, among which are letters that Thai is written with),
// or is a full stop to IDNA (RFC 3490, Section 3.1).
func forASCII(r rune) bool {
	if r == '\u3002' || r == '\uFF61' {
		return true
	}
	var buf [utf8.UTFMax]byte
	n := utf8.EncodeRune(buf[:], r)
	p := norm.NFKC.Properties(buf[:n]).Decomposition()
	if p == nil {
		return false
	}
	// The whole decomposition takes "é" apart as well: composed again, nothing
	// of it is ASCII.
	for _, c := range norm.NFKC.Bytes(buf[:n]) {
		if c < utf8.RuneSelf {
			return true
		}
	}
	return false
}

// oddLocal says why a local part is none, RFC 5322, Section 3.2.3: a
// dot-atom-text, with what RFC 6532, Section 3.2 adds.
func oddLocal(s string) string {
	if len(s) > maxLocal {
		return "more than 64 octets stand before the @"
	}
	for part := range strings.SplitSeq(s, ".") {
		first, _ := utf8.DecodeRuneInString(part)
		switch {
		case part == "":
			return "a dot stands at the edge of what is before the @, or beside another one"
		case unicode.IsMark(first): // it would be drawn over what stands before it
			return "it begins with a character that is drawn over another one"
		}
	}
	return "" // what else is in ASCII is an atext: strange refused the rest
}

// aLabels returns a domain in A-labels, or why it is none.
func aLabels(s string) (domain, why string) {
	if strings.ContainsFunc(s, notPlain) || strings.Contains(s, "--") {
		if domain, why = byIDNA(s); why != "" {
			return "", why
		}
	} else {
		domain = strings.ToLower(s) // ASCII, of which a label that stands for another has two hyphens
	}
	if len(domain) > maxName {
		return "", "its domain is too long"
	}
	last := ""
	for label := range strings.SplitSeq(domain, ".") {
		switch {
		case label == "":
			return "", "a dot stands at the edge of its domain, or beside another one"
		case len(label) > maxLabel:
			return "", "a part of its domain has more than 63 octets"
		case strings.ContainsFunc(label, notLDH) || label[0] == '-' || label[len(label)-1] == '-':
			return "", "its domain is none"
		}
		last = label
	}
	if strings.Trim(last, "0123456789") == "" { // RFC 1123, Section 2.1: no name ends so
		return "", "it has a number in place of a domain"
	}
	return domain, ""
}

// byIDNA is aLabels for what has U-labels or A-labels in it.
func byIDNA(s string) (domain, why string) {
	domain, err := idna.Lookup.ToASCII(s)
	if err != nil {
		return "", "its domain is none by IDNA"
	}
	u, err := idna.Lookup.ToUnicode(domain)
	switch {
	case err != nil:
		return "", "its domain is none by IDNA"
	case strings.ContainsFunc(u, invisible):
		// Joiners of width zero, which IDNA has between some letters of Persian
		// and of India: there is a domain without them that looks like this one.
		return "", "its domain contains a character that cannot be seen"
	}
	return domain, ""
}

// notPlain reports whether r is in no domain of ASCII.
func notPlain(r rune) bool {
	return r != '.' && notLDH(r) && !('A' <= r && r <= 'Z') // not by lower case: that of U+0130 is i
}

// notLDH reports whether no A-label has r, in lower case.
func notLDH(r rune) bool {
	return !('a' <= r && r <= 'z') && !('0' <= r && r <= '9') && r != '-'
}
