package mail_test

import (
	"bytes"
	"encoding/base64"
	netmail "net/mail"
	"strings"
	"testing"

	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/stretchr/testify/require"
)

// TestAutocrypt: the field holds the sender's certificate, in lines that mail can
// have, and the mail can be taken up again with it.
func TestAutocrypt(t *testing.T) {
	t.Parallel()
	alice, bob := pgpPerson(t, "alice@example.org", "curve25519"), pgpPerson(t, "bob@example.org", "curve25519")
	c := &mail.Composer{Keys: keysOf(bob), Autocrypt: alice.verified.Certificate()}
	p, err := c.Plan(draftTo(strings.NewReader("x"), bob))
	require.NoError(t, err)
	f := &memory{}
	all, err := p.Seal(f)
	require.NoError(t, err)
	require.NoError(t, all[0].Close())
	for line := range strings.SplitSeq(string(f.b), "\r\n") {
		require.LessOrEqual(t, len(line), 78)
		require.NotContains(t, line, "\n")
	}
	m, err := netmail.ReadMessage(bytes.NewReader(f.b))
	require.NoError(t, err)
	value := m.Header.Get("Autocrypt")
	require.True(t, strings.HasPrefix(value, "addr=alice@example.org; prefer-encrypt=mutual; keydata="), value)
	_, data, _ := strings.Cut(value, "keydata=")
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(data, " ", ""))
	require.NoError(t, err)
	cert, err := pgp.ParseCertificate(raw)
	require.NoError(t, err)
	require.True(t, cert.Fingerprint().Matches(alice.verified.Fingerprint()))
	again, err := mail.Reopen(f, int64(len(f.b)), "alice@example.org", []string{bob.address}, pgp.Format())
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

// TestManyRecipients: each key once, whoever it is for.
func TestManyRecipients(t *testing.T) {
	t.Parallel()
	bob := pgpPerson(t, "bob@example.org", "curve25519")
	c := &mail.Composer{Keys: keysOf(bob)}
	d := draftTo(strings.NewReader("x"))
	for i := range 300 {
		a := "user" + strings.Repeat("x", i%50) + string(rune('a'+i/50)) + "@example.org"
		c.Keys[a] = keysOf(bob)[bob.address]
		d.To = append(d.To, netmail.Address{Address: a})
	}
	p, err := c.Plan(d)
	require.NoError(t, err)
	require.Len(t, p.Copies(), 1)
	require.Len(t, p.Copies()[0].Recipients, 300)
	require.Len(t, p.Copies()[0].To, 1)
}
