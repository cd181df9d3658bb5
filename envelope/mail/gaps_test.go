package mail_test

import (
	"errors"
	netmail "net/mail"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/stretchr/testify/require"
)

// ringOf returns a ring with these people.
func ringOf(t testing.TB, ps ...person) *keyring.Ring {
	t.Helper()
	ring, err := keyring.OpenRing(t.TempDir(), parsers()...)
	require.NoError(t, err)
	t.Cleanup(func() { ring.Close() })
	for _, p := range ps {
		_, err := ring.Add(p.verified, keyring.Addition{})
		require.NoError(t, err)
	}
	return ring
}

func gapsOf(t testing.TB, err error) (all []string) {
	t.Helper()
	var e *mail.GapsError
	require.ErrorAs(t, err, &e)
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.NotContains(t, err.Error(), "\n")
	for _, g := range e.Gaps {
		require.Error(t, g.Err)
		require.Contains(t, err.Error(), g.Address)
		all = append(all, g.Address)
	}
	return all
}

// TestGaps: every address that cannot be sealed to is named, nobody is sealed to,
// and nothing is read. The twin has a key for everybody.
func TestGaps(t *testing.T) {
	t.Parallel()
	alice := pgpPerson(t, "alice@example.org", "curve25519")
	aliceCMS := cmsPerson(t, "alice@example.org", "p256")
	bob, gcm, cbc := pgpPerson(t, "bob@example.org", "curve25519"), cmsPerson(t, "gcm@example.org", "p256 GCM"), cmsPerson(t, "cbc@example.org", "p256")
	nobody, other := person{address: "nobody@example.org"}, person{address: "other@example.com"}
	unread := iotest.ErrReader(errBroken)
	for name, c := range map[string]struct {
		composer mail.Composer
		to, bcc  []person
		want     []string // none: a plan
	}{
		"all there":                      {mail.Composer{Ring: ringOf(t, bob, gcm)}, []person{bob}, []person{gcm}, nil},
		"two missing":                    {mail.Composer{Ring: ringOf(t, bob, gcm)}, []person{nobody, bob}, []person{gcm, other}, []string{nobody.address, other.address}},
		"no ring":                        {mail.Composer{}, []person{bob}, []person{gcm}, []string{bob.address, gcm.address}},
		"keys alone":                     {mail.Composer{Keys: keysOf(bob, gcm)}, []person{bob}, []person{gcm}, nil},
		"keys beside a ring":             {mail.Composer{Keys: keysOf(gcm), Ring: ringOf(t, bob)}, []person{bob}, []person{gcm}, nil},
		"nil key":                        {mail.Composer{Keys: map[string][]*keyring.Verified{bob.address: {nil}}}, []person{bob}, nil, []string{bob.address}},
		"no signer for the format":       {mail.Composer{Keys: keysOf(bob, gcm), Signers: []envelope.Signer{alice.signer}}, []person{bob}, []person{gcm}, []string{gcm.address}},
		"signers for both":               {mail.Composer{Keys: keysOf(bob, gcm), Signers: []envelope.Signer{alice.signer, aliceCMS.signer}}, []person{bob}, []person{gcm}, nil},
		"unsigned allowed":               {mail.Composer{Keys: keysOf(bob, gcm), Signers: []envelope.Signer{alice.signer}, AllowUnsigned: true}, []person{bob}, []person{gcm}, nil},
		"CBC without a signature":        {mail.Composer{Keys: keysOf(cbc, bob)}, []person{cbc, bob}, nil, []string{cbc.address}},
		"CBC with one":                   {mail.Composer{Keys: keysOf(cbc, bob), Signers: []envelope.Signer{alice.signer, aliceCMS.signer}}, []person{cbc, bob}, nil, nil},
		"lowering refused":               {mail.Composer{Keys: keysOf(cbc, gcm), Signers: []envelope.Signer{aliceCMS.signer}, RefuseLowering: true}, []person{cbc, gcm}, nil, []string{cbc.address}},
		"post-quantum":                   {mail.Composer{Keys: keysOf(bob, gcm), Profile: envelope.PostQuantum}, []person{bob, gcm}, nil, []string{bob.address, gcm.address}},
		"signer of another address":      {mail.Composer{Keys: keysOf(bob), Signers: []envelope.Signer{bob.signer}}, []person{bob}, nil, []string{alice.address}},
		"zero signer":                    {mail.Composer{Keys: keysOf(bob), Signers: []envelope.Signer{{}}}, []person{bob, nobody}, nil, []string{alice.address, nobody.address}},
		"another's signer beside one's":  {mail.Composer{Keys: keysOf(bob), Signers: []envelope.Signer{bob.signer, alice.signer}}, []person{bob}, nil, nil},
		"bound in one format":            {mail.Composer{Keys: keysOf(bob), Signers: []envelope.Signer{alice.signer, gcm.signer}}, []person{bob}, nil, []string{alice.address}},
		"the sender's by Keys":           {mail.Composer{Keys: map[string][]*keyring.Verified{bob.address: {bob.verified}, alice.address: {bob.verified}}, Signers: []envelope.Signer{bob.signer}}, []person{bob}, nil, nil},
		"autocrypt of another":           {mail.Composer{Keys: keysOf(bob), Autocrypt: bob.verified.Certificate()}, []person{bob}, nil, []string{alice.address}},
		"autocrypt of another format":    {mail.Composer{Keys: keysOf(bob), Autocrypt: aliceCMS.verified.Certificate()}, []person{bob}, nil, []string{alice.address}},
		"autocrypt":                      {mail.Composer{Keys: keysOf(bob), Autocrypt: alice.verified.Certificate()}, []person{bob}, nil, nil},
		"own copy without a key":         {mail.Composer{Keys: keysOf(bob), OwnCopy: []*keyring.Verified{nil}}, []person{bob}, nil, []string{alice.address}},
		"own copy in either format":      {mail.Composer{Keys: keysOf(bob), OwnCopy: []*keyring.Verified{aliceCMS.verified, alice.verified}, Signers: []envelope.Signer{alice.signer}}, []person{bob}, nil, nil},
		"expired":                        {mail.Composer{Keys: keysOf(bob, gcm), Time: func() time.Time { return time.Now().AddDate(30, 0, 0) }}, []person{bob, gcm}, nil, []string{bob.address, gcm.address}},
		"the same address in Bcc, alone": {mail.Composer{Keys: keysOf(bob)}, []person{bob}, []person{bob}, nil},
	} {
		d := &mail.Draft{From: netmail.Address{Address: alice.address}, To: addresses(c.to...), Bcc: addresses(c.bcc...), Attachments: []mail.Attachment{{Name: "a", Body: unread}}}
		p, err := c.composer.Plan(d)
		if c.want == nil {
			require.NoError(t, err, name)
			require.NotEmpty(t, p.Copies(), name)
			continue
		}
		require.Nil(t, p, name)
		require.ElementsMatch(t, c.want, gapsOf(t, err), "%s: %v", name, err)
	}
}

