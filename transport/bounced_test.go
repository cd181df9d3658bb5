package transport

import (
	"bytes"
	"context"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	dkbmail "github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/transport/bounce"
	"github.com/doublekeybox/doublekeybox/transport/imap"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

// What Postfix takes and cannot deliver comes back, to an address that says for
// whom it was.
func (p *post) testBounced(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p.set(t, "default_transport=local", "mailbox_size_limit=0") // which takes everybody, and knows nobody
	paths := &bounce.Paths{Local: "b", Domain: "example.org", Key: []byte("0123456789abcdef")}
	server := p.server(t, 12465)
	server.ReturnPath = paths.Address
	alice := newPerson(t, "OpenPGP", "alice@example.org")
	wanted := []string{"bob@example.net", "jürgen@example.com"}
	composer := &dkbmail.Composer{Keys: map[string][]*keyring.Verified{}, Signers: []envelope.Signer{alice.signer}, Profile: envelope.Modern}
	draft := &dkbmail.Draft{From: mail.Address{Address: "alice@example.org"}, Subject: "lunch", Text: "hello\n"}
	for _, to := range wanted {
		composer.Keys[to] = []*keyring.Verified{newPerson(t, "OpenPGP", to).verified}
		draft.To = append(draft.To, mail.Address{Address: to})
	}
	plan, err := composer.Plan(draft)
	require.NoError(t, err)
	sealed, err := plan.Seal()
	require.NoError(t, err)
	require.Len(t, sealed, 1)
	entries, err := p.inbox.List(ctx, "INBOX", 0)
	require.NoError(t, err)
	last := uint32(0)
	if len(entries) > 0 {
		last = entries[len(entries)-1].ID.UID
	}
	results, err := server.Send(ctx, sealed...)
	require.NoError(t, err)
	require.Equal(t, wanted, results[0].Which(smtp.Accepted))
	var came []imap.Entry
	for len(came) < len(wanted) {
		came, err = p.inbox.List(ctx, "INBOX", last)
		require.NoError(t, err)
	}
	got := map[string]string{}
	for _, e := range came {
		var message bytes.Buffer
		_, err := p.inbox.Fetch(ctx, "INBOX", e.ID, &message)
		require.NoError(t, err)
		report, err := bounce.Read(bytes.NewReader(message.Bytes()))
		require.NoError(t, err)
		require.True(t, report.Standard)
		require.Len(t, report.Recipients, 1)
		to := report.Recipients[0]
		require.Equal(t, "failed", to.Action)
		require.True(t, strings.HasPrefix(to.Status, "5."), to.Status)
		require.True(t, to.Permanent())
		require.Contains(t, to.Diagnostic, "unknown user")
		require.Equal(t, "mail.example.org", report.ReportingMTA)
		require.Equal(t, sealed[0].MessageID(), report.MessageID)
		header, err := mail.ReadMessage(&message)
		require.NoError(t, err)
		origin, err := paths.Origin(header.Header.Get("Delivered-To"))
		require.NoError(t, err)
		require.True(t, origin.Is(sealed[0].MessageID()))
		got[origin.Recipient] = to.Address
	}
	require.Equal(t, map[string]string{wanted[0]: wanted[0], wanted[1]: wanted[1]}, got)
}
