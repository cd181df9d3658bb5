package gcm_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/doublekeybox/doublekeybox/internal/gcm"
	"github.com/stretchr/testify/require"
)

var errTest = errors.New("test: broken")

// failing is a destination whose call number at goes wrong in the given way.
type failing struct {
	at    int
	wrong func(p []byte) (int, error)
	calls int
	got   bytes.Buffer
}

func (f *failing) Write(p []byte) (int, error) {
	f.calls++
	if f.calls-1 == f.at {
		return f.wrong(p)
	}
	return f.got.Write(p)
}

// source yields zeros, at most size at a time, and goes wrong in its call number at.
type source struct {
	at    int
	size  int
	wrong func(p []byte) (int, error)
	calls int
}

func (s *source) Read(p []byte) (int, error) {
	s.calls++
	if s.calls-1 == s.at {
		return s.wrong(p)
	}
	p = p[:min(len(p), s.size)]
	clear(p)
	return len(p), nil
}

// TestDestinationErrors lets every single call of dst fail. The message must never be complete, and the error must stay.
func TestDestinationErrors(t *testing.T) {
	if refused(t) {
		return
	}
	noLeak(t)
	key, nonce := make([]byte, 32), make([]byte, gcm.NonceSize)
	const segment, size = 32, 5*32 + 7
	wrongs := map[string]struct {
		write func(p []byte) (int, error)
		want  error
	}{
		"fails":         {func([]byte) (int, error) { return 0, errTest }, errTest},
		"fails halfway": {func(p []byte) (int, error) { return len(p) / 2, errTest }, errTest},
		"is short":      {func(p []byte) (int, error) { return len(p) - 1, nil }, io.ErrShortWrite},
	}
	for name, wrong := range wrongs {
		for _, way := range ways {
			for workers := 1; workers <= 3; workers++ {
				failed := 0
				for at := range 8 {
					dst := &failing{at: at, wrong: wrong.write}
					w, err := gcm.NewEncrypterWith(dst, key, nonce, nil, gcm.Vary(segment, workers, 0))
					require.NoError(t, err)
					err = way.in(w, size)
					if err == nil {
						err = w.Close()
					}
					where := fmt.Sprintf("dst %s in call %d, %s, %d workers", name, at, way.name, workers)
					if dst.calls <= at {
						require.NoError(t, err, where)
						continue
					}
					failed++
					require.ErrorIs(t, err, wrong.want, where)
					require.Equal(t, at+1, dst.calls, "dst was written after its error: %s", where)
					require.ErrorIs(t, w.Close(), wrong.want, where)
					_, err = w.Write([]byte{1})
					require.ErrorIs(t, err, wrong.want, where)
					_, err = w.ReadFrom(zeros(1))
					require.ErrorIs(t, err, wrong.want, where)
					require.Zero(t, w.Tag(), where)
					w.Abort()
				}
				if plainBuild {
					require.Equal(t, 1, failed) // all in one call
				} else {
					require.Equal(t, 6, failed) // five segments and the rest
				}
			}
		}
	}
}

// TestSourceErrors lets every single call of a source fail in ReadFrom, Read and WriteTo.
func TestSourceErrors(t *testing.T) {
	if refused(t) {
		return
	}
	noLeak(t)
	key, nonce := make([]byte, 32), make([]byte, gcm.NonceSize)
	wrongs := map[string]struct {
		read func(p []byte) (int, error)
		want error // nil: any
	}{
		"fails":              {func([]byte) (int, error) { return 0, errTest }, errTest},
		"fails with data":    {func(p []byte) (int, error) { return min(3, len(p)), errTest }, errTest},
		"is cut off":         {func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }, io.ErrUnexpectedEOF},
		"returns too much":   {func(p []byte) (int, error) { return len(p) + 1, nil }, nil},
		"returns a negative": {func([]byte) (int, error) { return -1, nil }, nil},
	}
	for name, wrong := range wrongs {
		for _, workers := range []int{1, 2, 3} {
			for at := range 12 {
				c := gcm.Vary(32, workers, 0)
				src := func() io.Reader { return &source{at: at, size: 20, wrong: wrong.read} }
				where := fmt.Sprintf("source %s in call %d, %d workers", name, at, workers)
				requireWrong := func(err error) {
					t.Helper()
					require.Error(t, err, where)
					if wrong.want != nil {
						require.ErrorIs(t, err, wrong.want, where)
					}
				}
				w, err := gcm.NewEncrypterWith(io.Discard, key, nonce, nil, c)
				require.NoError(t, err)
				_, err = w.ReadFrom(src())
				requireWrong(err)
				requireWrong(w.Close())
				require.Zero(t, w.Tag(), where)

				v, err := gcm.NewVerifierWith(key, nonce, nil, c)
				require.NoError(t, err)
				_, err = v.ReadFrom(src())
				requireWrong(err)
				_, err = v.Sum()
				requireWrong(err)

				d, err := gcm.NewDecrypterWith(src(), key, nonce, c)
				require.NoError(t, err)
				_, err = d.WriteTo(io.Discard)
				requireWrong(err)
				_, err = d.Read(make([]byte, 1))
				requireWrong(err)

				d, err = gcm.NewDecrypterWith(src(), key, nonce, c)
				require.NoError(t, err)
				_, err = io.ReadAll(struct{ io.Reader }{d})
				requireWrong(err)
			}
		}
	}
}

