package pgp_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// TestExpiredSignature: a signature is good as long as it says, and not longer.
func TestExpiredSignature(t *testing.T) {
	k := key(t, "curve25519")
	hour := uint32(3600)
	made := time.Now()
	ops, sig := signature{by: k, change: func(s *packet.Signature) { s.SigLifetimeSecs = &hour }}.make(t, "text")
	msg := craft{}.seal(t, k, cat(ops, literal("text"), sig))
	for after, good := range map[time.Duration]bool{50 * time.Minute: true, 70 * time.Minute: false} {
		o := opener(k)
		o.Senders = []*keyring.Verified{verified(t, k)}
		o.Time = func() time.Time { return made.Add(after) }
		_, report, err := open(o, bytes.NewReader(msg))
		require.NoError(t, err)
		require.Len(t, report.Signatures, 1)
		require.Equal(t, good, report.Signatures[0].Valid(), report.Signatures[0].Problem())
		o.RequireSignature = true
		got, _, err := open(o, bytes.NewReader(msg))
		if good {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, envelope.ErrSignature)
		require.Empty(t, got)
	}
}

// TestArmorLabels: what is armored as something else than a signature is not
// verified as one, though the packets in it are one.
func TestArmorLabels(t *testing.T) {
	k := key(t, "curve25519")
	o := &envelope.Opener{Senders: []*keyring.Verified{verified(t, k)}}
	sig := string(detached(t, true, []byte("text"), k))
	require.Equal(t, 2, strings.Count(sig, "PGP SIGNATURE"))
	for label, good := range map[string]bool{
		"PGP SIGNATURE": true, "PGP MESSAGE": true, // as old programs write it
		"PGP PUBLIC KEY BLOCK": false, "PGP SIGNED MESSAGE": false, "PGP ARMORED FILE": false,
	} {
		_, err := o.VerifyDetached(strings.NewReader(strings.ReplaceAll(sig, "PGP SIGNATURE", label)), strings.NewReader("text"))
		if good {
			require.NoError(t, err, label)
		} else {
			require.ErrorIs(t, err, envelope.ErrFormat, label)
		}
	}
}
