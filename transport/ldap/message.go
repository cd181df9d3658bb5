package ldap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
)

// What a server may send, in all and in one message.
const (
	// maxAnswer is in octets: 64 entries with a dozen certificates each.
	maxAnswer = 4 << 20

	// maxMessage is one of them in octets: an entry, whatever is in it.
	maxMessage = 1 << 20

	// maxElements is how many elements there are in all: each takes some
	// hundred octets of memory when it is read.
	maxElements = 16_384

	// maxDepth is how deep they are: an attribute's value is at 6.
	maxDepth = 16
)

// checked is a connection on which a server's messages are looked at as a whole
// before the library sees them: their size, their number of elements, how deep
// those are.
type checked struct {
	net.Conn
	octets, elements int // that may still come

	rest []byte // of a message that was looked at

	mu      sync.Mutex
	refused error // why nothing more is read
}

func newChecked(conn net.Conn) *checked {
	return &checked{Conn: conn, octets: maxAnswer, elements: maxElements}
}

// Read implements net.Conn.
func (c *checked) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		m, err := c.message()
		if err != nil {
			c.mu.Lock()
			c.refused = err
			c.mu.Unlock()
			return 0, err
		}
		c.rest = m
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// because returns why what the library did failed. It keeps the text of an
// error alone, of which we want to know whether it was a refusal.
func (c *checked) because(host string, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := (*refusal)(nil); errors.As(c.refused, &r) {
		return c.refused
	}
	if goldap.IsErrorAnyOf(err, goldap.LDAPResultSizeLimitExceeded) || errors.Is(err, goldap.ErrSizeLimitExceeded) {
		return refuse("%s has more than %d entries for one address", host, maxEntries)
	}
	// What the server wrote is in it.
	return fmt.Errorf("ldap: %s: %.200q", host, err.Error())
}

// message reads one, RFC 4511, Section 4.1.1, and nothing behind it.
func (c *checked) message() ([]byte, error) {
	var b bytes.Buffer
	if _, err := io.CopyN(&b, c.Conn, 2); err != nil {
		return nil, err
	}
	if more := int(b.Bytes()[1]); more > 0x80 && more <= 0x84 {
		if _, err := io.CopyN(&b, c.Conn, int64(more-0x80)); err != nil {
			return nil, err
		}
	}
	n, _, err := length(b.Bytes()[1:])
	switch {
	case b.Bytes()[0] != 0x30:
		return nil, refuse("the server sent something that is no message of LDAP")
	case err != nil:
		return nil, err
	case n > maxMessage:
		return nil, refuse("the server sent a message of %d octets, at most %d are read", n, maxMessage)
	case n > c.octets:
		return nil, refuse("the server sent more than %d octets", maxAnswer)
	}
	c.octets -= n
	if _, err := io.CopyN(&b, c.Conn, int64(n)); err != nil {
		return nil, err
	}
	elements, err := count(b.Bytes())
	if err != nil {
		return nil, err
	}
	if c.elements -= elements; c.elements < 0 {
		return nil, refuse("the server sent more than %d elements", maxElements)
	}
	return b.Bytes(), nil
}

// errForm is about octets that are not BER as LDAP has it.
var errForm = refuse("the server sent a message that is not well-formed")

// length reads a length and returns how many octets it has itself. It has to be
// definite, RFC 4511, Section 5.1; some servers write it longer than needed.
func length(b []byte) (n, head int, err error) {
	if len(b) == 0 {
		return 0, 0, errForm
	}
	if b[0] < 0x80 {
		return int(b[0]), 1, nil
	}
	head = 1 + int(b[0]&0x7F)
	if head == 1 || head > 5 || len(b) < head {
		return 0, 0, errForm
	}
	var long uint64
	for _, o := range b[1:head] {
		long = long<<8 | uint64(o)
	}
	if long > maxAnswer {
		return maxAnswer + 1, head, nil // more than anything that is read
	}
	return int(long), head, nil
}

// count walks through a message and returns how many elements it has. Each has
// to end where, or before, the one ends that it is in.
func count(b []byte) (elements int, err error) {
	ends := make([]int, 1, maxDepth+1)
	ends[0] = len(b)
	for at := 0; ; {
		for at == ends[len(ends)-1] {
			if ends = ends[:len(ends)-1]; len(ends) == 0 {
				return elements, nil
			}
		}
		end := ends[len(ends)-1]
		n, head, err := length(b[at+1 : end])
		// No tag of LDAP has a number that needs octets of its own.
		if err != nil || b[at]&0x1F == 0x1F || n > end-at-1-head {
			return 0, errForm
		}
		elements++
		constructed := b[at]&0x20 != 0
		at += 1 + head
		if !constructed {
			at += n
			continue
		}
		if len(ends) > maxDepth {
			return 0, refuse("the server sent a message that is nested deeper than %d", maxDepth)
		}
		ends = append(ends, at+n)
	}
}

// startTLS is the request to begin with TLS, RFC 4511, Section 4.14.1, with the
// message ID 1.
const startTLS = "\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"

// begin asks for TLS and reads that the server agrees. Nothing behind that is
// read: what somebody put there beforehand, hoping that it is taken for what
// came in the secure connection, is for TLS to refuse.
func begin(conn net.Conn) error {
	if _, err := io.WriteString(conn, startTLS); err != nil {
		return fmt.Errorf("ldap: %w", err)
	}
	b, err := newChecked(conn).message()
	if r := (*refusal)(nil); errors.As(err, &r) {
		return err
	}
	if err != nil {
		return fmt.Errorf("ldap: %w", err)
	}
	p, err := ber.DecodePacketErr(b)
	if err != nil || len(p.Children) < 2 || p.Children[0].Value != int64(1) || p.Children[1].ClassType != ber.ClassApplication || p.Children[1].Tag != goldap.ApplicationExtendedResponse {
		return errForm
	}
	if err := goldap.GetLDAPError(p); err != nil {
		return refuse("the server does not begin with TLS: %.200q", err.Error())
	}
	return nil
}
