// Package smtp hands sealed mail to a submission server (RFC 6409, RFC 8314).
//
// What it sends is a [mail.Sealed], which nothing but sealing makes: plain text
// cannot be sent by forgetting something. A mail that is signed only, and a
// notice with locked boxes, go by methods of their own, whose names say so.
//
// The connection is TLS from the beginning or by a STARTTLS that is required,
// with the server verified by its name: there is no other. A password is sent
// to nobody before that, and is in no error.
//
// Every sealed message is one transaction. What became of each of its
// recipients is in a [Result], always: some refused and the others accepted is
// a result like any other, and nothing is silent about it. Between the final
// dot and the server's answer nobody can know whether the message was taken
// (RFC 5321, Section 4.5.5): then the outcome is [Unknown], and only the caller
// can decide to send it again. That is at most one message for each connection
// that breaks; sent again it has the same octets and the same Message-ID, by
// which the duplicate can be told.
package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/doublekeybox/doublekeybox/transport/internal/login"
	"github.com/doublekeybox/doublekeybox/transport/internal/secure"
)

// Server is a submission server. It is a plain value, is not changed by its
// methods, and may be used concurrently: each call of Dial and Send has its own
// connection.
type Server struct {
	// URL is "smtps://smtp.example.org" for TLS from the beginning (port 465),
	// or "smtp://smtp.example.org" for STARTTLS, which is required then (port
	// 587). Another port may be added, and nothing else.
	URL string

	// TLS has the caller's authorities and client certificates; nil: those of
	// the system, and none. The server is verified by its name in URL.
	TLS *tls.Config

	// User and Password log in, Password being asked for at each connection.
	// With Password nil nobody logs in by name, as for servers that know their
	// senders by certificate. The strongest way is taken that the server offers:
	// SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN.
	User     string
	Password func(context.Context) (string, error)

	// External logs in by the client certificate (EXTERNAL, RFC 4422, Appendix
	// A), as User where that is not "".
	External bool

	// Mechanisms are the ways of logging in that may be used; nil: all. With
	// SCRAM alone the password is not told to the server.
	Mechanisms []string

	// Hello is the name of this host; "": an address literal that says nothing
	// about it (RFC 5321, Section 4.1.3).
	Hello string

	// MaxSize returns how many octets the servers of a domain take, by what the
	// caller knows of them; nil and 0: unknown. What the submission server says
	// counts besides.
	MaxSize func(domain string) int64

	// ReturnPath, if not nil, returns where what cannot be delivered to one
	// recipient comes back to: (*bounce.Paths).Address. There is then one
	// transaction for each recipient. nil: the sender's address, for all.
	ReturnPath func(messageID, recipient string) (string, error)
}

// Errors that a caller may want to tell apart; all of them are found out before
// anything of a message is sent.
var (
	// ErrTLS is that of a server that does not do STARTTLS: it is required.
	ErrTLS = errors.New("the server offers no TLS")

	// ErrLogin is that of a login that failed or cannot be tried.
	ErrLogin = errors.New("login failed")

	// ErrUTF8 is that of an address or a header outside of ASCII, where the
	// server does not offer SMTPUTF8 (RFC 6531).
	ErrUTF8 = errors.New("the server does not offer SMTPUTF8")
)

// Dial connects, and logs in. The session is ended by its Close.
//
// The error is ErrTLS or ErrLogin, one of TLS, whose x509 errors are kept, one
// of the network, a *ReplyError where the server refuses, or one that says what
// is wrong with s. It never holds the password.
func (s *Server) Dial(ctx context.Context) (*Session, error) {
	scheme, host, address, err := secure.Address(s.URL, map[string]string{"smtps": "465", "smtp": "587"})
	if err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	config, asked, err := secure.Config(s.TLS, host)
	if err != nil {
		return nil, fmt.Errorf("smtp: %s: %w", address, err)
	}
	dialing, cancel := context.WithTimeout(ctx, timeouts().greeting)
	defer cancel()
	implicit := config
	if scheme == "smtp" {
		implicit = nil
	}
	conn, err := secure.Dial(dialing, address, implicit)
	if err != nil {
		return nil, fmt.Errorf("smtp: %s: %w", address, asked.Explain(ended(ctx, err), false))
	}
	session := &Session{server: s, conn: conn, address: address}
	stop := conn.Watch(ctx)
	defer stop()
	if err := session.greet(config, scheme == "smtp"); err != nil {
		conn.Cut()
		var refused *ReplyError
		return nil, fmt.Errorf("smtp: %s: %w", address, asked.Explain(ended(ctx, err), errors.As(err, &refused)))
	}
	if err := session.login(ctx); err != nil {
		conn.Cut()
		return nil, fmt.Errorf("smtp: %s: %w", address, asked.Explain(ended(ctx, err), false))
	}
	return session, nil
}

// account returns who logs in.
func (s *Server) account() login.Account {
	return login.Account{User: s.User, Password: s.Password, External: s.External, Mechanisms: s.Mechanisms}
}

// hello returns the name that this host gives itself. The true one would say to
// every recipient where the sender is.
func (s *Server) hello() (string, error) {
	if s.Hello == "" {
		return "[127.0.0.1]", nil
	}
	if strings.ContainsFunc(s.Hello, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%.80q is no name of a host", s.Hello)
	}
	return s.Hello, nil
}

// ended returns why ctx ended where that is what cut the connection. An answer
// of the server stays one.
func ended(ctx context.Context, err error) error {
	if _, answered := replyOf(err); err != nil && !answered && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
