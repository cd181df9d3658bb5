package smtp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/transport/internal/mailtest"
)

// trust is what all tests share: an authority, another one, and certificates.
type trust struct {
	ours, foreign     *mailtest.Authority
	server, wrong     tls.Certificate
	client, strangers tls.Certificate
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

// mail is a message as a sealed one looks from here.
type testMail struct {
	from string
	to   []string
	id   string
	text string
	size int64 // where it is not that of text
	stop int   // WriteTo fails behind so many octets, by the second call
	runs int
}

func (m *testMail) From() string         { return m.from }
func (m *testMail) Recipients() []string { return m.to }
func (m *testMail) MessageID() string    { return m.id }

func (m *testMail) Size() int64 {
	if m.size != 0 {
		return m.size
	}
	return int64(len(m.text))
}

func (m *testMail) WriteTo(w io.Writer) (int64, error) {
	m.runs++
	if m.stop > 0 && m.runs > 1 {
		n, _ := io.WriteString(w, m.text[:m.stop])
		return int64(n), fmt.Errorf("the file has changed")
	}
	n, err := io.WriteString(w, m.text)
	return int64(n), err
}

const testText = "From: alice@example.org\r\nSubject: ...\r\n\r\n.dot\r\n..\r\n.\r\ntrailing  \r\n\r\nend\r\n"

func newMail(to ...string) *testMail {
	return &testMail{from: "alice@example.org", to: to, id: "1@example.org", text: testText}
}

// script is a server that says what a test wants, and takes what is sent.
type script struct {
	t        *testing.T
	ehlo     []string                                      // extensions
	reply    func(c *tls.Conn, line string) (string, bool) // what differs from a plain server
	dot      string                                        // the answer to a message
	starttls bool                                          // offered, in the clear
	config   *tls.Config
	cutWrite int // octets of what it says after which it cuts the connection; 0: never
	cutRead  int // of what it hears

	mu    sync.Mutex
	lines []string
	taken []string // messages, with dots as they came
	conns int
}

func newScript(t *testing.T) *script {
	return &script{t: t, ehlo: []string{"SIZE 1000000", "8BITMIME", "SMTPUTF8", "AUTH PLAIN LOGIN", "ENHANCEDSTATUSCODES"}, dot: "250 2.0.0 queued",
		config: &tls.Config{Certificates: []tls.Certificate{tested.server}}}
}

// counted cuts a connection behind so many octets.
type counted struct {
	io.ReadWriter
	read, write int // left; negative: any number
}

func (c *counted) Write(p []byte) (int, error) {
	if c.write >= 0 && len(p) > c.write {
		n, _ := c.ReadWriter.Write(p[:c.write])
		c.write = 0
		return n, io.ErrClosedPipe
	}
	if c.write >= 0 {
		c.write -= len(p)
	}
	return c.ReadWriter.Write(p)
}

func (c *counted) Read(p []byte) (int, error) {
	if c.read == 0 {
		return 0, io.ErrClosedPipe
	}
	if c.read > 0 && len(p) > c.read {
		p = p[:c.read]
	}
	n, err := c.ReadWriter.Read(p)
	if c.read > 0 {
		c.read -= n
	}
	return n, err
}

// start runs the server until the test ends, and returns who sends by it.
func (s *script) start() *Server {
	server, stop, err := s.listen()
	require.NoError(s.t, err)
	s.t.Cleanup(stop)
	return server
}

func (s *script) listen() (*Server, func(), error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns++
			s.mu.Unlock()
			wg.Go(func() { defer c.Close(); s.serve(c) })
		}
	})
	scheme := "smtps"
	if s.starttls {
		scheme = "smtp"
	}
	server := &Server{URL: scheme + "://" + l.Addr().String(), TLS: &tls.Config{RootCAs: tested.ours.Pool}}
	return server, func() { _ = l.Close(); wg.Wait() }, nil
}

// AlicesServer is a server for the examples: of everybody whom mail goes to it
// knows only Bob.
func AlicesServer() (*Server, func(), error) {
	s := newScript(nil)
	s.reply = func(_ *tls.Conn, line string) (string, bool) {
		if strings.HasPrefix(line, "AUTH PLAIN") {
			return "235 2.7.0 in", true
		}
		return "550 5.1.1 no such user", strings.HasPrefix(line, "RCPT") && !strings.Contains(line, "<bob@")
	}
	return s.listen()
}

func (s *script) note(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

func (s *script) heard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

func (s *script) script() func(*tls.Conn, string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reply
}

func (s *script) messages() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

func (s *script) serve(c net.Conn) {
	if s.starttls {
		r := bufio.NewReader(c)
		fmt.Fprint(c, "220 test ESMTP\r\n")
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			s.note("clear " + strings.TrimSpace(line))
			if strings.HasPrefix(line, "STARTTLS") {
				fmt.Fprint(c, "220 go ahead\r\n")
				break
			}
			fmt.Fprint(c, "250-test\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n")
		}
	}
	t := tls.Server(c, s.config)
	if t.Handshake() != nil {
		return
	}
	rw := &counted{ReadWriter: t, read: -1, write: -1}
	if s.cutRead > 0 {
		rw.read = s.cutRead
	}
	if s.cutWrite > 0 {
		rw.write = s.cutWrite
	}
	s.talk(t, rw)
}

func (s *script) talk(t *tls.Conn, rw io.ReadWriter) {
	r := bufio.NewReader(rw)
	say := func(text string) bool {
		_, err := io.WriteString(rw, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n")
		return err == nil
	}
	if !s.starttls && !say("220 test ESMTP") {
		return
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		s.note(line)
		answer, special := "250 2.0.0 ok", false
		if s.script() != nil {
			answer, special = s.script()(t, line)
		}
		verb, _, _ := strings.Cut(line, " ")
		switch {
		case special && answer == "":
			return
		case special:
		case verb == "EHLO":
			answer = "250-test\n"
			for _, e := range s.ehlo {
				answer += "250-" + e + "\n"
			}
			answer += "250 HELP"
		case verb == "DATA":
			if !say("354 go on") {
				return
			}
			var text bytes.Buffer
			for !strings.HasSuffix("\r\n"+text.String(), "\r\n.\r\n") {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				text.WriteString(line)
			}
			s.mu.Lock()
			s.taken = append(s.taken, strings.TrimSuffix(text.String(), ".\r\n"))
			s.mu.Unlock()
			s.mu.Lock()
			answer = s.dot
			s.mu.Unlock()
			if answer == "" {
				return
			}
		case verb == "QUIT":
			say("221 2.0.0 bye")
			return
		default:
			answer = "250 2.0.0 ok"
		}
		if !say(answer) || strings.HasPrefix(answer, "421") {
			return
		}
	}
}

// sendOne sends m by a session of its own.
func sendOne(ctx context.Context, s *Server, m message, only ...string) (*Result, error) {
	session, err := s.Dial(ctx)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	return session.send(ctx, m, only)
}
