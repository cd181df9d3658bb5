package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	random "math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stage is where in a connection something happens.
type stage int

const (
	atConnect stage = iota
	atHello
	atLogin
	atSender
	atRecipient
	atData
	inContent  // some lines of the mail are here, and not its end
	atDot      // the whole mail is here, and the server behind does not have it
	afterTaken // the server behind took it, and the mailer does not know
	afterReply // and now it may
	stages
)

// mishap is what a relay does to a command: nothing, drop the connection, or
// answer in the server's place.
type mishap struct {
	drop  bool
	reply string
}

// relay stands between a mailer and a server, sees every command, and makes
// mishaps. Both sides are TLS.
type relay struct {
	listener net.Listener
	backend  func() (net.Conn, error)

	mishap func(at stage, recipient string) mishap
	saw    func(at stage) // is told of each stage before its mishap

	open     atomic.Int64 // connections
	lost     atomic.Int64 // that were dropped after the whole mail and before an answer
	drops    atomic.Int64
	refusals atomic.Int64 // of class 4, and 5
	pem      []byte
}

// newRelay listens on a port of this machine.
func newRelay(t *testing.T, backend func() (net.Conn, error)) *relay {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "relay"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	r := &relay{backend: backend, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	r.listener, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	require.NoError(t, err)
	var sessions sync.WaitGroup
	sessions.Go(func() {
		for {
			c, err := r.listener.Accept()
			if err != nil {
				return
			}
			sessions.Go(func() { r.serve(c) })
		}
	})
	t.Cleanup(func() {
		r.listener.Close()
		sessions.Wait()
	})
	return r
}

// relayed is one connection.
type relayed struct {
	*relay
	client, server net.Conn
	fromClient     *bufio.Reader
	fromServer     *bufio.Reader
	recipient      string
}

var errDropped = errors.New("dropped")

// at is told of a stage. It returns errDropped where the connection ends here, and
// true where the command was answered.
func (c *relayed) at(s stage) (answered bool, err error) {
	c.saw(s)
	m := c.mishap(s, c.recipient)
	switch {
	case m.drop:
		c.drops.Add(1)
		if s == atDot || s == afterTaken {
			c.lost.Add(1)
		}
		return false, errDropped
	case m.reply != "":
		c.refusals.Add(1)
		return true, c.say(c.client, m.reply)
	}
	return false, nil
}

func (c *relayed) say(to net.Conn, line string) error {
	_, err := io.WriteString(to, line+"\r\n")
	return err
}

func (r *relay) serve(client net.Conn) {
	r.open.Add(1)
	defer r.open.Add(-1)
	defer client.Close()
	// A test that hangs says less than one that fails.
	client.SetDeadline(time.Now().Add(5 * time.Minute))
	if client.(*tls.Conn).Handshake() != nil {
		return
	}
	c := &relayed{relay: r, client: client, fromClient: bufio.NewReader(client)}
	if answered, err := c.at(atConnect); err != nil || answered {
		return
	}
	server, err := r.backend()
	if err != nil {
		c.say(client, "421 4.3.2 nobody behind")
		return
	}
	defer server.Close()
	server.SetDeadline(time.Now().Add(5 * time.Minute))
	c.server, c.fromServer = server, bufio.NewReader(server)
	if _, err := c.pass(); err != nil {
		return
	}
	for c.command() == nil {
	}
}

// pass takes a reply of the server to the client, and returns its last line.
func (c *relayed) pass() (last string, err error) {
	for {
		line, err := c.fromServer.ReadString('\n')
		if err != nil {
			return "", err
		}
		if _, err := io.WriteString(c.client, line); err != nil {
			return "", err
		}
		if len(line) < 4 || line[3] != '-' {
			return line, nil
		}
	}
}

// command does what one command of the client wants.
func (c *relayed) command() error {
	line, err := c.fromClient.ReadString('\n')
	if err != nil {
		return err
	}
	verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimRight(line, "\r\n")), " ")
	where, known := map[string]stage{"EHLO": atHello, "AUTH": atLogin, "MAIL": atSender, "RCPT": atRecipient, "DATA": atData}[verb]
	if verb == "RCPT" {
		_, address, _ := strings.Cut(line, "<")
		c.recipient, _, _ = strings.Cut(address, ">")
	}
	if known {
		if answered, err := c.at(where); err != nil || answered {
			return err
		}
	}
	if verb == "DATA" {
		return c.data()
	}
	if _, err := io.WriteString(c.server, line); err != nil {
		return err
	}
	reply, err := c.pass()
	for err == nil && strings.HasPrefix(reply, "334") { // the steps of a login
		if line, err = c.fromClient.ReadString('\n'); err == nil {
			if _, err = io.WriteString(c.server, line); err == nil {
				reply, err = c.pass()
			}
		}
	}
	return err
}

// data takes a whole mail before the server behind hears of it, so that what is
// dropped or refused here is nothing that the server has.
func (c *relayed) data() error {
	if err := c.say(c.client, "354 go on"); err != nil {
		return err
	}
	var mail strings.Builder
	for n := 0; ; n++ {
		line, err := c.fromClient.ReadString('\n')
		if err != nil {
			return err
		}
		mail.WriteString(line)
		if line == ".\r\n" {
			break
		}
		if n == 10 {
			if _, err := c.at(inContent); err != nil {
				return err
			}
		}
	}
	if answered, err := c.at(atDot); err != nil || answered {
		if answered && err == nil {
			_, err = c.tell("RSET\r\n")
		}
		return err
	}
	reply, err := c.tell("DATA\r\n")
	if err == nil && strings.HasPrefix(reply, "354") {
		reply, err = c.tell(mail.String())
	}
	if err != nil {
		return err
	}
	if strings.HasPrefix(reply, "2") {
		if _, err := c.at(afterTaken); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(c.client, reply); err != nil {
		return err
	}
	_, err = c.at(afterReply)
	return err
}

// tell speaks with the server behind alone.
func (c *relayed) tell(text string) (reply string, err error) {
	if _, err := io.WriteString(c.server, text); err != nil {
		return "", err
	}
	for {
		line, err := c.fromServer.ReadString('\n')
		reply += line
		if err != nil || len(line) < 4 || line[3] != '-' {
			return reply, err
		}
	}
}

// weather makes mishaps as they come in the world, only more of them.
type weather struct {
	mu  sync.Mutex
	rnd *random.Rand
	off bool
}

func (w *weather) chance(percent float64) bool { return w.rnd.Float64()*100 < percent }

func (w *weather) mishap(at stage) mishap {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.off {
		return mishap{}
	}
	drop := map[stage]float64{atConnect: 1, atHello: 0.5, atLogin: 0.5, atSender: 0.7, atRecipient: 0.7, atData: 0.7, inContent: 0.7, atDot: 0.4, afterTaken: 0.4, afterReply: 0.7}[at]
	later := map[stage]float64{atSender: 1, atRecipient: 4, atData: 1, atDot: 2}[at]
	switch {
	case w.chance(drop):
		return mishap{drop: true}
	case w.chance(0.2) && later > 0: // those by which a server asks for less
		return mishap{reply: "450 4.2.1 too fast"}
	case w.chance(later):
		return mishap{reply: "454 4.7.0 later"}
	}
	return mishap{}
}
