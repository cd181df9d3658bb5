package pgp

import (
	"crypto"
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

// A certificate needs no user ID where a direct-key signature says what its
// key is for: RFC 9580, Section 10.1. It then claims no address.
func TestWithoutUserID(t *testing.T) {
	born, now := day(2024, 1, 1), day(2026, 1, 1)
	for version, readsV2Only := range map[int]bool{4: true, 6: true} {
		for name, c := range map[string]struct {
			direct edit
			says   string // "": it seals
		}{
			"direct-key signature":  {with(certifies, readsV2), ""},
			"none":                  {nil, "so that nothing says what it is for"},
			"one that has expired":  {with(certifies, readsV2, lasts(year)), "expired on 2024-12-31"},
			"one that ends the key": {with(certifies, readsV2, lives(year)), "expired on 2024-12-31"},
			"with SHA-224":          {with(certifies, readsV2, hashedBy(crypto.SHA224)), ""},
		} {
			s := newSmith(t, version, born)
			if c.direct != nil {
				s.direct(c.direct)
			}
			cert := s.subkey(s.sealingKey(born), encrypts).certificate()
			require.Empty(t, cert.Addresses(), name)
			err := cert.CheckSeal(now, seam.Auto)
			if c.says != "" {
				require.ErrorContains(t, err, c.says, name)
				continue
			}
			require.NoError(t, err, name)
			require.Equal(t, readsV2Only, cert.readsSEIPDv2(now), name)
		}
	}
}

// Each of several user IDs that says that it is the primary one counts, and
// the last that was signed speaks; one address that stands in several is
// listed once, whatever else stands in them.
func TestSeveralPrimaryUserIDs(t *testing.T) {
	born, now := day(2024, 1, 1), day(2026, 1, 1)
	yes := func(sig *packet.Signature) { sig.IsPrimaryId = new(bool); *sig.IsPrimaryId = true }
	s := newSmith(t, 4, born).
		userID("Bob <bob@example.org>", with(certifies, yes)).
		userID("Robert <bob@example.org>", with(certifies, yes, readsV2, at(day(2025, 1, 1)))).
		userID("bob@example.net", with(certifies, yes, at(day(2024, 6, 1)))).
		userID("Mallory <bob@example.com> <m@example.com>", certifies).
		userID("J\xfcrgen <juergen@example.org>", certifies)
	c := s.subkey(s.sealingKey(born), encrypts).certificate()
	require.Equal(t, []string{"bob@example.org", "bob@example.net", "juergen@example.org"}, c.Addresses())
	require.True(t, c.readsSEIPDv2(now))
	require.False(t, c.readsSEIPDv2(day(2024, 12, 1)), "before it was signed")
}
