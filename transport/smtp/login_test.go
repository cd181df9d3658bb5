package smtp

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
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const testPassword = "correct horse battery staple"

func password(context.Context) (string, error) { return testPassword, nil }

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// scramServer is the server's side of SCRAM-SHA-256, by RFC 5802, Section 3.
type scramServer struct {
	password, bare, first string
	bound                 []byte // what "c" has to hold behind the header; nil: nothing
	gs2                   string
	lie                   bool // the proof of the server is wrong
	silent                bool // there is none
	last                  bool
}

func (s *scramServer) answer(line string) (string, bool) {
	text, _ := base64.StdEncoding.DecodeString(line[strings.LastIndexByte(line, ' ')+1:])
	switch {
	case strings.HasPrefix(line, "AUTH SCRAM"):
		parts := strings.SplitN(string(text), ",", 3)
		s.gs2, s.bare = parts[0]+","+parts[1]+",", parts[2]
		s.first = s.bare[strings.Index(s.bare, "r="):] + "server,s=" + encode("sixteen octets !") + ",i=4096"
		return "334 " + encode(s.first), true
	case s.first != "" && strings.HasPrefix(string(text), "c="):
		bare, proof, _ := strings.Cut(string(text), ",p=")
		want := "c=" + encode(s.gs2+string(s.bound))
		salted, _ := pbkdf2.Key(sha256.New, s.password, []byte("sixteen octets !"), 4096, 32)
		mac := func(key []byte, text string) []byte {
			m := hmac.New(sha256.New, key)
			m.Write([]byte(text))
			return m.Sum(nil)
		}
		all := s.bare + "," + s.first + "," + bare
		stored := sha256.Sum256(mac(salted, "Client Key"))
		key, _ := base64.StdEncoding.DecodeString(proof)
		for i, b := range mac(stored[:], all) {
			key[i] ^= b
		}
		if sum := sha256.Sum256(key); !bytes.Equal(sum[:], stored[:]) || !strings.HasPrefix(bare, want+",") {
			return "535 5.7.8 no", true
		}
		if s.silent {
			return "235 2.7.0 in", true
		}
		if s.lie {
			all += "x"
		}
		s.last = true
		return "334 " + encode("v="+base64.StdEncoding.EncodeToString(mac(mac(salted, "Server Key"), all))), true
	case s.last && line == "":
		return "235 2.7.0 in", true
	}
	return "", false
}

func TestLogin(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, c := range []struct {
			name, offered, theirs string
			lie, silent           bool
			heard, says           string
		}{
			{"PLAIN", "LOGIN PLAIN", testPassword, false, false, "AUTH PLAIN " + encode("\x00alice\x00"+testPassword), ""},
			{"PLAIN, wrong", "LOGIN PLAIN", "other", false, false, "", "AUTH PLAIN with 535 5.7.8"},
			{"LOGIN", "LOGIN", testPassword, false, false, "AUTH LOGIN\n" + encode("alice") + "\n" + encode(testPassword), ""},
			{"LOGIN, wrong", "LOGIN", "other", false, false, "", "AUTH LOGIN with 535 5.7.8"},
			{"SCRAM", "PLAIN SCRAM-SHA-256", testPassword, false, false, "AUTH SCRAM-SHA-256 ", ""},
			{"SCRAM, wrong", "PLAIN SCRAM-SHA-256", "another password it is", false, false, "", "535"},
			{"SCRAM, a false server", "PLAIN SCRAM-SHA-256", testPassword, true, false, "", "does not prove"},
			{"SCRAM, a silent server", "PLAIN SCRAM-SHA-256", testPassword, false, true, "", "did not prove"},
			{"PLUS", "SCRAM-SHA-256 PLAIN SCRAM-SHA-256-PLUS", testPassword, false, false, "AUTH SCRAM-SHA-256", ""},
			{"nothing", "CRAM-MD5", testPassword, false, false, "", "no way to log in"},
		} {
			t.Run(fmt.Sprint(version, c.name), func(t *testing.T) {
				t.Parallel()
				if fips140.Enforced() && strings.HasPrefix(c.offered, "CRAM") {
					t.Skip("nothing to see")
				}
				s := newScript(t)
				s.config.MaxVersion = version
				s.ehlo = []string{"AUTH " + c.offered}
				scram := &scramServer{password: c.theirs, lie: c.lie, silent: c.silent}
				s.reply = func(conn *tls.Conn, line string) (string, bool) {
					if strings.HasPrefix(line, "AUTH SCRAM-SHA-256-PLUS") {
						state := conn.ConnectionState()
						scram.bound = state.TLSUnique
						if state.Version == tls.VersionTLS13 {
							scram.bound, _ = state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
						}
					}
					if answer, ok := scram.answer(line); ok {
						return answer, true
					}
					verdict := map[bool]string{true: "235 2.7.0 in", false: "535 5.7.8 no"}
					switch line {
					case "AUTH LOGIN":
						return "334 " + encode("User Name\x00"), true
					case encode("alice"):
						return "334 " + encode("Password\x00"), true
					case encode(testPassword):
						return verdict[c.theirs == testPassword], true
					}
					return verdict[c.theirs == testPassword], strings.HasPrefix(line, "AUTH PLAIN")
				}
				server := s.start()
				server.User, server.Password = "alice", password
				session, err := server.Dial(context.Background())
				if c.says != "" {
					require.ErrorIs(t, err, ErrLogin)
					require.ErrorContains(t, err, c.says)
					require.NotContains(t, err.Error(), testPassword)
					require.NotContains(t, s.heard(), "MAIL")
					return
				}
				require.NoError(t, err)
				defer session.Close()
				require.Contains(t, s.heard(), c.heard)
				if c.name == "PLUS" && (version == tls.VersionTLS13) {
					require.Contains(t, s.heard(), "AUTH SCRAM-SHA-256-PLUS")
				}
				_, err = session.send(context.Background(), newMail("bob@example.org"), nil)
				require.NoError(t, err)
			})
		}
	}
}

