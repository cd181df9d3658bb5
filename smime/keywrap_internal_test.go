package smime

import (
	"bufio"
	"crypto"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// RFC 3394, Section 4.6.
func TestKeyWrapVector(t *testing.T) {
	kek := unhex(t, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	key := unhex(t, "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f")
	want := unhex(t, "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21")
	got, err := wrapKey(kek, key)
	require.NoError(t, err)
	require.Equal(t, want, got)
	back, ok := unwrapKey(kek, got)
	require.True(t, ok)
	require.Equal(t, key, back)
}

func TestKeyWrapLengths(t *testing.T) {
	kek := make([]byte, 32)
	for n := range 49 {
		wrapped, err := wrapKey(kek, make([]byte, n))
		if n < 16 || n%8 != 0 {
			require.Error(t, err, n)
		} else {
			require.NoError(t, err, n)
			require.Len(t, wrapped, n+8)
		}
		_, ok := unwrapKey(kek, make([]byte, n))
		require.False(t, ok, n)
	}
	for n, good := range map[int]bool{maxWrapped: true, maxWrapped + 8: false} {
		wrapped, err := wrapKey(kek, make([]byte, n))
		require.Equal(t, good, err == nil)
		if good {
			_, ok := unwrapKey(kek, wrapped)
			require.True(t, ok)
			_, ok = unwrapKey(kek, append(wrapped, make([]byte, 8)...))
			require.False(t, ok)
		}
	}
	_, err := wrapKey(kek[:15], make([]byte, 16))
	require.Error(t, err)
	_, ok := unwrapKey(kek[:15], make([]byte, 24))
	require.False(t, ok)
}

func TestX963KDFVectors(t *testing.T) {
	t.Parallel()
	f, err := os.Open(vectors(t, "openssl", "test", "recipes", "30-test_evp_data", "evpkdf_x963.txt"))
	require.NoError(t, err)
	defer f.Close()
	hashes := map[string]crypto.Hash{"SHA1": crypto.SHA1, "SHA224": crypto.SHA224, "SHA256": crypto.SHA256, "SHA384": crypto.SHA384, "SHA512": crypto.SHA512}
	var h crypto.Hash
	var secret, info []byte
	count := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		key, value, ok := strings.Cut(s.Text(), " = ")
		if !ok {
			continue
		}
		_, v, _ := strings.Cut(value, ":")
		switch key {
		case "KDF":
			h, secret, info = 0, nil, nil
		case "Ctrl.digest":
			h = hashes[v]
		case "Ctrl.hexsecret":
			secret = unhex(t, v)
		case "Ctrl.hexinfo":
			info = append(info, unhex(t, v)...) // twice means joined
		case "Output":
			require.NotZero(t, h)
			want := unhex(t, value)
			got, err := x963KDF(h, secret, info, len(want))
			require.NoError(t, err)
			require.Equal(t, want, got, "%v %x", h, secret)
			count++
		}
	}
	require.NotZero(t, count)
	t.Logf("%d vectors", count)
}

func TestX963KDFLengths(t *testing.T) {
	long, err := x963KDF(crypto.SHA256, []byte("z"), []byte("info"), maxDerived)
	require.NoError(t, err)
	for _, n := range []int{0, 1, 31, 32, 33, 64, 65} {
		got, err := x963KDF(crypto.SHA256, []byte("z"), []byte("info"), n)
		require.NoError(t, err)
		require.Equal(t, string(long[:n]), string(got))
	}
	for _, n := range []int{-1, maxDerived + 1} {
		_, err := x963KDF(crypto.SHA256, nil, nil, n)
		require.Error(t, err)
	}
	_, err = x963KDF(0, nil, nil, 16)
	require.Error(t, err)
}
