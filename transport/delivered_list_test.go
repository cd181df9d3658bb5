package transport

import (
	"bytes"
	"net/mail"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	dkbmail "github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// pass sends a message on as a mailing list does, with what it makes of it.
func (p *post) pass(t *testing.T, message string) {
	c, err := gosmtp.DialTLS("127.0.0.1:12465", p.postfix.TLS(t, "client"))
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Auth(sasl.NewPlainClient("", "alice@example.org", testPassword)))
	require.NoError(t, c.SendMail("list-bounces@example.org", []string{"bob@example.org"}, strings.NewReader(message)))
}

// A list that passes a mail on as it was leaves it what it was; one that adds a
// footer, in the text or beside it, makes of it a mail that nobody signed.
func (p *post) testDeliveredByList(t *testing.T) {
	const footer = "-- \r\nUnsubscribe at https://lists.example.org\r\n"
	const listed = "List-Id: Lunch <lunch.example.org>\r\nList-Post: <mailto:lunch@example.org>\r\nPrecedence: list\r\n"
	beside := func(s string) string {
		header, body, _ := strings.Cut(s, "\r\n\r\n")
		var outer, content []string
		into := &outer
		for _, line := range strings.Split(header, "\r\n") {
			if line[0] != ' ' && line[0] != '\t' {
				if into = &outer; strings.HasPrefix(strings.ToLower(line), "content-") {
					into = &content
				}
			}
			*into = append(*into, line)
		}
		return listed + strings.Join(outer, "\r\n") + "\r\nContent-Type: multipart/mixed; boundary=list\r\n\r\n--list\r\n" +
			strings.Join(content, "\r\n") + "\r\n\r\n" + body + "\r\n--list\r\nContent-Type: text/plain\r\n\r\n" + footer + "\r\n--list--\r\n"
	}
	for _, format := range []string{"OpenPGP", "S/MIME"} {
		alice, bob := newPerson(t, format, "alice@example.org"), newPerson(t, format, "bob@example.org")
		composer := &dkbmail.Composer{Keys: map[string][]*keyring.Verified{"bob@example.org": {bob.verified}}, Signers: []envelope.Signer{alice.signer}, Profile: envelope.Modern}
		opener := &dkbmail.Opener{Identities: []envelope.Identity{bob.identity}, Senders: []*keyring.Verified{alice.verified}}
		for _, c := range []struct {
			name             string
			sealed, verified bool
			change           func(string) string
			finding          string
		}{
			{"signed, as it was", false, true, func(s string) string { return listed + s }, ""},
			{"signed, a footer in the text", false, false, func(s string) string { return listed + strings.Replace(s, "the end\r\n", "the end\r\n"+footer, 1) }, ""},
			{"signed, a footer beside it", false, false, beside, "list"},
			{"signed, a blank less", false, false, func(s string) string { return strings.Replace(s, "=20\r\n", "\r\n", 1) }, ""},
			{"sealed, as it was", true, true, func(s string) string { return listed + s }, ""},
			{"sealed, a footer beside it", true, false, beside, ""},
		} {
			t.Run(format+"/"+c.name, func(t *testing.T) {
				draft := &dkbmail.Draft{From: mail.Address{Address: "alice@example.org"}, To: []mail.Address{{Address: "bob@example.org"}}, Subject: "lunch", Text: "one \nthe end\n"}
				var message bytes.Buffer
				var id string
				if c.sealed {
					plan, err := composer.Plan(draft)
					require.NoError(t, err)
					sealed, err := plan.Seal()
					require.NoError(t, err)
					_, err = sealed[0].WriteTo(&message)
					require.NoError(t, err)
					id = sealed[0].MessageID()
				} else {
					signed, err := composer.SignClear(draft, nil)
					require.NoError(t, err)
					_, err = signed.WriteTo(&message)
					require.NoError(t, err)
					id = signed.MessageID()
				}
				changed := c.change(message.String())
				require.NotEqual(t, message.String(), changed)
				p.pass(t, changed)
				m, err := opener.Open(bytes.NewReader(p.fetched(t, id, 1)))
				require.NoError(t, err)
				defer m.Close()
				s := m.Summary()
				require.Equal(t, c.verified, s.Verified, s.Findings)
				require.Equal(t, c.sealed && c.verified, s.Encrypted, s.Findings)
				if strings.HasPrefix(changed, "List-Id") {
					require.Contains(t, s.DeliveredBy, "lunch")
				}
				if c.finding != "" {
					codes := []string{}
					for _, f := range s.Findings {
						codes = append(codes, f.Code)
					}
					require.Contains(t, codes, c.finding)
				}
			})
		}
	}
}
