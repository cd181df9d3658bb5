package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/pgp"
)

// TestPurposeOfRevokedSubkey: a key for storage that is revoked, or that has
// expired, is no key for storage.
func TestPurposeOfRevokedSubkey(t *testing.T) {
	allowed(t)
	born := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	now := born.AddDate(1, 0, 0)
	config := &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return born }}
	for name, c := range map[string]struct {
		change func(*openpgp.Subkey)
		ok     bool
	}{
		"in force": {func(*openpgp.Subkey) {}, true},
		"revoked": {func(s *openpgp.Subkey) {
			require.NoError(t, s.Revoke(packet.KeyRetired, "", config))
		}, false},
		"expired": {func(s *openpgp.Subkey) {
			s.Bindings[0].Packet.KeyLifetimeSecs = new(uint32(3600))
		}, false},
	} {
		e, err := openpgp.NewEntity("", "", "bob@example.org", config)
		require.NoError(t, err)
		require.NoError(t, e.AddEncryptionSubkey(config))
		e.Subkeys[0].Bindings[0].Packet.FlagEncryptStorage = false
		e.Subkeys[1].Bindings[0].Packet.FlagEncryptCommunications = false
		c.change(&e.Subkeys[1])
		for i := range e.Subkeys {
			require.NoError(t, e.Subkeys[i].ReSign(config))
		}
		var out bytes.Buffer
		require.NoError(t, e.Serialize(&out))
		cert, err := pgp.ParseCertificate(out.Bytes())
		require.NoError(t, err)
		require.NoError(t, fits(cert, "communications", now), name)
		require.Equal(t, c.ok, fits(cert, "storage", now) == nil, name)
	}
}
