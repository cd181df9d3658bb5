package chunkmac

import (
	"crypto/fips140"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMAC is about both kinds of MAC: each byte, the length, the place and the key count.
func TestMAC(t *testing.T) {
	kinds := map[string]func() *List{"the one that New takes": func() *List {
		m, err := New()
		require.NoError(t, err)
		require.Equal(t, fips140.Enforced(), m.gmac == nil)
		return m
	}, "HMAC": func() *List { return withHMAC([32]byte{}) }}
	for name, kind := range kinds {
		m := kind()
		chunks := [][]byte{make([]byte, 100), make([]byte, 100), make([]byte, 101), make([]byte, 99), {1}}
		for _, c := range chunks {
			m.Add(c)
		}
		for i, c := range chunks {
			require.True(t, m.OK(i, c), name)
			for bit := range len(c) * 8 {
				c[bit/8] ^= 1 << (bit % 8)
				require.False(t, m.OK(i, c), "%s: bit %d of chunk %d", name, bit, i)
				c[bit/8] ^= 1 << (bit % 8)
			}
			require.False(t, m.OK(i, c[:len(c)-1]), name)
			require.False(t, m.OK(i, append(c[:len(c):len(c)], 0)), name)
		}
		require.False(t, m.OK(1, chunks[2]), name)
		require.False(t, m.OK(len(chunks), chunks[0]), "%s: one chunk too many", name)
		require.NotEqual(t, m.sum(0, chunks[0]), m.sum(1, chunks[1]), "%s: the same bytes elsewhere", name)
	}
	a, err := New()
	require.NoError(t, err)
	b, err := New()
	require.NoError(t, err)
	require.NotEqual(t, a.sum(0, nil), b.sum(0, nil), "every source has a key of its own")
}

// TestPages crosses the boundaries of pages of tags.
func TestPages(t *testing.T) {
	m, err := New()
	require.NoError(t, err)
	const n = 2*tagsPage + 3
	for i := range n {
		m.Add([]byte{byte(i), byte(i >> 8)})
	}
	for i := range n {
		require.True(t, m.OK(i, []byte{byte(i), byte(i >> 8)}))
		require.False(t, m.OK(i, []byte{byte(i), byte(i>>8) ^ 1}))
	}
}
