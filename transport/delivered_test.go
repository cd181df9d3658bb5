package transport

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net/mail"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	dkbmail "github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/doublekeybox/doublekeybox/transport/imap"
	"github.com/doublekeybox/doublekeybox/transport/internal/mailtest"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

const testPassword = "secret-pass" // that of the peers' scripts

func password(context.Context) (string, error) { return testPassword, nil }

// person is somebody with a key in a format.
type person struct {
	verified *keyring.Verified
	signer   envelope.Signer
	identity envelope.Identity
}

func newPerson(t *testing.T, format, address string) *person {
	p := &person{}
	var certificate *keyring.Certificate
	if format == "OpenPGP" {
		k, err := pgp.GenerateKey(pgp.KeyOptions{Address: address})
		require.NoError(t, err)
		certificate, p.signer, p.identity = k.Certificate(), k.Signer(), k.Identity()
	} else {
		k, err := smime.GenerateKey(smime.KeyOptions{Address: address, Algorithm: "p256"})
		require.NoError(t, err)
		certificate, p.signer, p.identity = k.Certificate(), k.Signer(), k.Identity()
	}
	v, err := keyring.Verify(certificate, keyring.Expect(certificate.Fingerprint()))
	require.NoError(t, err)
	p.verified = v
	return p
}

// post is Postfix and Dovecot, with one folder for all that is delivered.
type post struct {
	postfix, dovecot *mailtest.Peer
	inbox            *imap.Session
}

func newPost(t *testing.T) *post {
	p := &post{}
	p.postfix = mailtest.Start(t, "server-postfix.sh", "postfix", "postconf", "saslpasswd2")
	p.dovecot = mailtest.Start(t, "server-dovecot.sh", "dovecot")
	p.set(t, "virtual_mailbox_base="+filepath.Join(p.dovecot.Dir, "mail"), "virtual_mailbox_maps=static:alice/", "message_size_limit=100000000")
	server := &imap.Server{URL: "imaps://127.0.0.1:12993", TLS: p.dovecot.TLS(t, "client"), User: "alice@example.org", Password: password}
	var err error
	p.inbox, err = server.Dial(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.inbox.Close() })
	return p
}

// set changes how Postfix is configured.
func (p *post) set(t *testing.T, settings ...string) {
	etc := filepath.Join(p.postfix.Dir, "etc")
	mailtest.Run(t, "postconf", append([]string{"-c", etc, "-e"}, settings...)...)
	mailtest.Run(t, "postfix", "-c", etc, "reload")
	time.Sleep(time.Second) // the old processes end by themselves
}

func (p *post) server(t *testing.T, port int) *smtp.Server {
	s := &smtp.Server{URL: fmt.Sprintf("smtp://127.0.0.1:%d", port), TLS: p.postfix.TLS(t, "client")}
	if port == 12465 {
		s.URL = "smtps://127.0.0.1:12465"
	}
	if port != 12525 {
		s.User, s.Password = "alice@example.org", password
	}
	return s
}

// fetched waits until n messages have come with that ID, and returns the last.
func (p *post) fetched(t *testing.T, id string, n int) []byte {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		found, err := p.inbox.Search(ctx, "INBOX", id)
		require.NoError(t, err)
		if len(found) < n {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		var got bytes.Buffer
		_, err = p.inbox.Fetch(ctx, "INBOX", found[n-1], &got)
		require.NoError(t, err)
		return got.Bytes()
	}
}

// All of it, by servers that are started once: they take as long as the rest.
func TestDelivered(t *testing.T) {
	p := newPost(t)
	t.Run("lists", p.testDeliveredByList)
	t.Run("Postfix refuses", p.testPostfixRefuses)
	t.Run("Dovecot", p.testDovecot)
	t.Run("bounces", p.testBounced)
	t.Run("contents", p.testContents)
}

