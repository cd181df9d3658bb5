package chunks_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/chunks"
)

// dst fails, writes too little, panics or ends its goroutine, at every call.
func TestDestinationFaults(t *testing.T) {
	noLeak(t)
	full := errors.New("disk full")
	s := scheme(t, false, 64<<10)
	content := octets(7, 5*batch+100)
	run := func(at int, fault func(p []byte) (int, error)) (panicked any, err error) {
		var calls atomic.Int64
		w := chunks.NewWriter(writeFunc(func(p []byte) (int, error) {
			switch n := int(calls.Add(1)); {
			case n == at:
				return fault(p)
			case n > at:
				t.Error("dst is used after it failed")
			}
			return len(p), nil
		}), s)
		defer w.Abort()
		defer func() { panicked = recover() }()
		for rest := content; len(rest) > 0 && err == nil; {
			n := min(50_000, len(rest))
			_, err = w.Write(rest[:n])
			rest = rest[n:]
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			_, again := w.Write([]byte{1})
			require.Equal(t, err, again)
			require.Equal(t, err, w.Close())
		}
		return nil, err
	}
	for at := 1; at <= 6; at++ {
		_, err := run(at, func([]byte) (int, error) { return 0, full })
		require.Equal(t, full, err, "call %d", at)
		_, err = run(at, func(p []byte) (int, error) { return len(p) - 1, nil })
		require.Equal(t, io.ErrShortWrite, err, "call %d", at)
		crash, _ := run(at, func([]byte) (int, error) { panic("dst") })
		require.Equal(t, "dst", crash, "call %d", at)
		if at < 6 { // the last is in the caller's own goroutine
			crash, _ = run(at, func([]byte) (int, error) { runtime.Goexit(); return 0, nil })
			require.ErrorContains(t, crash.(error), "ended from inside", "call %d", at)
		}
	}
	_, err := run(7, nil)
	require.NoError(t, err)
}

// After a panic of dst nothing goes on, whoever recovers it.
func TestAfterPanic(t *testing.T) {
	noLeak(t)
	s := scheme(t, false, 64<<10)
	w := chunks.NewWriter(writeFunc(func([]byte) (int, error) { panic("dst") }), s)
	require.PanicsWithValue(t, "dst", func() {
		for {
			w.Write(make([]byte, batch))
		}
	})
	_, err := w.Write([]byte{1})
	require.Equal(t, chunks.ErrClosed, err)
	require.Equal(t, chunks.ErrClosed, w.Close())
	w.Abort()

	sealed := plainly(s, octets(8, 6*batch), nil)
	for at := 1; at <= 6; at++ {
		for _, exits := range []bool{false, true} {
			src, calls := bytes.NewReader(sealed), 0
			r := chunks.NewReader(readFunc(func(p []byte) (int, error) {
				if calls++; calls == 20*at {
					if exits && at > 1 { // not in the caller's own goroutine
						runtime.Goexit()
					}
					panic("src")
				}
				return src.Read(p[:min(len(p), 6000)])
			}), s)
			got := 0
			crash := func() (crash any) {
				defer func() { crash = recover() }()
				for b := make([]byte, 10_000); ; {
					n, err := r.Read(b)
					require.NoError(t, err)
					got += n
				}
			}()
			require.NotNil(t, crash)
			require.LessOrEqual(t, got, 20*at*6000)
			_, err := r.Read(make([]byte, 1))
			require.Equal(t, chunks.ErrClosed, err)
			require.NoError(t, r.Close())
		}
	}
}

// Close at any time ends what runs, and Read after it is an error.
func TestCloseReader(t *testing.T) {
	noLeak(t)
	for _, size := range []int{64, 64 << 10, 1 << 20} {
		s := scheme(t, false, size)
		content := octets(9, 20*batch)
		sealed := plainly(s, content, nil)
		for _, n := range []int{0, 1, size, batch, batch + 1, 3 * batch, len(content)} {
			r := chunks.NewReader(bytes.NewReader(sealed), s)
			got := make([]byte, n)
			_, err := io.ReadFull(r, got)
			require.NoError(t, err)
			require.True(t, bytes.Equal(content[:n], got))
			require.NoError(t, r.Close())
			require.NoError(t, r.Close())
			_, err = r.Read(got[:min(1, n)])
			if n > 0 {
				require.Equal(t, chunks.ErrClosed, err)
			}
		}
	}
}

// After Abort dst is not touched, and nothing that was written opens.
func TestAbort(t *testing.T) {
	noLeak(t)
	s := scheme(t, false, 64)
	for _, n := range []int{0, 1, 64, batch, batch + 1, 3*batch + 5, 9 * batch} {
		var out bytes.Buffer
		w := chunks.NewWriter(&out, s)
		_, err := w.Write(make([]byte, n))
		require.NoError(t, err)
		w.Abort()
		w.Abort()
		_, err = w.Write([]byte{1})
		require.Equal(t, chunks.ErrClosed, err)
		require.Equal(t, chunks.ErrClosed, w.Close())
		_, err = read(s, out.Bytes())
		require.Equal(t, chunks.ErrAuth, err)
	}
	var out bytes.Buffer
	w := chunks.NewWriter(&out, s)
	require.NoError(t, w.Close())
	require.Equal(t, chunks.ErrClosed, w.Close())
	w.Abort()
	got, err := read(s, out.Bytes())
	require.NoError(t, err)
	require.Empty(t, got)
}

// endless is content that never ends, and is never right after at octets.
type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) { e.n += len(p); return len(p), nil }

// The first chunk that is wrong ends the reading: a source without an end is
// left alone a few batches later.
func TestStopsReading(t *testing.T) {
	noLeak(t)
	s := scheme(t, false, 64<<10)
	src := &endless{}
	_, err := io.ReadAll(chunks.NewReader(src, s))
	require.Equal(t, chunks.ErrAuth, err)
	require.Less(t, src.n, 2*batch)
	src = &endless{}
	sealed := plainly(s, octets(1, 4*batch), nil)
	_, err = io.ReadAll(chunks.NewReader(io.MultiReader(bytes.NewReader(sealed), src), s))
	require.Equal(t, chunks.ErrAuth, err)
	require.Less(t, src.n, 8*batch)
}

// What is short costs little, what is long no more than some buffers, and
// nothing is allocated because a chunk could be large.
func TestMemory(t *testing.T) {
	allocated := func(f func()) uint64 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	for _, c := range []struct {
		size, n       int
		write, opened uint64
	}{
		{64 << 10, 1000, 6 << 10, 20 << 10},
		{4 << 20, 1000, 6 << 10, 20 << 10},
		{64 << 10, 32 << 20, 1 << 20, 1 << 20},
		{4 << 20, 32 << 20, 14 << 20, 11 << 20},
	} {
		s := scheme(t, false, c.size)
		content := octets(1, c.n)
		sealed := plainly(s, content, nil)
		require.Less(t, allocated(func() {
			w := chunks.NewWriter(io.Discard, s)
			_, err := w.Write(content)
			require.NoError(t, err)
			require.NoError(t, w.Close())
		}), c.write, "writing %d octets in chunks of %d", c.n, c.size)
		require.Less(t, allocated(func() {
			_, err := io.Copy(io.Discard, struct{ io.Reader }{chunks.NewReader(bytes.NewReader(sealed), s)})
			require.NoError(t, err)
		}), c.opened, "reading %d octets in chunks of %d", c.n, c.size)
	}
}
