package pgp

import (
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// forged returns the key of a smith, with the secrets given besides the
// primary one.
func (s *smith) forged(secrets ...*packet.PrivateKey) *Key {
	k := &privateKey{cert: s.certificate(), secrets: map[string]*packet.PrivateKey{}}
	for _, p := range append(secrets, s.primary) {
		k.secrets[string(p.Fingerprint)] = p
	}
	return &Key{k}
}

// usableAt reports whether a key can be sealed to and signs.
func usableAt(k *Key, at time.Time) (seals, signs bool) {
	return k.private.cert.CheckSeal(at, seam.Auto) == nil, k.private.CheckSign(at, seam.Auto) == nil
}

func TestExtend(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]KeyOptions{
		"4": {}, "6": {Profile: envelope.Modern}, "post-quantum": {Profile: envelope.PostQuantum},
		"4 without user ID": {UserIDs: []string{}}, "6 without user ID": {UserIDs: []string{}, Profile: envelope.Modern},
		"two user IDs": {UserIDs: []string{"Bob <bob@example.org>", "Bob <bob@example.com>"}},
	} {
		t.Run(name, func(t *testing.T) {
			if o.UserIDs == nil {
				o.Address = "bob@example.org"
			}
			k, err := GenerateKey(o)
			require.NoError(t, err)
			before := k.Certificate().Marshal()
			later := time.Now().Truncate(time.Second).Add(3 * year) // it has expired
			seals, signs := usableAt(k, later)
			require.False(t, seals || signs)
			more, err := k.extend(0, later)
			require.NoError(t, err)
			require.Equal(t, before, k.Certificate().Marshal(), "the old key is as it was")
			require.Equal(t, k.Certificate().Fingerprint(), more.Certificate().Fingerprint())
			require.Equal(t, k.Certificate().Addresses(), more.Certificate().Addresses())
			for after, ok := range map[time.Duration]bool{0: true, DefaultLifetime - time.Second: true, DefaultLifetime: false} {
				seals, signs := usableAt(more, later.Add(after))
				require.Equal(t, ok, seals, after)
				require.Equal(t, ok, signs, after)
			}
			require.Equal(t, k.private.cert.readsSEIPDv2(time.Now()), more.private.cert.readsSEIPDv2(later))
			was, is := k.private.cert.properties(later), more.private.cert.properties(later)
			require.Equal(t, was.PreferredSymmetric, is.PreferredSymmetric)
			require.Equal(t, was.PreferredHash, is.PreferredHash)
			require.Equal(t, was.PreferredCipherSuites, is.PreferredCipherSuites)

			// What it says survives a file, and an end can be moved again.
			file, err := more.Marshal(nil)
			require.NoError(t, err)
			again, err := parseKey(file, "")
			require.NoError(t, err)
			ever, err := again.extend(Forever, later)
			require.NoError(t, err)
			seals, signs = usableAt(ever, later.Add(50*year))
			require.True(t, seals && signs)
			short, err := ever.extend(time.Hour, later.Add(time.Minute))
			require.NoError(t, err)
			seals, signs = usableAt(short, later.Add(2*time.Hour))
			require.False(t, seals || signs)
		})
	}
}

// TestExtendRefuses: each with its twin that is extended.
func TestExtendRefuses(t *testing.T) {
	t.Parallel()
	born := day(2024, 1, 1)
	now := day(2025, 1, 1)
	_, err := simple(t, 4, born).forged().extend(0, now)
	require.NoError(t, err)
	_, err = simple(t, 4, born).revoke(at(now.Add(-time.Hour))).forged().extend(0, now)
	require.ErrorAs(t, err, new(*keyring.RevokedError))
	_, err = simple(t, 4, born).forged().extend(time.Millisecond, now)
	require.ErrorContains(t, err, "cannot live")
	_, err = simple(t, 4, born).forged().extend(136*year, now)
	require.ErrorContains(t, err, "cannot live")
	_, err = simple(t, 4, born).forged().extend(0, born.Add(-time.Hour))
	require.ErrorIs(t, err, keyring.ErrRefused)
	stub, err := parseKey(fixture(t, "offline-primary.sec"), "fixture")
	require.NoError(t, err)
	_, err = stub.Extend(0)
	require.ErrorContains(t, err, "kept elsewhere, and only it can extend")
	for _, zero := range []*Key{nil, {}} {
		_, err = zero.Extend(0)
		require.Error(t, err)
		_, err = zero.Revoke(NoReason, "")
		require.Error(t, err)
	}
}

