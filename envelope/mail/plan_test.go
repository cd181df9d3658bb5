package mail_test

import (
	"bytes"
	"fmt"
	netmail "net/mail"
	"strings"
	"testing"

	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/stretchr/testify/require"
)

func addresses(ps ...person) (all []netmail.Address) {
	for _, p := range ps {
		all = append(all, netmail.Address{Address: p.address})
	}
	return all
}

// summary describes copies in one line each.
func summary(copies []mail.Copy) (all []string) {
	for _, c := range copies {
		s := fmt.Sprintf("%s %s: %s", c.Format, c.Container, strings.Join(c.Recipients, " "))
		for _, k := range []struct {
			is   bool
			name string
		}{{c.Bcc, "bcc"}, {c.Own, "own"}, {c.Signed, "signed"}} {
			if k.is {
				s += " " + k.name
			}
		}
		all = append(all, s)
	}
	return all
}

// TestGroups: who gets a message with whom.
func TestGroups(t *testing.T) {
	t.Parallel()
	alice, aliceCMS := pgpPerson(t, "alice@example.org", "curve25519"), cmsPerson(t, "alice@example.org", "p256")
	v4 := pgpPerson(t, "v4@example.org", "curve25519")
	v6 := pgpPerson(t, "v6@example.org", "v6 curve25519")
	gcm := cmsPerson(t, "gcm@example.org", "p256 GCM")
	cbc := cmsPerson(t, "cbc@example.org", "p256")
	both := pgpPerson(t, "both@example.org", "curve25519")
	bothCMS := cmsPerson(t, "both@example.org", "p256")
	for name, c := range map[string]struct {
		to, cc, bcc []person
		keys        []person
		signers     []person
		own         []person
		want        []string
	}{
		"one":                    {to: []person{gcm}, want: []string{"S/MIME AuthEnvelopedData: gcm@example.org"}},
		"one of each":            {to: []person{cbc, v6}, cc: []person{gcm, v4}, signers: []person{alice, aliceCMS}, want: []string{"S/MIME AuthEnvelopedData: gcm@example.org signed", "S/MIME EnvelopedData: cbc@example.org signed", "OpenPGP SEIPDv1: v4@example.org signed", "OpenPGP SEIPDv2: v6@example.org signed"}},
		"both, no other":         {to: []person{both}, keys: []person{both, bothCMS}, signers: []person{alice, aliceCMS}, want: []string{"OpenPGP SEIPDv1: both@example.org signed"}},
		"both, S/MIME first":     {to: []person{both}, keys: []person{bothCMS, both}, signers: []person{alice, aliceCMS}, want: []string{"S/MIME EnvelopedData: both@example.org signed"}},
		"both, beside S/MIME":    {to: []person{both, cbc}, keys: []person{both, bothCMS, cbc}, signers: []person{alice, aliceCMS}, want: []string{"S/MIME EnvelopedData: both@example.org cbc@example.org signed"}},
		"both, signer of S/MIME": {to: []person{both}, keys: []person{both, bothCMS}, signers: []person{aliceCMS}, want: []string{"S/MIME EnvelopedData: both@example.org signed"}},
		"To, Cc, Bcc":            {to: []person{v4}, cc: []person{v4, v6}, bcc: []person{v6, v4, both}, keys: []person{v4, v6, both}, want: []string{"OpenPGP SEIPDv1: v4@example.org", "OpenPGP SEIPDv2: v6@example.org", "OpenPGP SEIPDv1: both@example.org bcc"}},
		"Bcc alone":              {bcc: []person{gcm}, want: []string{"S/MIME AuthEnvelopedData: gcm@example.org bcc"}},
		"own":                    {to: []person{gcm}, own: []person{alice}, want: []string{"S/MIME AuthEnvelopedData: gcm@example.org", "OpenPGP SEIPDv1:  own"}},
	} {
		comp := &mail.Composer{}
		d := &mail.Draft{From: netmail.Address{Address: alice.address}, To: addresses(c.to...), Cc: addresses(c.cc...), Bcc: addresses(c.bcc...)}
		if c.keys == nil {
			c.keys = append(append(append(c.keys, c.to...), c.cc...), c.bcc...)
		}
		comp.Keys = keysOf(c.keys...)
		for _, s := range c.signers {
			comp.Signers = append(comp.Signers, s.signer)
		}
		for _, o := range c.own {
			comp.OwnCopy = append(comp.OwnCopy, o.verified)
		}
		p, err := comp.Plan(d)
		require.NoError(t, err, name)
		require.ElementsMatch(t, c.want, summary(p.Copies()), name)
	}
}

// TestSeal seals one mail and opens it.
func TestSeal(t *testing.T) {
	t.Parallel()
	alice := pgpPerson(t, "alice@example.org", "curve25519")
	bob := pgpPerson(t, "bob@example.org", "curve25519")
	gcm := cmsPerson(t, "gcm@example.org", "p256 GCM")
	c := &mail.Composer{Keys: keysOf(bob, gcm), OwnCopy: []*keyring.Verified{alice.verified}}
	d := &mail.Draft{
		From: netmail.Address{Address: alice.address}, To: addresses(bob), Bcc: addresses(gcm), Subject: "secret", Text: "hello",
		Attachments: []mail.Attachment{{Name: "a.bin", Body: bytes.NewReader(make([]byte, 100_000))}},
	}
	p, err := c.Plan(d)
	require.NoError(t, err)
	sealed, err := p.Seal()
	require.NoError(t, err)
	require.Len(t, sealed, 3)
	for _, s := range sealed {
		var out bytes.Buffer
		n, err := s.WriteTo(&out)
		require.NoError(t, err)
		require.EqualValues(t, s.Size(), n)
		require.NoError(t, s.Close())
	}
}
