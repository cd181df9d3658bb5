package sink_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/sink"
)

func pool(t *testing.T, authority []byte) *x509.CertPool {
	p := x509.NewCertPool()
	require.True(t, p.AppendCertsFromPEM(authority))
	return p
}

// dial connects to a server that serves until the test ends.
func dial(t *testing.T, m sink.Mail) (*sink.MailServer, *smtp.Client) {
	s, err := m.Listen()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	c, err := smtp.DialTLS(strings.TrimPrefix(s.URL, "smtps://"), &tls.Config{RootCAs: pool(t, s.Authority)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return s, c
}

func send(c *smtp.Client, to string) error {
	return c.SendMail("a@example.org", []string{to}, strings.NewReader("Subject: x\r\n\r\nhello\r\n"))
}

func TestMailsAreTaken(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	got := map[string]string{}
	s, c := dial(t, sink.Mail{Deliver: func(from string, to []string, mail io.Reader) error {
		b, err := io.ReadAll(mail)
		mu.Lock()
		defer mu.Unlock()
		got[from+">"+strings.Join(to, ",")] = string(b)
		return err
	}})
	require.NoError(t, send(c, "b@example.org"))
	require.NoError(t, send(c, "c@example.org"))
	require.Equal(t, map[string]string{
		"a@example.org>b@example.org": "Subject: x\r\n\r\nhello\r\n",
		"a@example.org>c@example.org": "Subject: x\r\n\r\nhello\r\n",
	}, got)
	require.EqualValues(t, 2, s.Mails())
	require.EqualValues(t, 2*len("Subject: x\r\n\r\nhello\r\n"), s.Octets())
}

// Each failure comes at its stage, for the mail that it is for, and the next
// mail goes through.
func TestMailsFail(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		stage sink.Stage
		fails sink.Failure
		taken int64 // of the mail that fails
	}{
		{sink.AtSender, sink.Failure{Code: 421}, 0},
		{sink.AtRecipient, sink.Failure{Code: 450}, 0},
		{sink.AtRecipient, sink.Failure{Code: 550, Text: "nobody here"}, 0},
		{sink.InData, sink.Failure{Drop: true}, 0},
		{sink.AtEnd, sink.Failure{Code: 554}, 0},
		{sink.AtEnd, sink.Failure{Drop: true}, 0},
		{sink.AfterEnd, sink.Failure{Drop: true}, 1},
		{sink.AtRecipient, sink.Failure{Drop: true}, 0},
	} {
		var once sync.Once
		s, c := dial(t, sink.Mail{Fail: func(stage sink.Stage, from, to string) (f sink.Failure) {
			if stage == x.stage {
				once.Do(func() { f = x.fails })
			}
			return f
		}})
		err := send(c, "b@example.org")
		require.Error(t, err)
		var said *smtp.SMTPError
		require.Equal(t, !x.fails.Drop, errors.As(err, &said), "%v", err)
		if said != nil {
			require.Equal(t, x.fails.Code, said.Code)
			require.Contains(t, said.Message, x.fails.Text)
		}
		require.Equal(t, x.taken, s.Mails())
		again, err := smtp.DialTLS(strings.TrimPrefix(s.URL, "smtps://"), &tls.Config{RootCAs: pool(t, s.Authority)})
		require.NoError(t, err)
		require.NoError(t, send(again, "b@example.org"))
		require.NoError(t, again.Close())
		require.Equal(t, x.taken+1, s.Mails())
	}
}

func TestMailsAskWhoComes(t *testing.T) {
	t.Parallel()
	s, c := dial(t, sink.Mail{User: "mailer", Password: "secret"})
	require.Error(t, send(c, "b@example.org"))
	require.NoError(t, c.Reset())
	require.Error(t, c.Auth(sasl.NewPlainClient("", "mailer", "Secret")))
	require.NoError(t, c.Auth(sasl.NewPlainClient("", "mailer", "secret")))
	require.NoError(t, send(c, "b@example.org"))
	require.EqualValues(t, 1, s.Mails())
}

// A server that is closed at once ends, whether it began to serve or not.
func TestMailsCloseAtOnce(t *testing.T) {
	t.Parallel()
	for range 200 {
		s, err := sink.Mail{}.Listen()
		require.NoError(t, err)
		require.NoError(t, s.Close())
	}
}
