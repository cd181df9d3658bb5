package pgp

import (
	"crypto/sha3"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// record is a target record of a primary key.
func (s *smith) record() []byte {
	sum := sha3.Sum256(s.hashed())
	r := append([]byte{byte(s.version)}, s.primary.Fingerprint...)
	r = append(r, sum[:]...)
	return append([]byte{byte(len(r))}, r...)
}

// states adds a direct-key signature that holds a Replacement Key subpacket.
func (s *smith) states(when time.Time, value ...byte) *smith {
	return s.add(keyTagSignature, s.sign4(s.primary, sigDirectKey, when, subpacket(subpacketReplacement, value...), nil, s.hashed()))
}

// plainly adds a user ID and an encryption subkey.
func (s *smith) plainly() *smith {
	return s.userID(userIDText, with(certifies, signs)).subkey(s.sealingKey(s.born), encrypts)
}

// Each case differs in one thing from the first.
func TestReplacementOf(t *testing.T) {
	t.Parallel()
	born, now := day(2024, 1, 1), day(2024, 6, 1)
	type pair struct{ old, new *smith }
	cat := func(class byte, records ...[]byte) []byte {
		out := []byte{class}
		for _, r := range records {
			out = append(out, r...)
		}
		return out
	}
	superseded := func(s *smith, value []byte, when time.Time) {
		protected := append(subpacket(29, 1), subpacket(subpacketReplacement, value...)...)
		s.add(keyTagSignature, s.sign4(s.primary, sigKeyRevocation, when, protected, nil, s.hashed()))
	}
	for _, c := range []struct {
		name  string
		build func(p pair)
		want  string // "": believed
	}{
		{"each names the other", func(p pair) {
			p.old.states(born, cat(0, p.new.record())...)
			p.new.states(born, cat(1, p.old.record())...)
		}, ""},
		{"among others that it replaces", func(p pair) {
			p.old.states(born, cat(0, p.new.record())...)
			p.new.states(born, cat(1, newSmith(t, 4, born).record(), p.old.record())...)
		}, ""},
		{"in the revocation by which it is superseded", func(p pair) {
			superseded(p.old, cat(0, p.new.record()), born)
			p.new.states(born, cat(1, p.old.record())...)
		}, ""},
		{"the old one says nothing", func(p pair) {
			p.new.states(born, cat(1, p.old.record())...)
		}, "does not say that another key replaces it"},
		{"the new one says nothing", func(p pair) {
			p.old.states(born, cat(0, p.new.record())...)
		}, "does not say that it replaces"},
		{"the old one names another", func(p pair) {
			p.old.states(born, cat(0, newSmith(t, 4, born).record())...)
			p.new.states(born, cat(1, p.old.record())...)
		}, "is not the key that"},
		{"the new one replaces another", func(p pair) {
			p.old.states(born, cat(0, p.new.record())...)
			p.new.states(born, cat(1, newSmith(t, 4, born).record())...)
		}, "does not say that it replaces"},
		{"both say that they replace", func(p pair) {
			p.old.states(born, cat(1, p.new.record())...)
			p.new.states(born, cat(1, p.old.record())...)
		}, "does not say that another key replaces it"},
		{"both say that they are replaced", func(p pair) {
			p.old.states(born, cat(0, p.new.record())...)
			p.new.states(born, cat(0, p.old.record())...)
		}, "does not say that it replaces"},
		{"two replacements", func(p pair) {
			p.old.states(born, cat(0, p.new.record(), newSmith(t, 4, born).record())...)
			p.new.states(born, cat(1, p.old.record())...)
		}, "does not say that another key replaces it"},
		{"another imprint", func(p pair) {
			r := p.new.record()
			r[len(r)-1] ^= 1
			p.old.states(born, cat(0, r)...)
			p.new.states(born, cat(1, p.old.record())...)
		}, "is not the key that"},
		{"another version", func(p pair) {
			r := p.new.record()
			r[1] = 5
			p.old.states(born, cat(0, r)...)
			p.new.states(born, cat(1, p.old.record())...)
		}, "does not say that another key replaces it"},
		{"a record that is cut off", func(p pair) {
			r := p.new.record()
			p.old.states(born, cat(0, r[:len(r)-1])...)
			p.new.states(born, cat(1, p.old.record())...)
		}, "does not say that another key replaces it"},
		{"an unknown class", func(p pair) {
			p.old.states(born, cat(2, p.new.record())...)
			p.new.states(born, cat(1, p.old.record())...)
		}, "does not say that another key replaces it"},
		{"where nothing protects it", func(p pair) {
			value := cat(0, p.new.record())
			p.old.add(keyTagSignature, unhashed(p.old.sign(p.old.primary, sigDirectKey, nil, p.old.hashed()), subpacketReplacement, value...))
			p.new.states(born, cat(1, p.old.record())...)
		}, "does not say that another key replaces it"},
		{"taken back by a newer signature", func(p pair) {
			p.old.states(born, cat(0, p.new.record())...)
			p.old.direct(at(born.AddDate(0, 1, 0)))
			p.new.states(born, cat(1, p.old.record())...)
		}, "does not say that another key replaces it"},
		{"stated in the future", func(p pair) {
			p.old.states(now.AddDate(0, 0, 1), cat(0, p.new.record())...)
			p.new.states(born, cat(1, p.old.record())...)
		}, "does not say that another key replaces it"},
		{"superseded, and by the revocation by nobody", func(p pair) {
			p.old.states(born, cat(0, p.new.record())...)
			p.old.revoke(reason(1))
			p.new.states(born, cat(1, p.old.record())...)
		}, "does not say that another key replaces it"},
		{"two revocations name two keys", func(p pair) {
			superseded(p.old, cat(0, p.new.record()), born)
			superseded(p.old, cat(0, newSmith(t, 4, born).record()), born.AddDate(0, 1, 0))
			p.new.states(born, cat(1, p.old.record())...)
		}, "names 2 keys"},
		{"retired", func(p pair) {
			p.old.revoke(reason(3)) // before the user ID, where it has to be
			p.old.states(born, cat(0, p.new.record())...)
			p.new.states(born, cat(1, p.old.record())...)
		}, "revoked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := pair{newSmith(t, 4, born), newSmith(t, 4, born)}
			c.build(p)
			old, cert := p.old.plainly().certificate(), p.new.plainly().certificate()
			v, err := keyring.Verify(old.public(), keyring.Expect(old.fingerprint()))
			require.NoError(t, err)
			_, err = keyring.Verify(cert.public(), replacementOf(v, func() time.Time { return now }))
			if c.want == "" {
				require.NoError(t, err)
				require.Equal(t, [][]byte{cert.fullFingerprint()}, old.Describe(now).ReplacedBy)
				require.Contains(t, cert.Describe(now).Replaces, old.fullFingerprint())
				return
			}
			require.ErrorIs(t, err, keyring.ErrRefused)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// A key that has expired or was retired since names nobody, also where the time
// that its signature states is before that.
func TestSucceededByOldSubkey(t *testing.T) {
	t.Parallel()
	born, now := day(2024, 1, 1), day(2024, 6, 1)
	file := newSmith(t, 4, born).plainly().raw
	cert, err := parseCertificate(file)
	require.NoError(t, err)
	const year = 365 * 24 * time.Hour
	for _, c := range []struct {
		name    string
		primary time.Duration
		sub     time.Duration
		retired bool
		want    string // "": believed
	}{
		{"in force", year, year, false, ""},
		{"its signing key expired", year, year / 4, false, "expired on 2024-04"},
		{"its signing key was retired", year, year, true, "revoked"},
		{"all of it expired", year / 4, year, false, "expired on 2024-04"},
	} {
		s := newSmith(t, 4, born).userID(userIDText, with(certifies, lives(c.primary))).subkey(newSmith(t, 4, born).sealingKey(born), encrypts)
		sub := s.signingKey(born)
		s.subkey(sub, with(signs, lives(c.sub)))
		if c.retired {
			s.add(keyTagSignature, s.sign(s.primary, sigSubkeyRevocation, with(reason(3), at(now.AddDate(0, -1, 0))), s.hashed(), hashedKey(s.body(&sub.PublicKey))))
		}
		old := s.certificate()
		v, err := keyring.Verify(old.public(), keyring.Expect(old.fingerprint()))
		require.NoError(t, err)
		signature := appendKeyPacket(nil, keyTagSignature, s.sign(sub, packet.SigTypeBinary, at(born.AddDate(0, 0, 1)), file))
		_, err = keyring.Verify(cert.public(), succeededBeside(v, file, signature, func() time.Time { return now }))
		if c.want == "" {
			require.NoError(t, err, c.name)
			continue
		}
		require.ErrorIs(t, err, keyring.ErrRefused, c.name)
		require.ErrorContains(t, err, c.want, c.name)
	}
}

// What is read of a statement is in it, and nothing makes it panic.
func FuzzStatement(f *testing.F) {
	s := newSmith(f, 4, day(2024, 1, 1))
	value := append([]byte{1}, append(s.record(), s.record()...)...)
	f.Add(s.sign4(s.primary, sigDirectKey, s.born, subpacket(subpacketReplacement, value...), nil, s.hashed()))
	f.Add([]byte{4, 0x1F, 1, 8, 0, 3, 2, 100, 1})
	f.Add([]byte{6, 0x1F, 1, 8, 0, 0, 0, 3, 2, 100, 1})
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) < 8 {
			return // sanitize drops it
		}
		inverse, ts := statement(body)
		if !inverse && len(ts) > 1 {
			t.Fatal("a key that is replaced twice")
		}
		for _, target := range ts {
			want := map[byte]int{4: 20, 6: 32}[target.version]
			if want == 0 || len(target.fingerprint) != want || len(target.imprint) != 32 {
				t.Fatalf("%+v", target)
			}
		}
	})
}
