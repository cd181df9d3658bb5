package gcm_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/doublekeybox/doublekeybox/internal/gcm"
	"github.com/stretchr/testify/require"
)

// TestMemory is about what an engine takes: little for a little message, and no more for a larger one.
func TestMemory(t *testing.T) {
	if refused(t) {
		return
	}
	key, nonce := make([]byte, 32), make([]byte, gcm.NonceSize)
	allocated := func(f func()) uint64 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	use := func(n int, way int) uint64 {
		return allocated(func() {
			w, err := gcm.NewEncrypter(io.Discard, key, nonce, nil)
			require.NoError(t, err)
			require.NoError(t, ways[way].in(w, n))
			require.NoError(t, w.Close())
			v, err := gcm.NewVerifier(key, nonce, nil)
			require.NoError(t, err)
			_, err = v.ReadFrom(zeros(n))
			require.NoError(t, err)
			_, err = v.Sum()
			require.NoError(t, err)
			d, err := gcm.NewDecrypter(zeros(n), key, nonce)
			require.NoError(t, err)
			_, err = d.WriteTo(io.Discard)
			require.NoError(t, err)
		})
	}
	for _, way := range []int{0, 2} {
		require.Less(t, use(1000, way), uint64(40<<10), "three engines for a message of 1000 bytes")
		if !plainBuild {
			// TotalAlloc also counts what was freed, so this bounds the peak. 1.5 MiB each, and the input of Write.
			input := uint64(0)
			if way == 0 {
				input = 32 << 20
			}
			require.Less(t, use(32<<20, way)-input, uint64(3*3<<19), "three engines for a message of 32 MiB")
		}
	}
}

var sizes = []struct {
	name string
	n    int
}{{"1KiB", 1 << 10}, {"64KiB", 64 << 10}, {"1MiB", 1 << 20}, {"32MiB", 32 << 20}}

func run(b *testing.B, f func(b *testing.B, key, nonce, data []byte)) {
	if refused(b) {
		return
	}
	key, nonce := make([]byte, 32), make([]byte, gcm.NonceSize)
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			data := make([]byte, size.n)
			b.SetBytes(int64(size.n))
			b.ReportAllocs()
			for b.Loop() {
				f(b, key, nonce, data)
			}
		})
	}
}

// BenchmarkOneShot is the bar: crypto/cipher with the whole message in memory.
func BenchmarkOneShot(b *testing.B) {
	var out []byte
	run(b, func(b *testing.B, key, nonce, data []byte) {
		block, err := aes.NewCipher(key)
		require.NoError(b, err)
		aead, err := cipher.NewGCM(block)
		require.NoError(b, err)
		out = aead.Seal(out[:0], nonce, data, nil)
	})
}

func BenchmarkEncrypter(b *testing.B) {
	for _, piece := range []int{0, 32 << 10, 1 << 20} {
		name := fmt.Sprintf("Write%dKiB", piece>>10)
		if piece == 0 {
			name = "ReadFrom"
		}
		b.Run(name, func(b *testing.B) {
			run(b, func(b *testing.B, key, nonce, data []byte) {
				w, err := gcm.NewEncrypter(io.Discard, key, nonce, nil)
				require.NoError(b, err)
				if piece == 0 {
					_, err = w.ReadFrom(bytes.NewReader(data))
				}
				for piece > 0 && len(data) > 0 && err == nil {
					n := min(piece, len(data))
					_, err = w.Write(data[:n])
					data = data[n:]
				}
				require.NoError(b, err)
				require.NoError(b, w.Close())
			})
		})
	}
}

func BenchmarkVerifier(b *testing.B) {
	run(b, func(b *testing.B, key, nonce, data []byte) {
		v, err := gcm.NewVerifier(key, nonce, nil)
		require.NoError(b, err)
		_, err = v.ReadFrom(bytes.NewReader(data))
		require.NoError(b, err)
		_, err = v.Sum()
		require.NoError(b, err)
	})
}

func BenchmarkDecrypter(b *testing.B) {
	run(b, func(b *testing.B, key, nonce, data []byte) {
		d, err := gcm.NewDecrypter(bytes.NewReader(data), key, nonce)
		require.NoError(b, err)
		_, err = d.WriteTo(io.Discard)
		require.NoError(b, err)
	})
}
