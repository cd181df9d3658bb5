package mail_test

import (
	"bytes"
	"crypto/fips140"
	"errors"
	netmail "net/mail"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// wholeMail is a mail from alice to bob, sealed and signed.
func wholeMail(t *testing.T, alice, bob person, headers mail.HeaderPolicy, legacy bool, ring *keyring.Ring) []byte {
	c := &mail.Composer{Ring: ring, Keys: keysOf(bob), Signers: []envelope.Signer{alice.signer}, Headers: headers, LegacyDisplay: legacy}
	p, err := c.Plan(&mail.Draft{
		From: netmail.Address{Name: "Alice", Address: alice.address}, To: []netmail.Address{{Name: "B\u00F6b", Address: bob.address}},
		ReplyTo: []netmail.Address{{Address: "office@example.org"}},
		Subject: "a secret", Text: "hello\r\n", HTML: "<html><body><p>hello</p></body></html>",
	})
	require.NoError(t, err)
	sealed, err := p.Seal()
	require.NoError(t, err)
	require.Len(t, sealed, 1)
	defer sealed[0].Close()
	var out bytes.Buffer
	_, err = sealed[0].WriteTo(&out)
	require.NoError(t, err)
	return out.Bytes()
}

// TestWholeMails: what is composed here is verified here, by a sender, by the
// ring and by evidence, and not where nobody says whose key it is.
func TestWholeMails(t *testing.T) {
	t.Parallel()
	pairs := [][2]person{{cmsPerson(t, "alice@example.org", "p256"), cmsPerson(t, "bob@example.org", "p256")}}
	if !fips140.Enforced() { // which forbids OpenPGP
		pairs = append(pairs, [2]person{pgpPerson(t, "alice@example.org", "curve25519"), pgpPerson(t, "bob@example.org", "curve25519")})
	}
	for _, pair := range pairs {
		alice, bob := pair[0], pair[1]
		ring := newRing(t)
		_, err := ring.Add(alice.verified, keyring.Addition{Addresses: []string{alice.address}})
		require.NoError(t, err)
		openers := map[string]*mail.Opener{
			"sender": {Senders: []*keyring.Verified{alice.verified}},
			"ring":   {Ring: ring},
		}
		if len(alice.verified.Certificate().Fingerprint().String()) == 64 { // not OpenPGP of version 4
			openers["evidence"] = &mail.Opener{Evidence: func(string, ...*keyring.Certificate) keyring.Evidence {
				return keyring.Expect(alice.verified.Fingerprint())
			}}
		}
		for name, o := range openers {
			o.Identities = []envelope.Identity{bob.identity}
			for _, headers := range []mail.HeaderPolicy{mail.Baseline, mail.Shy, mail.NoConfidentiality} {
				for _, legacy := range []bool{false, true} {
					m, err := o.Open(bytes.NewReader(wholeMail(t, alice, bob, headers, legacy, nil)))
					require.NoError(t, err)
					s := m.Summary()
					require.Empty(t, s.Findings, name)
					require.True(t, s.Encrypted && s.Signed && s.Verified && s.SignerMatchesFrom, name)
					require.Equal(t, "alice@example.org", s.From)
					require.Equal(t, "alice@example.org", s.Signer)
					require.Equal(t, "a secret", s.Subject)
					for _, f := range s.Fields {
						require.True(t, f.Signed && !f.Differs, "%+v", f)
						require.Equal(t, f.Name == "Subject" && headers != mail.NoConfidentiality ||
							headers == mail.Shy && (f.Name == "From" || f.Name == "To"), f.Encrypted, "%+v", f)
					}
					for _, p := range m.Parts() {
						require.Equal(t, p.Layer() == nil, p.Verified, "%s %s", p.Path, p.MediaType)
						var text bytes.Buffer
						_, err := text.ReadFrom(p.Open())
						require.NoError(t, err)
						require.NotContains(t, text.String(), "a secret", "the subject is no part of the text")
					}
					require.NoError(t, m.Close())
				}
			}
		}
		o := &mail.Opener{Identities: []envelope.Identity{bob.identity}, Ring: ring}
		letter := wholeMail(t, alice, bob, mail.Baseline, false, nil)
		m, err := o.Open(strings.NewReader(strings.Replace(string(letter), "[...]", "pay at once", 1)))
		require.NoError(t, err)
		require.False(t, m.Summary().Verified)
		require.NoError(t, m.Close())
		require.NoError(t, ring.Remove("alice@example.org", keyring.Fingerprint{}))
		m, err = o.Open(bytes.NewReader(letter))
		require.NoError(t, err)
		require.False(t, m.Summary().Verified)
		require.True(t, m.Summary().Signed)
		require.NoError(t, m.Close())
	}
}

func newRing(t *testing.T) *keyring.Ring {
	r, err := keyring.OpenRing(t.TempDir(), pgp.ParseCertificate, smime.ParseCertificate)
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

// TestRing: the ring says who signs for an address, whatever the certificate
// does: a secretary, a gateway for its domain; and which address looks like one
// that it knows.
func TestRing(t *testing.T) {
	t.Parallel()
	alice, bob := cmsPerson(t, "alice@example.org", "p256"), cmsPerson(t, "bob@example.org", "p256")
	office := cmsPerson(t, "office@example.com", "p256")
	sent := alice
	sent.signer = office.signer
	own := newRing(t)
	_, err := own.Add(office.verified, keyring.Addition{Addresses: []string{alice.address}, Signer: true})
	require.NoError(t, err)
	letter := wholeMail(t, sent, bob, mail.Baseline, false, own)
	for _, c := range []struct {
		name     string
		address  string // that the ring has office for; "" for none
		addition keyring.Addition
		verified bool
		code     string
	}{
		{"signs for alice", "alice@example.org", keyring.Addition{Signer: true}, true, ""},
		{"signs for the domain", "@example.org", keyring.Addition{Signer: true, Alias: true}, true, ""},
		{"signs for another", "carol@example.org", keyring.Addition{Signer: true}, false, "signer-unknown"},
		{"signs for another domain", "@example.net", keyring.Addition{Signer: true, Alias: true}, false, "signer-unknown"},
		{"is known for itself", "office@example.com", keyring.Addition{}, false, "signer-differs"},
		{"signs for one who looks like alice", "a1ice@example.org", keyring.Addition{Signer: true}, false, "from-similar"},
		{"is not known", "", keyring.Addition{}, false, "signer-unknown"},
	} {
		ring := newRing(t)
		if c.address != "" {
			c.addition.Addresses = []string{c.address}
			_, err = ring.Add(office.verified, c.addition)
			require.NoError(t, err, c.name)
		}
		m, err := (&mail.Opener{Identities: []envelope.Identity{bob.identity}, Ring: ring}).Open(bytes.NewReader(letter))
		require.NoError(t, err)
		s := m.Summary()
		require.Equal(t, c.verified, s.Verified, "%s: %+v", c.name, s.Findings)
		require.Equal(t, c.verified, s.SignerMatchesFrom)
		found := false
		for _, f := range s.Findings {
			found = found || f.Code == c.code
		}
		require.Equal(t, c.code != "", found, "%s: %+v", c.name, s.Findings)
		require.NoError(t, m.Close())
	}
}

// TestStrictHeaders: what two programs read in two ways is an error, where that is
// asked for; two authors are.
func TestStrictHeaders(t *testing.T) {
	t.Parallel()
	const one = "From: alice@example.org\r\nSubject: x\r\n\r\nhello\r\n"
	m, err := (&mail.Opener{Strict: true}).Open(strings.NewReader(one))
	require.NoError(t, err)
	require.NoError(t, m.Close())
	for _, second := range []string{"From: eve@example.net\r\n", "Subject: y\r\n", "Content-Type: text/plain\r\nContent-Type: text/html\r\n"} {
		_, err = (&mail.Opener{Strict: true}).Open(strings.NewReader(second + one))
		require.ErrorIs(t, err, envelope.ErrFormat)
		require.True(t, errors.As(err, new(*mail.AmbiguousError)))
		m, err := (&mail.Opener{}).Open(strings.NewReader(second + one))
		require.NoError(t, err)
		require.True(t, m.Summary().Findings[0].Ambiguous)
		require.NoError(t, m.Close())
	}
}
