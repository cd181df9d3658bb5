package winzip

import (
	"bytes"
	"crypto/aes"
	"crypto/rand"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// blockByBlock is the key stream as the format has it, one block after the other.
func blockByBlock(t testing.TB, key []byte, n int, off int64) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	first := off / aes.BlockSize
	var out []byte
	for i := first; int64(len(out)) < off%aes.BlockSize+int64(n); i++ {
		var b [aes.BlockSize]byte
		binary.LittleEndian.PutUint64(b[:], uint64(i)+1)
		block.Encrypt(b[:], b[:])
		out = append(out, b[:]...)
	}
	return out[off%aes.BlockSize:][:n]
}

// keysOf are Keys without a passphrase.
func keysOf(t testing.TB, key []byte) *Keys {
	t.Helper()
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	k := &Keys{block: block, eights: newEights(key)}
	k.streams.New = func() any { return new([streamSize]byte) }
	return k
}

// Every way through XORAt: heads, eights and rests of any length at any place,
// with keys of each length, and no octet beside.
func TestXORAtIsTheStandardLibrarys(t *testing.T) {
	lengths := []int{streamSize - 1, streamSize, streamSize + 1, 3*streamSize + 5, chunkSize}
	for n := range 300 {
		lengths = append(lengths, n)
	}
	for _, size := range []int{16, 24, 32} {
		key := make([]byte, size)
		rand.Read(key)
		k := keysOf(t, key)
		for _, off := range []int64{0, 1, 15, 16, 17, 127, 128, 129, 4095, 1<<32*16 - 128, 1<<32*16 - 17, 1 << 40} {
			for _, n := range lengths {
				guarded := bytes.Repeat([]byte{0xa5}, n+32)
				p := guarded[16 : 16+n]
				clear(p)
				k.XORAt(p, off)
				if !bytes.Equal(blockByBlock(t, key, n, off), p) {
					t.Fatalf("%d octets at %d", n, off)
				}
				if bytes.Count(guarded[:16], []byte{0xa5}) != 16 || bytes.Count(guarded[16+n:], []byte{0xa5}) != 16 {
					t.Fatalf("%d octets at %d: something beside was written", n, off)
				}
			}
		}
	}
}

// Many keys: their schedules are what the standard library makes of them.
func TestKeySchedule(t *testing.T) {
	keys := [][]byte{make([]byte, 32), bytes.Repeat([]byte{0xff}, 32)}
	for i := range 256 {
		one, next := make([]byte, 32), make([]byte, 32)
		one[i/8] = 1 << (i % 8)
		rand.Read(next)
		keys = append(keys, one, next)
	}
	for _, key := range keys {
		p := make([]byte, 256)
		keysOf(t, key).XORAt(p, 0)
		require.Equal(t, blockByBlock(t, key, len(p), 0), p, "%x", key)
	}
	require.Nil(t, newEights(make([]byte, 16)))
	require.Nil(t, newEights(make([]byte, 24)))
}

func FuzzXORAt(f *testing.F) {
	f.Add(make([]byte, 32), 128, int64(0))
	f.Add(bytes.Repeat([]byte{7}, 32), 1000, int64(4097))
	f.Fuzz(func(t *testing.T, key []byte, n int, off int64) {
		if len(key) != 16 && len(key) != 24 && len(key) != 32 || n < 0 || n > 1<<16 || off < 0 || off > 1<<50 {
			t.Skip()
		}
		p := make([]byte, n)
		keysOf(t, key).XORAt(p, off)
		if !bytes.Equal(blockByBlock(t, key, n, off), p) {
			t.Fatalf("%d octets at %d", n, off)
		}
	})
}
