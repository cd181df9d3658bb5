package imap

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-sasl"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/transport/internal/mailtest"
)

const testPassword = "correct horse battery staple"

func password(context.Context) (string, error) { return testPassword, nil }

// trust is what all tests share: an authority, another one, and certificates.
type trust struct {
	ours, foreign                    *mailtest.Authority
	server, wrong, client, strangers tls.Certificate
}

var tested trust

func TestMain(m *testing.M) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	issue := func(a *mailtest.Authority, name string) tls.Certificate {
		c, err := a.Issue(name)
		must(err)
		return c
	}
	var err error
	tested.ours, err = mailtest.NewAuthority("Ours")
	must(err)
	tested.foreign, err = mailtest.NewAuthority("Foreign")
	must(err)
	tested.server = issue(tested.ours, "127.0.0.1")
	tested.wrong = issue(tested.ours, "127.0.0.2")
	tested.client = issue(tested.ours, "alice")
	tested.strangers = issue(tested.foreign, "mallory")
	os.Exit(m.Run())
}

// testMail is a message as a sealed one looks from here.
type testMail struct {
	id, text string
	size     int64 // where it is not that of text
	fails    bool
}

func (m *testMail) MessageID() string { return m.id }

func (m *testMail) Size() int64 {
	if m.size != 0 {
		return m.size
	}
	return int64(len(m.text))
}

func (m *testMail) WriteTo(w io.Writer) (int64, error) {
	if m.fails {
		n, _ := io.WriteString(w, m.text[:len(m.text)/2])
		return int64(n), fmt.Errorf("the file has changed")
	}
	n, err := io.WriteString(w, m.text)
	return int64(n), err
}

func newMail(id string) *testMail {
	return &testMail{id: id, text: "Message-ID: <" + id + ">\r\nSubject: ...\r\n\r\n.dot\r\n.\r\ntrailing  \r\n\r\nend\r\n"}
}

// loginSession is a session that is logged into by whatever a test says.
type loginSession struct {
	*imapmemserver.UserSession
	ways []string
	way  func(string) (sasl.Server, error)
}

func (s *loginSession) AuthenticateMechanisms() []string             { return s.ways }
func (s *loginSession) Authenticate(way string) (sasl.Server, error) { return s.way(way) }

// started is a server of package imapserver.
type started struct {
	user  *imapmemserver.User
	ways  []string
	way   func(string) (sasl.Server, error) // nil: the password alone
	limit *uint32
	caps  []goimap.Cap
	tls   *tls.Config
}

func newServer(t *testing.T) *started {
	s, err := newStarted()
	require.NoError(t, err)
	return s
}

func newStarted() (*started, error) {
	s := &started{user: imapmemserver.NewUser("alice", testPassword), ways: []string{"PLAIN"},
		caps: []goimap.Cap{goimap.CapIMAP4rev1, goimap.CapUIDPlus}, tls: &tls.Config{Certificates: []tls.Certificate{tested.server}}}
	return s, errors.Join(s.user.Create("INBOX", nil), s.user.Create("Sent", nil))
}

// AlicesServer is a server for the examples.
func AlicesServer() (*Server, func(), error) {
	s, err := newStarted()
	if err != nil {
		return nil, nil, err
	}
	return s.listen()
}

type limited struct {
	imapserver.SessionSASL
	limit uint32
}

func (l *limited) AppendLimit() uint32 { return l.limit }

func (s *started) start(t *testing.T) *Server {
	server, stop, err := s.listen()
	require.NoError(t, err)
	t.Cleanup(stop)
	return server
}

func (s *started) listen() (*Server, func(), error) {
	l, err := tls.Listen("tcp", "127.0.0.1:0", s.tls)
	if err != nil {
		return nil, nil, err
	}
	caps := goimap.CapSet{}
	for _, c := range s.caps {
		caps[c] = struct{}{}
	}
	server := imapserver.New(&imapserver.Options{
		Caps:   caps,
		Logger: log.New(io.Discard, "", 0),
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			session := &loginSession{UserSession: imapmemserver.NewUserSession(s.user), ways: s.ways, way: s.way}
			if session.way == nil {
				session.way = func(string) (sasl.Server, error) {
					return sasl.NewPlainServer(func(_, name, password string) error { return s.user.Login(name, password) }), nil
				}
			}
			if s.limit != nil {
				return &limited{session, *s.limit}, nil, nil
			}
			return session, nil, nil
		},
	})
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	reader := &Server{URL: "imaps://" + l.Addr().String(), TLS: &tls.Config{RootCAs: tested.ours.Pool}, User: "alice", Password: password}
	return reader, func() { _ = server.Close(); <-done }, nil
}

// script is a server that answers each command by what a test says, and cuts
// the connection behind so many octets.
type script struct {
	reply func(command, arguments string) string // without the tag: "* ...\r\n" lines, then "OK done"; "" for goodbye
	cut   int                                    // octets that it says; 0: any number
	hello string                                 // the greeting; "": one that wants a login
	mu    sync.Mutex
	lines []string
}

func (s *script) heard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// plain answers a login and an EXAMINE.
func plain(command, arguments string) string {
	switch command {
	case "AUTHENTICATE": // or the client asks by itself, at any time
		return "OK [CAPABILITY IMAP4rev1 SASL-IR UIDPLUS] done"
	case "CAPABILITY":
		return "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS\r\nOK done"
	case "EXAMINE":
		return "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] fine\r\nOK [READ-ONLY] done"
	case "LOGOUT":
		return "* BYE\r\nOK done"
	}
	return "OK done"
}

func (s *script) start(t *testing.T) *Server {
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{tested.server}})
	require.NoError(t, err)
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer c.Close(); s.talk(c) })
		}
	})
	return &Server{URL: "imaps://" + l.Addr().String(), TLS: &tls.Config{RootCAs: tested.ours.Pool}, User: "alice", Password: password}
}

func (s *script) talk(c net.Conn) {
	left := s.cut
	say := func(text string) bool {
		if s.cut > 0 && len(text) > left {
			_, _ = io.WriteString(c, text[:left])
			return false
		}
		left -= len(text)
		_, err := io.WriteString(c, text)
		return err == nil
	}
	r := bufio.NewReader(c)
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	hello := s.hello
	if hello == "" {
		hello = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\r\n"
	}
	if !say(hello) {
		return
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		s.mu.Lock()
		s.lines = append(s.lines, line)
		s.mu.Unlock()
		tag, rest, _ := strings.Cut(line, " ")
		command, arguments, _ := strings.Cut(rest, " ")
		if command == "UID" {
			var next string
			next, arguments, _ = strings.Cut(arguments, " ")
			command += " " + next
		}
		answer := s.reply(command, arguments)
		if answer == "" {
			return
		}
		if i := strings.LastIndexByte(arguments, '{'); i >= 0 && !strings.HasPrefix(answer, "NO") {
			n := 0
			_, _ = fmt.Sscanf(arguments[i:], "{%d}", &n)
			if !say("+ go on\r\n") {
				return
			}
			if _, err := io.CopyN(io.Discard, r, int64(n)+2); err != nil {
				return
			}
			s.mu.Lock()
			s.lines = append(s.lines, "literal")
			s.mu.Unlock()
		}
		i := strings.LastIndex(answer, "\r\n") + 1
		if i > 0 {
			i++
		}
		if !say(answer[:i] + tag + " " + answer[i:] + "\r\n") {
			return
		}
	}
}
