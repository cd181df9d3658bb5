package smime

import (
	"crypto"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// TestPostQuantumReaders: who else may read what the PostQuantum profile is
// claimed for.
func TestPostQuantumReaders(t *testing.T) {
	for algorithm, ok := range map[string]bool{
		encapsulationName(mlkem768Set, 32):  true,
		encapsulationName(mlkem1024Set, 32): true,
		encapsulationName(mlkem768Set, 16):  false,
		encapsulationName(mlkem512Set, 32):  false,
		passwordName(crypto.SHA256, 32):     true,
		agreementName(curveX25519, 32):      false,
		v15Name:                             false,
		notSupported:                        false,
	} {
		s := &session{h: &sealedHeader{
			alg:        contentAlgorithm{name: nameGCM, mode: modeGCM, keyLen: 32},
			recipients: []seam.Recipient{{Algorithm: encapsulationName(mlkem768Set, 32)}, {Algorithm: algorithm}},
		}}
		err := s.mayAdd(&sealing{plan: &seam.SealPlan{Profile: seam.PostQuantum}, aead: true})
		require.Equal(t, ok, err == nil, "%s: %v", algorithm, err)
		if !ok {
			require.ErrorIs(t, err, keyring.ErrRefused)
		}
	}
}

// TestPasswordRoom counts what a reader pays who tries a passphrase with each.
func TestPasswordRoom(t *testing.T) {
	with := func(iterations ...int64) (c passwordCount) {
		for _, n := range iterations {
			c.add(&recipientInfo{kind: password, pw: &passwordInfo{iterations: n, hash: crypto.SHA256, size: 32}})
		}
		return c
	}
	const most = maxIterations - writeIterations
	refused := passwordCount{}
	refused.add(&recipientInfo{kind: password, pw: &passwordInfo{iterations: 1 << 62}, refuse: "unknown"})
	refused.add(&recipientInfo{kind: keyTransport})
	for name, c := range map[string]struct {
		c    passwordCount
		more int
		ok   bool
	}{
		"none":               {with(), 8, true},
		"one more":           {with(), 9, false},
		"seven and one":      {with(1, 1, 1, 1, 1, 1, 1), 1, true},
		"eight and one":      {with(1, 1, 1, 1, 1, 1, 1, 1), 1, false},
		"eight and none":     {with(1, 1, 1, 1, 1, 1, 1, 1), 0, true},
		"just room":          {with(most), 1, true},
		"too dear":           {with(most + 1), 1, false},
		"too dear together":  {with(most, 1), 1, false},
		"too dear, and none": {with(maxIterations), 0, true},
		"a number too large": {with(1<<62, 1<<62, 1<<62), 1, false},
		"nobody tries it":    {refused, 1, true},
	} {
		err := c.c.room(c.more)
		require.Equal(t, c.ok, err == nil, name)
		if !c.ok {
			require.ErrorIs(t, err, envelope.ErrLimit, name)
		}
	}
}
