package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/doublekeybox/doublekeybox/transport/internal/secure"
)

// Session is a connection to a server, by which any number of messages is
// sent. It is safe for concurrent use, and sends one after the other.
type Session struct {
	server  *Server
	address string
	conn    *secure.Conn

	mu     sync.Mutex
	client *gosmtp.Client
	dirty  bool  // a transaction was begun and neither ended nor taken back
	broken error // nothing more can be sent, and why
}

// greet says hello, and after STARTTLS once more (RFC 3207, Section 4.2: what
// was said before it is forgotten).
func (s *Session) greet(config *tls.Config, start bool) error {
	name, err := s.server.hello()
	if err != nil {
		return err
	}
	s.conn.Allow(maxReply)
	if !start {
		s.client = gosmtp.NewClient(s.conn)
	} else {
		s.client, err = gosmtp.NewClientStartTLS(s.conn, config)
		if err != nil {
			if _, ok := replyOf(err); !ok && strings.Contains(err.Error(), "support STARTTLS") {
				return fmt.Errorf("%w: nothing is sent in the clear", ErrTLS)
			}
			return refused("STARTTLS", err)
		}
		s.conn.Allow(maxReply)
	}
	s.client.CommandTimeout, s.client.SubmissionTimeout = timeouts().command, timeouts().dot
	return refused("EHLO", s.client.Hello(name))
}

// login says who sends.
func (s *Session) login(ctx context.Context) error {
	account := s.server.account()
	if !account.Known() {
		return nil
	}
	state, err := s.state()
	if err != nil {
		return err
	}
	_, offered := s.client.Extension("AUTH")
	exchange, err := account.Start(ctx, strings.Fields(offered), state)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLogin, err)
	}
	s.conn.Allow(maxReply)
	err = s.client.Auth(exchange.Client)
	if err == nil {
		err = exchange.Done()
	}
	if err == nil {
		return nil
	}
	err = refused("AUTH "+exchange.Mechanism, err)
	var reply *ReplyError
	text := err.Error()
	if errors.As(err, &reply) {
		text = reply.Reply.Text // the error has only the beginning of it
	}
	if exchange.Repeats(text) {
		return fmt.Errorf("%w by %s (the answer is not shown: it repeats something of the password)", ErrLogin, exchange.Mechanism)
	}
	return fmt.Errorf("%w: %w", ErrLogin, err)
}

// state returns the state of TLS, which there is always.
func (s *Session) state() (tls.ConnectionState, error) {
	if t, ok := s.conn.Conn.(*tls.Conn); ok {
		return t.ConnectionState(), nil
	}
	if state, ok := s.client.TLSConnectionState(); ok && state.HandshakeComplete {
		return state, nil
	}
	return tls.ConnectionState{}, ErrTLS
}

// Close says goodbye and ends the connection. The error is nil: everything that
// was accepted is the server's by now, whatever it says to the goodbye.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.conn.Allow(maxReply)
		s.client.CommandTimeout = farewell
		_ = s.client.Quit()
		s.broken = errors.New("the session is closed")
	}
	s.conn.Cut()
	return nil
}