// TestExtendChooses: what was given up stays so.
func TestExtendChooses(t *testing.T) {
	t.Parallel()
	born, now := day(2022, 1, 1), day(2025, 1, 1)
	end := func(k *Key, i int) time.Time {
		s := &k.private.cert.subs[i]
		return expiry(s.key, s.binding(now.Add(time.Second)))
	}
	expired := with(encrypts, lives(year))
	for name, c := range map[string]struct {
		first, second edit
		revoked       bool
		extended      [2]bool
	}{
		"both valid":          {encrypts, with(encrypts, lives(10*year)), false, [2]bool{true, true}},
		"one was replaced":    {expired, encrypts, false, [2]bool{false, true}},
		"both expired":        {expired, with(encrypts, lives(2*year)), false, [2]bool{false, true}},
		"for another purpose": {expired, signs, false, [2]bool{true, true}},
		"the other is revoked": {with(encrypts, lives(2*year)), with(encrypts, lives(10*year)), true,
			[2]bool{true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSmith(t, 4, born).userID(userIDText, with(certifies, signs, lives(year)))
			sub := s.sealingKey(born)
			s.subkey(sub, c.first)
			other := s.sealingKey(born)
			if name == "for another purpose" {
				other = s.signingKey(born)
			}
			s.subkey(other, c.second)
			if c.revoked {
				s.add(keyTagSignature, s.sign(s.primary, sigSubkeyRevocation, nil, s.hashed(), hashedKey(s.body(&other.PublicKey))))
			}
			k, err := s.forged(sub, other).extend(time.Hour, now)
			require.NoError(t, err)
			for i, want := range c.extended {
				require.Equal(t, want, end(k, i).Equal(now.Add(time.Hour)), i)
			}
		})
	}
}

// TestExtendSignsBack: a subkey for signing confirms again that it belongs to
// the key; where its secret is elsewhere the old confirmation serves.
func TestExtendSignsBack(t *testing.T) {
	t.Parallel()
	born, now := day(2024, 1, 1), day(2025, 1, 1)
	s := simple(t, 6, born)
	sub := s.signingKey(born)
	s.subkey(sub, with(signs, lives(year)))
	for _, k := range []*Key{s.forged(sub), s.forged()} {
		more, err := k.extend(0, now)
		require.NoError(t, err)
		x := &more.private.cert.subs[1]
		b := x.binding(now)
		require.Equal(t, now, b.CreationTime.UTC())
		require.True(t, b.back)
		require.NoError(t, more.private.cert.checkSigning(x, now.Add(time.Hour)))
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	for _, p := range []envelope.Profile{envelope.Compatible, envelope.Modern, envelope.PostQuantum} {
		k, err := GenerateKey(KeyOptions{Address: "bob@example.org", Profile: p})
		require.NoError(t, err)
		for why, refused := range map[Reason]bool{NoReason: true, Compromised: true, Superseded: false, Retired: false} {
			gone, err := k.Revoke(why, "stolen with my bag")
			require.NoError(t, err)
			require.NoError(t, k.private.CheckSign(time.Now(), seam.Auto), "the old key is as it was")
			seals, signs := usableAt(gone, time.Now().Add(time.Second))
			require.False(t, seals || signs)
			require.Equal(t, refused, gone.private.cert.Refuse() != nil, why)
			err = gone.private.CheckSign(time.Now().Add(time.Second), seam.Auto)
			require.ErrorContains(t, err, "stolen with my bag")
			file, err := gone.Marshal(nil)
			require.NoError(t, err)
			_, err = parseKey(file, "")
			require.NoError(t, err, "what was sealed to it still opens")
			_, err = gone.Extend(0)
			require.ErrorAs(t, err, new(*keyring.RevokedError))
		}
		for _, bad := range []Reason{-1, 4, 32} {
			_, err = k.Revoke(bad, "")
			require.ErrorContains(t, err, "no reason")
		}
		for _, text := range []string{"a\nb", "\x1b[2J", "\xff", string(make([]byte, maxReason+1))} {
			_, err = k.Revoke(NoReason, text)
			require.ErrorContains(t, err, "cannot explain")
		}
	}
}

// TestBinderVerifies: a signature that does not verify is never handed out.
func TestBinderVerifies(t *testing.T) {
	t.Parallel()
	s := newSmith(t, 6, day(2024, 1, 1))
	for key, ok := range map[*packet.PrivateKey]bool{s.primary: true, s.signingKey(s.born): false} {
		mixed := *s.primary
		mixed.PrivateKey = key.PrivateKey
		b := newBinder(&mixed, s.born)
		b.direct(&packet.Signature{})
		require.Equal(t, ok, b.err == nil)
		require.Equal(t, ok, len(b.out) > 0)
	}
}
