package pgp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// pieces are the packets of a certificate, from which copies are made that
// hold some of them.
type pieces struct {
	s      *smith
	groups []group
}

type group struct {
	tag  int // 0: the primary key's own signatures
	body []byte
	sigs [][]byte
}

// newPieces is a certificate with a history: renewed, revoked in parts, and
// with signatures that somebody multiplied.
func newPieces(t testing.TB, version int) *pieces {
	born := day(2024, 1, 1)
	s := newSmith(t, version, born)
	p := &pieces{s: s}
	own := group{}
	for i := range 3 {
		when := at(day(2024, time.Month(i+1), 1))
		own.sigs = append(own.sigs, s.sign(s.primary, sigDirectKey, with(certifies, signs, when), s.hashed()))
	}
	own.sigs = append(own.sigs, s.sign(s.primary, sigKeyRevocation, with(reason(packet.KeyRetired), at(day(2025, 1, 1))), s.hashed()))
	p.groups = append(p.groups, own)
	for i := range 3 {
		id := []byte(fmt.Sprintf("Bob <bob%d@example.org>", i))
		g := group{tag: keyTagUserID, body: id}
		for m := range 2 {
			g.sigs = append(g.sigs, s.sign(s.primary, sigCertLast, with(certifies, signs, at(day(2024, time.Month(m+1), 1))), s.hashed(), hashedUserID(id)))
		}
		g.sigs = append(g.sigs, s.sign(s.primary, sigCertificationRevo, with(reason(packet.UserIDNotValid), at(day(2024, 5, 1))), s.hashed(), hashedUserID(id)))
		p.groups = append(p.groups, g)
	}
	for i := range 4 {
		k, flags := s.sealingKey(born), edit(encrypts)
		if i%2 == 1 {
			k, flags = s.signingKey(born), signs
		}
		body := s.body(&k.PublicKey)
		g := group{tag: keyTagPublicSub, body: body}
		for m := range 3 {
			g.sigs = append(g.sigs, s.binding(k, with(flags, at(day(2024, time.Month(m+1), 1)))))
		}
		g.sigs = append(g.sigs, s.sign(s.primary, sigSubkeyRevocation, with(reason(packet.KeySuperseded), at(day(2024, 6, 1))), s.hashed(), hashedKey(body)))
		p.groups = append(p.groups, g)
	}
	if version == 4 {
		for i := range p.groups { // once more, with what nothing protects
			p.groups[i].sigs = append(p.groups[i].sigs, unhashed(p.groups[i].sigs[0], 20))
		}
	}
	return p
}

// some returns a copy that holds every packet with the chance given.
func (p *pieces) some(r *rand.Rand, chance float64) *certificate {
	raw := appendKeyPacket(nil, keyTagPublic, p.s.body(&p.s.primary.PublicKey))
	for _, at := range append([]int{0}, addOne(r.Perm(len(p.groups)-1))...) {
		g := p.groups[at]
		if g.tag != 0 {
			raw = appendKeyPacket(raw, g.tag, g.body)
		}
		for _, i := range r.Perm(len(g.sigs)) {
			if r.Float64() < chance {
				raw = appendKeyPacket(raw, keyTagSignature, g.sigs[i])
			}
		}
	}
	c, err := parseCertificate(raw)
	require.NoError(p.s, err)
	return c
}

func addOne(p []int) []int {
	for i := range p {
		p[i]++
	}
	return p
}

// revocationsOf are all signatures of a certificate that revoke something.
func revocationsOf(c *certificate) map[string]bool {
	all := map[string]bool{}
	add := func(where string, sigs []selfSig) {
		for _, s := range sigs {
			all[where+string(s.HashSuffix)] = true
		}
	}
	add("", c.revocations)
	for _, u := range c.users {
		add(string(u.id), u.revocations)
	}
	for _, s := range c.subs {
		add(string(s.body), s.revocations)
	}
	return all
}