// TestDecrypterDestinationErrors lets every call of WriteTo's destination fail.
func TestDecrypterDestinationErrors(t *testing.T) {
	if refused(t) {
		return
	}
	noLeak(t)
	key, nonce := make([]byte, 32), make([]byte, gcm.NonceSize)
	for at := range 8 {
		d, err := gcm.NewDecrypterWith(zeros(5*32+7), key, nonce, gcm.Vary(32, 2, 0))
		require.NoError(t, err)
		dst := &failing{at: at, wrong: func(p []byte) (int, error) { return 1, errTest }}
		n, err := d.WriteTo(dst)
		if dst.calls <= at {
			require.NoError(t, err)
			require.EqualValues(t, 5*32+7, n)
			continue
		}
		require.ErrorIs(t, err, errTest)
		require.EqualValues(t, dst.got.Len()+1, n)
		_, err = d.Read(make([]byte, 1))
		require.ErrorIs(t, err, errTest)
	}
}

// TestNoProgress has a source that never returns anything. Without a limit ReadFrom would never end.
func TestNoProgress(t *testing.T) {
	if refused(t) {
		return
	}
	nothing := readFunc(func([]byte) (int, error) { return 0, nil })
	key, nonce := make([]byte, 32), make([]byte, gcm.NonceSize)
	w, err := gcm.NewEncrypter(io.Discard, key, nonce, nil)
	require.NoError(t, err)
	_, err = w.ReadFrom(nothing)
	require.ErrorIs(t, err, io.ErrNoProgress)
	v, err := gcm.NewVerifier(key, nonce, nil)
	require.NoError(t, err)
	_, err = v.ReadFrom(nothing)
	require.ErrorIs(t, err, io.ErrNoProgress)
	d, err := gcm.NewDecrypter(nothing, key, nonce)
	require.NoError(t, err)
	_, err = d.WriteTo(io.Discard)
	require.ErrorIs(t, err, io.ErrNoProgress)
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// TestPanics has sources and destinations that panic, or end their goroutine, in each of their calls. It must surface in
// the goroutine of the caller, who may recover, and nothing may be sealed or accepted afterwards.
func TestPanics(t *testing.T) {
	if refused(t) {
		return
	}
	noLeak(t)
	key, nonce := make([]byte, 32), make([]byte, gcm.NonceSize)
	caught := func(f func()) (v any) {
		defer func() { v = recover() }()
		f()
		return nil
	}
	boom := func([]byte) (int, error) { panic(errTest) }
	for at := range 6 {
		for workers := 1; workers <= 3; workers++ {
			c := gcm.Vary(32, workers, 0)
			v, err := gcm.NewVerifierWith(key, nonce, nil, c)
			require.NoError(t, err)
			require.Equal(t, errTest, caught(func() { v.ReadFrom(&source{at: at, size: 20, wrong: boom}) }))
			_, err = v.Sum()
			require.ErrorIs(t, err, gcm.ErrClosed)

			w, err := gcm.NewEncrypterWith(io.Discard, key, nonce, nil, c)
			require.NoError(t, err)
			require.Equal(t, errTest, caught(func() { w.ReadFrom(&source{at: at, size: 20, wrong: boom}) }))
			require.ErrorIs(t, w.Close(), gcm.ErrClosed)
			w.Abort()

			d, err := gcm.NewDecrypterWith(&source{at: at, size: 20, wrong: boom}, key, nonce, c)
			require.NoError(t, err)
			require.Equal(t, errTest, caught(func() { d.WriteTo(io.Discard) }))
			_, err = d.Read(make([]byte, 1))
			require.ErrorIs(t, err, gcm.ErrClosed)

			for _, way := range ways {
				dst := &failing{at: at, wrong: boom}
				w, err := gcm.NewEncrypterWith(dst, key, nonce, nil, c)
				require.NoError(t, err)
				v := caught(func() {
					if err = way.in(w, 5*32+7); err == nil {
						err = w.Close()
					}
				})
				if dst.calls <= at {
					require.Nil(t, v)
					require.NoError(t, err)
					continue
				}
				require.Equal(t, errTest, v)
				w.Abort()
				require.ErrorIs(t, w.Close(), gcm.ErrClosed)
				require.Zero(t, w.Tag())
			}
		}
	}
}

// TestGoexit ends the goroutine in which a source is read: in a worker that must not hang the caller.
func TestGoexit(t *testing.T) {
	if refused(t) {
		return
	}
	noLeak(t)
	for at := range 6 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() { recover() }()
			v, err := gcm.NewVerifierWith(make([]byte, 32), make([]byte, gcm.NonceSize), nil, gcm.Vary(32, 2, 0))
			if err != nil {
				return
			}
			v.ReadFrom(&source{at: at, size: 20, wrong: func([]byte) (int, error) {
				runtime.Goexit()
				return 0, nil
			}})
		}()
		<-done
	}
}
