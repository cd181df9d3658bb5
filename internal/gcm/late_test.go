package gcm_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/doublekeybox/doublekeybox/internal/gcm"
	"github.com/stretchr/testify/require"
)

// TestSumLate holds additional data that comes after the ciphertext against crypto/cipher, which takes it before.
func TestSumLate(t *testing.T) {
	if refused(t) {
		return
	}
	source := seed(71)
	r := rand.New(source)
	for _, aadSize := range []int{0, 1, 15, 16, 17, 31, 32, 33, 48, 500} {
		for _, size := range []int{0, 1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 1000} {
			t.Run(fmt.Sprint(aadSize, "-", size), func(t *testing.T) {
				m := newMessage(t, source, []int{16, 24, 32}[r.IntN(3)], aadSize, size)
				v, err := gcm.NewVerifierWith(m.key, m.nonce, nil, gcm.Vary(16, 2, 0))
				require.NoError(t, err)
				feed(t, v, m.cipher(), r, 40)
				sum, err := v.SumLate(m.aad)
				require.NoError(t, err)
				require.True(t, gcm.Check(sum, m.tag()))
				again, err := v.SumLate(nil)
				require.NoError(t, err)
				require.Equal(t, sum, again, "a second call must return the same")
				_, err = v.Write([]byte{0})
				require.ErrorIs(t, err, gcm.ErrClosed)
			})
		}
	}
}

func TestSumLateIsNotSum(t *testing.T) {
	if refused(t) {
		return
	}
	m := newMessage(t, seed(72), 32, 20, 300)
	for name, aad := range map[string][]byte{
		"right":   m.aad,
		"none":    nil,
		"changed": append(bytes.Clone(m.aad[:19]), m.aad[19]^1),
		"longer":  append(bytes.Clone(m.aad), 0),
		"shorter": m.aad[:19],
	} {
		v, err := gcm.NewVerifier(m.key, m.nonce, nil)
		require.NoError(t, err)
		_, err = v.Write(m.cipher())
		require.NoError(t, err)
		sum, err := v.SumLate(aad)
		require.NoError(t, err)
		require.Equal(t, name == "right", gcm.Check(sum, m.tag()), name)
	}
}

func TestSumLateTwiceTheAdditionalData(t *testing.T) {
	if refused(t) {
		return
	}
	m := newMessage(t, seed(73), 32, 20, 300)
	v, err := gcm.NewVerifier(m.key, m.nonce, m.aad)
	require.NoError(t, err)
	_, err = v.SumLate(m.aad)
	require.Error(t, err)
	_, err = v.Sum()
	require.Error(t, err, "the error must stay")
}
