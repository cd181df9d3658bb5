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
