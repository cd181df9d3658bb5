package pgp

import (
	"bytes"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// TestRevocationAlone: programs that clean a certificate leave of what was
// revoked nothing but its revocation. It is kept, and counts in the copy that
// holds the rest.
func TestRevocationAlone(t *testing.T) {
	born, now := day(2024, 1, 1), day(2026, 1, 1)
	for _, version := range []int{4, 6} {
		const second = "Bob <bob@example.com>"
		s := newSmith(t, version, born)
		if version == 6 {
			s.direct(certifies)
		}
		s.userID(userIDText, certifies)
		cleaned := *s
		cleaned.raw = bytes.Clone(s.raw)
		sub := s.sealingKey(born)
		s.userID(second, certifies).subkey(sub, encrypts)
		full := s.certificate()
		require.NoError(t, full.CheckSeal(now, seam.Auto))
		require.Contains(t, full.addresses, "bob@example.com")

		subBody := s.body(&sub.PublicKey)
		cleaned.add(keyTagUserID, []byte(second)).add(keyTagSignature,
			s.sign(s.primary, sigCertificationRevo, reason(packet.UserIDNotValid), s.hashed(), hashedUserID([]byte(second))))
		cleaned.add(keyTagPublicSub, subBody).add(keyTagSignature,
			s.sign(s.primary, sigSubkeyRevocation, reason(packet.KeyCompromised), s.hashed(), hashedKey(subBody)))
		clean := cleaned.certificate()
		require.Equal(t, []string{"bob@example.org"}, clean.addresses)
		require.ErrorAs(t, clean.CheckSeal(now, seam.Auto), new(*keyring.RevokedError))
		again, err := parseCertificate(clean.encoding)
		require.NoError(t, err)
		require.Equal(t, clean.encoding, again.encoding)

		for _, pair := range [][2]*certificate{{full, clean}, {clean, full}} {
			m, err := merge(pair[0], pair[1])
			require.NoError(t, err)
			require.Equal(t, []string{"bob@example.org"}, m.addresses)
			require.ErrorAs(t, m.CheckSeal(now, seam.Auto), new(*keyring.RevokedError))
			require.Len(t, m.users, 2)
			require.Len(t, m.subs, 1)
		}

		// What somebody else signed is no more than what nobody did.
		stranger := newSmith(t, version, born)
		for _, c := range []struct {
			kind packet.SignatureType
			tag  int
			body []byte
			what []byte
		}{
			{sigCertificationRevo, keyTagUserID, []byte(second), hashedUserID([]byte(second))},
			{sigSubkeyRevocation, keyTagPublicSub, subBody, hashedKey(subBody)},
		} {
			sig := s.sign(stranger.primary, c.kind, nil, s.hashed(), c.what)
			other := simple(t, version, born)
			n := len(other.certificate().users) + len(other.certificate().subs)
			got := other.add(c.tag, c.body).add(keyTagSignature, sig).certificate()
			require.Equal(t, n, len(got.users)+len(got.subs))
		}
	}
}

// TestRevocationAppended: whoever appends a revocation to a key file has
// revoked the key, also behind what is dropped.
func TestRevocationAppended(t *testing.T) {
	born := day(2024, 1, 1)
	for name, last := range map[string]func(*smith){
		"nothing":          func(*smith) {},
		"a picture":        func(s *smith) { s.add(keyTagAttribute, []byte{1, 1}) },
		"a long user ID":   func(s *smith) { s.add(keyTagUserID, make([]byte, maxUserIDBytes+1)) },
		"a damaged subkey": func(s *smith) { s.add(keyTagPublicSub, []byte{4, 0, 0, 0, 0, 99}) },
		"something new":    func(s *smith) { s.add(keyTagCritical+1, nil) },
		"a user ID of nobody": func(s *smith) {
			s.add(keyTagUserID, []byte("nobody"))
		},
	} {
		for _, version := range []int{4, 6} {
			s := simple(t, version, born)
			last(s)
			require.NoError(t, s.certificate().Refuse(), name)
			other := newSmith(t, version, born)
			s.add(keyTagSignature, s.sign(other.primary, sigKeyRevocation, nil, s.hashed()))
			require.NoError(t, s.certificate().Refuse(), name)
			c := s.revoke(nil).certificate()
			require.ErrorAs(t, c.Refuse(), new(*keyring.RevokedError), name)
			require.Len(t, c.users, 1, name)
		}
	}
}
