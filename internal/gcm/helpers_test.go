package gcm_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/gcm"
	"github.com/stretchr/testify/require"
)

// refused reports whether this process is one in which GCM is forbidden, and then requires that every constructor says so.
func refused(t testing.TB) bool {
	t.Helper()
	if !fips140.Enforced() {
		return false
	}
	key, nonce := make([]byte, 32), make([]byte, gcm.NonceSize)
	_, err := gcm.NewEncrypter(io.Discard, key, nonce, nil)
	require.ErrorIs(t, err, gcm.ErrFIPS)
	_, err = gcm.NewVerifier(key, nonce, nil)
	require.ErrorIs(t, err, gcm.ErrFIPS)
	_, err = gcm.NewDecrypter(bytes.NewReader(nil), key, nonce)
	require.ErrorIs(t, err, gcm.ErrFIPS)
	return true
}

// message is one input, and what crypto/cipher makes of it.
type message struct {
	key, nonce, aad, plain []byte
	sealed                 []byte // ciphertext || tag
}

func (m *message) cipher() []byte { return m.sealed[:len(m.plain)] }
func (m *message) tag() []byte    { return m.sealed[len(m.plain):] }

func newMessage(t testing.TB, r *rand.ChaCha8, keySize, aadSize, size int) *message {
	m := &message{
		key:   make([]byte, keySize),
		nonce: make([]byte, gcm.NonceSize),
		aad:   make([]byte, aadSize),
		plain: make([]byte, size),
	}
	for _, b := range [][]byte{m.key, m.nonce, m.aad, m.plain} {
		r.Read(b)
	}
	m.sealed = standardSeal(t, m)
	return m
}

func standardSeal(t testing.TB, m *message) []byte {
	block, err := aes.NewCipher(m.key)
	require.NoError(t, err)
	aead, err := cipher.NewGCM(block)
	require.NoError(t, err)
	return aead.Seal(nil, m.nonce, m.plain, m.aad)
}

// seed is fixed: a failure must be found again.
func seed(b byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{b}) }

// sink is what Encrypter and Verifier have in common.
type sink interface {
	io.Writer
	io.ReaderFrom
}

// feed passes b on in random pieces, through Write and ReadFrom.
//
// It is called 200,000 times, and require is slow: only what is wrong gets there.
func feed(t testing.TB, w sink, b []byte, r *rand.Rand, most int) {
	for len(b) > 0 {
		n := min(len(b), r.IntN(most+1))
		m, err := int64(0), error(nil)
		if r.IntN(3) == 0 {
			m, err = w.ReadFrom(bytes.NewReader(b[:n]))
		} else {
			var k int
			k, err = w.Write(b[:n])
			m = int64(k)
		}
		if err != nil || m != int64(n) {
			require.NoError(t, err)
			require.EqualValues(t, n, m)
		}
		b = b[n:]
	}
}

// seal runs an Encrypter over all of b.
func seal(t testing.TB, m *message, c gcm.Config, in func(sink)) []byte {
	var out bytes.Buffer
	w, err := gcm.NewEncrypterWith(&out, m.key, m.nonce, m.aad, c)
	require.NoError(t, err)
	defer w.Abort()
	in(w)
	require.NoError(t, w.Close())
	tag := w.Tag()
	return append(out.Bytes(), tag[:]...)
}

// noLeak requires at the end of the test that no goroutine is left of what it started.
func noLeak(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		// A goroutine that has done its last step still counts for a moment.
		for range 500 {
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		stacks := make([]byte, 1<<16)
		t.Errorf("goroutines left:\n%s", stacks[:runtime.Stack(stacks, true)])
	})
}
