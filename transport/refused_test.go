package transport

import (
	"bytes"
	"context"
	"net/mail"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	dkbmail "github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/transport/imap"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

// What Postfix refuses, and by which words a person learns why.
func (p *post) testPostfixRefuses(t *testing.T) {
	wrong := func(context.Context) (string, error) { return "wrong-pass", nil }
	for _, c := range []struct {
		name   string
		port   int
		change func(*smtp.Server)
		says   []string // none: it is taken
	}{
		{"a certificate and a password", 12465, func(*smtp.Server) {}, nil},
		{"a wrong password", 12465, func(s *smtp.Server) { s.Password = wrong }, []string{"login failed", "535"}},
		{"no certificate", 12465, func(s *smtp.Server) { s.TLS = p.postfix.TLS(t, "") }, []string{"No client certificate presented", "none was given"}},
		{"a foreign certificate", 12465, func(s *smtp.Server) { s.TLS = p.postfix.TLS(t, "other") }, []string{"authority"}},
		{"a foreign certificate by force", 12465, func(s *smtp.Server) { s.TLS = p.postfix.Forced(t, "other") }, []string{"Client certificate not trusted"}},
		{"no authority of ours", 12465, func(s *smtp.Server) { s.TLS = p.dovecot.TLS(t, "client") }, []string{"unknown authority"}},
		{"a password alone", 12587, func(s *smtp.Server) { s.TLS = p.postfix.TLS(t, "") }, nil},
		{"TLS from the beginning where it is not", 12587, func(s *smtp.Server) { s.URL = "smtps://127.0.0.1:12587" }, []string{"tls"}},
		{"no login", 12587, func(s *smtp.Server) { s.Password = nil }, []string{"554", "RCPT"}},
		{"a way that is not offered", 12587, func(s *smtp.Server) { s.Mechanisms = []string{"SCRAM-SHA-256"} }, []string{"no way to log in", "PLAIN"}},
		{"the certificate alone", 12525, func(*smtp.Server) {}, nil},
		{"an unknown certificate alone", 12525, func(s *smtp.Server) { s.TLS = p.postfix.Forced(t, "other") }, []string{"554"}},
		{"nothing", 12525, func(s *smtp.Server) { s.TLS = p.postfix.TLS(t, "") }, []string{"554"}},
		{"by LOGIN", 12465, func(s *smtp.Server) { s.Mechanisms = []string{"LOGIN"} }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := p.server(t, c.port)
			c.change(server)
			alice, bob := newPerson(t, "OpenPGP", "alice@example.org"), newPerson(t, "OpenPGP", "bob@example.org")
			sealed := seal(t, alice, bob)
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			results, err := server.Send(ctx, sealed...)
			if c.says == nil {
				require.NoError(t, err)
				require.Empty(t, results[1].Recipients) // the own copy
				return
			}
			for _, s := range c.says {
				require.ErrorContains(t, err, s)
			}
			require.NotContains(t, err.Error(), "-pass")
			require.Equal(t, 0, len(results[0].Which(smtp.Accepted, smtp.Unknown)))
		})
	}
}

func seal(t *testing.T, alice, bob *person) []*dkbmail.Sealed {
	composer := &dkbmail.Composer{
		Keys:    map[string][]*keyring.Verified{"bob@example.org": {bob.verified}},
		Signers: []envelope.Signer{alice.signer}, OwnCopy: []*keyring.Verified{alice.verified}, Profile: envelope.Modern,
	}
	plan, err := composer.Plan(&dkbmail.Draft{From: mail.Address{Address: "alice@example.org"}, To: []mail.Address{{Address: "bob@example.org"}}, Subject: "lunch", Text: "hello\n"})
	require.NoError(t, err)
	sealed, err := plan.Seal()
	require.NoError(t, err)
	require.Len(t, sealed, 2)
	for _, s := range sealed {
		t.Cleanup(func() { _ = s.Close() })
	}
	return sealed
}

// What Dovecot refuses; and what it keeps is what comes back.
func (p *post) testDovecot(t *testing.T) {
	server := func() *imap.Server {
		return &imap.Server{URL: "imaps://127.0.0.1:12993", TLS: p.dovecot.TLS(t, "client"), User: "alice@example.org", Password: password}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, c := range []struct {
		name   string
		change func(*imap.Server)
		says   string
	}{
		{"a wrong password", func(s *imap.Server) {
			s.Password = func(context.Context) (string, error) { return "wrong-pass", nil }
		}, "AUTHENTICATIONFAILED"},
		{"no certificate", func(s *imap.Server) { s.TLS = p.dovecot.TLS(t, "") }, "certificate"},
		{"a foreign certificate", func(s *imap.Server) { s.TLS = p.dovecot.TLS(t, "other") }, "certificate"},
		{"a foreign certificate by force", func(s *imap.Server) { s.TLS = p.dovecot.Forced(t, "other") }, "certificate"},
		{"no authority of ours", func(s *imap.Server) { s.TLS = p.postfix.TLS(t, "client") }, "unknown authority"},
		{"no login", func(s *imap.Server) { s.Password = nil }, "no password is set"},
		{"the port of STARTTLS", func(s *imap.Server) { s.URL = "imaps://127.0.0.1:12143" }, "tls"},
	} {
		s := server()
		c.change(s)
		_, err := s.Dial(ctx)
		require.ErrorContains(t, err, c.says, c.name)
		require.NotContains(t, err.Error(), "-pass")
	}
	session, err := server().Dial(ctx)
	require.NoError(t, err)
	defer session.Close()
	alice, bob := newPerson(t, "S/MIME", "alice@example.org"), newPerson(t, "S/MIME", "bob@example.org")
	copies := seal(t, alice, bob)
	own := copies[1]
	require.True(t, own.Own())
	date := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	id, err := session.Append(ctx, "INBOX", own, date)
	require.NoError(t, err)
	require.NotZero(t, id.UID)
	found, err := session.Search(ctx, "INBOX", own.MessageID())
	require.NoError(t, err)
	require.Equal(t, []imap.ID{id}, found)
	entries, err := session.List(ctx, "INBOX", id.UID-1)
	require.NoError(t, err)
	require.Equal(t, own.Size(), entries[0].Size)
	require.Contains(t, entries[0].Flags, `\Seen`)
	require.True(t, date.Equal(entries[0].Received))
	var want, got bytes.Buffer
	_, err = own.WriteTo(&want)
	require.NoError(t, err)
	_, err = session.Fetch(ctx, "INBOX", id, &got)
	require.NoError(t, err)
	require.Equal(t, want.String(), got.String())
	m, err := (&dkbmail.Opener{Identities: []envelope.Identity{alice.identity}, Senders: []*keyring.Verified{alice.verified}}).Open(&got)
	require.NoError(t, err)
	require.True(t, m.Summary().Verified, m.Summary().Findings)
	require.NoError(t, m.Close())
	_, err = session.Append(ctx, "Nowhere", own, date)
	require.ErrorContains(t, err, "TRYCREATE")
}
