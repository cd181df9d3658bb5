package pgp

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// trusts makes a certification a trust signature.
func trusts(depth, amount int, regex ...string) edit {
	return func(sig *packet.Signature) {
		sig.TrustLevel, sig.TrustAmount = packet.TrustLevel(depth), packet.TrustAmount(amount)
		for _, r := range regex {
			sig.TrustRegularExpression = &r
		}
	}
}

// under returns a certificate with signatures under its first user ID.
func under(s *smith, sigs ...[]byte) []byte {
	head := len(simpleHead(s))
	return bytes.Join([][]byte{s.raw[:head], bytes.Join(sigs, nil), s.raw[head:]}, nil)
}

// trusted is an entry as a ring has it of an introducer.
func trusted(t *testing.T, s *smith, depth, amount int, domains ...string) keyring.Entry {
	return keyring.Entry{Verified: verified(t, s.certificate()), Introducer: &keyring.Introducer{Depth: depth, Amount: amount, Domains: domains}}
}

const carolText = "Carol <carol@example.org>"

// TestIntroducedThrough: the ring trusts Alice to introduce introducers, she
// made Carol one, and Carol certified Bob. Each case differs in one thing.
func TestIntroducedThrough(t *testing.T) {
	t.Parallel()
	born, made, now := day(2024, 1, 1), day(2024, 6, 1), day(2026, 1, 1)
	bob, alice, carol, dave := simple(t, 4, born), introducer(t, 4, certifies), introducer(t, 6, certifies), introducer(t, 4, certifies)
	for name, c := range map[string]struct {
		roots   []keyring.Entry
		trust   edit // Alice's of Carol
		more    []byte
		over    string // which user ID of Carol's
		cert    edit   // Carol's of Bob
		direct  []byte // others' of Bob
		carol   []byte // her certificate, in place of it
		file    []byte // more of it
		address string
		now     time.Time
		says    string // "": introduced
	}{
		"all is well":                  {},
		"she says nothing more":        {trust: at(made), says: "comes to 0 of 120"},
		"of depth nought":              {trust: trusts(0, 120), says: "comes to 0 of 120"},
		"of depth three":               {trust: trusts(3, 120)},
		"of 119":                       {trust: trusts(1, 119), says: "comes to 119 of 120"},
		"of 255":                       {trust: trusts(1, 255)},
		"Bob is trusted by half":       {cert: trusts(1, 60), says: "comes to 60 of 120"},
		"Alice introduces people only": {roots: []keyring.Entry{trusted(t, alice, 1, 120)}, says: "comes to 0 of 120"},
		"Alice introduces nobody":      {roots: []keyring.Entry{trusted(t, alice, 0, 120)}, says: "comes to 0 of 120"},
		"Alice is trusted in part":     {roots: []keyring.Entry{trusted(t, alice, 2, 60)}, says: "comes to 60 of 120"},
		"Alice for nothing":            {roots: []keyring.Entry{trusted(t, alice, 2, 0)}, says: "comes to 0 of 120"},
		"Dave for his part": {
			roots:  []keyring.Entry{trusted(t, alice, 2, 60), trusted(t, dave, 1, 60)},
			direct: bob.certification(dave, sigCertLast, userIDText, at(made)),
		},
		"Dave, who is trusted less": {
			roots:  []keyring.Entry{trusted(t, alice, 2, 60), trusted(t, dave, 1, 59)},
			direct: bob.certification(dave, sigCertLast, userIDText, at(made)), says: "comes to 119 of 120",
		},
		"Dave, whom nobody named": {
			roots:  []keyring.Entry{trusted(t, alice, 2, 60)},
			direct: bob.certification(dave, sigCertLast, userIDText, at(made)), says: "comes to 60 of 120",
		},
		"Alice directly too, which is one word": {
			roots:  []keyring.Entry{trusted(t, alice, 2, 60)},
			direct: bob.certification(alice, sigCertLast, userIDText, at(made)), says: "comes to 60 of 120",
		},
		"Alice twice in the ring": {roots: []keyring.Entry{trusted(t, alice, 2, 60), trusted(t, alice, 2, 60)}, says: "comes to 60 of 120"},

		"for this domain":                        {trust: trusts(1, 120, `<[^>]+[@.]example\.org>$`)},
		"for what is above it":                   {trust: trusts(1, 120, `<[^>]+[@.]org>$`)},
		"for another domain":                     {trust: trusts(1, 120, `<[^>]+[@.]example\.net>$`), says: "comes to 0 of 120"},
		"for what ends like it":                  {trust: trusts(1, 120, `<[^>]+[@.]ample\.org>$`), says: "comes to 0 of 120"},
		"a dot that is any letter":               {trust: trusts(1, 120, `<[^>]+[@.]example.org>$`), says: "comes to 0 of 120"},
		"an expression of its own":               {trust: trusts(1, 120, `.*`), says: "comes to 0 of 120"},
		"an empty expression":                    {trust: trusts(1, 120, ``), says: "comes to 0 of 120"},
		"without an end":                         {trust: trusts(1, 120, `<[^>]+[@.]example\.org>`), says: "comes to 0 of 120"},
		"Bob's certification for another domain": {cert: trusts(1, 120, `<[^>]+[@.]example\.net>$`)}, // it limits what he may introduce
		"Alice for this domain":                  {roots: []keyring.Entry{trusted(t, alice, 2, 120, "example.net", "@Example.ORG")}},
		"Alice for another domain":               {roots: []keyring.Entry{trusted(t, alice, 2, 120, "example.net")}, says: "comes to 0 of 120"},
		"Alice for what is below":                {roots: []keyring.Entry{trusted(t, alice, 2, 120, "mail.example.org")}, says: "comes to 0 of 120"},
		"Alice for no domain at all":             {roots: []keyring.Entry{trusted(t, alice, 2, 120, "*")}, says: "comes to 0 of 120"},

		"Alice took it back":         {more: carol.certification(alice, sigCertificationRevo, carolText, at(day(2025, 1, 1))), says: "comes to 0 of 120"},
		"Alice wants it no more":     {more: carol.certification(alice, sigCertLast, carolText, at(day(2025, 1, 1))), says: "comes to 0 of 120"},
		"somebody else took it":      {more: carol.certification(dave, sigCertificationRevo, carolText, at(day(2025, 1, 1)))},
		"it has expired":             {trust: with(trusts(1, 120), lasts(year)), says: "comes to 0 of 120"},
		"of a user ID not hers":      {over: "Eve <eve@example.org>", says: "comes to 0 of 120"},
		"Carol's key is gone":        {carol: revokedCopy(t, carol), says: "comes to 0 of 120"},
		"her certificate is missing": {carol: []byte{}, says: "comes to 0 of 120"},
		"a copy that revokes her":    {file: revokedCopy(t, carol), says: "comes to 0 of 120"},
		"a copy that revokes Alice":  {file: revokedCopy(t, alice), says: "comes to 0 of 120"},
		"another copy of Carol":      {file: carol.raw},
		"another address":            {address: "carol@example.org", says: "comes to 0 of 120"},
		"no address":                 {address: "Bob <bob@example.org>", says: "is no mail address"},
		"before it was made":         {now: made.Add(-48 * time.Hour), says: "comes to 0 of 120"},
		"nobody is trusted":          {roots: []keyring.Entry{{Verified: verified(t, alice.certificate())}}, says: "no introducer was given"},
		"not handed out":             {roots: []keyring.Entry{{Introducer: &keyring.Introducer{Depth: 2, Amount: 120}}}, says: "no introducer was given"},
		"with a problem":             {roots: []keyring.Entry{problem(trusted(t, alice, 2, 120))}, says: "no introducer was given"},
		"a secret key":               {file: appendKeyPacket(nil, keyTagSecret, nil), says: "secret key"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.roots == nil {
				c.roots = []keyring.Entry{trusted(t, alice, 2, 120)}
			}
			if c.trust == nil {
				c.trust = trusts(1, 120)
			}
			if c.over == "" {
				c.over = carolText
			}
			if c.cert == nil {
				c.cert = nil2
			}
			if c.address == "" {
				c.address = "bob@example.org"
			}
			if c.now.IsZero() {
				c.now = now
			}
			sigs := append(carol.certification(alice, sigCertLast, c.over, with(at(made), c.trust)), c.more...)
			hers := carolWith(carol, sigs)
			if c.carol != nil {
				if hers = c.carol; len(hers) > 0 {
					hers = append(bytes.Clone(hers), carolWith(carol, sigs)...)
				}
			}
			his := under(bob, bob.certification(carol, sigCertLast, userIDText, with(at(made), c.cert)), c.direct)
			file := bytes.Join([][]byte{hers, his, c.file}, nil)
			v, err := keyring.Verify(bob.certificate().public(), introducedThrough(c.address, file, func() time.Time { return c.now }, c.roots...))
			if c.says == "" {
				require.NoError(t, err)
				require.Contains(t, v.Evidence(), alice.certificate().fingerprint().String())
				return
			}
			require.ErrorIs(t, err, keyring.ErrRefused)
			require.ErrorContains(t, err, c.says)
		})
	}
}

