package pgp

import (
	"crypto"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

const year = 365 * 24 * time.Hour

// sealsTo asks for the encryption key and returns its place among the keys
// given, -1 with the error if there is none.
func sealsTo(t *testing.T, c *certificate, now time.Time, p seam.Profile, keys ...*packet.PrivateKey) (int, error) {
	e, err := c.encryptionKey(now, p)
	if err != nil {
		require.ErrorIs(t, err, keyring.ErrRefused)
		return -1, err
	}
	require.Same(t, c, e.cert)
	for i, k := range keys {
		if string(k.Fingerprint) == string(e.key.Fingerprint) {
			return i, nil
		}
	}
	t.Fatal("another key than any of those given")
	return -1, nil
}

// TestEncryptionKey: each case differs from the first, which seals, in one thing.
func TestEncryptionKey(t *testing.T) {
	born, now := day(2024, 1, 1), day(2026, 1, 1)
	for name, c := range map[string]struct {
		user, sub edit
		now       time.Time
		want      any // nil: seals; else a pointer to the error's type
		says      string
	}{
		"all is well":                  {},
		"for storage only":             {sub: stores},
		"no key flags":                 {sub: at(born), want: new(*keyring.UnusableError), says: "without key flags"},
		"for signing":                  {sub: certifies, want: new(*keyring.UnusableError), says: "signatures only"},
		"last second of the subkey":    {sub: with(encrypts, lives(2*year)), now: born.Add(2*year - 1)},
		"first second after":           {sub: with(encrypts, lives(2*year)), now: born.Add(2 * year), want: new(*keyring.ExpiredError), says: "expired on 2025-12-31"},
		"zero lifetime is none":        {sub: with(encrypts, lives(0))},
		"last second of the primary":   {user: with(certifies, lives(2*year)), now: born.Add(2*year - 1)},
		"primary expired":              {user: with(certifies, lives(2*year)), now: born.Add(2 * year), want: new(*keyring.ExpiredError), says: "expired on 2025-12-31"},
		"the second it is made":        {now: born},
		"one before":                   {now: born.Add(-time.Second), want: new(*keyring.ExpiredError), says: "not valid before 2024-01-01"},
		"binding not yet valid":        {sub: with(encrypts, at(now.Add(time.Hour))), want: new(*keyring.ExpiredError), says: "not valid before 2026-01-01"},
		"binding has expired":          {sub: with(encrypts, lasts(year)), want: new(*keyring.ExpiredError), says: "expired on 2024-12-31"},
		"user ID's has expired":        {user: with(certifies, lasts(year)), want: new(*keyring.ExpiredError), says: "expired on 2024-12-31"},
		"SHA-1 binding":                {sub: with(encrypts, hashedBy(crypto.SHA1)), want: new(*keyring.UnusableError), says: "SHA-1"},
		"SHA-1 certification":          {user: with(certifies, hashedBy(crypto.SHA1)), want: new(*keyring.UnusableError), says: "SHA-1"},
		"critical notation in binding": {sub: with(encrypts, critical), want: new(*keyring.UnusableError), says: "signatures only"},
		"critical notation in user ID": {user: with(certifies, critical), want: new(*keyring.UnusableError), says: "no user ID"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.user == nil {
				c.user = certifies
			}
			if c.sub == nil {
				c.sub = encrypts
			}
			if c.now.IsZero() {
				c.now = now
			}
			s := newSmith(t, 4, born)
			k := s.sealingKey(born)
			cert := s.userID(userIDText, c.user).subkey(k, c.sub).certificate()
			i, err := sealsTo(t, cert, c.now, seam.Auto, k)
			if c.want == nil {
				require.NoError(t, err)
				require.Zero(t, i)
				return
			}
			require.ErrorAs(t, err, c.want)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, cert.fingerprint().String())
		})
	}
}

func TestSHA1UpTo2019(t *testing.T) {
	for _, c := range []struct {
		when  time.Time
		seals bool
	}{
		{sha1Ends.Add(-time.Second), true},
		{sha1Ends, false},
	} {
		s := newSmith(t, 4, c.when)
		cert := s.userID(userIDText, with(certifies, hashedBy(crypto.SHA1))).subkey(s.sealingKey(c.when), with(encrypts, hashedBy(crypto.SHA1))).certificate()
		require.Equal(t, c.seals, cert.CheckSeal(day(2026, 1, 1), seam.Auto) == nil, c.when)
		require.Equal(t, c.seals, len(cert.Addresses()) == 1, c.when)
	}
}

