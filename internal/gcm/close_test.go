package gcm_test

import (
	"bytes"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/doublekeybox/doublekeybox/internal/gcm"
	"github.com/stretchr/testify/require"
)

func TestAfterClose(t *testing.T) {
	if refused(t) {
		return
	}
	key, nonce := make([]byte, 32), make([]byte, gcm.NonceSize)
	var out bytes.Buffer
	w, err := gcm.NewEncrypter(&out, key, nonce, nil)
	require.NoError(t, err)
	require.Zero(t, w.Tag(), "no tag before Close")
	_, err = w.Write([]byte("content"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	tag := w.Tag()
	require.NotZero(t, tag)
	require.ErrorIs(t, w.Close(), gcm.ErrClosed)
	_, err = w.Write(nil)
	require.ErrorIs(t, err, gcm.ErrClosed)
	_, err = w.ReadFrom(zeros(0))
	require.ErrorIs(t, err, gcm.ErrClosed)
	w.Abort()
	require.Equal(t, tag, w.Tag(), "Abort after Close does nothing")
	require.Equal(t, 7, out.Len())

	v, err := gcm.NewVerifier(key, nonce, nil)
	require.NoError(t, err)
	_, err = v.Write(out.Bytes())
	require.NoError(t, err)
	for range 2 {
		sum, err := v.Sum()
		require.NoError(t, err)
		require.Equal(t, tag, sum)
	}
	_, err = v.Write([]byte{0})
	require.ErrorIs(t, err, gcm.ErrClosed)
	_, err = v.ReadFrom(zeros(1))
	require.ErrorIs(t, err, gcm.ErrClosed)

	d, err := gcm.NewDecrypter(bytes.NewReader(out.Bytes()), key, nonce)
	require.NoError(t, err)
	b := make([]byte, 3)
	_, err = io.ReadFull(d, b)
	require.NoError(t, err)
	require.Equal(t, "con", string(b))
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	_, err = d.Read(b)
	require.ErrorIs(t, err, gcm.ErrClosed)
	_, err = d.WriteTo(io.Discard)
	require.ErrorIs(t, err, gcm.ErrClosed)
}

// counting counts its calls; it is read while workers may still write.
type counting struct{ calls atomic.Int64 }

func (c *counting) Write(p []byte) (int, error) {
	c.calls.Add(1)
	return len(p), nil
}

// TestAbort aborts after every number of segments. After Abort nothing touches dst, and no tag comes into being.
func TestAbort(t *testing.T) {
	if refused(t) {
		return
	}
	noLeak(t)
	for _, way := range ways {
		for n := 0; n < 6*32; n += 7 {
			var dst counting
			w, err := gcm.NewEncrypterWith(&dst, make([]byte, 32), make([]byte, gcm.NonceSize), nil, gcm.Vary(32, 2, 0))
			require.NoError(t, err)
			require.NoError(t, way.in(w, n))
			w.Abort()
			calls := dst.calls.Load()
			w.Abort()
			_, err = w.Write([]byte{0})
			require.ErrorIs(t, err, gcm.ErrClosed)
			_, err = w.ReadFrom(zeros(1))
			require.ErrorIs(t, err, gcm.ErrClosed)
			require.ErrorIs(t, w.Close(), gcm.ErrClosed)
			require.Zero(t, w.Tag())
			require.Equal(t, calls, dst.calls.Load())
		}
	}
}

// TestAbortMeanwhile aborts from another goroutine, and from inside the source, while an endless message is being sealed.
func TestAbortMeanwhile(t *testing.T) {
	if refused(t) {
		return
	}
	noLeak(t)
	key, nonce := make([]byte, 32), make([]byte, gcm.NonceSize)
	endless := func(w *gcm.Encrypter) error {
		for {
			if _, err := w.Write(make([]byte, 100)); err != nil {
				return err
			}
			runtime.Gosched()
		}
	}
	for range 20 {
		w, err := gcm.NewEncrypterWith(io.Discard, key, nonce, nil, gcm.Vary(64, 2, 0))
		require.NoError(t, err)
		var wait sync.WaitGroup
		wait.Go(w.Abort)
		require.ErrorIs(t, endless(w), gcm.ErrClosed)
		wait.Wait()
		require.ErrorIs(t, w.Close(), gcm.ErrClosed)

		w, err = gcm.NewEncrypterWith(io.Discard, key, nonce, nil, gcm.Vary(64, 2, 0))
		require.NoError(t, err)
		calls := 0
		_, err = w.ReadFrom(readFunc(func(p []byte) (int, error) {
			if calls++; calls == 10 {
				w.Abort()
			}
			if calls == 1000 {
				return 0, io.EOF
			}
			return min(len(p), 100), nil
		}))
		require.ErrorIs(t, err, gcm.ErrClosed)
		require.ErrorIs(t, w.Close(), gcm.ErrClosed)
		require.Zero(t, w.Tag())
	}
}

// TestCallersSlices requires that nothing of the caller's is changed or kept.
func TestCallersSlices(t *testing.T) {
	if refused(t) {
		return
	}
	m := newMessage(t, seed(20), 32, 30, 3*segmentSize)
	key, nonce, aad, plain := bytes.Clone(m.key), bytes.Clone(m.nonce), bytes.Clone(m.aad), bytes.Clone(m.plain)
	var out bytes.Buffer
	w, err := gcm.NewEncrypter(&out, key, nonce, aad)
	require.NoError(t, err)
	clear(key)
	clear(nonce)
	clear(aad)
	_, err = w.Write(plain)
	require.NoError(t, err)
	require.True(t, bytes.Equal(m.plain, plain), "Write changed the plaintext")
	clear(plain)
	require.NoError(t, w.Close())
	require.True(t, bytes.Equal(m.cipher(), out.Bytes()))
	tag := w.Tag()
	require.Equal(t, m.tag(), tag[:])
}
