package mdc_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/fips140"
	"crypto/rand"
	"crypto/sha1"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/mdc"
)

// Around everything that is done at once: blocks, the first buffer, the largest, and all of them.
var lengths = []int{
	0, 1, 2, 13, 14, 15, 16, 17, 31, 32, 33, 4<<10 - 41, 4<<10 - 19, 4<<10 - 18, 4<<10 - 17, 4 << 10, 16<<10 - 18, 64<<10 - 41, 64<<10 - 40,
	64<<10 - 39, 64<<10 - 19, 64<<10 - 18, 64<<10 - 17, 64 << 10, 128<<10 - 41, 128<<10 - 40,
	128<<10 - 39, 128<<10 - 19, 128<<10 - 18, 128<<10 - 17, 128 << 10, 256<<10 - 18, 256<<10 + 5, 600_001,
}

func notUnderFIPS(t testing.TB) {
	if fips140.Enforced() {
		t.Skip("std refuses CFB and SHA-1 here; pgp refuses the messages before it comes to this")
	}
}

func blocks(t testing.TB) map[string]cipher.Block {
	notUnderFIPS(t)
	key := octets(32)
	a, err := aes.NewCipher(key)
	require.NoError(t, err)
	d, err := des.NewTripleDESCipher(key[:24])
	require.NoError(t, err)
	return map[string]cipher.Block{"AES": a, "triple DES": d}
}

func octets(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// oracle is RFC 9580, Section 5.13.1, in five lines.
func oracle(block cipher.Block, prefix, content []byte) []byte {
	b := append(bytes.Clone(prefix), prefix[len(prefix)-2:]...)
	b = append(append(b, content...), 0xD3, 0x14)
	sum := sha1.Sum(b)
	b = append(b, sum[:]...)
	return encrypted(block, b)
}

func encrypted(block cipher.Block, b []byte) []byte {
	//lint:ignore SA1019 it is the oracle
	cipher.NewCFBEncrypter(block, make([]byte, block.BlockSize())).XORKeyStream(b, b)
	return b
}

func TestWriter(t *testing.T) {
	for name, block := range blocks(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, n := range lengths {
				prefix, content := octets(block.BlockSize()), octets(n)
				want := oracle(block, prefix, content)
				for _, most := range []int{1, 7, 4096, 100_000, 1 << 20} {
					if most == 1 && n > 70_000 {
						continue
					}
					var out bytes.Buffer
					w := mdc.NewWriter(&out, block, prefix)
					for rest := content; len(rest) > 0; {
						k := min(1+mathrand.IntN(most), len(rest))
						m, err := w.Write(rest[:k])
						require.NoError(t, err)
						require.Equal(t, k, m)
						rest = rest[k:]
					}
					require.NoError(t, w.Close())
					require.True(t, bytes.Equal(want, out.Bytes()), "%d by %d", n, most)
					_, err := w.Write([]byte{1})
					require.Equal(t, mdc.ErrClosed, err)
					require.Equal(t, mdc.ErrClosed, w.Close())
					w.Abort()
				}
			}
		})
	}
}

// failing is a destination that fails or panics after so many octets.
type failing struct {
	left   int
	panics bool
}

var errFull = errors.New("no space")

func (f *failing) Write(p []byte) (int, error) {
	if len(p) > f.left {
		if f.panics {
			panic(errFull)
		}
		return f.left, errFull
	}
	f.left -= len(p)
	return len(p), nil
}

// Wherever the destination fails its error comes out and stays, and nothing is left running (which synctest sees).
func TestWriterFails(t *testing.T) {
	block := blocks(t)["AES"]
	content := octets(700_000)
	for _, panics := range []bool{false, true} {
		for room := 0; room < len(content); room += 30_000 {
			synctest.Test(t, func(t *testing.T) {
				w := mdc.NewWriter(&failing{room, panics}, block, make([]byte, 16))
				defer w.Abort()
				write := func() (err error) {
					defer func() {
						if x := recover(); x != nil {
							require.Equal(t, errFull, x)
							err = errFull
							w.Abort()
						}
					}()
					if _, err := io.Copy(w, bytes.NewReader(content)); err != nil {
						return err
					}
					return w.Close()
				}
				require.Equal(t, errFull, write())
				_, err := w.Write([]byte{1})
				require.Error(t, err)
				require.Error(t, w.Close())
			})
		}
	}
	// The twin: there is room for all.
	w := mdc.NewWriter(&failing{left: len(content) + 18 + 22}, block, make([]byte, 16))
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
}

// Abort at any time leaves nothing running, and what was written without its end.
func TestWriterAbort(t *testing.T) {
	block := blocks(t)["AES"]
	for _, n := range lengths {
		synctest.Test(t, func(t *testing.T) {
			content := octets(n)
			want := oracle(block, make([]byte, 16), content)
			var out bytes.Buffer
			w := mdc.NewWriter(&out, block, make([]byte, 16))
			_, err := w.Write(content)
			require.NoError(t, err)
			w.Abort()
			require.Less(t, out.Len(), len(want)-22)
			require.True(t, bytes.HasPrefix(want, out.Bytes()))
			require.Equal(t, mdc.ErrClosed, w.Close())
			w.Abort()
		})
	}
}
