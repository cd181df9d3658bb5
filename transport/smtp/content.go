package smtp

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/doublekeybox/doublekeybox/transport/internal/outgoing"
)

// message is what of a sealed or a signed message is needed to send it.
type message = outgoing.Message

// maxLine is the longest line without its end: RFC 5321, Section 4.5.3.1.6.
const maxLine = 998

// content looks over the octets of a message before it is sent. Whatever a
// server on the way would have to change breaks a signature, and what two
// servers take apart in two ways is a second message in the first one.
type content struct {
	line      int  // octets of the line so far
	cr        bool // the octet before was CR
	body      bool // the header is over
	utf8      bool // the header is not ASCII
	eight     bool // the body is not
	total     int64
	lastBreak bool
}

// Write looks over p: line by line where that is all there is to it, which is
// most of any mail, and octet by octet else.
func (c *content) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n') + 1
		if i == 0 {
			i = len(rest)
		}
		if !c.simple(rest[:i]) {
			if n, err := c.octets(rest[:i]); err != nil {
				return len(p) - len(rest) + n, err
			}
		}
		rest = rest[i:]
	}
	c.total += int64(len(p))
	return len(p), nil
}

// simple reports whether line is a whole one of printable ASCII that begins
// where a line does, and notes it then.
func (c *content) simple(line []byte) bool {
	n := len(line) - len("\r\n")
	if c.line != 0 || c.cr || n < 1 || n > maxLine || line[n] != '\r' || line[n+1] != '\n' {
		return false
	}
	for _, b := range line[:n] {
		if b < ' ' || b > '~' {
			return false
		}
	}
	c.lastBreak = true
	return true
}

func (c *content) octets(p []byte) (int, error) {
	for i, b := range p {
		switch {
		case b == '\n' && !c.cr, b != '\n' && c.cr:
			// RFC 5321, Section 2.3.8: neither stands alone. Servers disagree on
			// where a line ends then, and with it on where the message does.
			return i, errors.New("a line of the message does not end with CRLF")
		case b == 0:
			return i, errors.New("the message holds a NUL")
		case b >= 0x80 && c.body:
			c.eight = true
		case b >= 0x80:
			c.utf8 = true
		}
		c.cr = b == '\r'
		switch {
		case b == '\n':
			if c.line == 0 {
				c.body = true
			}
			c.line = 0
		case b != '\r':
			if c.line++; c.line > maxLine {
				return i, fmt.Errorf("a line of the message has more than %d octets", maxLine)
			}
		}
		c.lastBreak = b == '\n'
	}
	return len(p), nil
}

// look reads a message once, without sending any of it.
func look(m message) (*content, error) {
	c := &content{}
	if _, err := m.WriteTo(c); err != nil {
		return nil, err
	}
	if c.total != m.Size() {
		return nil, fmt.Errorf("the message has %d octets, and says %d", c.total, m.Size())
	}
	if !c.lastBreak {
		return nil, errors.New("the last line of the message does not end")
	}
	return c, nil
}
