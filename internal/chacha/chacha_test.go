package chacha_test

import (
	"bytes"
	"crypto/fips140"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/doublekeybox/doublekeybox/internal/chacha"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/chacha20poly1305"
)

// refused reports whether this process is one in which the algorithm is forbidden, and then requires that every constructor says so.
func refused(t testing.TB) bool {
	t.Helper()
	if !fips140.Enforced() {
		return false
	}
	key, nonce := make([]byte, 32), make([]byte, 12)
	_, err := chacha.NewEncrypter(io.Discard, key, nonce, nil)
	require.ErrorIs(t, err, chacha.ErrFIPS)
	_, err = chacha.NewVerifier(key, nonce, nil)
	require.ErrorIs(t, err, chacha.ErrFIPS)
	_, err = chacha.NewDecrypter(bytes.NewReader(nil), key, nonce)
	require.ErrorIs(t, err, chacha.ErrFIPS)
	return true
}

func seal(t testing.TB, key, nonce, aad, plain []byte) []byte {
	t.Helper()
	aead, err := chacha20poly1305.New(key)
	require.NoError(t, err)
	return aead.Seal(nil, nonce, plain, aad)
}

// open is what a reader of a message does.
func open(t testing.TB, key, nonce, aad, sealed []byte, pieces []int) ([]byte, bool) {
	t.Helper()
	ct, tag := sealed[:len(sealed)-16], sealed[len(sealed)-16:]
	v, err := chacha.NewVerifier(key, nonce, aad)
	require.NoError(t, err)
	rest := ct
	for i := 0; len(rest) > 0; i++ {
		n := min(len(rest), pieces[i%len(pieces)])
		m, err := v.Write(rest[:n])
		require.NoError(t, err)
		require.Equal(t, n, m)
		rest = rest[n:]
	}
	good := v.Check(tag)
	require.False(t, v.Check(tag), "a Verifier ends with Check")
	d, err := chacha.NewDecrypter(iotest.HalfReader(bytes.NewReader(ct)), key, nonce)
	require.NoError(t, err)
	plain, err := io.ReadAll(d)
	require.NoError(t, err)
	return plain, good
}

// TestSpecification is the example of RFC 8439, Section 2.8.2.
func TestSpecification(t *testing.T) {
	if refused(t) {
		return
	}
	h := func(s string) []byte {
		b, err := hex.DecodeString(s)
		require.NoError(t, err)
		return b
	}
	key := h("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f")
	nonce, aad := h("070000004041424344454647"), h("50515253c0c1c2c3c4c5c6c7")
	sealed := h("d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6" +
		"3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36" +
		"92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc" +
		"3ff4def08e4b7a9de576d26586cec64b6116" + "1ae10b594f09e26a7e902ecbd0600691")
	plain, good := open(t, key, nonce, aad, sealed, []int{1 << 10})
	require.True(t, good)
	require.Equal(t, "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.", string(plain))
}

