package main

import (
	"crypto/tls"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// directory FILE CA: $DIRECTORY is an LDAP directory that answers the first
// question of each connection, whatever it is, with one entry that has the
// certificate in FILE. Its authority is in CA. It ends with the script.
func directory(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: directory FILE CA")
	}
	block, _ := pem.Decode([]byte(ts.ReadFile(args[0])))
	if block == nil {
		ts.Fatalf("%s has no certificate in PEM", args[0])
	}
	web := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	ts.Defer(web.Close)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates})
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerWith(conn, block.Bytes)
		}
	}()
	ts.Setenv("DIRECTORY", "ldaps://"+l.Addr().String())
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), ca, 0o600))
}

// answerWith sends a searchResEntry and a searchResDone (RFC 4511, Section 4.5.2)
// for the message with the number 1.
func answerWith(conn net.Conn, certificate []byte) {
	defer conn.Close()
	b := make([]byte, 4096)
	if _, err := conn.Read(b); err != nil {
		return
	}
	value := berOf(0x30, berOf(0x04, []byte("userCertificate;binary")), berOf(0x31, berOf(0x04, certificate)))
	entry := berOf(0x64, berOf(0x04, []byte("cn=Ann")), berOf(0x30, value))
	done := berOf(0x65, berOf(0x0a, []byte{0}), berOf(0x04), berOf(0x04))
	number := berOf(0x02, []byte{1})
	if _, err := conn.Write(append(berOf(0x30, number, entry), berOf(0x30, number, done)...)); err != nil {
		return
	}
	_, _ = conn.Read(b) // until the other side is done
}

// berOf makes one element of BER.
func berOf(tag byte, content ...[]byte) []byte {
	n := 0
	for _, c := range content {
		n += len(c)
	}
	out := []byte{tag, 0x84, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	for _, c := range content {
		out = append(out, c...)
	}
	return out
}
