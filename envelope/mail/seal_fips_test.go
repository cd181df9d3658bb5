package mail_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/stretchr/testify/require"
)

// TestApproved seals and reads what needs nothing but approved algorithms, so
// that it works with GODEBUG=fips140=only too: keys on P-256, AES-CBC, and a
// signature.
func TestApproved(t *testing.T) {
	t.Parallel()
	alice, bob := cmsPerson(t, "alice@example.org", "p256"), cmsPerson(t, "cbc@example.org", "p256")
	c := &mail.Composer{Keys: keysOf(bob), Signers: []envelope.Signer{alice.signer}, Profile: envelope.Compatible, OwnCopy: []*keyring.Verified{alice.verified}}
	p, err := c.Plan(draftTo(strings.NewReader(strings.Repeat("x", 300_000)), bob))
	require.NoError(t, err)
	all, err := p.Seal(&memory{}, &memory{})
	require.NoError(t, err)
	for i, who := range []person{bob, alice} {
		raw, err := io.ReadAll(all[i].Open())
		require.NoError(t, err)
		m, err := (&mail.Opener{Identities: []envelope.Identity{who.identity}, Senders: []*keyring.Verified{alice.verified}}).Open(bytes.NewReader(raw))
		require.NoError(t, err)
		s := m.Summary()
		require.True(t, s.Encrypted && s.Verified, "%v", s.Findings)
		require.NoError(t, m.Close())
		require.NoError(t, all[i].Close())
	}
}