// TestBoundaries compares with the one-shot AEAD at every length around a block and a buffer, however it comes in.
func TestBoundaries(t *testing.T) {
	if refused(t) {
		return
	}
	r := rand.NewChaCha8([32]byte{1})
	random := func(n int) []byte { b := make([]byte, n); r.Read(b); return b }
	sizes := []int{4095, 4096, 4097, 256<<10 - 1, 256 << 10, 256<<10 + 1, 600_001}
	for n := range 140 {
		sizes = append(sizes, n)
	}
	for i, size := range sizes {
		key, nonce, aad, plain := random(32), random(12), random(i%40), random(size)
		sealed := seal(t, key, nonce, aad, plain)
		ways := [][]int{{1}, {15, 1}, {16}, {17, 63}, {1 << 20}, {5, 16384, 3}}
		if size > 100_000 {
			ways = ways[3:]
		}
		for _, pieces := range ways {
			got, good := open(t, key, nonce, aad, sealed, pieces)
			require.True(t, good, "%d in pieces of %v", size, pieces)
			require.True(t, bytes.Equal(plain, got))
			for _, from := range []bool{false, true} {
				var out bytes.Buffer
				w, err := chacha.NewEncrypter(&out, key, nonce, aad)
				require.NoError(t, err)
				for j, rest := 0, plain; len(rest) > 0; j++ {
					n := min(len(rest), pieces[j%len(pieces)])
					if from && j%2 == 0 {
						m, err := w.ReadFrom(iotest.DataErrReader(bytes.NewReader(rest[:n])))
						require.NoError(t, err)
						require.EqualValues(t, n, m)
					} else {
						m, err := w.Write(rest[:n])
						require.NoError(t, err)
						require.Equal(t, n, m)
					}
					rest = rest[n:]
				}
				require.Zero(t, w.Tag(), "not before Close")
				require.NoError(t, w.Close())
				w.Abort()
				tag := w.Tag()
				require.True(t, bytes.Equal(sealed, append(out.Bytes(), tag[:]...)), "%d in pieces of %v", size, pieces)
			}
		}
		// Each input counts.
		change := func(b []byte) []byte {
			b = bytes.Clone(b)
			b[len(b)/2] ^= 0x10
			return b
		}
		whole := []int{size + 1}
		_, good := open(t, key, nonce, aad, append(bytes.Clone(sealed[:size]), change(sealed[size:])...), whole)
		require.False(t, good, "tag")
		_, good = open(t, key, nonce, aad, change(sealed), whole)
		require.False(t, good, "ciphertext")
		_, good = open(t, key, nonce, append(bytes.Clone(aad), 0), sealed, whole)
		require.False(t, good, "additional data")
		_, good = open(t, key, change(nonce), aad, sealed, whole)
		require.False(t, good, "nonce")
		_, good = open(t, change(key), nonce, aad, sealed, whole)
		require.False(t, good, "key")
	}
	v, err := chacha.NewVerifier(make([]byte, 32), make([]byte, 12), nil)
	require.NoError(t, err)
	require.False(t, v.Check(nil), "no tag")
	sealed := seal(t, make([]byte, 32), make([]byte, 12), nil, nil)
	for n := range 18 {
		v, err := chacha.NewVerifier(make([]byte, 32), make([]byte, 12), nil)
		require.NoError(t, err)
		require.Equal(t, n == 16, v.Check(append(bytes.Clone(sealed), 0, 0)[:n]), "tag of %d", n)
	}
}

// TestLimit stands before the last block that a message may have.
func TestLimit(t *testing.T) {
	if refused(t) {
		return
	}
	key, nonce := make([]byte, 32), make([]byte, 12)
	const before = chacha.MaxBytes - 64
	for n, want := range map[int]error{63: nil, 64: nil, 65: chacha.ErrTooLong, 1000: chacha.ErrTooLong} {
		v, err := chacha.NewVerifier(key, nonce, nil)
		require.NoError(t, err)
		v.Skip(before)
		_, err = v.Write(make([]byte, n))
		require.Equal(t, want, err, "%d", n)
		_, err = v.Write(nil)
		require.Equal(t, want, err, "%d", n)
		require.False(t, v.Check(make([]byte, 16)))

		d, err := chacha.NewDecrypter(bytes.NewReader(make([]byte, n)), key, nonce)
		require.NoError(t, err)
		d.Skip(before)
		got, err := io.ReadAll(d)
		require.Equal(t, want, err, "%d", n)
		if want == nil {
			require.Len(t, got, n)
		}

		for _, from := range []bool{false, true} {
			w, err := chacha.NewEncrypter(io.Discard, key, nonce, nil)
			require.NoError(t, err)
			w.Skip(before)
			if from {
				_, err = w.ReadFrom(bytes.NewReader(make([]byte, n)))
			} else {
				_, err = w.Write(make([]byte, n))
			}
			require.Equal(t, want, err, "%d", n)
			require.Equal(t, want, w.Close(), "%d", n)
		}
	}
}

