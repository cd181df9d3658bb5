package mail

import (
	"io"
	"strings"
)

const (
	// RFC 5322, Section 2.1.1, without the CR LF: no line may be longer, and
	// none should be.
	maxLine    = 998
	wantedLine = 76 // 78, but 76 where there are encoded words: RFC 2047, Section 2
)

// field is a header field as it is written: value is encoded and folded, and
// has no line end at its end. It is ASCII unless an address is not (RFC 6532).
type field struct{ name, value string }

// writeFields writes header fields, each with its line end.
func writeFields(w io.Writer, fs ...field) error {
	var b strings.Builder
	for _, f := range fs {
		b.WriteString(f.name)
		b.WriteByte(':')
		// One that begins with a line end is folded before its first word. No
		// blank stands at the end of a line: servers take it away, and a
		// signature can cover it.
		if !strings.HasPrefix(f.value, "\r\n") && f.value != "" {
			b.WriteByte(' ')
		}
		b.WriteString(f.value)
		b.WriteString("\r\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// fold breaks the value of a field before blanks, so that its lines are as long
// as is wanted where that can be done. No two blanks stand side by side in it.
func fold(name, value string) string {
	var b strings.Builder
	line := len(name) + 1
	for i, word := range strings.Split(value, " ") {
		switch n := 1 + len(word); {
		case i == 0 && line+n <= maxLine: // a field that begins with an empty line is legal, and odd
			line += n
		case i > 0 && line+n <= wantedLine:
			b.WriteByte(' ')
			line += n
		default:
			b.WriteString("\r\n ")
			line = n
		}
		b.WriteString(word)
	}
	return b.String()
}

// unfold undoes fold: RFC 5322, Section 2.2.3.
func unfold(value string) string {
	return strings.TrimPrefix(strings.ReplaceAll(value, "\r\n", ""), " ")
}
