package rc2_test

import (
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"github.com/doublekeybox/doublekeybox/internal/rc2"
	"github.com/stretchr/testify/require"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// TestSpecification has the examples of RFC 2268, Section 5.
func TestSpecification(t *testing.T) {
	const long = "88bca90e90875a7f0f79c384627bafb2"
	for _, c := range []struct {
		key          string
		bits         int
		plain, crypt string
	}{
		{"0000000000000000", 63, "0000000000000000", "ebb773f993278eff"},
		{"ffffffffffffffff", 64, "ffffffffffffffff", "278b27e42e2f0d49"},
		{"3000000000000000", 64, "1000000000000001", "30649edf9be7d2c2"},
		{"88", 64, "0000000000000000", "61a8a244adacccf0"},
		{"88bca90e90875a", 64, "0000000000000000", "6ccf4308974c267f"},
		{long, 64, "0000000000000000", "1a807d272bbe5db1"},
		{long, 128, "0000000000000000", "2269552ab0f85ca6"},
		{long + "16f80a6f85920584c42fceb0be255daf1e", 129, "0000000000000000", "5b78d3a43dfff1f1"},
	} {
		b, err := rc2.NewCipher(unhex(t, c.key), c.bits)
		require.NoError(t, err)
		require.Equal(t, 8, b.BlockSize())
		out := make([]byte, 8)
		b.Encrypt(out, unhex(t, c.plain))
		require.Equal(t, c.crypt, hex.EncodeToString(out))
		b.Decrypt(out, out)
		require.Equal(t, c.plain, hex.EncodeToString(out))
	}
}

// TestInverse decrypts what was encrypted, with keys of all lengths.
func TestInverse(t *testing.T) {
	r := rand.NewChaCha8([32]byte{1})
	for n := 1; n <= rc2.MaxKeySize; n++ {
		for _, bits := range []int{1, 40, 8 * n, rc2.MaxBits} {
			key, plain, out := make([]byte, n), make([]byte, 8), make([]byte, 8)
			r.Read(key)
			r.Read(plain)
			b, err := rc2.NewCipher(key, bits)
			require.NoError(t, err)
			b.Encrypt(out, plain)
			require.NotEqual(t, plain, out)
			b.Decrypt(out, out)
			require.Equal(t, plain, out, "%d bytes, %d bits", n, bits)
		}
	}
}

func TestParameters(t *testing.T) {
	for _, c := range []struct {
		size, bits int
		ok         bool
	}{
		{0, 40, false}, {1, 40, true}, {128, 40, true}, {129, 40, false},
		{16, 0, false}, {16, -1, false}, {16, 1, true}, {16, 1024, true}, {16, 1025, false},
	} {
		_, err := rc2.NewCipher(make([]byte, c.size), c.bits)
		require.Equal(t, c.ok, err == nil, "%d bytes, %d bits", c.size, c.bits)
	}
}
