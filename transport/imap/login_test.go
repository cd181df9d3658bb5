package imap

import (
	"bytes"
	"context"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/stretchr/testify/require"
)

// scramServer is the server's side of SCRAM-SHA-256, by RFC 5802, Section 3.
type scramServer struct {
	first, bare string
	lie         bool
	step        int
}

func (s *scramServer) Next(response []byte) ([]byte, bool, error) {
	encode := base64.StdEncoding.EncodeToString
	s.step++
	switch s.step {
	case 1:
		s.bare = strings.SplitN(string(response), ",", 3)[2]
		s.first = s.bare[strings.Index(s.bare, "r="):] + "server,s=" + encode([]byte("sixteen octets !")) + ",i=4096"
		return []byte(s.first), false, nil
	case 2:
		bare, proof, _ := strings.Cut(string(response), ",p=")
		mac := func(key []byte, text string) []byte {
			m := hmac.New(sha256.New, key)
			m.Write([]byte(text))
			return m.Sum(nil)
		}
		salted, _ := pbkdf2.Key(sha256.New, testPassword, []byte("sixteen octets !"), 4096, 32)
		all := s.bare + "," + s.first + "," + bare
		stored := sha256.Sum256(mac(salted, "Client Key"))
		key, _ := base64.StdEncoding.DecodeString(proof)
		for i, b := range mac(stored[:], all) {
			key[i] ^= b
		}
		if sum := sha256.Sum256(key); !bytes.Equal(sum[:], stored[:]) {
			return nil, true, errors.New("no")
		}
		if s.lie {
			all += "x"
		}
		return []byte("v=" + encode(mac(mac(salted, "Server Key"), all))), false, nil
	}
	if len(response) != 0 {
		return nil, true, fmt.Errorf("%q where nothing is said", response)
	}
	return nil, true, nil
}

func TestLogin(t *testing.T) {
	wrong := func(context.Context) (string, error) { return "wrong horse battery staple", nil }
	if fips140.Enforced() {
		t.Log("the passwords are long enough for fips140=only")
	}
	for _, c := range []struct {
		name     string
		ways     []string
		lie      bool
		password func(context.Context) (string, error)
		says     string
	}{
		{"PLAIN", []string{"PLAIN", "LOGIN"}, false, password, ""},
		{"PLAIN, wrong", []string{"PLAIN", "LOGIN"}, false, wrong, "login failed by PLAIN"},
		{"SCRAM", []string{"PLAIN", "SCRAM-SHA-256"}, false, password, ""},
		{"SCRAM, wrong", []string{"PLAIN", "SCRAM-SHA-256"}, false, wrong, "login failed by SCRAM-SHA-256"},
		{"SCRAM, a false server", []string{"PLAIN", "SCRAM-SHA-256"}, true, password, "does not prove"},
		{"nothing", []string{"CRAM-MD5"}, false, password, "no way to log in"},
		{"no password", []string{"PLAIN"}, false, nil, "no password is set"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.ways = c.ways
			s.way = func(way string) (sasl.Server, error) {
				if strings.HasPrefix(way, "SCRAM") {
					return &scramServer{lie: c.lie}, nil
				}
				return sasl.NewPlainServer(func(_, name, password string) error { return s.user.Login(name, password) }), nil
			}
			server := s.start(t)
			server.Password = c.password
			session, err := server.Dial(context.Background())
			if c.says != "" {
				require.ErrorIs(t, err, ErrLogin)
				require.ErrorContains(t, err, c.says)
				require.NotContains(t, err.Error(), "horse")
				return
			}
			require.NoError(t, err)
			_, err = session.List(context.Background(), "INBOX", 0)
			require.NoError(t, err)
			require.NoError(t, session.Close())
			require.NoError(t, session.Close())
			_, err = session.List(context.Background(), "INBOX", 0)
			require.ErrorContains(t, err, "closed")
		})
	}
}

