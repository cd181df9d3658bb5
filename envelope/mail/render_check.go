package mail

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checker collects what is wrong with a draft.
type checker struct{ problems []string }

// maxProblems is how many are named in one error.
const maxProblems = 20

func (c *checker) problem(where, format string, args ...any) {
	c.problems = append(c.problems, where+": "+fmt.Sprintf(format, args...))
}

// err is everything that was found in one line, nil for nothing.
func (c *checker) err() error {
	n := len(c.problems)
	if n == 0 {
		return nil
	}
	s := "mail: " + strings.Join(c.problems[:min(n, maxProblems)], "; ")
	if n > maxProblems {
		s += fmt.Sprintf("; and %d more", n-maxProblems)
	}
	return errors.New(s)
}

// oneLine refuses what would end a header field and begin another, or what a
// program could take for that.
func (c *checker) oneLine(where, s string) {
	if len(s) > maxHeader {
		c.problem(where, "it has %d octets, and servers cut a header of more than %d", len(s), maxHeader)
		return
	}
	if !utf8.ValidString(s) {
		c.problem(where, "%.80q is not UTF-8", s)
		return
	}
	for _, r := range s {
		if endsLine(r) || unicode.IsControl(r) {
			c.problem(where, "it has the character %U, which cannot be in a header field: leave it out", r)
			return
		}
	}
}

// lines refuses what cannot be in a text: control characters but tabs and the
// ends of lines.
func (c *checker) lines(where, s string) {
	if !utf8.ValidString(s) {
		c.problem(where, "it is not UTF-8")
		return
	}
	for _, r := range s {
		if unicode.IsControl(r) && r != '\t' && r != '\r' && r != '\n' {
			c.problem(where, "it has the control character %U: send it as an attachment, or leave it out", r)
			return
		}
	}
}

// endsLine reports whether Unicode ends a line with r.
func endsLine(r rune) bool { return r == '\u2028' || r == '\u2029' }

// messageID refuses what is none, or so long that it has no place on a line.
func (c *checker) messageID(where, id string) {
	const most = maxLine - len(" <>")
	left, right, ok := strings.Cut(id, "@")
	switch {
	case len(id) > most:
		c.problem(where, "%.80q… has more than %d octets, and cannot be on one line", id, most)
	case !ok || left == "" || right == "" || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' }):
		c.problem(where, "%.80q is no message ID: it looks like an address, without angle brackets", id)
	case where == "Message-ID" && strings.ContainsFunc(left+right, func(r rune) bool { return r != '.' && !isAtext(byte(r)) }):
		// Of others' IDs all is repeated that can be; ours is RFC 5322, Section 3.6.4.
		c.problem(where, "%.80q has characters that a message ID must not have", id)
	}
}

// maxHeader is how many octets a header may have. It stands in the message
// twice over, and servers cut fields at 100 KiB (Postfix, header_size_limit).
const maxHeader = 96 << 10

// size refuses a draft whose header would be cut on the way.
func (c *checker) size(r *checked) {
	if len(c.problems) > 0 {
		return // nothing is known to be writable
	}
	n := 0
	for _, f := range r.protected(nil) {
		n += len(f.name) + len(f.value) + len(": \r\n")
	}
	if n > maxHeader {
		c.problem("To, Cc, Subject or References", "the header has %d octets, and servers cut one of more than %d: write to fewer at a time", n, maxHeader)
	}
}
