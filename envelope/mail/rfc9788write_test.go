package mail_test

import (
	"bytes"
	"encoding/base64"
	"io"
	netmail "net/mail"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// TestRFC9788Written reads each structure that the composer writes: what is
// sealed, by both policies, and multipart/signed. The others are of older
// programs, or of ones that sign without encryption in a form that only S/MIME
// programs show.
func TestRFC9788Written(t *testing.T) {
	skipInFIPS(t)
	who := lamps(t)
	count := 0
	for _, s := range structures(t) {
		clear := s.layers == "detached" && s.hp == "clear"
		if !clear && s.hp != "baseline" && s.hp != "shy" {
			continue
		}
		count++
		t.Run(s.section+" "+s.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			c := &mail.Composer{
				Keys:          map[string][]*keyring.Verified{"bob@smime.example": {believe(who.bob.opens.Certificate())}},
				Signers:       []envelope.Signer{who.alice.signs.Signer()},
				Profile:       envelope.Compatible,
				LegacyDisplay: s.legacy,
			}
			if s.shy() {
				c.Headers = mail.Shy
			}
			if clear {
				w, err := c.SignClear(s.draft(), nil)
				require.NoError(t, err)
				_, err = w.WriteTo(&out)
				require.NoError(t, err)
				require.NoError(t, w.Close())
			} else {
				p, err := c.Plan(s.draft())
				require.NoError(t, err)
				all, err := p.Seal()
				require.NoError(t, err)
				require.Len(t, all, 1)
				_, err = all[0].WriteTo(&out)
				require.NoError(t, err)
				require.NoError(t, all[0].Close())
			}
			written := out.String()
			if !clear {
				require.NotContains(t, written, s.name+"\r\n", "the subject is outside")
			}
			m, err := who.reader().Open(bytes.NewReader(out.Bytes()))
			require.NoError(t, err)
			defer m.Close()
			s.check(t, m)
			s.checkReply(t, m)
		})
	}
	require.Equal(t, 18, count)
}

// draft is the message as somebody writes it.
func (s structureHP) draft() *mail.Draft {
	d := &mail.Draft{
		From:      netmail.Address{Name: "Alice", Address: "alice@smime.example"},
		To:        []netmail.Address{{Name: "Bob", Address: "bob@smime.example"}},
		Subject:   s.name,
		Date:      time.Date(2021, 2, 20, 10, 9, 2, 0, time.FixedZone("", -5*3600)),
		MessageID: s.name + "@example",
		Text:      said,
	}
	if s.body == "complex" {
		d.HTML = "<html><head><title></title></head><body>\n<p>" + said + "</p></body></html>\n"
		d.Attachments = []mail.Attachment{{Name: "image.png", MediaType: "image/png",
			Body: base64.NewDecoder(base64.StdEncoding, bytes.NewReader([]byte("iVBORw0KGgo=")))}}
	}
	if s.reply {
		d.InReplyTo, d.References = []string{"first@example"}, []string{"first@example"}
	}
	return d
}

// checkReply checks that a reply says what it is one of, and other mails do not.
func (s structureHP) checkReply(t testing.TB, m *mail.Message) {
	found := false
	for _, p := range m.Parts() {
		if p.Protected && p.Header("In-Reply-To") == "<first@example>" {
			require.Equal(t, "<first@example>", p.Header("References"))
			found = true
		}
		if p.MediaType == "image/png" {
			b, err := io.ReadAll(p.Open())
			require.NoError(t, err)
			require.Equal(t, "\x89PNG\r\n\x1a\n", string(b))
			require.Equal(t, "image.png", p.SafeName)
		}
	}
	require.Equal(t, s.reply, found, "a protected In-Reply-To")
}
