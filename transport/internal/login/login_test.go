package login

import (
	"context"
	"crypto/fips140"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"hash"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The exchanges of RFC 5802, Section 5, and of RFC 7677, Section 3.
func TestVectors(t *testing.T) {
	if fips140.Enforced() {
		t.Skip("the RFCs' password is shorter than fips140=only allows")
	}
	for _, v := range []struct {
		hash                               func() hash.Hash
		nonce, first, server, final, proof string
	}{
		{sha1.New, "fyko+d2lbbFgONRv9qkxdawL", "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
		{sha256.New, "rOprNGfwEbeRWgbNEkqO", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
	} {
		s := &scram{hash: v.hash, user: "user", password: "pencil", nonce: v.nonce, gs2: "n,,"}
		_, first, err := s.Start()
		require.NoError(t, err)
		require.Equal(t, v.first, string(first))
		final, err := s.Next([]byte(v.server))
		require.NoError(t, err)
		require.Equal(t, v.final, string(final))
		require.False(t, s.done)
		last, err := s.Next([]byte(v.proof))
		require.NoError(t, err)
		require.NotNil(t, last)
		require.Empty(t, last)
		require.True(t, s.done)
		_, err = s.Next(nil)
		require.Error(t, err)
	}
}

// Each message of the server that is not taken, beside one that is.
func TestScramRefuses(t *testing.T) {
	if fips140.Enforced() {
		t.Skip("the password is shorter than fips140=only allows")
	}
	const good = "r=abcdef,s=QSXCR+Q6sek8bf92,i=4096"
	start := func() *scram {
		return &scram{hash: sha256.New, user: "user", password: "pencil", nonce: "abc", gs2: "n,,"}
	}
	_, err := start().Next([]byte(good))
	require.NoError(t, err)
	_, err = start().Next([]byte(good + ",x=more"))
	require.NoError(t, err)
	for _, c := range []struct{ name, first, says string }{
		{"a nonce of its own", "r=abddef,s=QSXCR+Q6sek8bf92,i=4096", "nonce"},
		{"only our nonce", "r=abc,s=QSXCR+Q6sek8bf92,i=4096", "nonce"},
		{"an extension that must be known", "m=x,r=abcdef,s=QSXCR+Q6sek8bf92,i=4096", "not one of SCRAM"},
		{"no salt", "r=abcdef,s=,i=4096", "salt"},
		{"a salt that is none", "r=abcdef,s=QSX*,i=4096", "salt"},
		{"too few rounds", "r=abcdef,s=QSXCR+Q6sek8bf92,i=4095", "rounds"},
		{"too many rounds", "r=abcdef,s=QSXCR+Q6sek8bf92,i=1000001", "rounds"},
		{"rounds that are no number", "r=abcdef,s=QSXCR+Q6sek8bf92,i=", "rounds"},
		{"no rounds", "r=abcdef,s=QSXCR+Q6sek8bf92", "not one of SCRAM"},
		{"nothing", "", "not one of SCRAM"},
	} {
		_, err := start().Next([]byte(c.first))
		require.ErrorContains(t, err, c.says, c.name)
	}
	for _, last := range []string{"", "v=", "v=" + base64.StdEncoding.EncodeToString(make([]byte, 32)), "e=invalid-proof", "x"} {
		s := start()
		_, err := s.Next([]byte(good))
		require.NoError(t, err)
		_, err = s.Next([]byte(last))
		require.Error(t, err, last)
		require.False(t, s.done)
	}
}

// What is offered, and what is taken of it.
func TestStart(t *testing.T) {
	password := func(context.Context) (string, error) { return "correct horse battery", nil }
	done := tls.ConnectionState{HandshakeComplete: true, Version: tls.VersionTLS12}
	bound := done
	bound.TLSUnique = []byte("0123456789ab")
	for _, c := range []struct {
		name    string
		account Account
		state   tls.ConnectionState
		offered string
		want    string // "" for an error
	}{
		{"the strongest", Account{User: "u", Password: password}, bound, "LOGIN PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS", scramPlus},
		{"no binding", Account{User: "u", Password: password}, done, "LOGIN PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS", scramPlain},
		{"not offered", Account{User: "u", Password: password}, bound, "LOGIN PLAIN SCRAM-SHA-256", scramPlain},
		{"SHA-1 is not spoken", Account{User: "u", Password: password}, bound, "SCRAM-SHA-1 CRAM-MD5 LOGIN PLAIN", plain},
		{"the last", Account{User: "u", Password: password}, bound, "login", oldLogin},
		{"none", Account{User: "u", Password: password}, bound, "CRAM-MD5 XOAUTH2", ""},
		{"nothing", Account{User: "u", Password: password}, bound, "", ""},
		{"not by certificate", Account{User: "u", Password: password}, bound, "EXTERNAL", ""},
		{"by certificate", Account{External: true}, bound, "PLAIN EXTERNAL", external},
		{"by certificate, and not by password", Account{User: "u", Password: password, External: true}, bound, "PLAIN", ""},
		{"only these", Account{User: "u", Password: password, Mechanisms: []string{"scram-sha-256"}}, bound, "PLAIN SCRAM-SHA-256-PLUS SCRAM-SHA-256", scramPlain},
		{"only these, not offered", Account{User: "u", Password: password, Mechanisms: []string{"SCRAM-SHA-256"}}, bound, "PLAIN", ""},
		{"none of them", Account{User: "u", Password: password, Mechanisms: []string{}}, bound, "PLAIN", ""},
		{"no TLS", Account{User: "u", Password: password}, tls.ConnectionState{}, "PLAIN", ""},
		{"no name", Account{Password: password}, bound, "PLAIN", ""},
		{"a NUL", Account{User: "u\x00v", Password: password}, bound, "PLAIN", ""},
		{"no password", Account{User: "u", Password: func(context.Context) (string, error) { return "", nil }}, bound, "PLAIN", ""},
		{"a password that cannot be had", Account{User: "u", Password: func(context.Context) (string, error) { return "", errors.New("locked") }}, bound, "PLAIN", ""},
		{"a name with a control character", Account{User: "u\x07", Password: password}, bound, "SCRAM-SHA-256", ""},
	} {
		e, err := c.account.Start(context.Background(), strings.Fields(c.offered), c.state)
		if c.want == "" {
			require.Error(t, err, c.name)
			continue
		}
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, e.Mechanism, c.name)
		mechanism, _, err := e.Client.Start()
		require.NoError(t, err)
		require.Equal(t, c.want, mechanism)
	}
	// Without PLUS on a list the server is told that we would have done it.
	for _, c := range []struct {
		offered string
		state   tls.ConnectionState
		begins  string
	}{
		{"SCRAM-SHA-256-PLUS", bound, "p=tls-unique,,n=a=2Cb=3Dc,r="},
		{"SCRAM-SHA-256", bound, "y,,n=a=2Cb=3Dc,r="},
		{"SCRAM-SHA-256", done, "n,,n=a=2Cb=3Dc,r="},
		{"SCRAM-SHA-256 SCRAM-SHA-256-PLUS", done, "n,,n=a=2Cb=3Dc,r="},
	} {
		e, err := Account{User: "a,b=c", Password: password}.Start(context.Background(), strings.Fields(c.offered), c.state)
		require.NoError(t, err)
		_, first, err := e.Client.Start()
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(first), c.begins), "%s", first)
		require.Error(t, e.Done())
	}
}

