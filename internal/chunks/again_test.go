package chunks_test

import (
	"bytes"
	"io"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/chunks"
)

// Another pass reads the same, wherever the one before ended, with its buffers.
func TestAgain(t *testing.T) {
	for _, size := range []int{64, 64 << 10, 4 << 20} {
		t.Run(strconv.Itoa(size), func(t *testing.T) { readAgain(t, size) })
	}
}

func readAgain(t *testing.T, size int) {
	s := scheme(t, false, size)
	for _, n := range []int{0, 1, size, 3*size + 1, 1 << 20} {
		content := octets(4, n)
		sealed := seal(t, s, content, 1<<20)
		for _, read := range []int{0, min(n, 1), min(n, batch+1), n} {
			r := chunks.NewReader(bytes.NewReader(sealed), s)
			got := make([]byte, read)
			_, err := io.ReadFull(r, got)
			require.NoError(t, err)
			require.True(t, bytes.Equal(content[:read], got))
			for range 2 {
				old := r
				r = r.Again(bytes.NewReader(sealed), s)
				_, err = old.Read(make([]byte, 1))
				require.Equal(t, chunks.ErrClosed, err)
				got, err = io.ReadAll(r)
				require.NoError(t, err)
				require.True(t, bytes.Equal(content, got), "%d of %d octets, chunks of %d", read, n, size)
			}
			// A change behind the first pass is found.
			sealed[len(sealed)-1] ^= 1
			r = r.Again(bytes.NewReader(sealed), s)
			_, err = io.Copy(io.Discard, r)
			require.Equal(t, chunks.ErrAuth, err)
			sealed[len(sealed)-1] ^= 1
		}
	}
}

// The largest chunks that OpenPGP has are read with one buffer, whatever the
// number of passes: all of an envelope has to fit beside it into 24 MiB.
func TestMemoryOfLargeChunks(t *testing.T) {
	const size = 4 << 20
	s := scheme(t, false, size)
	sealed := seal(t, s, octets(5, 4*size), size)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := chunks.NewReader(bytes.NewReader(sealed), s)
	for range 3 {
		_, err := io.Copy(io.Discard, r)
		require.NoError(t, err)
		r = r.Again(bytes.NewReader(sealed), s)
	}
	require.NoError(t, r.Close())
	runtime.ReadMemStats(&after)
	// The buffer, and the smaller ones that it grew from.
	require.Less(t, int(after.TotalAlloc-before.TotalAlloc), size+2<<20)
}
