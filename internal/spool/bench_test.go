package spool_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"github.com/doublekeybox/doublekeybox/internal/spool"
	"github.com/stretchr/testify/require"
)

// zeros is an endless source that can seek.
type zeros struct{ at, size int64 }

func (z *zeros) Read(p []byte) (int, error) {
	p = p[:min(int64(len(p)), z.size-z.at)]
	if len(p) == 0 {
		return 0, io.EOF
	}
	clear(p)
	z.at += int64(len(p))
	return len(p), nil
}

func (z *zeros) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		z.at = offset
	}
	return z.at, nil
}

// TestMemory is about what a source takes: 64 bytes for each MiB, beside one chunk, and little for a little one.
func TestMemory(t *testing.T) {
	allocated := func(n int64, seekable bool) int64 {
		var src io.Reader = &zeros{size: n}
		if !seekable {
			src = stream{src}
		}
		dir, buf := t.TempDir(), make([]byte, 32<<10)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := spool.New(src, spool.Options{Dir: dir})
		_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, stream{s}, buf)
		require.NoError(t, err)
		r, err := s.Again()
		require.NoError(t, err)
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, stream{r}, buf)
		require.NoError(t, err)
		require.NoError(t, s.Close())
		runtime.ReadMemStats(&after)
		return int64(after.TotalAlloc - before.TotalAlloc)
	}
	require.Less(t, allocated(1000, true), int64(16<<10))
	require.Less(t, allocated(1000, false), int64(16<<10))
	require.Less(t, allocated(256<<20, true), int64(3*chunk)) // the chunk's buffer grows to its size
	require.Less(t, allocated(32<<20, false), int64(spool.DefaultMemory+3*chunk))
}

func BenchmarkFirst(b *testing.B) {
	for name, seekable := range map[string]bool{"seekable": true, "file": false} {
		b.Run(name, func(b *testing.B) {
			data, buf := make([]byte, 32<<20), make([]byte, 64<<10)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				var src io.Reader = bytes.NewReader(data)
				if !seekable {
					src = stream{src}
				}
				s := spool.New(src, spool.Options{Dir: b.TempDir()})
				_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, stream{s}, buf)
				require.NoError(b, err)
				require.NoError(b, s.Close())
			}
		})
	}
}

func BenchmarkAgain(b *testing.B) {
	for name, seekable := range map[string]bool{"seekable": true, "file": false} {
		b.Run(name, func(b *testing.B) {
			data := make([]byte, 32<<20)
			var src io.Reader = bytes.NewReader(data)
			if !seekable {
				src = stream{src}
			}
			s := spool.New(src, spool.Options{Dir: b.TempDir()})
			defer s.Close()
			_, err := io.Copy(io.Discard, stream{s})
			require.NoError(b, err)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := s.Again()
				require.NoError(b, err)
				_, err = io.Copy(io.Discard, r)
				require.NoError(b, err)
			}
		})
	}
}