// TestSenderOfTheRing: a signer whose certificate does not state From signs for
// it if the ring says so.
func TestSenderOfTheRing(t *testing.T) {
	t.Parallel()
	bob, assistant := pgpPerson(t, "bob@example.org", "curve25519"), pgpPerson(t, "assistant@example.org", "curve25519")
	ring := ringOf(t, bob)
	c := &mail.Composer{Ring: ring, Signers: []envelope.Signer{assistant.signer}}
	d := draftTo(strings.NewReader("x"), bob)
	_, err := c.Plan(d)
	require.Equal(t, []string{"alice@example.org"}, gapsOf(t, err))
	require.ErrorContains(t, err, "assistant@example.org")
	_, err = ring.Add(assistant.verified, keyring.Addition{Addresses: []string{"alice@example.org"}, Signer: true})
	require.NoError(t, err)
	p, err := c.Plan(d)
	require.NoError(t, err)
	require.True(t, p.Copies()[0].Signed)
}

// TestGroupOfTheRing: a group is one recipient, sealed to all its members.
func TestGroupOfTheRing(t *testing.T) {
	t.Parallel()
	bob, carol := pgpPerson(t, "bob@example.org", "curve25519"), pgpPerson(t, "carol@example.org", "curve25519")
	ring := ringOf(t, bob, carol)
	require.NoError(t, ring.Group("claims@example.org", bob.address, carol.address))
	group := person{address: "claims@example.org"}
	c := &mail.Composer{Ring: ring}
	p, err := c.Plan(draftTo(strings.NewReader("x"), group, bob))
	require.NoError(t, err)
	copies := p.Copies()
	require.Len(t, copies, 1)
	require.Equal(t, []string{"claims@example.org", "bob@example.org"}, copies[0].Recipients)
	require.Len(t, copies[0].To, 2, "bob is sealed to once")
	f := &memory{}
	_, err = p.Seal(f)
	require.NoError(t, err)
	require.NoError(t, opens(f.b, carol))
	require.NoError(t, opens(f.b, bob))
	require.NoError(t, ring.Group("claims@example.org", bob.address, "nobody@example.org"))
	_, err = c.Plan(draftTo(strings.NewReader("x"), group, bob))
	require.Equal(t, []string{"claims@example.org"}, gapsOf(t, err))
}