// carolWith puts signatures under the user ID of a certificate with a signature
// directly on the key before it.
func carolWith(s *smith, sigs []byte) []byte {
	at := 0
	for tag := 0; tag != keyTagUserID; {
		tag, _, _, _ = keyPacketHeader(s.raw[at:])
		at += keyPacketLen(s.raw[at:])
	}
	return bytes.Join([][]byte{s.raw[:at], sigs, s.raw[at:]}, nil)
}

func problem(e keyring.Entry) keyring.Entry {
	e.Problem = keyring.ErrRefused
	return e
}

// revokedCopy is a certificate that its owner revoked.
func revokedCopy(t *testing.T, s *smith) []byte {
	c := *s
	c.TB, c.raw = t, bytes.Clone(s.raw)
	return c.revoke(reason(packet.KeyCompromised)).raw
}

// TestIntroducedThroughLimits: a file with many certificates.
func TestIntroducedThroughLimits(t *testing.T) {
	t.Parallel()
	bob, alice := simple(t, 4, day(2024, 1, 1)), introducer(t, 4, certifies)
	by := trusted(t, alice, 1, 120)
	his := under(bob, bob.certification(alice, sigCertLast, userIDText, at(day(2024, 6, 1))))
	clock := func() time.Time { return day(2026, 1, 1) }
	verify := func(file []byte, entries ...keyring.Entry) error {
		_, err := keyring.Verify(bob.certificate().public(), introducedThrough("bob@example.org", file, clock, entries...))
		return err
	}
	others := func(n int) (file []byte) {
		for i := range n {
			body := bytes.Clone(alice.body(&alice.primary.PublicKey))
			body[len(body)-1-i%16] ^= byte(1 + i)
			file = appendKeyPacket(appendKeyPacket(file, keyTagPublic, body), keyTagUserID, []byte(fmt.Sprint(i)))
		}
		return file
	}
	require.NoError(t, verify(append(others(maxWebKeys-1), his...), by))
	require.ErrorIs(t, verify(append(others(maxWebKeys), his...), by), envelope.ErrLimit)
	require.ErrorIs(t, verify(append(his, bytes.Repeat([]byte{0xCA, 0x03, 'P', 'G', 'P'}, maxWebOctets/5+1)...), by), envelope.ErrLimit)
	require.ErrorContains(t, verify(nil, by), "it is empty")
	armored, err := armorKey(armorPublic, his, true)
	require.NoError(t, err)
	require.NoError(t, verify(armored, by))
	require.NoError(t, verify(append(bytes.Repeat(armored, 2), "-- \nBob"...), by), "blocks after each other")
	require.ErrorIs(t, verify(bytes.Repeat(armored, maxWebKeys+1), by), envelope.ErrLimit)
	secret, err := armorKey(armorSecret, his, true)
	require.NoError(t, err)
	require.ErrorContains(t, verify(append(bytes.Clone(armored), secret...), by), "secret key")

	flood := func(n int) []byte {
		good := last(bob.certification(alice, sigCertLast, userIDText, at(day(2024, 6, 1))))
		var sigs []byte
		for i := range n {
			sigs = appendKeyPacket(sigs, keyTagSignature, unhashed(good, 100, byte(i), byte(i>>8)))
		}
		return under(bob, sigs)
	}
	require.NoError(t, verify(flood(maxOpinions), by))
	require.ErrorIs(t, verify(flood(maxOpinions+1), by), envelope.ErrLimit)
	forged := func(n int) (sigs []byte) {
		good := last(bob.certification(alice, sigCertLast, userIDText, at(day(2024, 6, 1))))
		for i := range n {
			f := bytes.Clone(good)
			f[len(f)-1-i%32] ^= byte(1 + i/32)
			sigs = appendKeyPacket(sigs, keyTagSignature, f)
		}
		return append(sigs, appendKeyPacket(nil, keyTagSignature, good)...)
	}
	require.NoError(t, verify(under(bob, forged(maxForged)), by))
	require.ErrorIs(t, verify(under(bob, forged(maxForged+1)), by), envelope.ErrLimit)
}

// FuzzTrustRegex: an expression that is read is the one that is written for its
// domain.
func FuzzTrustRegex(f *testing.F) {
	for _, s := range []string{"<[^>]+[@.]example\\.org>$\x00", "<[^>]+[@.]a>$\x00", "<[^>]+[@.]>$\x00", "<[^>]+[@.]a.b>$\x00", ".*\x00", "<[^>]+[@.]a\\.b>$", "<[^>]+[@.]a\\.>$\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := domainOfRegex(s)
		if !ok {
			require.Empty(t, d)
			return
		}
		require.Equal(t, s, "<[^>]+[@.]"+escapeDots(d)+">$\x00")
	})
}

func escapeDots(s string) string {
	return string(bytes.ReplaceAll([]byte(s), []byte("."), []byte(`\.`)))
}
