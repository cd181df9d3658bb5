package ahead_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/ahead"
)

const bufferSize = 64 << 10

func content(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

var sizes = []int{0, 1, 4095, 4096, 4097, 4096 + bufferSize - 1, 4096 + bufferSize, 4096 + bufferSize + 1, 10 * bufferSize}

func TestReads(t *testing.T) {
	for _, size := range sizes {
		want := content(size)
		for name, src := range map[string]io.Reader{
			"whole": bytes.NewReader(want), "half": iotest.HalfReader(bytes.NewReader(want)), "with EOF": iotest.DataErrReader(bytes.NewReader(want)),
		} {
			got, err := io.ReadAll(ahead.New(src))
			require.NoError(t, err, name)
			require.True(t, bytes.Equal(want, got), "%s, %d", name, size)
		}
	}
	want := content(3*bufferSize + 7)
	require.NoError(t, iotest.TestReader(ahead.New(bytes.NewReader(want)), want))
}

// Everything before an error is returned before it, and the error stays.
func TestErrors(t *testing.T) {
	broken := errors.New("broken")
	for _, size := range sizes {
		for _, end := range []error{broken, io.ErrUnexpectedEOF} {
			want := content(size)
			r := ahead.New(io.MultiReader(bytes.NewReader(want), iotest.ErrReader(end)))
			got, err := io.ReadAll(r)
			require.ErrorIs(t, err, end)
			require.True(t, bytes.Equal(want, got))
			_, err = r.Read(make([]byte, 1))
			require.ErrorIs(t, err, end)
			require.NoError(t, r.Close())
			_, err = r.Read(make([]byte, 1))
			require.ErrorIs(t, err, end)
		}
	}
	for _, n := range []int{-1, 1 << 30} {
		_, err := io.ReadAll(ahead.New(readFunc(func([]byte) (int, error) { return n, nil })))
		require.ErrorContains(t, err, "impossible")
	}
	_, err := io.ReadAll(ahead.New(readFunc(func([]byte) (int, error) { return 0, nil })))
	require.ErrorIs(t, err, io.ErrNoProgress)
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// A panic of the source reaches who reads, at whichever Read it comes.
func TestPanic(t *testing.T) {
	for at := range 8 {
		for name, then := range map[string]func(){"panic": func() { panic("no") }, "Goexit": runtime.Goexit} {
			if at == 0 && name == "Goexit" {
				continue // in the goroutine of who reads, which ends
			}
			calls := 0
			r := ahead.New(readFunc(func(p []byte) (int, error) {
				if calls++; calls > at {
					then()
				}
				return len(p), nil
			}))
			require.Panics(t, func() { io.Copy(io.Discard, r) }, "%s, %d", name, at)
			_, err := r.Read(make([]byte, 1))
			require.Error(t, err)
			require.NoError(t, r.Close())
		}
	}
}

// Close ends what runs whenever it is called.
func TestClose(t *testing.T) {
	running := runtime.NumGoroutine()
	for _, read := range sizes {
		calls := 0
		r := ahead.New(readFunc(func(p []byte) (int, error) { calls++; return len(p), nil }))
		_, err := io.ReadFull(r, make([]byte, read))
		require.NoError(t, err)
		require.NoError(t, r.Close())
		after := calls
		_, err = r.Read(make([]byte, 1))
		require.ErrorIs(t, err, ahead.ErrClosed)
		require.NoError(t, r.Close())
		require.Equal(t, after, calls, "nothing is read any more")
	}
	for i := 0; runtime.NumGoroutine() > running; i++ {
		require.Less(t, i, 1000, "goroutines that do not end")
		time.Sleep(time.Millisecond) // they have done everything, and have yet to end
	}
}

// TestNext: what is lent and what is read are the source together.
func TestNext(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcde"), 30_000)
	r := ahead.New(bytes.NewReader(want))
	var got []byte
	for i := 0; ; i++ {
		p, err := r.Next()
		got = append(got, p...)
		if err == io.EOF {
			require.Empty(t, p)
			break
		}
		require.NoError(t, err)
		require.NotEmpty(t, p)
		q := make([]byte, i)
		n, err := r.Read(q)
		if err != io.EOF {
			require.NoError(t, err)
		}
		got = append(got, q[:n]...)
	}
	require.True(t, bytes.Equal(want, got))
	require.NoError(t, r.Close())
	_, err := r.Next()
	require.ErrorIs(t, err, ahead.ErrClosed)
}
