package sink

import (
	"errors"
	"io"
	"log"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

// largest is the largest mail that is taken, in octets: above what the large
// providers take.
const largest = 64 << 20

// Mail says what a server that takes mail does with it. The zero value counts
// mails and forgets them.
type Mail struct {
	// Deliver is called for each mail that was received whole, before it is
	// acknowledged, and has to read it; what it returns as an error is told to the
	// client as a temporary failure. nil: the mail is read and forgotten. It is
	// called concurrently.
	Deliver func(from string, to []string, mail io.Reader) error

	// Fail says what goes wrong with a mail at a stage, of which To is one recipient
	// or, after them, the last one; nil: nothing does. It is called concurrently.
	Fail func(stage Stage, from, to string) Failure

	// User and Password, where User is not "", have to be told before a mail.
	User, Password string
}

// Stage is a place in the conversation about one mail.
type Stage int

// The stages, in their order.
const (
	AtSender    Stage = iota // MAIL FROM
	AtRecipient              // RCPT TO
	InData                   // within the mail: it is cut
	AtEnd                    // after the final dot; the mail is not delivered
	AfterEnd                 // the mail is delivered, and then this happens instead of the answer
)

// Failure is what goes wrong: an answer, or a connection that breaks. The zero
// value is that nothing does.
type Failure struct {
	Code int    // of the answer: 421, 450, 550, ...
	Text string // of the answer; "": "failed on purpose"
	Drop bool   // the connection breaks, without an answer
}

// MailServer is a server that takes mail. Close must be called.
type MailServer struct {
	URL       string // "smtps://127.0.0.1:PORT"
	Authority []byte // its certificate, which is its own authority, as PEM
	server    *smtp.Server
	listener  net.Listener
	done      sync.WaitGroup
	mails     atomic.Int64
	octets    atomic.Int64
}

// Listen starts a server on a free port of the loopback address.
func (m Mail) Listen() (*MailServer, error) {
	l, certificate, err := listen()
	if err != nil {
		return nil, err
	}
	s := &MailServer{URL: "smtps://" + l.Addr().String(), Authority: toPEM(certificate), listener: l}
	s.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{mail: m, server: s, conn: c}, nil
	}))
	s.server.Domain = "sink.example"
	s.server.MaxMessageBytes = largest
	s.server.ReadTimeout = time.Minute
	s.server.WriteTimeout = time.Minute
	s.server.EnableSMTPUTF8 = true
	s.server.ErrorLog = log.New(io.Discard, "", 0) // connections that break are what it is for
	s.done.Go(func() {
		_ = s.server.Serve(l) // which ends at Close
	})
	return s, nil
}

// Mails returns how many mails were delivered.
func (s *MailServer) Mails() int64 { return s.mails.Load() }

// Octets returns how many octets they had.
func (s *MailServer) Octets() int64 { return s.octets.Load() }

// Close ends the server and its connections.
func (s *MailServer) Close() error {
	err := s.server.Close()
	// A server that was closed before it began to serve does not know the listener.
	if errListener := s.listener.Close(); !errors.Is(errListener, net.ErrClosed) {
		err = errors.Join(err, errListener)
	}
	s.done.Wait()
	return err
}