// TestMergeLaws: merging is commutative, associative and idempotent, loses no
// revocation, and what comes of it is a certificate in its final form.
func TestMergeLaws(t *testing.T) {
	for _, version := range []int{4, 6} {
		p := newPieces(t, version)
		r := rand.New(rand.NewPCG(1, uint64(version)))
		join := func(a, b *certificate) *certificate {
			before := [2][]byte{bytes.Clone(a.encoding), bytes.Clone(b.encoding)}
			m, err := merge(a, b)
			require.NoError(t, err)
			require.Equal(t, before, [2][]byte{a.encode(nil), b.encode(nil)}, "the arguments are as they were")
			return m
		}
		for range 60 {
			a, b, c := p.some(r, 0.6), p.some(r, 0.6), p.some(r, 0.3)
			ab := join(a, b)
			require.Equal(t, ab.encoding, join(b, a).encoding, "commutative")
			require.Equal(t, ab.addresses, join(b, a).addresses)
			require.Equal(t, join(ab, c).encoding, join(a, join(b, c)).encoding, "associative")
			require.Equal(t, a.encoding, join(a, a).encoding, "idempotent")
			require.Equal(t, ab.encoding, join(ab, a).encoding, "nothing is added twice")
			for which := range revocationsOf(a) {
				require.Contains(t, revocationsOf(ab), which)
			}
			for which := range revocationsOf(b) {
				require.Contains(t, revocationsOf(ab), which)
			}
			again, err := parseCertificate(ab.encoding)
			require.NoError(t, err)
			require.Equal(t, ab.encoding, again.encoding, "what was merged reads as itself")
			require.Equal(t, ab.addresses, again.addresses)
			require.Equal(t, revocationsOf(ab), revocationsOf(again))
		}
	}
}

// TestMergeOldCopy: a copy that lacks a revocation does not take it back.
func TestMergeOldCopy(t *testing.T) {
	born, now := day(2024, 1, 1), day(2026, 1, 1)
	s := simple(t, 4, born)
	old := s.certificate()
	revoked := s.revoke(reason(packet.KeyCompromised)).certificate()
	require.NoError(t, old.CheckSeal(now, seam.Auto))
	for _, c := range [][2]*certificate{{old, revoked}, {revoked, old}} {
		m, err := Merge(c[0].public(), c[1].public())
		require.NoError(t, err)
		in := inside(m)
		require.ErrorAs(t, in.CheckSeal(now, seam.Auto), new(*keyring.RevokedError))
		require.ErrorAs(t, in.Refuse(), new(*keyring.RevokedError))
	}
	m, err := Merge(old.public(), old.public())
	require.NoError(t, err)
	require.NoError(t, inside(m).CheckSeal(now, seam.Auto), "the same without the revocation")
}

// TestMergeBackSignature: of two copies of a binding the one that the subkey
// signed back is kept, from whichever side it comes.
func TestMergeBackSignature(t *testing.T) {
	born := day(2024, 1, 1)
	s := newSmith(t, 4, born).userID(userIDText, certifies)
	k := s.signingKey(born)
	what := hashedKey(s.body(&k.PublicKey))
	bare := s.sign(s.primary, sigSubkeyBinding, signs, s.hashed(), what)
	back := s.sign(k, packet.SigTypePrimaryKeyBinding, nil, s.hashed(), what)
	build := func(binding []byte) *certificate {
		o := *s
		o.raw = bytes.Clone(s.raw)
		return o.add(keyTagPublicSub, s.body(&k.PublicKey)).add(keyTagSignature, binding).certificate()
	}
	without, with := build(bare), build(unhashed(bare, 32, back...))
	require.False(t, without.subs[0].bindings[0].back)
	require.True(t, with.subs[0].bindings[0].back, "a signature back may stand where nothing protects it")
	for _, c := range [][2]*certificate{{without, with}, {with, without}} {
		m, err := merge(c[0], c[1])
		require.NoError(t, err)
		require.Len(t, m.subs[0].bindings, 1)
		require.True(t, m.subs[0].bindings[0].back)
	}
}

func TestMergeOfOthers(t *testing.T) {
	born := day(2024, 1, 1)
	a, b := simple(t, 4, born).certificate(), simple(t, 4, born).certificate()
	_, err := Merge(a.public(), b.public())
	require.ErrorAs(t, err, new(*keyring.MismatchError))
	require.ErrorIs(t, err, keyring.ErrRefused)

	// Nobody has two keys with one SHA-1 fingerprint at hand.
	twin := *b
	key := *b.primary
	key.Fingerprint = a.primary.Fingerprint
	twin.primary = &key
	_, err = merge(a, &twin)
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, "two different keys have the fingerprint")

	for _, none := range []*keyring.Certificate{nil, new(keyring.Certificate)} {
		_, err = Merge(a.public(), none)
		require.ErrorContains(t, err, "no OpenPGP certificate")
		_, err = Merge(none, a.public())
		require.ErrorContains(t, err, "no OpenPGP certificate")
		_, err = Update(none, a.Encoding())
		require.ErrorContains(t, err, "no OpenPGP certificate")
	}
}