func TestPickAmongSeveral(t *testing.T) {
	born, now := day(2024, 1, 1), day(2024, 6, 1)
	type sub struct {
		born    time.Time
		life    time.Duration
		quantum bool
		flags   edit // nil: for messages and storage
	}
	ten := 10 * 24 * time.Hour
	lasting := sub{born: born}
	rotating := func(d int) sub { return sub{born: day(2024, 5, d), life: ten, flags: encrypts} }
	for name, c := range map[string]struct {
		subs    []sub
		p       seam.Profile
		want    int
		version int // 0: 4
	}{
		"the newest, standing first":       {subs: []sub{{born: day(2024, 3, 1)}, {born: day(2024, 2, 1)}}, want: 0},
		"the newest, standing last":        {subs: []sub{{born: day(2024, 2, 1)}, {born: day(2024, 3, 1)}}, want: 1},
		"of equal age the last":            {subs: []sub{{born: born}, {born: born}}, want: 1},
		"not one that has expired":         {subs: []sub{{born: day(2024, 2, 1)}, {born: day(2024, 3, 1), life: time.Hour}}, want: 0},
		"not one of the future":            {subs: []sub{{born: day(2024, 2, 1)}, {born: day(2024, 6, 2)}}, want: 0},
		"the post-quantum one, though old": {subs: []sub{{born: born, quantum: true}, {born: day(2024, 3, 1)}}, want: 0},
		"so by profile":                    {subs: []sub{{born: born, quantum: true}, {born: day(2024, 3, 1)}}, p: seam.PostQuantum, want: 0},
		"the newest post-quantum one":      {subs: []sub{{born: born, quantum: true}, {born: day(2024, 2, 1), quantum: true}, {born: day(2024, 3, 1)}}, want: 1},
		"classical where the other ended":  {subs: []sub{{born: born, life: time.Hour, quantum: true}, {born: day(2024, 3, 1)}}, want: 1},

		"Autocrypt v2":                     {version: 6, subs: []sub{lasting, rotating(23), rotating(28)}, want: 1},
		"the other order":                  {version: 6, subs: []sub{rotating(28), lasting, rotating(23)}, want: 2},
		"the first of them has expired":    {version: 6, subs: []sub{lasting, rotating(20), rotating(28)}, want: 2},
		"all of them have expired":         {version: 6, subs: []sub{lasting, rotating(10), rotating(15)}, want: 0},
		"the one that lasts is the newest": {version: 6, subs: []sub{{born: day(2024, 5, 30)}, rotating(23), rotating(28)}, want: 1},
		"not of version 4":                 {version: 4, subs: []sub{lasting, rotating(23), rotating(28)}, want: 2},
		"without one that lasts":           {version: 6, subs: []sub{rotating(23), rotating(28)}, want: 1},
		"two that last":                    {version: 6, subs: []sub{lasting, lasting, rotating(23), rotating(28)}, want: 3},
		"those that rotate are for storage": {version: 6, subs: []sub{lasting, {born: day(2024, 5, 23), life: ten},
			{born: day(2024, 5, 28), life: ten}}, want: 2},
		"the one that lasts is not for storage": {version: 6, subs: []sub{{born: born, flags: encrypts}, rotating(23), rotating(28)}, want: 2},
		"of another algorithm":                  {version: 6, subs: []sub{{born: born, quantum: true}, rotating(23), rotating(28)}, want: 0},
		"post-quantum throughout": {version: 6, p: seam.PostQuantum, subs: []sub{{born: born, quantum: true},
			{born: day(2024, 5, 23), life: ten, quantum: true, flags: encrypts}, {born: day(2024, 5, 28), life: ten, quantum: true, flags: encrypts}}, want: 1},
	} {
		t.Run(name, func(t *testing.T) {
			if c.version == 0 {
				c.version = 4
			}
			s := newSmith(t, c.version, born).direct(certifies).userID(userIDText, certifies)
			var keys []*packet.PrivateKey
			for _, k := range c.subs {
				key := s.sealingKey(k.born)
				if k.quantum {
					key = s.quantumKey(k.born)
				}
				keys = append(keys, key)
				if k.flags == nil {
					k.flags = with(encrypts, stores)
				}
				s.subkey(key, with(k.flags, at(k.born), lives(k.life)))
			}
			got, err := sealsTo(t, s.certificate(), now, c.p, keys...)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	t.Run("PostQuantum refuses a classical key", func(t *testing.T) {
		_, err := sealsTo(t, simple(t, 4, born).certificate(), now, seam.PostQuantum)
		require.ErrorContains(t, err, "has no post-quantum encryption key, which the PostQuantum profile requires")
	})
}

func TestRevocation(t *testing.T) {
	born, revoked := day(2024, 1, 1), day(2025, 1, 1)
	for name, c := range map[string]struct {
		why          edit
		hard         bool
		before, then bool // seals before and after the date of the revocation
	}{
		"compromised":   {reason(packet.KeyCompromised), true, false, false},
		"no reason":     {reason(packet.NoReason), true, false, false},
		"none stated":   {func(*packet.Signature) {}, true, false, false},
		"unknown":       {reason(packet.ReasonForRevocation(99)), true, false, false},
		"superseded":    {reason(packet.KeySuperseded), false, true, false},
		"retired":       {reason(packet.KeyRetired), false, true, false},
		"never ends":    {with(reason(packet.KeyRetired), lasts(time.Hour)), false, true, false},
		"not revoked":   {nil, false, true, true},
		"SHA-1 will do": {with(reason(packet.KeyRetired), hashedBy(crypto.SHA1)), false, true, false},
		"critical note": {with(reason(packet.KeyRetired), critical), false, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, where := range []string{"primary", "appended", "subkey"} {
				s := newSmith(t, 4, born)
				k := s.sealingKey(born)
				if where == "primary" && c.why != nil {
					s.revoke(with(at(revoked), c.why))
				}
				s.userID(userIDText, certifies).subkey(k, encrypts)
				if where == "appended" && c.why != nil {
					s.revoke(with(at(revoked), c.why))
				}
				if where == "subkey" && c.why != nil {
					s.add(keyTagSignature, s.sign(s.primary, sigSubkeyRevocation, with(at(revoked), c.why), s.hashed(), hashedKey(s.body(&k.PublicKey))))
				}
				cert := s.certificate()
				require.Equal(t, c.hard && where != "subkey", cert.Refuse() != nil, where)
				for when, want := range map[time.Time]bool{revoked.Add(-time.Second): c.before, revoked: c.then} {
					err := cert.CheckSeal(when, seam.Auto)
					require.Equal(t, want, err == nil, "%s %v %v", where, when, err)
					if err != nil {
						require.ErrorAs(t, err, new(*keyring.RevokedError))
					}
				}
			}
		})
	}
}

func TestRevokedUserID(t *testing.T) {
	born := day(2024, 1, 1)
	build := func(why edit, again ...edit) *certificate {
		s := newSmith(t, 4, born).userID("Kept <kept@example.org>", certifies).userID(userIDText, certifies)
		s.add(keyTagSignature, s.sign(s.primary, sigCertificationRevo, with(at(day(2024, 2, 1)), why), s.hashed(), hashedUserID([]byte(userIDText))))
		for _, e := range again {
			s.certify(s.primary, userIDText, e)
		}
		return s.subkey(s.sealingKey(born), encrypts).certificate()
	}
	both, one := []string{"kept@example.org", "bob@example.org"}, []string{"kept@example.org"}
	require.Equal(t, one, build(reason(packet.UserIDNotValid)).Addresses())
	require.Equal(t, both, build(reason(packet.UserIDNotValid), with(certifies, at(day(2024, 3, 1)))).Addresses())
	require.Equal(t, one, build(reason(packet.UserIDNotValid), with(certifies, at(day(2024, 1, 15)))).Addresses(), "certified before it was revoked")
	require.Equal(t, one, build(reason(packet.NoReason), with(certifies, at(day(2024, 3, 1)))).Addresses(), "a hard reason")
	require.NoError(t, build(reason(packet.UserIDNotValid)).CheckSeal(day(2026, 1, 1), seam.Auto), "the other user ID holds")
}

// TestHashedAreaOnly: what nothing protects says nothing, and the same said
// under the signature does.
func TestHashedAreaOnly(t *testing.T) {
	born, now := day(2024, 1, 1), day(2026, 1, 1)
	build := func(user edit, patch func([]byte) []byte) *certificate {
		s := newSmith(t, 4, born).add(keyTagUserID, []byte(userIDText))
		s.add(keyTagSignature, patch(s.sign(s.primary, sigCertLast, user, s.hashed(), hashedUserID([]byte(userIDText)))))
		return s.subkey(s.sealingKey(born), encrypts).certificate()
	}
	as := func(b []byte) []byte { return b }
	require.True(t, build(with(certifies, readsV2), as).readsSEIPDv2(now))
	require.False(t, build(certifies, func(b []byte) []byte { return unhashed(b, 30, 0x09) }).readsSEIPDv2(now))

	gcm := [2]uint8{uint8(packet.CipherAES256), uint8(packet.AEADModeGCM)}
	lists := func(sig *packet.Signature) { sig.PreferredCipherSuites = [][2]uint8{gcm} }
	require.True(t, build(with(certifies, readsV2, lists), as).readsGCM(now))
	require.False(t, build(with(certifies, readsV2), func(b []byte) []byte { return unhashed(b, 39, gcm[0], gcm[1]) }).readsGCM(now))

	require.Error(t, build(with(certifies, lives(year)), as).CheckSeal(now, seam.Auto))
	require.NoError(t, build(certifies, func(b []byte) []byte { return unhashed(b, 9, 0, 0, 0, 1) }).CheckSeal(now, seam.Auto), "an expiry that anybody could add")
}

func TestFeaturesByVersion(t *testing.T) {
	born, now := day(2024, 1, 1), day(2026, 1, 1)
	require.True(t, simple(t, 6, born).certificate().readsSEIPDv2(now))
	require.False(t, simple(t, 4, born).certificate().readsSEIPDv2(now))
	s := newSmith(t, 4, born).direct(with(certifies, readsV2)).userID(userIDText, certifies)
	require.True(t, s.certificate().readsSEIPDv2(now), "the direct-key signature speaks where the user ID's is silent")
	// Of version 6 only the direct-key signature says what the key is for.
	s = newSmith(t, 6, born).userID(userIDText, with(certifies, readsV2))
	cert := s.subkey(s.sealingKey(born), encrypts).certificate()
	require.False(t, cert.readsSEIPDv2(now))
	require.ErrorContains(t, cert.CheckSeal(now, seam.Auto), "no valid direct-key signature")
}