// TestPreferredFormat: the ring's preference decides where nothing else does.
func TestPreferredFormat(t *testing.T) {
	t.Parallel()
	both, bothCMS := pgpPerson(t, "both@example.org", "curve25519"), cmsPerson(t, "both@example.org", "p256 GCM")
	ring := ringOf(t, both, bothCMS)
	c := &mail.Composer{Ring: ring}
	for _, prefer := range []person{{}, bothCMS, both} {
		want := "OpenPGP"
		if prefer.address != "" {
			require.NoError(t, ring.Prefer(both.address, keyring.Fingerprint{}))
			require.NoError(t, ring.Prefer(both.address, prefer.verified.Fingerprint()))
		}
		if prefer.verified == bothCMS.verified {
			want = "S/MIME"
		}
		p, err := c.Plan(draftTo(strings.NewReader("x"), both))
		require.NoError(t, err)
		require.Equal(t, want, p.Copies()[0].Format)
	}
}

// TestPlanRefuses: what is wrong with a draft or a composer.
func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	bob := pgpPerson(t, "bob@example.org", "curve25519")
	c := &mail.Composer{Keys: keysOf(bob)}
	_, err := c.Plan(draftTo(strings.NewReader("x"), bob))
	require.NoError(t, err)
	for name, d := range map[string]*mail.Draft{
		"no recipient":   draftTo(strings.NewReader("x")),
		"bad recipient":  draftTo(strings.NewReader("x"), bob, person{address: "no address"}),
		"no sender":      {To: addresses(bob)},
		"line in header": {From: netmail.Address{Address: "alice@example.org"}, To: addresses(bob), Subject: "a\r\nBcc: eve@example.org"},
	} {
		_, err := c.Plan(d)
		require.Error(t, err, name)
		var gaps *mail.GapsError
		require.False(t, errors.As(err, &gaps), name)
	}
	for name, c := range map[string]*mail.Composer{
		"bad key":    {Keys: map[string][]*keyring.Verified{"no address": {bob.verified}}},
		"domain key": {Keys: map[string][]*keyring.Verified{"@example.org": {bob.verified}}},
		"headers":    {Keys: keysOf(bob), Headers: 7},
		"profile":    {Keys: keysOf(bob), Profile: 9},
	} {
		_, err := c.Plan(draftTo(strings.NewReader("x"), bob))
		require.Error(t, err, name)
	}
	p, err := (&mail.Composer{Keys: map[string][]*keyring.Verified{"bob@EXAMPLE.org": {bob.verified}}}).Plan(draftTo(strings.NewReader("x"), bob))
	require.NoError(t, err, "addresses are compared as addresses")
	copies := p.Copies()
	copies[0].Recipients[0], copies[0].To[0] = "eve@example.net", nil
	require.Equal(t, []string{"bob@example.org"}, p.Copies()[0].Recipients, "what is given out is a copy")
	require.NotNil(t, p.Copies()[0].To[0])
}
