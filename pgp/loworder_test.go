package pgp

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// The points of low order are those of which crypto/ecdh says so, in every
// encoding that 32 octets have, and no others near them.
func TestLowOrderPoints(t *testing.T) {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	slow := func(p []byte) bool {
		pub, err := ecdh.X25519().NewPublicKey(p)
		require.NoError(t, err)
		_, err = private.ECDH(pub)
		return err != nil
	}
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	eight, _ := new(big.Int).SetString("325606250916557431795983626356110631294008115727848805560023387167927233504", 10)
	other, _ := new(big.Int).SetString("39382357235489614581723060781553021112529911719440698176882885853963445705823", 10)
	low := 0
	for _, base := range []*big.Int{new(big.Int), p, new(big.Int).Lsh(p, 1), eight, other, new(big.Int).Add(p, eight), new(big.Int).Add(p, other)} {
		for d := int64(-40); d <= 40; d++ {
			v := new(big.Int).Add(base, big.NewInt(d))
			if v.Sign() < 0 || v.BitLen() > 256 {
				continue
			}
			b := v.FillBytes(make([]byte, 32))
			for i := range 16 {
				b[i], b[31-i] = b[31-i], b[i]
			}
			for _, top := range []byte{0, 0x80} {
				q := bytes.Clone(b)
				q[31] ^= top
				require.Equal(t, slow(q), lowOrder(q), "%x", q)
				if lowOrder(q) {
					low++
				}
			}
		}
	}
	require.GreaterOrEqual(t, low, 14)
	require.True(t, lowOrder(make([]byte, 31)))
	require.True(t, lowOrder(nil))
}
