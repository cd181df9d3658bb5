package pgp

import (
	"bytes"
	"crypto"
	"errors"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

func verified(t *testing.T, c *certificate) *keyring.Verified {
	v, err := keyring.Verify(c.public(), keyring.Expect(c.fingerprint()))
	require.NoError(t, err)
	return v
}

// introducer is a certificate that certifies others.
func introducer(t testing.TB, version int, user edit) *smith {
	return introducerOf(t, version, day(2024, 1, 1), user)
}

func introducerOf(t testing.TB, version int, born time.Time, user edit) *smith {
	s := newSmith(t, version, born)
	if version == 6 {
		s.direct(user)
	}
	return s.userID("Carol <carol@example.org>", user)
}

// certification is the packet by which by certifies a user ID of s.
func (s *smith) certification(by *smith, kind packet.SignatureType, id string, e edit) []byte {
	return appendKeyPacket(nil, keyTagSignature, by.sign(by.primary, kind, e, s.hashed(), hashedUserID([]byte(id))))
}

// TestIntroducedBy: each case differs from the first, which is introduced, in
// one thing.
func TestIntroducedBy(t *testing.T) {
	born, made, now := day(2024, 1, 1), day(2024, 6, 1), day(2026, 1, 1)
	bob := simple(t, 4, born)
	carol := introducer(t, 4, certifies)
	other := introducer(t, 4, certifies)
	other6 := introducer(t, 6, certifies)
	type parts struct {
		by      *smith // who signs
		trusted *smith // whose word is asked for; nil: by's
		kind    packet.SignatureType
		id      string
		e       edit
		sub     []byte // further subpackets under the signature
		more    []byte // further packets
		address string
		now     time.Time
		says    string // "": introduced
	}
	veteran := introducerOf(t, 4, day(2018, 1, 1), certifies)
	revokes := func(by *smith, when time.Time, e edit) []byte {
		return bob.certification(by, sigCertificationRevo, userIDText, with(at(when), e))
	}
	again := func(e edit) []byte { return bob.certification(carol, sigCertLast, userIDText, e) }
	for name, c := range map[string]parts{
		"all is well":               {},
		"by a version 6 key":        {by: other6},
		"a generic certification":   {kind: 0x10},
		"a casual certification":    {kind: 0x12},
		"a persona certification":   {kind: 0x11, says: "states that nothing was verified"},
		"the domain in capitals":    {address: "bob@EXAMPLE.org"},
		"another address":           {address: "bob@example.net", says: `has no user ID of its owner for "bob@example.net"`},
		"another spelling":          {address: "Bob@example.org", says: "has no user ID of its owner"},
		"an address with a name":    {address: userIDText, says: "is no mail address"},
		"no address":                {address: "-", says: "is no mail address"},
		"of another user ID":        {id: "Bob <bob@example.net>", says: "nobody of those named certified it"},
		"by somebody else":          {by: other, trusted: carol, says: "nobody of those named certified it"},
		"by somebody else as carol": {by: &smith{TB: t, version: 4, born: born, primary: impostor(other, carol)}, trusted: carol, says: "nobody of those named certified it"},
		"made with SHA-224":         {e: hashedBy(crypto.SHA224)},
		"made with SHA-1":           {e: hashedBy(crypto.SHA1), says: "is made with SHA-1"},
		"before 2020":               {by: veteran, e: at(day(2019, 6, 1))},
		"before 2020, with SHA-1":   {by: veteran, e: with(hashedBy(crypto.SHA1), at(day(2019, 6, 1))), says: "is made with SHA-1"},
		"exportable":                {sub: subpacket(4, 1)},
		"not exportable":            {sub: subpacket(4, 0)},
		"critical, not exportable":  {sub: subpacket(0x84, 0)},
		"with a critical notation":  {e: critical, says: "nobody of those named certified it"},
		"with something unknown":    {sub: subpacket(99, 1)},
		"something critical":        {sub: subpacket(0x80|99, 1), says: "nobody of those named certified it"},
		"with a regular expression": {sub: append(subpacket(5, 1, 120), subpacket(6, append([]byte("[.]example[.]net$"), 0)...)...)},
		"in the future":             {e: at(now.Add(time.Hour)), says: "is of the future"},
		"the clock is slow":         {e: at(now.Add(clockSkew))},
		"its last second":           {e: lasts(year), now: made.Add(year - time.Second)},
		"it has expired":            {e: lasts(year), now: made.Add(year), says: "has expired"},
		"full trust":                {sub: subpacket(5, 1, fullTrust)},
		"partial trust":             {sub: subpacket(5, 1, fullTrust-1), says: "expresses partial trust only"},
		"no trust":                  {sub: subpacket(5, 1, 0), says: "expresses partial trust only"},
		"trust of depth nought":     {sub: subpacket(5, 0, fullTrust)},
		"partial, depth nought":     {sub: subpacket(5, 0, 60), says: "expresses partial trust only"},

		"revoked":                    {more: revokes(carol, day(2025, 1, 1), reason(packet.UserIDNotValid)), says: "is revoked"},
		"revoked with SHA-1":         {more: revokes(carol, day(2025, 1, 1), hashedBy(crypto.SHA1)), says: "is revoked"},
		"revoked critically":         {more: revokes(carol, day(2025, 1, 1), critical), says: "is revoked"},
		"revoked in the same second": {more: revokes(carol, made, nil2), says: "is revoked"},
		"revoked before":             {more: revokes(carol, made.Add(-time.Second), nil2)},
		"revoked by somebody else":   {more: revokes(other, day(2025, 1, 1), nil2)},
		"certified again":            {more: cat2(revokes(carol, day(2025, 1, 1), nil2), again(at(day(2025, 2, 1))))},
		"certified for a while":      {more: again(with(at(day(2025, 1, 1)), lasts(30*24*time.Hour))), says: "has expired"},
		"for a while, and before":    {more: again(with(at(day(2024, 2, 1)), lasts(30*24*time.Hour)))},
		"later for no reason":        {more: bob.certification(carol, sigCertPersona, userIDText, at(day(2025, 1, 1))), says: "nothing was verified"},

		"not for certifying": {by: introducer(t, 4, signs), says: "is not for certifying"},
		"without key flags":  {by: introducer(t, 4, nil2), says: "is not for certifying"},
		"an expired key":     {by: introducer(t, 4, with(certifies, lives(year))), says: "expired on 2024-12-31"},
		"not yet expired":    {by: introducer(t, 4, with(certifies, lives(3*year)))},
		"a revoked key":      {by: introducer(t, 4, certifies).revoke(with(reason(packet.KeyRetired), at(day(2025, 1, 1)))), says: "is revoked since 2025-01-01"},
		"older than its key": {e: at(born.Add(-time.Hour)), says: "older than the key that made it"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.by == nil {
				c.by = carol
			}
			if c.trusted == nil {
				c.trusted = c.by
			}
			if c.kind == 0 {
				c.kind = sigCertLast
			}
			if c.id == "" {
				c.id = userIDText
			}
			if c.now.IsZero() {
				c.now = now
			}
			switch c.address {
			case "":
				c.address = "bob@example.org"
			case "-":
				c.address = ""
			}
			e := at(made)
			if c.e != nil {
				e = with(e, c.e)
			}
			file := bytes.Clone(bob.raw)
			head := keyPacketLen(file)
			head += keyPacketLen(file[head:]) // the key and the user ID
			tail := bytes.Clone(file[head:])
			sig := bob.certification(c.by, c.kind, c.id, e)
			if c.sub != nil {
				sig = appendKeyPacket(nil, keyTagSignature, c.by.sign4(c.by.primary, c.kind, made, c.sub, nil, bob.hashed(), hashedUserID([]byte(c.id))))
			}
			file = append(append(append(file[:head], sig...), c.more...), tail...)
			cert, err := ParseCertificate(file)
			require.NoError(t, err)
			require.Equal(t, bob.certificate().Encoding(), cert.Marshal(), "nothing of it is kept")
			clock := func() time.Time { return c.now }
			v, err := keyring.Verify(cert, introducedBy(c.address, file, clock, verified(t, c.trusted.certificate())))
			if c.says == "" {
				require.NoError(t, err)
				require.Contains(t, v.Evidence(), c.trusted.certificate().fingerprint().String())
				require.Contains(t, v.Evidence(), "bob@example.org", "in its normal form")
				return
			}
			require.ErrorIs(t, err, keyring.ErrRefused)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func nil2(*packet.Signature) {}

func cat2(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// impostor is a's secret key that names itself as b's.
func impostor(a, b *smith) *packet.PrivateKey {
	k := *a.primary
	k.Fingerprint, k.KeyId = b.primary.Fingerprint, b.primary.KeyId
	return &k
}

// TestIntroducers: what is asked of the introducers and of the file.
func TestIntroducers(t *testing.T) {
	born, now := day(2024, 1, 1), day(2026, 1, 1)
	clock := func() time.Time { return now }
	bob, carol, dave := simple(t, 4, born), introducer(t, 4, certifies), introducer(t, 4, certifies)
	good := bob.certification(carol, sigCertLast, userIDText, nil)
	head := func() []byte { return bytes.Clone(simpleHead(bob)) }
	file := append(head(), good...)
	cert := bob.certificate().public()
	byCarol, byDave := verified(t, carol.certificate()), verified(t, dave.certificate())
	forged := func(n int) []byte { // with the right two octets of the digest
		b := head()
		for i := range n {
			f := last(good)
			f = bytes.Clone(f)
			f[len(f)-1-i%32] ^= byte(1 + i/32)
			b = appendKeyPacket(b, keyTagSignature, f)
		}
		return append(b, good...)
	}
	armored, err := armorKey(armorPublic, file, true)
	require.NoError(t, err)
	two := append(append(appendKeyPacket(nil, keyTagPublic, dave.body(&dave.primary.PublicKey)), appendKeyPacket(nil, keyTagUserID, []byte(userIDText))...), good...)
	revoked := introducer(t, 4, certifies)
	byRevoked := verified(t, revoked.certificate())
	for name, c := range map[string]struct {
		file []byte
		by   []*keyring.Verified
		says string
		is   error
	}{
		"carol":                         {file: file, by: []*keyring.Verified{byCarol}},
		"armored":                       {file: armored, by: []*keyring.Verified{byCarol}},
		"dave or carol":                 {file: file, by: []*keyring.Verified{byDave, byCarol}},
		"dave":                          {file, []*keyring.Verified{byDave}, "nobody of those named", keyring.ErrRefused},
		"nobody":                        {file, nil, "no introducer was given", keyring.ErrRefused},
		"nil":                           {file, []*keyring.Verified{byCarol, nil}, "no introducer was given, or one that is no", keyring.ErrRefused},
		"the zero value":                {file, []*keyring.Verified{new(keyring.Verified)}, "one that is no", keyring.ErrRefused},
		"bob himself":                   {append(head(), bob.certification(bob, sigCertLast, userIDText, certifies)...), []*keyring.Verified{verified(t, bob.certificate())}, "nobody of those named", keyring.ErrRefused},
		"no file":                       {nil, []*keyring.Verified{byCarol}, "it is empty", keyring.ErrRefused},
		"a secret key":                  {appendKeyPacket(nil, keyTagSecret, nil), []*keyring.Verified{byCarol}, "secret key", keyring.ErrRefused},
		"cut off":                       {file[:len(file)-1], []*keyring.Verified{byCarol}, "cut off", keyring.ErrRefused},
		"of another key":                {two, []*keyring.Verified{byCarol}, "nobody of those named", keyring.ErrRefused},
		"with another key before it":    {file: append(bytes.Clone(two), file...), by: []*keyring.Verified{byCarol}},
		"under a picture":               {append(appendKeyPacket(head(), keyTagAttribute, []byte{1, 1}), good...), []*keyring.Verified{byCarol}, "nobody of those named", keyring.ErrRefused},
		"behind 64 forged ones":         {file: forged(maxForged), by: []*keyring.Verified{byCarol}},
		"behind 65 forged ones":         {forged(maxForged + 1), []*keyring.Verified{byCarol}, "forged certifications", envelope.ErrLimit},
		"behind any number of bad ones": {file: untagged(head(), good, 1000), by: []*keyring.Verified{byCarol}},
		"100 introducers":               {file: file, by: append(repeat(byDave, maxIntroducers-1), byCarol)},
		"101 introducers":               {file, append(repeat(byDave, maxIntroducers), byCarol), "introducers", envelope.ErrLimit},
		"an introducer of no use":       {file: file, by: []*keyring.Verified{byRevoked, byCarol}},
	} {
		v, err := keyring.Verify(cert, introducedBy("bob@example.org", c.file, clock, c.by...))
		if c.says == "" {
			require.NoError(t, err, name)
			require.Contains(t, v.Evidence(), byCarol.Fingerprint().String(), name)
			continue
		}
		require.ErrorContains(t, err, c.says, name)
		require.ErrorIs(t, err, c.is, name)
		require.ErrorIs(t, err, keyring.ErrRefused, name)
	}

	_, err = keyring.Verify(cert, IntroducedBy("bob@example.org", file, byCarol))
	require.NoError(t, err, "by the clock of this machine")
	// Bob takes the user ID back, or the whole key: nobody's word counts then.
	gone := *bob
	gone.raw = append(head(), last2(bob)...)
	gone.add(keyTagSignature, bob.sign(bob.primary, sigCertificationRevo, reason(packet.UserIDNotValid), bob.hashed(), hashedUserID([]byte(userIDText))))
	_, err = keyring.Verify(gone.certificate().public(), introducedBy("bob@example.org", file, clock, byCarol))
	require.ErrorContains(t, err, "has no user ID of its owner")
	hard := *bob
	hard.raw = bytes.Clone(bob.raw)
	_, err = keyring.Verify(hard.revoke(reason(packet.KeyCompromised)).certificate().public(), introducedBy("bob@example.org", file, clock, byCarol))
	require.True(t, errors.As(err, new(*keyring.RevokedError)))
}

// simpleHead is the primary key and the user ID of simple's certificate.
func simpleHead(s *smith) []byte {
	n := keyPacketLen(s.raw)
	return s.raw[:n+keyPacketLen(s.raw[n:])]
}

// last2 is the signature of its user ID.
func last2(s *smith) []byte {
	n := len(simpleHead(s))
	return s.raw[n : n+keyPacketLen(s.raw[n:])]
}

func repeat(v *keyring.Verified, n int) (list []*keyring.Verified) {
	for range n {
		list = append(list, v)
	}
	return list
}

// untagged are n certifications with the wrong two octets of the digest, and a good one.
func untagged(head, good []byte, n int) []byte {
	body := last(good)
	for i := range n {
		f := bytes.Clone(body)
		at := len(f) - 66 // two octets of digest before the 64 of an Ed25519 signature
		f[at] ^= byte(1 + i%255)
		f[at+2] ^= byte(i / 255)
		head = appendKeyPacket(head, keyTagSignature, f)
	}
	return append(head, good...)
}
