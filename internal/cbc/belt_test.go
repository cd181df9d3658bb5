package cbc_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/cbc"
	"github.com/stretchr/testify/require"
)

// after lets the first n Writes pass, and then does something else.
type after struct {
	n    int
	then func(p []byte) (int, error)
}

func (a *after) Write(p []byte) (int, error) {
	if a.n--; a.n >= 0 {
		return len(p), nil
	}
	return a.then(p)
}

// Whatever the Writer does, at whichever Write: the message never ends well, and nothing runs on.
func TestWriterFails(t *testing.T) {
	full := errors.New("no space left")
	ways := []struct {
		name string
		then func(p []byte) (int, error)
		want error // nil: it panics
	}{
		{"error", func([]byte) (int, error) { return 0, full }, full},
		{"short", func(p []byte) (int, error) { return len(p) - 1, nil }, io.ErrShortWrite},
		{"long", func(p []byte) (int, error) { return len(p) + 1, nil }, io.ErrShortWrite},
		{"panic", func([]byte) (int, error) { panic(full) }, nil},
	}
	const writes = 9 // of 128 KiB, and the end
	plain := make([]byte, (writes-1)*128<<10+1)
	seal := func(dst io.Writer) (err error) {
		w, err := cbc.NewEncrypter(dst, make([]byte, 32), make([]byte, 16))
		require.NoError(t, err)
		defer w.Abort()
		if _, err := w.ReadFrom(bytes.NewReader(plain)); err != nil {
			_, again := w.Write([]byte{1})
			require.Equal(t, err, again, "it is final")
			return err
		}
		if err = w.Close(); err != nil {
			require.Equal(t, err, w.Close(), "it is final")
		}
		return err
	}
	running := runtime.NumGoroutine()
	require.NoError(t, seal(&after{n: writes, then: ways[0].then}))
	for n := range writes {
		for _, c := range ways {
			dst := &after{n: n, then: c.then}
			if c.want == nil {
				require.PanicsWithValue(t, full, func() { seal(dst) }, "%s at %d", c.name, n)
			} else {
				require.ErrorIs(t, seal(dst), c.want, "%s at %d", c.name, n)
			}
			require.EqualValues(t, -1, dst.n, "nothing is written behind a hole")
		}
	}
	requireRunning(t, running)
}

// requireRunning waits for goroutines that have done everything, and have yet to end.
func requireRunning(t *testing.T, n int) {
	t.Helper()
	for range 1000 {
		if runtime.NumGoroutine() <= n {
			return
		}
		time.Sleep(time.Millisecond)
	}
	require.Equal(t, n, runtime.NumGoroutine())
}

// Who recovers from a panic of the Writer and goes on gets errors and no further panic.
func TestAfterPanic(t *testing.T) {
	w, err := cbc.NewEncrypter(&after{then: func([]byte) (int, error) { panic("no") }}, make([]byte, 32), make([]byte, 16))
	require.NoError(t, err)
	require.Panics(t, func() {
		w.ReadFrom(bytes.NewReader(make([]byte, 1<<20)))
		w.Close()
	})
	require.Error(t, w.Close())
	_, err = w.Write(make([]byte, 1<<20))
	require.Error(t, err)
	w.Abort()
}

// A Writer that ends the goroutine it is called in (runtime.Goexit, as t.FailNow does) ends the message too.
func TestWriterEndsItsGoroutine(t *testing.T) {
	w, err := cbc.NewEncrypter(&after{then: func([]byte) (int, error) { runtime.Goexit(); return 0, nil }}, make([]byte, 32), make([]byte, 16))
	require.NoError(t, err)
	require.Panics(t, func() {
		w.ReadFrom(bytes.NewReader(make([]byte, 1<<20)))
		w.Close()
	})
	w.Abort()
}

// Abort waits until nothing is written any more, at any time.
func TestAbort(t *testing.T) {
	for _, size := range []int{0, 1, 128 << 10, 128<<10 + 1, 1 << 20} {
		var out bytes.Buffer
		running := runtime.NumGoroutine()
		w, err := cbc.NewEncrypter(&out, make([]byte, 32), make([]byte, 16))
		require.NoError(t, err)
		_, err = w.Write(make([]byte, size))
		require.NoError(t, err)
		w.Abort()
		requireRunning(t, running)
		require.Less(t, out.Len(), size+1)
		_, err = w.Write(nil)
		require.ErrorIs(t, err, cbc.ErrClosed)
		require.ErrorIs(t, w.Close(), cbc.ErrClosed)
		w.Abort()
	}
}