func TestParameters(t *testing.T) {
	if refused(t) {
		return
	}
	for n := range 40 {
		_, err := chacha.NewVerifier(make([]byte, n), make([]byte, 12), nil)
		require.Equal(t, n == 32, err == nil, "key of %d", n)
		_, err = chacha.NewVerifier(make([]byte, 32), make([]byte, n), nil)
		require.Equal(t, n == 12, err == nil, "nonce of %d", n)
	}
}

// failing goes wrong in its call number at, both as a source and as a destination.
type failing struct {
	at, calls, n int
	err          error
}

func (f *failing) step(p []byte) (int, error) {
	f.calls++
	if f.calls-1 == f.at {
		return f.n, f.err
	}
	return len(p), nil
}

func (f *failing) Write(p []byte) (int, error) { return f.step(p) }
func (f *failing) Read(p []byte) (int, error)  { return f.step(p) }

func TestErrorsStay(t *testing.T) {
	if refused(t) {
		return
	}
	disk := errors.New("input/output error")
	key, nonce := make([]byte, 32), make([]byte, 12)
	for at := range 3 {
		for _, c := range []struct {
			n    int
			err  error
			want error
		}{{0, disk, disk}, {5, disk, disk}, {5, nil, io.ErrShortWrite}} {
			dst := &failing{at: at, n: c.n, err: c.err}
			w, err := chacha.NewEncrypter(dst, key, nonce, nil)
			require.NoError(t, err)
			if _, err = w.Write(make([]byte, 700_000)); err == nil {
				err = w.Close()
			}
			require.Equal(t, c.want, err)
			require.Equal(t, c.want, w.Close())
			require.Zero(t, w.Tag())
			w.Abort()
			_, err = w.ReadFrom(bytes.NewReader(nil))
			require.Equal(t, c.want, err)
			require.Equal(t, at+1, dst.calls)
		}
		for _, n := range []int{0, -1, 1 << 30} {
			d, err := chacha.NewDecrypter(&failing{at: at, n: n, err: disk}, key, nonce)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, d)
			require.Error(t, err)
			require.Equal(t, n == 0, err == disk)
			_, again := d.Read(make([]byte, 1))
			require.Equal(t, err, again)
			w, err := chacha.NewEncrypter(io.Discard, key, nonce, nil)
			require.NoError(t, err)
			_, err = w.ReadFrom(&failing{at: at, n: n, err: disk})
			require.Error(t, err)
			require.Equal(t, n == 0, err == disk)
			require.Equal(t, err, w.Close(), "half a source must not become a whole message")
		}
	}
	w, err := chacha.NewEncrypter(io.Discard, key, nonce, nil)
	require.NoError(t, err)
	_, err = w.ReadFrom(stuck{})
	require.Equal(t, io.ErrNoProgress, err)
	w, err = chacha.NewEncrypter(io.Discard, key, nonce, nil)
	require.NoError(t, err)
	w.Abort()
	require.Equal(t, chacha.ErrClosed, w.Close())
	d, err := chacha.NewDecrypter(stuck{}, key, nonce)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	_, err = d.Read(make([]byte, 1))
	require.Equal(t, chacha.ErrClosed, err)
}

// stuck yields neither bytes nor an error.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func BenchmarkPasses(b *testing.B) {
	const size = 8 << 20
	buf, key, nonce := make([]byte, size), make([]byte, 32), make([]byte, 12)
	for name, f := range map[string]func() error{
		"Verify": func() error {
			v, err := chacha.NewVerifier(key, nonce, nil)
			if err == nil {
				_, err = v.Write(buf)
			}
			return err
		},
		"Decrypt": func() error {
			d, err := chacha.NewDecrypter(bytes.NewReader(buf), key, nonce)
			if err == nil {
				_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, d, make([]byte, 64<<10))
			}
			return err
		},
	} {
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
