package pgp

import (
	"bytes"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/ed25519"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// fixedSmith is newSmith with the same key every time: the processes of a
// fuzzing run would not know each other's.
func fixedSmith(t testing.TB, seed byte) *smith {
	s := newSmith(t, 4, day(2024, 1, 1))
	k, err := ed25519.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{seed}, 32)))
	require.NoError(t, err)
	s.primary = packet.NewEd25519PrivateKey(s.born, k)
	s.raw = appendKeyPacket(nil, keyTagPublic, s.body(&s.primary.PublicKey))
	return s
}

// FuzzUpdate: what comes of any file is of the same key, has lost neither a
// revocation nor an address that is not revoked, is in its final form, and the
// same when the file is read again.
func FuzzUpdate(f *testing.F) {
	s := fixedSmith(f, 1).userID(userIDText, certifies)
	c := s.certificate()
	f.Add(s.raw)
	keySeeds(f, "*.pub.asc")
	f.Add(appendKeyPacket(nil, keyTagSignature, s.sign(s.primary, sigKeyRevocation, nil, s.hashed())))
	o := *s
	o.raw = bytes.Clone(s.raw)
	f.Add(o.userID("B <b@example.org>", certifies).subkey(fixedSmith(f, 2).primary, signs).direct(nil).raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := Update(c.public(), b)
		if err != nil {
			require.Nil(t, got)
			return
		}
		m := inside(got)
		require.Equal(t, c.fingerprint(), m.fingerprint())
		again, err := parseCertificate(m.encoding)
		require.NoError(t, err)
		require.Equal(t, m.encoding, again.encoding)
		twice, err := Update(got, b)
		require.NoError(t, err)
		require.Equal(t, m.encoding, twice.Marshal())
		for which := range revocationsOf(c) {
			require.Contains(t, revocationsOf(m), which)
		}
		require.LessOrEqual(t, len(c.users), len(m.users))
	})
}

// FuzzIntroducedBy: whatever a file holds, somebody who certified nothing
// introduces nobody, and who did introduces no address but that one.
func FuzzIntroducedBy(f *testing.F) {
	bob := fixedSmith(f, 1).userID(userIDText, certifies)
	carol := fixedSmith(f, 2).userID("Carol <carol@example.org>", certifies)
	dave := fixedSmith(f, 3).userID("Dave <dave@example.org>", certifies)
	cert := bob.certificate().public()
	trust := func(s *smith) *keyring.Verified {
		c := s.certificate()
		v, err := keyring.Verify(c.public(), keyring.Expect(c.fingerprint()))
		require.NoError(f, err)
		return v
	}
	byCarol, byDave := trust(carol), trust(dave)
	f.Add(append(bytes.Clone(simpleHead(bob)), bob.certification(carol, sigCertLast, userIDText, nil)...))
	f.Add(append(bytes.Clone(simpleHead(bob)), appendKeyPacket(nil, keyTagSignature,
		carol.sign4(carol.primary, sigCertFirst, carol.born, subpacket(4, 0), subpacket(99, 1), bob.hashed(), hashedUserID([]byte(userIDText))))...))
	clock := func() time.Time { return day(2026, 1, 1) }
	f.Fuzz(func(t *testing.T, file []byte) {
		_, err := keyring.Verify(cert, introducedBy("bob@example.org", file, clock, byDave))
		require.ErrorIs(t, err, keyring.ErrRefused)
		_, err = keyring.Verify(cert, introducedBy("eve@example.org", file, clock, byCarol))
		require.ErrorIs(t, err, keyring.ErrRefused)
		v, err := keyring.Verify(cert, introducedBy("bob@example.org", file, clock, byCarol))
		if err == nil {
			require.Contains(t, v.Evidence(), byCarol.Fingerprint().String())
		}
	})
}
