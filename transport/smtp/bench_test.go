package smtp

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	netmail "net/mail"
	"sync"
	"sync/atomic"
	"testing"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/doublekeybox/doublekeybox/transport/internal/mailtest"
)

// drain takes every mail and forgets it.
type drain struct{}

func (drain) Reset()                                 {}
func (drain) Logout() error                          { return nil }
func (drain) Mail(string, *gosmtp.MailOptions) error { return nil }
func (drain) Rcpt(string, *gosmtp.RcptOptions) error { return nil }
func (drain) Data(r io.Reader) error                 { _, err := io.Copy(io.Discard, r); return err }

// listen starts a server of another author, with TLS from the beginning.
func listen(b *testing.B) *Server {
	authority, err := mailtest.NewAuthority("bench")
	require.NoError(b, err)
	certificate, err := authority.Issue("127.0.0.1")
	require.NoError(b, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	s := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) { return drain{}, nil }))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}}))
	}()
	b.Cleanup(func() { _ = s.Close(); <-done })
	return &Server{URL: "smtps://" + l.Addr().String(), TLS: &tls.Config{RootCAs: authority.Pool}}
}

// BenchmarkSession is a run of a mailer: four connections, mails of 100 KB with
// the base64 around. "send" sends one that is there, "seal and send" seals each.
func BenchmarkSession(b *testing.B) {
	alice, err := smime.GenerateKey(smime.KeyOptions{Address: "alice@example.org", Algorithm: "p256"})
	require.NoError(b, err)
	bob, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256", ReadsGCM: true})
	require.NoError(b, err)
	v, err := keyring.Verify(bob.Certificate(), keyring.Expect(bob.Certificate().Fingerprint()))
	require.NoError(b, err)
	c := &mail.Composer{Signers: []envelope.Signer{alice.Signer()}, Keys: map[string][]*keyring.Verified{"bob@example.org": {v}}}
	document := bytes.Repeat([]byte("statement "), 7400)
	seal := func() (*mail.Sealed, error) {
		plan, err := c.Plan(&mail.Draft{
			From: netmail.Address{Address: "alice@example.org"}, To: []netmail.Address{{Address: "bob@example.org"}},
			Subject: "Statement", Text: "There.\n", Attachments: []mail.Attachment{{Name: "s.pdf", Body: bytes.NewReader(document)}},
		})
		if err != nil {
			return nil, err
		}
		all, err := plan.Seal()
		if err != nil {
			return nil, err
		}
		return all[0], nil
	}
	one, err := seal()
	require.NoError(b, err)
	defer one.Close()
	for name, next := range map[string]func() (*mail.Sealed, error){
		"send":          func() (*mail.Sealed, error) { return one, nil },
		"seal and send": seal,
	} {
		b.Run(name, func(b *testing.B) {
			server := listen(b)
			var left atomic.Int64
			left.Store(int64(b.N))
			b.SetBytes(one.Size())
			b.ReportAllocs()
			var senders sync.WaitGroup
			for range 4 {
				session, err := server.Dial(context.Background())
				require.NoError(b, err)
				defer session.Close()
				senders.Go(func() {
					for left.Add(-1) >= 0 {
						m, err := next()
						if err == nil {
							_, err = session.Send(context.Background(), m)
						}
						if err != nil {
							b.Error(err)
							return
						}
						if m != one {
							_ = m.Close()
						}
					}
				})
			}
			b.ResetTimer()
			senders.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
		})
	}
}