// What was sent is opened on the other side, whatever the lines are like, by
// servers that do and do not offer what is newer than RFC 5321.
func (p *post) testContents(t *testing.T) {
	large := make([]byte, 25<<20)
	_, _ = rand.Read(large)
	for _, c := range []struct {
		name, to, subject, text string
		port                    int
		file                    []byte
	}{
		{"as it is", "bob@example.org", "lunch", "hello\n", 12465, nil},
		{"long lines", "bob@example.org", "lunch", strings.Repeat("0123456789", 100) + "\n" + strings.Repeat("x", 998) + "\n" + strings.Repeat("y", 999) + "\n", 12587, nil},
		{"dot lines", "bob@example.org", "lunch", ".\n..\n.dot\n\n.\n\nQUIT\n", 12525, nil},
		{"trailing blanks", "bob@example.org", "lunch", "one \ntwo\t\n  \n-- \nthree   \n\n\n", 12465, nil},
		{"From lines", "bob@example.org", "lunch", "From here\n>From there\n--\n--x\n", 12587, nil},
		{"UTF-8", "jürgen@example.org", "Grüße, 昼食", "Grüße, 昼食\n", 12465, nil},
		{"25 MB", "bob@example.org", "lunch", "hello\n", 12525, large},
	} {
		for _, format := range []string{"OpenPGP", "S/MIME"} {
			to := c.to
			if format == "S/MIME" { // whose certificates are for addresses in ASCII
				to = "bob@example.org"
			}
			t.Run(c.name+"/"+format, func(t *testing.T) { p.deliver(t, p.server(t, c.port), format, to, c.subject, c.text, c.file) })
		}
	}
	p.set(t, "smtpd_discard_ehlo_keywords=8bitmime,smtputf8,size,enhancedstatuscodes,dsn,pipelining,chunking")
	for _, format := range []string{"OpenPGP", "S/MIME"} {
		t.Run("7 bit alone/"+format, func(t *testing.T) {
			p.deliver(t, p.server(t, 12465), format, "bob@example.org", "Grüße, 昼食", "Grüße, 昼食 \n.\n"+strings.Repeat("ü", 999)+"\n", []byte{0, 13, 10, 255})
		})
	}
	t.Run("UTF-8 by a server without", func(t *testing.T) {
		alice, juergen := newPerson(t, "OpenPGP", "alice@example.org"), newPerson(t, "OpenPGP", "jürgen@example.org")
		composer := &dkbmail.Composer{Keys: map[string][]*keyring.Verified{"jürgen@example.org": {juergen.verified}}, Signers: []envelope.Signer{alice.signer}, Profile: envelope.Modern}
		plan, err := composer.Plan(&dkbmail.Draft{From: mail.Address{Address: "alice@example.org"}, To: []mail.Address{{Address: "jürgen@example.org"}}, Subject: "lunch", Text: "hello\n"})
		require.NoError(t, err)
		sealed, err := plan.Seal()
		require.NoError(t, err)
		_, err = p.server(t, 12465).Send(context.Background(), sealed...)
		require.ErrorIs(t, err, smtp.ErrUTF8)
	})
}

// deliver sends a mail sealed, and another one signed, and reads both.
func (p *post) deliver(t *testing.T, server *smtp.Server, format, to, subject, text string, file []byte) {
	alice, bob := newPerson(t, format, "alice@example.org"), newPerson(t, format, to)
	draft := func() *dkbmail.Draft {
		d := &dkbmail.Draft{From: mail.Address{Name: "Alice", Address: "alice@example.org"}, To: []mail.Address{{Name: "Bob", Address: to}}, Subject: subject, Text: text}
		if file != nil {
			d.Attachments = []dkbmail.Attachment{{Name: "data.bin", Body: bytes.NewReader(file)}}
		}
		return d
	}
	composer := &dkbmail.Composer{Keys: map[string][]*keyring.Verified{to: {bob.verified}}, Signers: []envelope.Signer{alice.signer}, Profile: envelope.Modern}
	plan, err := composer.Plan(draft())
	require.NoError(t, err)
	sealed, err := plan.Seal()
	require.NoError(t, err)
	require.Len(t, sealed, 1)
	defer sealed[0].Close()
	results, err := server.Send(context.Background(), sealed...)
	require.NoError(t, err)
	require.Equal(t, []string{to}, results[0].Which(smtp.Accepted))
	opener := &dkbmail.Opener{Identities: []envelope.Identity{bob.identity}, Senders: []*keyring.Verified{alice.verified}, Strict: true}
	check := func(message []byte, encrypted bool) {
		t.Helper()
		m, err := opener.Open(bytes.NewReader(message))
		require.NoError(t, err)
		defer m.Close()
		s := m.Summary()
		require.Equal(t, encrypted, s.Encrypted, s.Findings)
		require.True(t, s.Verified, s.Findings)
		require.Equal(t, subject, s.Subject)
		require.Equal(t, "alice@example.org", s.From)
		var got string
		sum := sha256.New()
		for _, part := range m.Parts() {
			switch part.MediaType {
			case "text/plain":
				b, err := io.ReadAll(part.Open())
				require.NoError(t, err)
				got += string(b)
			case "application/octet-stream":
				_, err := io.Copy(sum, part.Open())
				require.NoError(t, err)
			}
		}
		require.Equal(t, text, strings.ReplaceAll(got, "\r\n", "\n"))
		if file != nil {
			require.Equal(t, sha256.Sum256(file), [32]byte(sum.Sum(nil)))
		}
	}
	check(p.fetched(t, sealed[0].MessageID(), 1), true)
	if len(file) > 1<<20 {
		return
	}
	signed, err := composer.SignClear(draft(), nil)
	require.NoError(t, err)
	defer signed.Close()
	session, err := server.Dial(context.Background())
	require.NoError(t, err)
	defer session.Close()
	_, err = session.SendSignedOnly(context.Background(), signed)
	require.NoError(t, err)
	check(p.fetched(t, signed.MessageID(), 1), false)
}