func TestUpdate(t *testing.T) {
	born := day(2024, 1, 1)
	s := simple(t, 4, born)
	c := s.certificate()
	revocation := s.sign(s.primary, sigKeyRevocation, reason(packet.NoReason), s.hashed())
	bare := appendKeyPacket(nil, keyTagSignature, revocation)
	armored, err := armorKey(armorPublic, bare, true)
	require.NoError(t, err)
	stranger := simple(t, 4, born)
	damaged := bytes.Clone(bare)
	damaged[len(damaged)-1] ^= 1
	forged := func(n int) (b []byte) {
		for i := range n {
			f := bytes.Clone(revocation)
			f[len(f)-1-i%32] ^= byte(1 + i/32)
			b = appendKeyPacket(b, keyTagSignature, f)
		}
		return b
	}
	for name, c2 := range map[string]struct {
		in   []byte
		says string // "": it revokes
		is   error
	}{
		"binary":                   {in: bare},
		"armored":                  {in: armored},
		"in a mail":                {in: []byte("Alas:\r\n\r\n" + strings.ReplaceAll(string(armored), "\n", "\r\n") + "\r\nBob\r\n")},
		"with a marker":            {in: append(bytes.Clone(bare), 0xCA, 3, 'P', 'G', 'P')},
		"a copy with it":           {in: append(bytes.Clone(s.raw), bare...)},
		"the key with it alone":    {in: append(appendKeyPacket(nil, keyTagPublic, s.body(&s.primary.PublicKey)), bare...)},
		"behind forged ones":       {in: append(forged(maxKeyPackets-1), bare...)},
		"behind too many":          {append(forged(maxKeyPackets), bare...), "packets of a key", envelope.ErrLimit},
		"by another key":           {appendKeyPacket(nil, keyTagSignature, s.sign(stranger.primary, sigKeyRevocation, nil, s.hashed())), "no revocation of " + c.fingerprint().String(), keyring.ErrRefused},
		"of another key":           {appendKeyPacket(nil, keyTagSignature, s.sign(s.primary, sigKeyRevocation, nil, stranger.hashed())), "no revocation of", keyring.ErrRefused},
		"damaged":                  {damaged, "no revocation of", keyring.ErrRefused},
		"a direct-key signature":   {appendKeyPacket(nil, keyTagSignature, s.sign(s.primary, sigDirectKey, nil, s.hashed())), "no revocation of", keyring.ErrRefused},
		"another certificate":      {stranger.raw, "this is another key", keyring.ErrRefused},
		"with a message behind it": {appendKeyPacket(bytes.Clone(bare), 11, nil), "a message or a signature", nil},
		"cut off":                  {bare[:len(bare)-1], "cut off", nil},
		"empty":                    {nil, "it is empty", nil},
		"armored, and empty":       {[]byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n"), "it has no packets", nil},
	} {
		got, err := Update(c.public(), c2.in)
		if c2.says == "" {
			require.NoError(t, err, name)
			require.Error(t, inside(got).Refuse(), name)
			require.Equal(t, c.Addresses(), got.Addresses(), name)
			continue
		}
		require.ErrorContains(t, err, c2.says, name)
		if c2.is != nil {
			require.ErrorIs(t, err, c2.is, name)
		}
	}
	require.NoError(t, c.Refuse(), "c itself is as it was")
	same, err := Update(c.public(), s.raw)
	require.NoError(t, err)
	require.NoError(t, inside(same).Refuse())
}

// TestFit: beyond the limits what is kept are revocations, then what is newest
// or lasts longest; at the limits everything is.
func TestFit(t *testing.T) {
	born := day(2024, 1, 1)
	s := newSmith(t, 4, born)
	user := func(i int, e edit) []byte {
		id := fmt.Sprintf("Bob <bob%d@example.org>", i)
		return (&smith{TB: t, version: 4, born: born, primary: s.primary}).userID(id, e).raw
	}
	copyOf := func(parts ...[]byte) *certificate {
		c, err := parseCertificate(append(bytes.Clone(s.raw), bytes.Join(parts, nil)...))
		require.NoError(t, err)
		return c
	}
	both := func(a, b *certificate) *certificate {
		m, err := merge(a, b)
		require.NoError(t, err)
		o, err := merge(b, a)
		require.NoError(t, err)
		require.Equal(t, m.encoding, o.encoding)
		again, err := parseCertificate(m.encoding)
		require.NoError(t, err)
		require.Equal(t, m.encoding, again.encoding)
		return m
	}
	t.Run("user IDs", func(t *testing.T) {
		var half [2][][]byte
		for i := range maxUserIDs {
			half[i%2] = append(half[i%2], user(i, with(certifies, at(born.AddDate(0, 0, i)))))
		}
		require.Len(t, both(copyOf(half[0]...), copyOf(half[1]...)).users, maxUserIDs)
		gone := s.sign(s.primary, sigCertificationRevo, reason(packet.UserIDNotValid), s.hashed(), hashedUserID([]byte("Bob <bob0@example.org>")))
		half[0][0] = appendKeyPacket(half[0][0], keyTagSignature, gone)
		m := both(copyOf(half[0]...), copyOf(append(half[1], user(99, with(certifies, at(day(2025, 1, 1)))))...))
		require.Len(t, m.users, maxUserIDs)
		require.Contains(t, m.addresses, "bob99@example.org", "the newest")
		require.NotContains(t, m.addresses, "bob1@example.org", "the oldest that was not revoked")
		require.Contains(t, m.addresses, "bob2@example.org")
		require.Len(t, revocationsOf(m), 1, "the oldest of all, which was revoked")
	})
	t.Run("subkeys", func(t *testing.T) {
		var half [2][][]byte
		sub := func(i int, gone edit) []byte {
			k := s.sealingKey(born)
			o := &smith{TB: t, version: 4, born: born, primary: s.primary}
			o.subkey(k, with(encrypts, lives(time.Duration(i+1)*240*time.Hour)))
			if gone != nil {
				o.add(keyTagSignature, o.sign(s.primary, sigSubkeyRevocation, gone, s.hashed(), hashedKey(s.body(&k.PublicKey))))
			}
			return o.raw
		}
		half[0] = append(half[0], sub(0, reason(packet.KeyCompromised)))
		for i := 1; i < maxSubkeys; i++ {
			half[i%2] = append(half[i%2], sub(i, nil))
		}
		require.Len(t, both(copyOf(half[0]...), copyOf(half[1]...)).subs, maxSubkeys)
		m := both(copyOf(half[0]...), copyOf(append(half[1], sub(99, nil))...))
		require.Len(t, m.subs, maxSubkeys)
		require.Len(t, revocationsOf(m), 1)
		soonest := endOfTime
		for i := range m.subs {
			if e := expiry(m.subs[i].key, latest(m.subs[i].bindings)); len(m.subs[i].revocations) == 0 && e.Before(soonest) {
				soonest = e
			}
		}
		require.Equal(t, born.Add(3*240*time.Hour).Unix(), soonest.Unix(), "the one that ended first is gone")
	})
	t.Run("packets", func(t *testing.T) {
		k := s.sealingKey(born)
		sub := appendKeyPacket(nil, keyTagPublicSub, s.body(&k.PublicKey))
		many := func(from, to int) (b []byte) {
			for i := from; i < to; i++ {
				b = appendKeyPacket(b, keyTagSignature, s.binding(k, with(encrypts, at(born.AddDate(0, 0, i)))))
			}
			return b
		}
		id := user(0, certifies)
		head := 4 // the primary key, the user ID with its signature, and the subkey
		a, b := many(0, 500), many(500, maxKeyPackets-head)
		require.Len(t, both(copyOf(id, sub, a), copyOf(id, sub, b)).subs[0].bindings, maxKeyPackets-head)
		gone := appendKeyPacket(nil, keyTagSignature, s.sign(s.primary, sigSubkeyRevocation, with(reason(packet.KeyRetired), at(day(2028, 1, 1))), s.hashed(), hashedKey(s.body(&k.PublicKey))))
		all := appendKeyPacket(nil, keyTagSignature, s.sign(s.primary, sigKeyRevocation, with(reason(packet.KeyRetired), at(day(2028, 1, 1))), s.hashed()))
		m := both(copyOf(all, id, sub, gone, a), copyOf(id, sub, b))
		require.Len(t, revocationsOf(m), 2)
		require.Len(t, m.subs[0].bindings, maxKeyPackets-head-2)
		require.Equal(t, born.AddDate(0, 0, 2).Unix(), m.subs[0].bindings[0].CreationTime.Unix(), "the oldest two are gone")
	})
}
