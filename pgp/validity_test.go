package pgp

import (
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Of several user IDs the one that says that it is the primary one speaks for
// the key, and of equals the one whose signature is the later.
func TestPrimaryUserID(t *testing.T) {
	born, now := day(2024, 1, 1), day(2026, 1, 1)
	primary := func(is bool) edit { return func(sig *packet.Signature) { sig.IsPrimaryId = &is } }
	late := at(day(2025, 1, 1))
	tests := map[string]struct {
		a, b  edit // of two user IDs; where readsV2 is said tells who spoke
		reads bool
	}{
		"the first is primary":            {with(certifies, primary(true), readsV2), with(certifies, late), true},
		"the second is":                   {with(certifies, late), with(certifies, primary(true), readsV2), true},
		"the other is":                    {with(certifies, late, readsV2), with(certifies, primary(true)), false},
		"none, the later speaks":          {with(certifies, readsV2), with(certifies, late), false},
		"none, and the first is later":    {with(certifies, late, readsV2), certifies, true},
		"both, the later speaks":          {with(certifies, primary(true), readsV2), with(certifies, primary(true), late), false},
		"it says that it is not":          {with(certifies, primary(false), late, readsV2), with(certifies, primary(true)), false},
		"primary, but has expired":        {with(certifies, primary(true), lasts(year)), with(certifies, readsV2), true},
		"primary, but of the future":      {with(certifies, primary(true), at(now.Add(time.Hour))), with(certifies, readsV2), true},
		"primary, but a digest too short": {with(certifies, primary(true), hashedBy(3)), with(certifies, readsV2), true},
	}
	for name, tt := range tests {
		s := newSmith(t, 4, born).userID("A <a@example.org>", tt.a).userID(userIDText, tt.b)
		c := s.subkey(s.sealingKey(born), encrypts).certificate()
		require.Equal(t, tt.reads, c.readsSEIPDv2(now), name)
		require.NoError(t, c.CheckSeal(now, seam.Auto), name)
	}
}