// A server that sends back what it was told finds nobody who passes it on.
func TestNoPasswordInErrors(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		for _, echo := range []func(string) string{
			func(line string) string { return "535 5.7.8 bad: " + line },
			func(string) string { return "535 5.7.8 bad: " + testPassword },
			func(line string) string { return "what? " + line },
		} {
			s := newScript(t)
			s.ehlo = []string{"AUTH " + mechanism}
			s.reply = func(_ *tls.Conn, line string) (string, bool) {
				switch {
				case line == "AUTH LOGIN" || line == encode("alice"):
					return "334 " + encode("Password:"), true
				case strings.HasPrefix(line, "EHLO"):
					return "", false
				}
				return echo(line), true
			}
			server := s.start()
			server.User, server.Password = "alice", password
			_, err := server.Dial(context.Background())
			require.ErrorIs(t, err, ErrLogin)
			for _, part := range []string{"corr", encode(testPassword)[2:10], encode("\x00alice\x00" + testPassword)[12:20]} {
				require.NotContains(t, err.Error(), part)
			}
			require.NotContains(t, fmt.Sprintf("%+v %#v", server, *server), "correct")
		}
	}
	s := newScript(t)
	server := s.start()
	server.User, server.Password = "alice", func(context.Context) (string, error) { return "", errors.New("the keyring is locked") }
	_, err := server.Dial(context.Background())
	require.ErrorContains(t, err, "the keyring is locked")
}

// In the clear nothing is said but hello.
func TestStartTLSIsRequired(t *testing.T) {
	s := newScript(t)
	s.starttls = true
	server := s.start()
	server.User, server.Password = "alice", password
	s.reply = func(_ *tls.Conn, line string) (string, bool) { return "235 in", strings.HasPrefix(line, "AUTH") }
	session, err := server.Dial(context.Background())
	require.NoError(t, err)
	require.NoError(t, session.Close())
	require.Contains(t, s.heard(), "clear EHLO localhost\nclear STARTTLS\nEHLO [127.0.0.1]\nAUTH PLAIN")

	for _, answer := range []string{"250-test\r\n250 AUTH PLAIN\r\n", "250 test\r\n", "502 what\r\n"} {
		l := plainServer(t, "220 test\r\n", answer)
		server.URL = "smtp://" + l.address
		_, err := server.Dial(context.Background())
		require.Error(t, err)
		if answer[0] == '2' {
			require.ErrorIs(t, err, ErrTLS)
		}
		require.NotContains(t, l.heard(), "AUTH")
		require.NotContains(t, l.heard(), "MAIL")
	}
	l := plainServer(t, "220 test\r\n", "250-test\r\n250 STARTTLS\r\n", "454 4.7.0 not now\r\n")
	server.URL = "smtp://" + l.address
	_, err = server.Dial(context.Background())
	var reply *ReplyError
	require.ErrorAs(t, err, &reply)
	require.Equal(t, "STARTTLS", reply.Command)
	require.NotContains(t, l.heard(), "AUTH")
	// What somebody put behind the answer is not taken for the server's word.
	l = plainServer(t, "220 test\r\n", "250-test\r\n250 STARTTLS\r\n", "220 go\r\n250-test\r\n250 AUTH PLAIN\r\n235 in\r\n")
	server.URL = "smtp://" + l.address
	_, err = server.Dial(context.Background())
	require.Error(t, err)
	require.NotContains(t, l.heard(), "AUTH")
}

