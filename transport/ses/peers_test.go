package ses

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	dkbmail "github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/doublekeybox/doublekeybox/transport/internal/mailtest"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

const emulator = "http://127.0.0.1:12902" // as its script says

// received is a mail as the emulator took it apart, by a parser of its own.
type received struct {
	MessageID   string `json:"messageId"`
	From        string
	Subject     string
	Body        struct{ Text, HTML string }
	Attachments []struct {
		Filename, ContentType, Content string
	}
}

func (r *received) file(t *testing.T, kind string) []byte {
	t.Helper()
	for _, a := range r.Attachments {
		if a.ContentType == kind {
			b, err := base64.StdEncoding.DecodeString(a.Content)
			require.NoError(t, err)
			return b
		}
	}
	require.Fail(t, "no attachment of the type "+kind, "%v", r.Attachments)
	return nil
}

// store returns the mail that the emulator has under the ID it gave.
func store(t *testing.T, id string) *received {
	t.Helper()
	answer, err := http.Get(emulator + "/store")
	require.NoError(t, err)
	defer answer.Body.Close()
	var all struct{ Emails []*received }
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&all))
	for _, m := range all.Emails {
		if m.MessageID == id {
			return m
		}
	}
	require.Fail(t, "the emulator has no mail "+id)
	return nil
}

type person struct {
	verified *keyring.Verified
	signer   envelope.Signer
	identity envelope.Identity
}

func newPerson(t *testing.T, format, address string) person {
	t.Helper()
	var p person
	var certificate *keyring.Certificate
	if format == "OpenPGP" {
		k, err := pgp.GenerateKey(pgp.KeyOptions{Address: address})
		require.NoError(t, err)
		certificate, p.signer, p.identity = k.Certificate(), k.Signer(), k.Identity()
	} else {
		k, err := smime.GenerateKey(smime.KeyOptions{Address: address, Algorithm: "p256", ReadsGCM: true})
		require.NoError(t, err)
		certificate, p.signer, p.identity = k.Certificate(), k.Signer(), k.Identity()
	}
	var err error
	p.verified, err = keyring.Verify(certificate, keyring.Expect(certificate.Fingerprint()))
	require.NoError(t, err)
	return p
}

// TestEmulator: what the emulator received opens, and is signed by who sent it:
// put together again from the parts that it found.
func TestEmulator(t *testing.T) {
	mailtest.Start(t, "server-ses.sh", "node")
	client := &Client{Region: "eu-central-1", Endpoint: emulator, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", testSecret, "")}
	defer client.Close()
	ctx := context.Background()
	statement := bytes.Repeat([]byte("statement \x00\r\n.\r\n"), 10_000)
	id := func(t *testing.T, r *smtp.Result, err error) string {
		t.Helper()
		require.NoError(t, err)
		require.Len(t, r.Which(smtp.Accepted), 2)
		return r.Recipients[0].Reply.Text
	}
	for _, format := range []string{"OpenPGP", "S/MIME"} {
		t.Run(format, func(t *testing.T) {
			alice, bob, carol := newPerson(t, format, "alice@example.org"), newPerson(t, format, "bob@example.org"), newPerson(t, format, "carol@example.org")
			c := &dkbmail.Composer{Signers: []envelope.Signer{alice.signer}, Keys: map[string][]*keyring.Verified{
				"bob@example.org": {bob.verified}, "carol@example.org": {carol.verified},
			}}
			d := &dkbmail.Draft{
				From: mail.Address{Address: "alice@example.org"}, To: []mail.Address{{Address: "bob@example.org"}}, Cc: []mail.Address{{Address: "carol@example.org"}},
				Subject: "Grüße", Text: "Your statement.\n",
			}
			opens := func(t *testing.T, raw []byte) {
				t.Helper()
				m, err := (&dkbmail.Opener{Identities: []envelope.Identity{bob.identity}, Senders: []*keyring.Verified{alice.verified}}).Open(bytes.NewReader(raw))
				require.NoError(t, err)
				defer m.Close()
				require.NoError(t, m.Err())
				require.True(t, m.Summary().Encrypted)
				require.True(t, m.Summary().Verified, "%v", m.Summary().Findings)
				require.Equal(t, "Grüße", m.Summary().Subject)
				parts := m.Parts()
				b, err := io.ReadAll(parts[len(parts)-1].Open())
				require.NoError(t, err)
				require.True(t, bytes.Equal(statement, b))
			}

			d.Attachments = []dkbmail.Attachment{{Name: "statement.bin", Body: bytes.NewReader(statement)}}
			plan, err := c.Plan(d)
			require.NoError(t, err)
			sealed, err := plan.Seal()
			require.NoError(t, err)
			require.Len(t, sealed, 1)
			defer sealed[0].Close()
			r, err := client.Send(ctx, sealed[0])
			got := store(t, id(t, r, err))
			require.Equal(t, "[...]", got.Subject)
			head := "From: alice@example.org\r\nTo: bob@example.org\r\nCc: carol@example.org\r\nSubject: [...]\r\nMIME-Version: 1.0\r\n"
			if format == "OpenPGP" {
				opens(t, fmt.Appendf(nil, "%sContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n"+
					"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n%s\r\n--b--\r\n", head, got.file(t, "application/octet-stream")))
			} else {
				opens(t, fmt.Appendf(nil, "%sContent-Type: application/pkcs7-mime; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n",
					head, lines(got.file(t, "application/pkcs7-mime"))))
			}

			d.Attachments = nil
			notice(t, c, d, statement, func(m *dkbmail.Notice) *received {
				r, err := client.SendNotice(ctx, m)
				return store(t, id(t, r, err))
			})
			signed, err := c.SignClear(d, nil)
			require.NoError(t, err)
			defer signed.Close()
			r, err = client.SendSignedOnly(ctx, signed)
			require.Equal(t, "Your statement.", strings.TrimSpace(store(t, id(t, r, err)).Body.Text))
		})
	}
}

// notice sends a notice and opens its box.
func notice(t *testing.T, c *dkbmail.Composer, d *dkbmail.Draft, statement []byte, send func(*dkbmail.Notice) *received) {
	t.Helper()
	p := envelope.NewPassphrase()
	var locked bytes.Buffer
	w, err := zipbox.Lock(&locked, p)
	require.NoError(t, err)
	defer w.Abort()
	f, err := w.Create("statement.bin", time.Now())
	require.NoError(t, err)
	_, err = f.Write(statement)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	m, err := c.Notify(d, nil, dkbmail.Box{Name: "statement.zip", Src: bytes.NewReader(locked.Bytes()), Size: int64(locked.Len())})
	require.NoError(t, err)
	defer m.Close()
	got := send(m)
	require.Equal(t, "Grüße", got.Subject)
	require.Equal(t, "Your statement.", strings.TrimSpace(got.Body.Text))
	a, err := new(zipbox.Opener).Open(bytes.NewReader(got.file(t, "application/zip")), p)
	require.NoError(t, err)
	defer a.Close()
	content := a.Files()[0].Open()
	defer content.Close()
	b, err := io.ReadAll(content)
	require.NoError(t, err)
	require.True(t, bytes.Equal(statement, b))
}

// lines is base64 as a mail has it.
func lines(b []byte) string {
	var out strings.Builder
	for text := base64.StdEncoding.EncodeToString(b); text != ""; {
		n := min(76, len(text))
		out.WriteString(text[:n] + "\r\n")
		text = text[n:]
	}
	return out.String()
}