func TestRepeats(t *testing.T) {
	e := &Exchange{}
	e.hide("alice", "correct horse")
	encode := base64.StdEncoding.EncodeToString
	for _, text := range []string{"correct horse", "no: correc", encode([]byte("correct horse")), encode([]byte("\x00alice\x00correct horse")),
		encode([]byte("1correct horse")), encode([]byte("12correct horse")), encode([]byte("\x00alice@example.org\x00correct horse"))} {
		require.True(t, e.Repeats(text), text)
	}
	for _, text := range []string{"", "5.7.8 invalid", "try again", "Username and Password not accepted"} {
		require.False(t, e.Repeats(text), text)
	}
	e = &Exchange{}
	e.hide("alice", "abc")
	require.True(t, e.Repeats("it was abc"))
	require.False(t, e.Repeats("it was ab"))
}

// RFC 4013, Section 3.
func TestPrepare(t *testing.T) {
	for in, want := range map[string]string{"I\u00adX": "IX", "user": "user", "USER": "USER", "\u00aa": "a", "\u2168": "IX", "a\u00a0b": "a b"} {
		got, err := prepare(in)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, in := range []string{"\x07", "", "\u00ad", "a\xff", "a\u0085", "\ue000", "\ufffd"} {
		_, err := prepare(in)
		require.Error(t, err, "%q", in)
	}
}

func FuzzScram(f *testing.F) {
	f.Add("r=abcdef,s=QSXCR+Q6sek8bf92,i=4096", "v=")
	f.Add("", "e=x")
	f.Fuzz(func(t *testing.T, first, last string) {
		s := &scram{hash: sha256.New, user: "user", password: "pencil", nonce: "abc", gs2: "n,,"}
		if _, err := s.Next([]byte(first)); err != nil {
			return
		}
		// Nobody finds the signature without the password.
		_, err := s.Next([]byte(last))
		require.Error(t, err)
		require.False(t, s.done)
	})
}
