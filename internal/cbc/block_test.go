package cbc_test

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"crypto/fips140"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/doublekeybox/doublekeybox/internal/cbc"
	"github.com/doublekeybox/doublekeybox/internal/rc2"
	"github.com/stretchr/testify/require"
)

// TestOtherBlocks decrypts ciphers with blocks of 8 bytes: every length, every padding, and the shares of several goroutines.
func TestOtherBlocks(t *testing.T) {
	if fips140.Enforced() {
		t.Skip("GODEBUG=fips140=only allows no cipher but AES")
	}
	r := rand.NewChaCha8([32]byte{2})
	blocks := map[string]cipher.Block{}
	var err error
	blocks["RC2"], err = rc2.NewCipher(random(r, 16), 128)
	require.NoError(t, err)
	blocks["3DES"], err = des.NewTripleDESCipher(random(r, 24))
	require.NoError(t, err)
	open := func(b cipher.Block, iv []byte, src io.Reader) ([]byte, error) {
		d, err := cbc.NewBlockDecrypter(src, b, iv)
		require.NoError(t, err)
		defer d.Close()
		return io.ReadAll(struct{ io.Reader }{d})
	}
	encrypt := func(b cipher.Block, iv, plain []byte) []byte {
		out := bytes.Clone(plain)
		cipher.NewCBCEncrypter(b, iv).CryptBlocks(out, out)
		return out
	}
	for name, b := range blocks {
		iv := random(r, 8)
		sizes := []int{4087, 4088, 4089, bufferSize - 8, bufferSize, bufferSize + 3, 300_001}
		for n := range 20 {
			sizes = append(sizes, n)
		}
		for _, size := range sizes {
			plain := random(r, size)
			pad := 8 - size%8
			sealed := encrypt(b, iv, append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...))
			for _, src := range []io.Reader{bytes.NewReader(sealed), iotest.HalfReader(bytes.NewReader(sealed))} {
				got, err := open(b, iv, src)
				require.NoError(t, err, "%s, %d", name, size)
				require.True(t, bytes.Equal(plain, got), "%s, %d", name, size)
			}
			_, err := open(b, iv, bytes.NewReader(sealed[:len(sealed)-3]))
			require.Equal(t, cbc.ErrPadding, err)
		}
		for v := range 20 {
			for n := 1; n <= 8; n++ {
				plain := bytes.Repeat([]byte{0xaa}, 16)
				copy(plain[16-n:], bytes.Repeat([]byte{byte(v)}, n))
				got, err := open(b, iv, bytes.NewReader(encrypt(b, iv, plain)))
				if v >= 1 && v <= n {
					require.NoError(t, err)
					require.Equal(t, plain[:16-v], got)
				} else {
					require.Equal(t, cbc.ErrPadding, err, "%s: %d bytes of value %d", name, n, v)
				}
			}
		}
		for n := range 20 {
			_, err := cbc.NewBlockDecrypter(nil, b, make([]byte, n))
			require.Equal(t, n == 8, err == nil, "initialisation vector of %d", n)
		}
	}
}