func TestNoPasswordInErrors(t *testing.T) {
	for _, shown := range []string{testPassword, base64.StdEncoding.EncodeToString([]byte("\x00alice\x00" + testPassword)), "bad: rrect"} {
		s := &script{reply: func(command, arguments string) string {
			if command == "AUTHENTICATE" {
				return "NO " + shown
			}
			return plain(command, arguments)
		}}
		_, err := s.start(t).Dial(context.Background())
		require.ErrorIs(t, err, ErrLogin)
		require.ErrorContains(t, err, "not shown")
		require.NotContains(t, err.Error(), shown)
	}
	s := &script{reply: func(command, arguments string) string {
		if command == "AUTHENTICATE" {
			return "NO [EXPIRED] ask the postmaster"
		}
		return plain(command, arguments)
	}}
	_, err := s.start(t).Dial(context.Background())
	require.ErrorContains(t, err, `NO [EXPIRED] "ask the postmaster"`)
}

func TestServerIsVerified(t *testing.T) {
	dial := func(change func(*started), pool *x509.CertPool) error {
		s := newServer(t)
		if change != nil {
			change(s)
		}
		server := s.start(t)
		server.TLS = &tls.Config{RootCAs: pool}
		session, err := server.Dial(context.Background())
		if err == nil {
			_ = session.Close()
		}
		return err
	}
	require.NoError(t, dial(nil, tested.ours.Pool))
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, dial(nil, tested.foreign.Pool), &unknown)
	require.Error(t, dial(nil, nil))
	var name x509.HostnameError
	require.ErrorAs(t, dial(func(s *started) { s.tls.Certificates = []tls.Certificate{tested.wrong} }, tested.ours.Pool), &name)
	require.Error(t, dial(func(s *started) { s.tls.MinVersion, s.tls.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, tested.ours.Pool))
	server := newServer(t).start(t)
	server.TLS.InsecureSkipVerify = true
	_, err := server.Dial(context.Background())
	require.ErrorContains(t, err, "RootCAs")
}

func TestClientCertificate(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, c := range []struct {
			name string
			have []tls.Certificate
			says string
		}{
			{"ours", []tls.Certificate{tested.strangers, tested.client}, ""},
			{"none", nil, "none was given"},
			{"a foreign one", []tls.Certificate{tested.strangers}, "by an authority that none of the given ones is by"},
		} {
			s := newServer(t)
			s.ways, s.way = []string{"EXTERNAL"}, func(string) (sasl.Server, error) {
				return sasl.NewExternalServer(func(string) error { return nil }), nil
			}
			s.tls.ClientAuth, s.tls.ClientCAs, s.tls.MaxVersion = tls.RequireAndVerifyClientCert, tested.ours.Pool, version
			server := s.start(t)
			server.TLS.Certificates, server.External, server.User, server.Password = c.have, true, "", nil
			session, err := server.Dial(context.Background())
			if c.says != "" {
				require.ErrorContains(t, err, c.says, c.name)
				continue
			}
			require.NoError(t, err, c.name)
			_, err = session.List(context.Background(), "INBOX", 0)
			require.NoError(t, err)
			require.NoError(t, session.Close())
		}
	}
}

// A server that wants no login is taken where there is none to give, and is
// not the one that was meant where there is.
func TestPreAuth(t *testing.T) {
	server := (&script{reply: plain, hello: "* PREAUTH [CAPABILITY IMAP4rev1] hello\r\n"}).start(t)
	_, err := server.Dial(context.Background())
	require.ErrorContains(t, err, "wants none")
	server.User, server.Password = "", nil
	session, err := server.Dial(context.Background())
	require.NoError(t, err)
	require.NoError(t, session.Close())
	for _, hello := range []string{"* BYE not now\r\n", "what\r\n", "* NO\r\n"} {
		_, err = (&script{reply: plain, hello: hello}).start(t).Dial(context.Background())
		require.Error(t, err)
	}
}

// Nothing is said to a server that does not speak TLS.
func TestNoPlaintext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	heard := make(chan []byte, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Write([]byte("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n"))
		b := make([]byte, 1)
		n, _ := c.Read(b)
		heard <- b[:n]
	}()
	server := &Server{URL: "imaps://" + l.Addr().String(), User: "alice", Password: password}
	_, err = server.Dial(context.Background())
	require.Error(t, err)
	require.Equal(t, []byte{22}, <-heard) // a handshake: RFC 8446, Section 5.1
	require.NoError(t, l.Close())
	for _, url := range []string{"", "imap://x", "imaps://", "imaps://x/y", "imaps://alice:secret@x", "imaps:x", "http://x"} {
		_, err := (&Server{URL: url}).Dial(context.Background())
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "secret")
	}
}
