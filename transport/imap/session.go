package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/doublekeybox/doublekeybox/transport/internal/secure"
)

// Session is a connection to a server. It is safe for concurrent use, and does
// one thing after the other.
type Session struct {
	server   *Server
	conn     *secure.Conn
	saslConn *saslConn
	client   *imapclient.Client
	caps     goimap.CapSet // of who is logged in

	mu     sync.Mutex
	folder string // that is open, for reading
	valid  uint32 // its UIDVALIDITY
	broken error
}

// login says who reads.
func (s *Session) login(ctx context.Context) error {
	if err := s.client.WaitGreeting(); err != nil {
		return err
	}
	account := s.server.account()
	if s.client.State() == goimap.ConnStateAuthenticated && !account.Known() {
		var err error
		s.caps, err = s.client.Capability().Wait() // the certificate was enough: PREAUTH
		return err
	}
	if s.client.State() != goimap.ConnStateNotAuthenticated {
		return fmt.Errorf("%w: the server wants none, so that it is not the one that was meant", ErrLogin)
	}
	if !account.Known() {
		return fmt.Errorf("%w: no password is set, and no certificate to log in with", ErrLogin)
	}
	t, ok := s.conn.Conn.(*tls.Conn)
	if !ok {
		return fmt.Errorf("%w: there is no TLS", ErrLogin)
	}
	exchange, err := account.Start(ctx, s.client.Caps().AuthMechanisms(), t.ConnectionState())
	if err != nil {
		if cause := s.cause(nil); cause != nil { // the server went while it was asked
			return cause
		}
		return fmt.Errorf("%w: %w", ErrLogin, err)
	}
	s.saslConn.during.Store(true)
	err = s.client.Authenticate(exchange.Client)
	s.saslConn.during.Store(false)
	if err == nil {
		err = exchange.Done()
	}
	if err == nil {
		// What a server can do it says anew to who logged in (RFC 9051, Section 6.1.1).
		s.caps, err = s.client.Capability().Wait()
		return err
	}
	if err = s.cause(err); exchange.Repeats(err.Error()) {
		return fmt.Errorf("%w by %s (the answer is not shown: it repeats something of the password)", ErrLogin, exchange.Mechanism)
	}
	return fmt.Errorf("%w by %s: %w", ErrLogin, exchange.Mechanism, err)
}

// ReplyError is the error of a command that the server refused.
type ReplyError struct {
	Kind string // "NO", "BAD", "BYE"
	Code string // RFC 9051, Section 7.1: "OVERQUOTA", "TRYCREATE"; "" where there is none
	Text string // the server's: untrusted
}

func (e *ReplyError) Error() string {
	text := "the server answers " + e.Kind
	if e.Code != "" {
		text += fmt.Sprintf(" [%.40s]", e.Code)
	}
	return fmt.Sprintf("%s %.200q", text, e.Text)
}

// answered reports whether err is an answer of the server.
func answered(err error) bool {
	var e *goimap.Error
	var r *ReplyError
	return errors.As(err, &e) || errors.As(err, &r)
}

// cause returns err as it is told: an answer of the server, or what went wrong
// with the connection, which the client passes on only as text.
func (s *Session) cause(err error) error {
	var e *goimap.Error
	switch {
	case errors.As(err, &e):
		return &ReplyError{Kind: string(e.Type), Code: string(e.Code), Text: strings.ToValidUTF8(e.Text, "?")}
	case s.client.State() == goimap.ConnStateLogout:
		select {
		case <-s.client.Closed(): // nothing reads any more
			if s.saslConn.first != nil {
				return s.saslConn.first
			}
		case <-time.After(farewell):
		}
	}
	return err
}

// cut ends the connection because of err.
func (s *Session) cut(err error) {
	s.broken = err
	s.conn.Cut()
	_ = s.client.Close()
}

// begin starts a command, for which the session is locked until end is called
// with its error. allow is what the server may say to it.
func (s *Session) begin(ctx context.Context, what string, allow int64) (end func(error) error, err error) {
	s.mu.Lock()
	if err := ctx.Err(); err != nil {
		s.mu.Unlock()
		return nil, fmt.Errorf("imap: %s: %w", what, context.Cause(ctx))
	}
	if s.broken != nil {
		s.mu.Unlock()
		return nil, fmt.Errorf("imap: %s: the connection cannot be used any more: %w", what, s.broken)
	}
	s.allow(allow)
	stalling, stop := s.conn.Stall(ctx, stall)
	return func(err error) error {
		defer s.mu.Unlock()
		defer stop()
		if err == nil {
			return nil
		}
		unknown := errors.Is(err, ErrUnknown)
		if err = ended(stalling, s.cause(err)); unknown && !errors.Is(err, ErrUnknown) {
			err = fmt.Errorf("%w: %w", ErrUnknown, err)
		}
		var local *localError
		if !answered(err) && !errors.As(err, &local) {
			s.cut(err)
		}
		return fmt.Errorf("imap: %s: %w", what, err)
	}, nil
}

// allow gives the server leave to say n octets, with as much nested in each
// other as it needs.
func (s *Session) allow(n int64) {
	s.conn.Allow(n)
	s.saslConn.nesting.Store(maxNesting)
}

// localError is one after which the connection can still be used.
type localError struct{ error }

func (e *localError) Unwrap() error { return e.error }

// Close says goodbye and ends the connection. The error is nil: nothing depends
// on the goodbye.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.allow(maxTalk)
		leaving, cancel := context.WithTimeout(context.Background(), farewell)
		defer cancel()
		stop := s.conn.Watch(leaving)
		_ = s.client.Logout().Wait()
		stop()
		s.cut(errors.New("the session is closed"))
	}
	return nil
}

// reopen selects a folder as it is by now.
func (s *Session) reopen(folder string) error {
	s.folder = ""
	return s.open(folder)
}

// open selects a folder for reading alone, which no flag is changed by.
func (s *Session) open(folder string) error {
	if s.folder == folder && folder != "" {
		return nil
	}
	if err := plainName(folder); err != nil {
		return err
	}
	data, err := s.client.Select(folder, &goimap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		s.folder = ""
		return err
	}
	s.folder, s.valid = folder, data.UIDValidity
	return nil
}

// plainName refuses names that are no folder's.
func plainName(folder string) error {
	if folder == "" || len(folder) > 1000 || strings.ContainsFunc(folder, func(r rune) bool { return r < ' ' || r == 0x7F || r == '\uFFFD' }) {
		return &localError{fmt.Errorf("%.80q is no name of a folder", folder)}
	}
	return nil
}
