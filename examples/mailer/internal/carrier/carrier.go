// Package carrier hands mail that is sealed, or a notice that carries nothing
// but what is locked, to a server: by SMTP or by the API of SES, in the same
// words.
package carrier

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

// Carrier makes connections. Its methods may be used concurrently.
type Carrier interface {
	// Connect connects and logs in. An error for which [Hopeless] is true will be
	// the same at the next try.
	Connect(ctx context.Context) (Connection, error)
}

// Connection takes one mail after the other. It belongs to one goroutine.
type Connection interface {
	// Send sends a mail, which has one recipient, and says what became of it.
	Send(ctx context.Context, m Mail) Outcome

	// Close ends the connection.
	Close()
}

// Mail is what can be sent: one of the two is not nil. Nothing else goes out,
// plain text least of all.
type Mail struct {
	Sealed *mail.Sealed
	Notice *mail.Notice
}

var errNothing = errors.New("carrier: there is no mail")

// content is what both have.
type content interface {
	io.WriterTo
	io.Closer
	MessageID() string
	Size() int64
}

func (m Mail) content() content {
	if m.Sealed != nil {
		return m.Sealed
	}
	return m.Notice
}

// WriteTo writes the mail as it is sent.
func (m Mail) WriteTo(w io.Writer) (int64, error) { return m.content().WriteTo(w) }

// Size returns how many octets the mail has.
func (m Mail) Size() int64 { return m.content().Size() }

// MessageID returns the message ID, without angle brackets.
func (m Mail) MessageID() string { return m.content().MessageID() }

// Close frees what is kept of the mail.
func (m Mail) Close() error { return m.content().Close() }

// Outcome is what became of a mail.
type Outcome struct {
	// What is Accepted, Deferred, Refused, Unknown, or NotSent: the server has
	// nothing of it, since the connection broke first.
	What smtp.Outcome

	Reply string // of the server, or why there is none; one line, untrusted
	Slow  bool   // the server wants less: 421, 450, 451, 452, throttling
	Over  bool   // the connection can only be closed
	Stop  error  // why no other mail will be sent either; nil: it may be
}

// Hopeless reports whether connecting will fail with err however often it is
// tried. A connection that broke while it logged in was refused nothing, nor was
// one that the server put off (RFC 4954, Section 6: 454).
func Hopeless(err error) bool {
	var reply *smtp.ReplyError
	var network *net.OpError
	switch {
	case errors.Is(err, smtp.ErrTLS) || untrusted(err):
		return true
	case !errors.Is(err, smtp.ErrLogin):
		return false
	case errors.As(err, &reply):
		return !reply.Reply.Temporary()
	}
	return !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &network)
}
