package mail

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// param is a parameter of a Content-Type or Content-Disposition.
type param struct{ name, value string }

// maxParam is how much of a value stands on one line of its own.
const maxParam = 60

// withParams returns a folded value with its parameters, each on the line
// before where it has place. None is folded inside of its value: some readers
// then find a blank in it.
func withParams(name, value string, ps ...param) string {
	var b strings.Builder
	b.WriteString(value)
	line := len(name) + 2 + len(value)
	for _, p := range ps {
		for _, s := range p.segments() {
			b.WriteByte(';')
			if line+3+len(s) <= wantedLine {
				b.WriteByte(' ')
				line += 2 + len(s)
			} else {
				b.WriteString("\r\n ")
				line = 1 + len(s)
			}
			b.WriteString(s)
		}
	}
	return b.String()
}

// segments returns p as RFC 2231 has it: in one piece, or in several where it
// is too long. What some programs would read in another way is percent-encoded:
// all but ASCII, quotes, and what looks like an encoded word, which none is
// where it stands in quotes.
func (p param) segments() []string {
	if isPrintable(p.value) && !strings.ContainsAny(p.value, `"\`) && !strings.Contains(p.value, "=?") {
		if len(p.value) <= maxParam {
			return []string{p.name + "=" + quoted(p.value)}
		}
		var all []string
		for rest := p.value; rest != ""; {
			n := min(maxParam, len(rest))
			all = append(all, fmt.Sprintf("%s*%d=%s", p.name, len(all), quoted(rest[:n])))
			rest = rest[n:]
		}
		return all
	}
	const charset = "utf-8''"
	if s := charset + percent(p.value); len(s) <= maxParam {
		return []string{p.name + "*=" + s}
	}
	var all []string
	piece := charset
	for _, r := range p.value {
		// Whole characters: some readers decode each piece for itself.
		s := percent(string(r))
		if len(piece)+len(s) > maxParam {
			all = append(all, fmt.Sprintf("%s*%d*=%s", p.name, len(all), piece))
			piece = ""
		}
		piece += s
	}
	return append(all, fmt.Sprintf("%s*%d*=%s", p.name, len(all), piece))
}

// quoted returns s as a quoted string. It is ASCII without control characters.
func quoted(s string) string {
	return `"` + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `"`, `\"`) + `"`
}

// isToken reports whether an ASCII character is one of a token.
func isToken(c byte) bool {
	return c > ' ' && c < 0x7F && strings.IndexByte(`()<>@,;:\"/[]?=`, c) < 0
}

func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// percent encodes all but the attribute characters of RFC 2231, Section 7.
func percent(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < utf8.RuneSelf && isToken(c) && c != '*' && c != '\'' && c != '%' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
