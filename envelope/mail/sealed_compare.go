package mail

import (
	"bytes"
	"io"
)

// comparer takes what is exactly what want holds.
type comparer struct {
	want io.Reader
	buf  []byte
	err  error
}

func (c *comparer) Write(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if len(c.buf) < len(p) {
		c.buf = make([]byte, len(p))
	}
	if _, err := io.ReadFull(c.want, c.buf[:len(p)]); err != nil || !bytes.Equal(c.buf[:len(p)], p) {
		c.err = notSealed("something stands beside the sealed message, or its text was changed")
		return 0, c.err
	}
	return len(p), nil
}

// end reports whether nothing is left.
func (c *comparer) end() error {
	if c.err == nil {
		var one [1]byte
		if n, err := io.ReadFull(c.want, one[:]); n != 0 || err != io.EOF {
			c.err = notSealed("something stands behind the sealed message")
		}
	}
	return c.err
}

// armorOnly reads armor as Seal writes it, and fails where anything else is in
// it: text before it or behind it, header lines, another message.
type armorOnly struct {
	r     io.Reader
	line  []byte // the begin of a line that has not ended
	lines int    // that have
	ended bool
	err   error
}

const (
	armorBegin = "-----BEGIN PGP MESSAGE-----\r\n"
	armorEnd   = "-----END PGP MESSAGE-----\r\n"
)

func (a *armorOnly) Read(p []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	n, err := a.r.Read(p)
	for rest := p[:n]; len(rest) > 0 && a.err == nil; {
		i := bytes.IndexByte(rest, '\n') + 1
		if i == 0 {
			i = len(rest)
		}
		a.line = append(a.line, rest[:i]...)
		rest = rest[i:]
		if len(a.line) > wantedLine+2 {
			a.err = notSealed("something stands in its armor")
		} else if bytes.HasSuffix(a.line, []byte("\n")) {
			a.check()
		}
	}
	if err == io.EOF && a.err == nil && (!a.ended || len(a.line) > 0) {
		a.err = notSealed("its armor has no end, or something stands behind it")
	}
	if a.err != nil {
		return 0, a.err
	}
	return n, err
}

// check looks at a line that has ended.
func (a *armorOnly) check() {
	s := string(a.line)
	ok := !a.ended
	switch {
	case a.lines == 0:
		ok = s == armorBegin
	case a.lines == 1:
		ok = s == "\r\n"
	case s == armorEnd:
		a.ended = ok
	default:
		ok = ok && isBase64Line(s)
	}
	if !ok {
		a.err = notSealed("something stands in its armor, before it or behind it")
	}
	a.lines++
	a.line = a.line[:0]
}

func isBase64Line(s string) bool {
	if len(s) < 3 || s[len(s)-2:] != "\r\n" {
		return false
	}
	for _, c := range []byte(s[:len(s)-2]) {
		if !isAlphanumeric(c) && c != '+' && c != '/' && c != '=' {
			return false
		}
	}
	return true
}
