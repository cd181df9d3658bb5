package mail

import (
	"io"
	"strings"
)

// textEntity makes a part of text, with what display holds before it.
func textEntity(kind, s string, display []field) *entity {
	e := &entity{kind: kind, params: []param{{"charset", "utf-8"}}}
	if kind == "text/html" {
		s = document(s)
	}
	if len(display) > 0 {
		e.params = append(e.params, param{"hp-legacy-display", "1"})
		s = withDisplay(kind, s, display)
	}
	s = canonical(s)
	encoding := "quoted-printable"
	e.write = func(w io.Writer) error { return writeQuoted(w, s) }
	if goesAsIs(s) {
		encoding = "7bit"
		e.write = func(w io.Writer) error {
			_, err := io.WriteString(w, s)
			return err
		}
	}
	e.rest = []field{{"Content-Transfer-Encoding", encoding}}
	return e
}

// canonical returns s with every line ended by CR LF, the last one too.
func canonical(s string) string {
	s = strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(s)
	if s != "" && !strings.HasSuffix(s, "\r\n") {
		s += "\r\n"
	}
	return s
}

// goesAsIs reports whether text can go as 7bit and nothing on the way has a
// reason to change it: servers take blanks from the end of lines, put > before
// From, and make a tab of blanks or blanks of a tab (RFC 2049, Section 3).
func goesAsIs(s string) bool {
	for line := range strings.SplitSeq(s, "\r\n") {
		if len(line) > wantedLine+2 || !isPrintable(line) || strings.HasSuffix(line, " ") ||
			strings.Contains(line, eightBlanks) || strings.HasPrefix(line, "From ") || strings.HasPrefix(line, ".") || strings.HasPrefix(line, "--=_") {
			return false
		}
	}
	return true
}

// eightBlanks can become a tab.
const eightBlanks = "        "

// writeQuoted writes quoted-printable (RFC 2045, Section 6.7) of canonical text.
// Beyond what has to be, it encodes what servers change: blanks at the end of a
// line, all tabs, and at its begin a dot and From (RFC 3156, Section 3).
func writeQuoted(w io.Writer, s string) error {
	const hex = "0123456789ABCDEF"
	out := make([]byte, 0, len(s)+len(s)/8+8)
	start := 0 // of the line in out
	for i := range len(s) {
		c := s[i]
		if c == '\r' || c == '\n' { // in pairs: s is canonical
			out = append(out, c)
			start = len(out)
			continue
		}
		left := len(out) - start
		ends := i+1 == len(s) || s[i+1] == '\r'
		plain := c > ' ' && c <= '~' && c != '=' || c == ' ' && !ends && !strings.HasSuffix(s[:i+1], eightBlanks)
		n := 3
		if plain {
			n = 1
		}
		// A line that goes on ends in =, which has to have place too.
		if left+n > wantedLine-1 && !(ends && left+n <= wantedLine) {
			out = append(out, "=\r\n"...)
			start, left = len(out), 0
		}
		if left == 0 && (c == '.' || c == 'F' && strings.HasPrefix(s[i:], "From ")) {
			plain = false
		}
		if plain {
			out = append(out, c)
		} else {
			out = append(out, '=', hex[c>>4], hex[c&15])
		}
	}
	_, err := w.Write(out)
	return err
}
