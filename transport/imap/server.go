// Package imap fetches mail from an IMAP server (RFC 9051, RFC 3501), and keeps
// the sender's own copy of what was sent in a folder there.
//
// It speaks TLS from the beginning, with the server verified by its name, and
// nothing else: an IMAP connection in the clear cannot be had. What it appends
// is a [mail.Sealed], which nothing but sealing makes.
//
// Messages go through in a stream: none is ever in memory as a whole. What a
// server says is data from outside; mail.Opener says what it is worth.
package imap

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/doublekeybox/doublekeybox/transport/internal/login"
	"github.com/doublekeybox/doublekeybox/transport/internal/secure"
)

// Server is an IMAP server. It is a plain value, is not changed by its methods,
// and may be used concurrently: each call of Dial has its own connection.
type Server struct {
	// URL is "imaps://imap.example.org", with port 993 where none is added.
	URL string

	// TLS has the caller's authorities and client certificates; nil: those of
	// the system, and none. The server is verified by its name in URL.
	TLS *tls.Config

	// User and Password log in, Password being asked for at each connection, by
	// the strongest way that the server offers: SCRAM-SHA-256-PLUS,
	// SCRAM-SHA-256, PLAIN, LOGIN.
	User     string
	Password func(context.Context) (string, error)

	// External logs in by the client certificate (EXTERNAL), as User where that
	// is not "".
	External bool

	// Mechanisms are the ways of logging in that may be used; nil: all.
	Mechanisms []string

	// MaxSize is how many octets a message that is fetched may have; 0: 256 MiB.
	MaxSize int64
}

// Errors that a caller may want to tell apart.
var (
	// ErrLogin is that of a login that failed or cannot be tried.
	ErrLogin = errors.New("login failed")

	// ErrNotFound is that of a message that is not in the folder, by any more.
	ErrNotFound = errors.New("there is no such message")

	// ErrUnknown is that of an append that got no answer: the message may be in
	// the folder. Session.Search for its Message-ID tells.
	ErrUnknown = errors.New("whether the message was kept is not known")
)

// What a connection may cost.
const (
	// stall is how long nothing may come: a server that searches a large folder
	// is silent for some while.
	stall = 3 * time.Minute

	// maxTalk is how much a server may say to one command, besides the message:
	// ten times the list of the largest folders.
	maxTalk = 16 << 20

	// defaultMaxSize is beyond what any provider delivers, about 150 MB.
	defaultMaxSize = 256 << 20

	// maxNesting is how many opening parentheses a server may send to one
	// command, besides those in the message. The client that is used here reads
	// a BODYSTRUCTURE, which nobody asks for, in a recursion without a bound: 3
	// million in each other end the process, and with 100,000 the error alone
	// takes a minute. A list of 1000 messages has 2000.
	maxNesting = 10_000

	// farewell is how long a goodbye may take: nothing depends on it.
	farewell = 5 * time.Second
)

// Dial connects, and logs in. The session is ended by its Close.
//
// The error is ErrLogin, one of TLS, whose x509 errors are kept, one of the
// network, or one that says what is wrong with s. It never holds the password.
func (s *Server) Dial(ctx context.Context) (*Session, error) {
	_, host, address, err := secure.Address(s.URL, map[string]string{"imaps": "993"})
	if err != nil {
		return nil, fmt.Errorf("imap: %w", err)
	}
	config, asked, err := secure.Config(s.TLS, host)
	if err != nil {
		return nil, fmt.Errorf("imap: %s: %w", address, err)
	}
	dialing, cancel := context.WithTimeoutCause(ctx, stall, secure.ErrStalled)
	defer cancel()
	conn, err := secure.Dial(dialing, address, config)
	if err != nil {
		return nil, fmt.Errorf("imap: %s: %w", address, asked.Explain(ended(dialing, err), false))
	}
	session := &Session{server: s, conn: conn}
	session.saslConn = &saslConn{Conn: conn}
	session.allow(maxTalk)
	session.client = imapclient.New(session.saslConn, nil)
	stalling, stop := conn.Stall(ctx, stall)
	defer stop()
	if err := session.login(stalling); err != nil {
		err = asked.Explain(ended(stalling, session.cause(err)), false)
		session.cut(err)
		return nil, fmt.Errorf("imap: %s: %w", address, err)
	}
	return session, nil
}

func (s *Server) maxSize() int64 {
	if s.MaxSize > 0 {
		return s.MaxSize
	}
	return defaultMaxSize
}

// ended returns why ctx ended where that is what cut the connection.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && !answered(err) {
		return context.Cause(ctx)
	}
	return err
}

// saslConn writes an empty answer of SASL as an empty line. The client that is
// used here writes "=", which is right for an initial response alone (RFC 9051,
// Section 6.2.2). And it counts what a server can nest.
type saslConn struct {
	*secure.Conn
	during  atomic.Bool  // of a login
	literal atomic.Bool  // a message is read, in which parentheses mean nothing
	nesting atomic.Int64 // opening parentheses that may still come
	first   error
}

// Write writes p.
func (c *saslConn) Write(p []byte) (int, error) {
	if c.during.Load() && string(p) == "=\r\n" {
		if _, err := c.Conn.Write(p[1:]); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// Read reads, and notes the error that the client forgets the kind of.
func (c *saslConn) Read(p []byte) (int, error) {
	if c.nesting.Load() < 0 {
		return 0, secure.ErrFlood // its decoder reads on behind an error
	}
	n, err := c.Conn.Read(p)
	if !c.literal.Load() && n > 0 && c.nesting.Add(-int64(bytes.Count(p[:n], []byte{'('}))) < 0 {
		n, err = 0, secure.ErrFlood
	}
	if err != nil && c.first == nil && !errors.Is(err, net.ErrClosed) {
		c.first = err
	}
	return n, err
}

// account returns who logs in.
func (s *Server) account() login.Account {
	return login.Account{User: s.User, Password: s.Password, External: s.External, Mechanisms: s.Mechanisms}
}
