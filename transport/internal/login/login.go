// Package login chooses how a mail server is told who somebody is (SASL, RFC
// 4422), and does it: the strongest way that both sides have, and none of them
// outside TLS.
package login

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
)

// The ways that are known, by the names of SASL.
const (
	scramPlus  = "SCRAM-SHA-256-PLUS"
	scramPlain = "SCRAM-SHA-256"
	external   = "EXTERNAL"
	plain      = "PLAIN"
	oldLogin   = "LOGIN"
)

// Account is who somebody is to a server.
type Account struct {
	User       string
	Password   func(context.Context) (string, error) // nil: there is none
	External   bool                                  // the client certificate says it
	Mechanisms []string                              // that may be used; nil: all
}

// Known reports whether there is anything to log in with.
func (a Account) Known() bool { return a.Password != nil || a.External }

// Exchange is one login.
type Exchange struct {
	Mechanism string
	Client    sasl.Client

	secrets []string // what must not be repeated
	scram   *scram
}

// Done is an error where the server took the login without having shown that
// it knows the account, which SCRAM wants (RFC 5802, Section 3).
func (e *Exchange) Done() error {
	if e.scram != nil && !e.scram.done {
		return errors.New("the server took the login and did not prove that it knows the account")
	}
	return nil
}

// Repeats reports whether a text of the server repeats some of a secret.
func (e *Exchange) Repeats(text string) bool {
	const some = 4 // shorter pieces are in everything
	for _, s := range e.secrets {
		if len(s) <= some {
			if strings.Contains(text, s) {
				return true
			}
			continue
		}
		for i := range len(s) - some + 1 {
			if strings.Contains(text, s[i:i+some]) {
				return true
			}
		}
	}
	return false
}

// Start chooses the way. state is of the connection, which has to be TLS.
func (a Account) Start(ctx context.Context, offered []string, state tls.ConnectionState) (*Exchange, error) {
	if !state.HandshakeComplete {
		return nil, errors.New("nobody logs in without TLS")
	}
	flag, data, bound := binding(state)
	plus := slices.ContainsFunc(offered, func(o string) bool { return strings.EqualFold(o, scramPlus) })
	usable := func(m string) bool {
		switch {
		case a.Mechanisms != nil && !slices.ContainsFunc(a.Mechanisms, func(o string) bool { return strings.EqualFold(o, m) }):
			return false
		case m == external && !a.External, m != external && (a.External || a.Password == nil), m == scramPlus && !bound:
			return false
		}
		return slices.ContainsFunc(offered, func(o string) bool { return strings.EqualFold(o, m) })
	}
	all := []string{external, scramPlus, scramPlain, plain, oldLogin} // the strongest first
	i := slices.IndexFunc(all, usable)
	if i < 0 {
		return nil, fmt.Errorf("the server offers no way to log in that can be used: it offers %.200q", strings.Join(offered, " "))
	}
	e := &Exchange{Mechanism: all[i]}
	if e.Mechanism == external {
		e.Client = sasl.NewExternalClient(a.User)
		return e, nil
	}
	password, err := a.Password(ctx)
	if err != nil {
		return nil, fmt.Errorf("the password could not be had: %w", err)
	}
	if password == "" || a.User == "" || strings.ContainsRune(password+a.User, 0) {
		return nil, errors.New("the name or the password is empty, or holds a NUL")
	}
	e.hide(a.User, password)
	switch e.Mechanism {
	case plain:
		e.Client = sasl.NewPlainClient("", a.User, password)
	case oldLogin:
		e.Client = &login{user: a.User, password: password}
	default:
		// RFC 5802, Section 6: "y" tells a server that has PLUS that somebody took
		// it off its list; "n" is what a client says that could not have done it.
		gs2, channel := "n,,", []byte(nil)
		switch {
		case e.Mechanism == scramPlus:
			gs2, channel = "p="+flag+",,", data
		case bound && !plus:
			gs2 = "y,,"
		}
		user, err := prepare(a.User)
		if err != nil {
			return nil, fmt.Errorf("the name %w", err)
		}
		prepared, err := prepare(password)
		if err != nil {
			return nil, fmt.Errorf("the password %w", err)
		}
		e.scram = &scram{mechanism: e.Mechanism, hash: sha256.New, user: user, password: prepared, nonce: rand.Text(), gs2: gs2, binding: channel}
		e.Client = e.scram
	}
	return e, nil
}

// binding returns the channel binding of a connection: its type, and its data.
func binding(state tls.ConnectionState) (kind string, data []byte, ok bool) {
	if state.Version >= tls.VersionTLS13 { // RFC 9266, Section 2
		data, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
		return "tls-exporter", data, err == nil
	}
	return "tls-unique", state.TLSUnique, len(state.TLSUnique) > 0 // RFC 5929, Section 3
}

// login is LOGIN, which no RFC has: a name and a password, each asked for in
// words that differ from server to server, so that only their order counts.
type login struct {
	user, password string
	step           int
}

// Start sends nothing: some servers do not take the name with the command.
func (l *login) Start() (string, []byte, error) { return oldLogin, nil, nil }

// Next answers with the name, and then with the password.
func (l *login) Next([]byte) ([]byte, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte(l.user), nil
	case 2:
		return []byte(l.password), nil
	}
	return nil, sasl.ErrUnexpectedServerChallenge
}
