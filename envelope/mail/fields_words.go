package mail

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// maxWord is how long an encoded word gets. RFC 2047, Section 2, allows 75; with
// this every one has place behind the name of its field on a line of 76.
const maxWord = 64

// text encodes unstructured text, a subject, for fold.
func text(s string) string {
	if plainWords(s) {
		return s
	}
	return encodedWords(s)
}

// phrase encodes a display name: RFC 5322, Section 3.2.5. Encoded words never
// stand in a quoted string, where nothing decodes them: RFC 2047, Section 5.
func phrase(s string) string {
	switch {
	case !plainWords(s):
		return encodedWords(s)
	case strings.ContainsFunc(s, func(r rune) bool { return r != ' ' && !isAtext(byte(r)) }):
		return quoted(s)
	}
	return s
}

// plainWords reports whether s can stand in a header field as it is, and is the
// same after it was folded and unfolded: printable ASCII without blanks at an
// edge or side by side, without words too long for a line, and without what
// looks like an encoded word.
func plainWords(s string) bool {
	if strings.Contains(s, "=?") {
		return false
	}
	for word := range strings.SplitSeq(s, " ") {
		if word == "" && s != "" || len(word) > maxWord {
			return false
		}
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// isAtext reports whether c can be in an atom: RFC 5322, Section 3.2.3.
func isAtext(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// encodedWords encodes s, which is UTF-8, as encoded words with one blank
// between them, which readers drop. Each is in the encoding that is shorter for
// all of s, and holds whole characters: RFC 2047, Section 5.
func encodedWords(s string) string {
	const b, q = "=?utf-8?b?", "=?utf-8?q?"
	quoted := 0
	for i := range len(s) {
		quoted += len(quotedOctet(s[i]))
	}
	if quoted <= (len(s)+2)/3*4 {
		return splitWords(q, s, quotedOctets, func(n int, part string) int { return n + len(quotedOctets(part)) })
	}
	return splitWords(b, s, func(p string) string { return base64.StdEncoding.EncodeToString([]byte(p)) },
		func(n int, part string) int { return n + len(part) })
}

// splitWords cuts s between characters. grown says how much of the room of a
// word is taken with one character more.
func splitWords(prefix, s string, encode func(string) string, grown func(n int, char string) int) string {
	const suffix = "?="
	room := maxWord - len(prefix) - len(suffix)
	if strings.Contains(prefix, "?b?") {
		room = room / 4 * 3
	}
	var words []string
	for len(s) > 0 {
		n, end := 0, 0
		for end < len(s) {
			_, size := utf8.DecodeRuneInString(s[end:])
			if n = grown(n, s[end:end+size]); n > room {
				break
			}
			end += size
		}
		words = append(words, prefix+encode(s[:end])+suffix)
		s = s[end:]
	}
	return strings.Join(words, " ")
}

// quotedOctet is the Q encoding with no more characters as they are than may
// stand in a phrase: RFC 2047, Section 5 (3).
func quotedOctet(c byte) string {
	const hex = "0123456789ABCDEF"
	switch {
	case c == ' ':
		return "_"
	case isAlphanumeric(c), c == '!', c == '*', c == '+', c == '-', c == '/':
		return string(rune(c))
	}
	return string([]byte{'=', hex[c>>4], hex[c&15]})
}

func quotedOctets(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString(quotedOctet(s[i]))
	}
	return b.String()
}