func TestServerIsVerified(t *testing.T) {
	for _, starttls := range []bool{false, true} {
		start := func() (*script, *Server) {
			s := newScript(t)
			s.starttls = starttls
			server := s.start()
			server.User, server.Password = "alice", password
			s.reply = func(_ *tls.Conn, line string) (string, bool) { return "235 in", strings.HasPrefix(line, "AUTH") }
			return s, server
		}
		_, server := start()
		session, err := server.Dial(context.Background())
		require.NoError(t, err)
		require.NoError(t, session.Close())

		s, server := start()
		server.TLS = &tls.Config{RootCAs: tested.foreign.Pool}
		_, err = server.Dial(context.Background())
		var unknown x509.UnknownAuthorityError
		require.ErrorAs(t, err, &unknown)
		require.NotContains(t, s.heard(), "AUTH")

		s, server = start()
		server.TLS = nil
		_, err = server.Dial(context.Background())
		require.Error(t, err)
		require.NotContains(t, s.heard(), "AUTH")

		s, server = start()
		s.config.Certificates = []tls.Certificate{tested.wrong}
		_, err = server.Dial(context.Background())
		var name x509.HostnameError
		require.ErrorAs(t, err, &name)
		require.NotContains(t, s.heard(), "AUTH")

		s, server = start()
		s.config.MaxVersion, s.config.MinVersion = tls.VersionTLS11, tls.VersionTLS10
		_, err = server.Dial(context.Background())
		require.Error(t, err)
		require.NotContains(t, s.heard(), "AUTH")

		_, server = start()
		server.TLS.InsecureSkipVerify = true
		_, err = server.Dial(context.Background())
		require.ErrorContains(t, err, "RootCAs")
	}
}

func TestClientCertificate(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, c := range []struct {
			name string
			have []tls.Certificate
			says string
		}{
			{"ours", []tls.Certificate{tested.client}, ""},
			{"the second", []tls.Certificate{tested.strangers, tested.client}, ""},
			{"none", nil, "none was given"},
			{"a foreign one", []tls.Certificate{tested.strangers}, "by an authority that none of the given ones is by"},
		} {
			t.Run(fmt.Sprint(version, c.name), func(t *testing.T) {
				s := newScript(t)
				s.ehlo = []string{"AUTH EXTERNAL PLAIN"}
				s.config.ClientAuth, s.config.ClientCAs, s.config.MaxVersion = tls.RequireAndVerifyClientCert, tested.ours.Pool, version
				s.reply = func(_ *tls.Conn, line string) (string, bool) {
					return "235 2.7.0 in", strings.HasPrefix(line, "AUTH EXTERNAL")
				}
				server := s.start()
				server.TLS.Certificates, server.External = c.have, true
				session, err := server.Dial(context.Background())
				if c.says != "" {
					require.ErrorContains(t, err, c.says)
					return
				}
				require.NoError(t, err)
				require.NoError(t, session.Close())
				require.Contains(t, s.heard(), "AUTH EXTERNAL =")
				server.User = "alice"
				session, err = server.Dial(context.Background())
				require.NoError(t, err)
				require.NoError(t, session.Close())
				require.Contains(t, s.heard(), "AUTH EXTERNAL "+encode("alice"))
				// One that is given by force and not taken.
				server.TLS.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					return &tested.strangers, nil
				}
				_, err = server.Dial(context.Background())
				require.ErrorContains(t, err, "may not have taken")
			})
		}
	}
}

func TestURL(t *testing.T) {
	for _, url := range []string{"", "smtp.example.org", "http://x", "smtps://", "smtps://x/y", "smtps://x?y", "smtps://x#y", "smtps:x", "smtps://alice:secret@x", "smtps://x:y", "://secret"} {
		_, err := (&Server{URL: url}).Dial(context.Background())
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "secret")
	}
	s := newScript(t)
	server := s.start()
	server.Hello = "two words"
	_, err := server.Dial(context.Background())
	require.ErrorContains(t, err, "no name of a host")
	server.Hello = "client.example.org"
	server.URL += "/"
	session, err := server.Dial(context.Background())
	require.NoError(t, err)
	require.NoError(t, session.Close())
	require.Contains(t, s.heard(), "EHLO client.example.org")
}
