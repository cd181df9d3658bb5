package cbc_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/doublekeybox/doublekeybox/internal/cbc"
	"github.com/stretchr/testify/require"
)

const bufferSize = 128 << 10 // of both types

// standard is what crypto/cipher makes of b, which is padded already.
func standard(t testing.TB, key, iv, b []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	out := make([]byte, len(b))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, b)
	return out
}

// pad is RFC 5652, Section 6.3.
func pad(b []byte) []byte {
	n := 16 - len(b)%16
	return append(bytes.Clone(b), bytes.Repeat([]byte{byte(n)}, n)...)
}

func random(r *rand.ChaCha8, n int) []byte {
	b := make([]byte, n)
	r.Read(b)
	return b
}

func decrypt(t testing.TB, key, iv []byte, src io.Reader) ([]byte, error) {
	t.Helper()
	d, err := cbc.NewDecrypter(src, key, iv)
	require.NoError(t, err)
	b, err := io.ReadAll(struct{ io.Reader }{d})
	require.NoError(t, d.Close())
	return b, err
}

// ways are the ways in which a message gets into an Encrypter.
var ways = map[string]func(w *cbc.Encrypter, b []byte) error{
	"Write": func(w *cbc.Encrypter, b []byte) error { _, err := w.Write(b); return err },
	"Write in pieces": func(w *cbc.Encrypter, b []byte) error {
		for i := 0; len(b) > 0; i++ {
			n, err := w.Write(b[:min(len(b), i*i%5000)])
			if err != nil {
				return err
			}
			b = b[n:]
		}
		return nil
	},
	"ReadFrom": func(w *cbc.Encrypter, b []byte) error {
		n, err := w.ReadFrom(iotest.HalfReader(bytes.NewReader(b)))
		if err == nil && n != int64(len(b)) {
			err = fmt.Errorf("ReadFrom returned %d of %d", n, len(b))
		}
		return err
	},
	"ReadFrom with data and EOF at once": func(w *cbc.Encrypter, b []byte) error {
		_, err := w.ReadFrom(iotest.DataErrReader(bytes.NewReader(b)))
		return err
	},
	"Write, then ReadFrom": func(w *cbc.Encrypter, b []byte) error {
		if _, err := w.Write(b[:len(b)/3]); err != nil {
			return err
		}
		_, err := w.ReadFrom(bytes.NewReader(b[len(b)/3:]))
		return err
	},
}

func TestAgainstStandardLibrary(t *testing.T) {
	r := rand.NewChaCha8([32]byte{1})
	sizes := []int{4079, 4080, 4081, 4095, 4096, 4097, bufferSize - 17, bufferSize - 16, bufferSize - 15, bufferSize - 1, bufferSize,
		bufferSize + 1, 2*bufferSize - 32, 2*bufferSize - 16, 2 * bufferSize, 3*bufferSize + 5}
	for n := range 66 {
		sizes = append(sizes, n)
	}
	for _, size := range sizes {
		for _, keySize := range []int{16, 24, 32} {
			key, iv, plain := random(r, keySize), random(r, 16), random(r, size)
			want := standard(t, key, iv, pad(plain))
			where := fmt.Sprintf("AES-%d, %d bytes", keySize*8, size)
			for name, in := range ways {
				var out bytes.Buffer
				w, err := cbc.NewEncrypter(&out, key, iv)
				require.NoError(t, err)
				require.NoError(t, in(w, plain))
				require.NoError(t, w.Close())
				require.True(t, bytes.Equal(want, out.Bytes()), "%s, %s", where, name)
			}
			readers := map[string]io.Reader{
				"whole":    bytes.NewReader(want),
				"half":     iotest.HalfReader(bytes.NewReader(want)),
				"with EOF": iotest.DataErrReader(bytes.NewReader(want)),
			}
			if size < 10000 {
				readers["byte by byte"] = iotest.OneByteReader(bytes.NewReader(want))
			}
			for name, src := range readers {
				got, err := decrypt(t, key, iv, src)
				require.NoError(t, err, "%s, %s", where, name)
				require.True(t, bytes.Equal(plain, got), "%s, %s", where, name)
			}
			d, err := cbc.NewDecrypter(bytes.NewReader(want), key, iv)
			require.NoError(t, err)
			var out bytes.Buffer
			_, err = io.CopyN(&out, struct{ io.Reader }{d}, int64(size/2))
			require.NoError(t, err)
			n, err := d.WriteTo(&out)
			require.NoError(t, err)
			require.EqualValues(t, size-size/2, n)
			require.True(t, bytes.Equal(plain, out.Bytes()), where)
		}
	}
}

func TestDecrypterIsReader(t *testing.T) {
	key, plain := make([]byte, 32), bytes.Repeat([]byte("content "), 1000)
	sealed := standard(t, key, key[:16], pad(plain))
	d, err := cbc.NewDecrypter(bytes.NewReader(sealed), key, key[:16])
	require.NoError(t, err)
	require.NoError(t, iotest.TestReader(d, plain))
}

// TestSpecification is case 4 of RFC 3602, Section 4, with the padding that it leaves out behind it.
func TestSpecification(t *testing.T) {
	h := func(s string) []byte {
		b, err := hex.DecodeString(s)
		require.NoError(t, err)
		return b
	}
	plain := h("a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf")
	want := h("c30e32ffedc0774e6aff6af0869f71aa0f3af07a9a31a9c684db207eb0ef8e4e35907aa632c3ffdf868bb7b29d3d46ad83ce9f9a102ee99d49a53e87f4c3da55")
	key, iv := h("56e47a38c5598974bc46903dba290349"), h("8ce82eefbea0da3c44699ed7db51b7d9")
	var out bytes.Buffer
	w, err := cbc.NewEncrypter(&out, key, iv)
	require.NoError(t, err)
	_, err = w.Write(plain)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Equal(t, len(want)+16, out.Len())
	require.Equal(t, want, out.Bytes()[:len(want)])
	got, err := decrypt(t, key, iv, &out)
	require.NoError(t, err)
	require.Equal(t, plain, got)
}

// TestPadding ends a message in n bytes of value v, for all n and v around what is allowed.
func TestPadding(t *testing.T) {
	key, iv := make([]byte, 32), make([]byte, 16)
	values := []int{255, 128, 32}
	for v := range 18 {
		values = append(values, v)
	}
	for _, before := range []int{0, 16, 4096 - 16, 4096, bufferSize - 16, bufferSize} {
		for _, v := range values {
			for n := 1; n <= 16; n++ {
				plain := bytes.Repeat([]byte{0xaa}, before+16)
				copy(plain[len(plain)-n:], bytes.Repeat([]byte{byte(v)}, n))
				got, err := decrypt(t, key, iv, bytes.NewReader(standard(t, key, iv, plain)))
				where := fmt.Sprintf("%d bytes of value %d after %d", n, v, before+16-n)
				if v >= 1 && v <= n {
					require.NoError(t, err, where)
					require.True(t, bytes.Equal(plain[:len(plain)-v], got), where)
				} else {
					require.Equal(t, cbc.ErrPadding, err, where)
				}
			}
		}
	}
	// Every single byte of a good padding counts.
	for v := 1; v <= 16; v++ {
		good := bytes.Repeat([]byte{0xaa}, 16)
		copy(good[16-v:], bytes.Repeat([]byte{byte(v)}, v))
		for i := range 16 {
			for bit := range 8 {
				bad := bytes.Clone(good)
				bad[i] ^= 1 << bit
				_, err := decrypt(t, key, iv, bytes.NewReader(standard(t, key, iv, bad)))
				if i < 16-v || bad[15] == 1 {
					require.NoError(t, err)
				} else {
					require.Equal(t, cbc.ErrPadding, err, "padding of %d, byte %d, bit %d", v, i, bit)
				}
			}
		}
	}
}

// TestOneError requires the very same value for every ciphertext that is wrong in itself.
func TestOneError(t *testing.T) {
	key, iv := make([]byte, 32), make([]byte, 16)
	for _, size := range []int{0, 1, 15, 16, 17, 100, 4096, bufferSize, bufferSize + 100} {
		sealed := standard(t, key, iv, pad(make([]byte, size)))
		_, err := decrypt(t, key, iv, bytes.NewReader(sealed))
		require.NoError(t, err)
		for _, cut := range []int{1, 15, 17} {
			if cut < len(sealed) {
				_, err := decrypt(t, key, iv, bytes.NewReader(sealed[:len(sealed)-cut]))
				require.Equal(t, cbc.ErrPadding, err, "not whole blocks: %d bytes without %d", size, cut)
			}
			_, err := decrypt(t, key, iv, bytes.NewReader(append(bytes.Clone(sealed), make([]byte, cut)...)))
			require.Equal(t, cbc.ErrPadding, err, "not whole blocks: %d bytes and %d", size, cut)
		}
		if size%16 == 0 && size > 0 {
			_, err := decrypt(t, key, iv, bytes.NewReader(sealed[:len(sealed)-16]))
			require.Equal(t, cbc.ErrPadding, err, "last block missing, a zero before it: %d bytes", size)
		}
	}
	_, err := decrypt(t, key, iv, bytes.NewReader(nil))
	require.Equal(t, cbc.ErrPadding, err, "empty")
}

func TestParameters(t *testing.T) {
	for size := range 40 {
		key, iv := make([]byte, 16), make([]byte, 16)
		_, e := cbc.NewEncrypter(io.Discard, make([]byte, size), iv)
		_, d := cbc.NewDecrypter(bytes.NewReader(nil), make([]byte, size), iv)
		if size == 16 || size == 24 || size == 32 {
			require.NoError(t, e)
			require.NoError(t, d)
		} else {
			require.ErrorContains(t, e, "cbc: ")
			require.ErrorContains(t, d, "cbc: ")
		}
		_, e = cbc.NewEncrypter(io.Discard, key, make([]byte, size))
		_, d = cbc.NewDecrypter(bytes.NewReader(nil), key, make([]byte, size))
		if size == 16 {
			require.NoError(t, e)
			require.NoError(t, d)
		} else {
			require.ErrorContains(t, e, "cbc: initialisation vector")
			require.ErrorContains(t, d, "cbc: initialisation vector")
		}
	}
}

var errTest = errors.New("test: broken")

// failing goes wrong in its call number at, both as a source and as a destination.
type failing struct {
	at, calls int
	n         int // what the wrong call returns
	err       error
}

func (f *failing) Write(p []byte) (int, error) {
	f.calls++
	if f.calls-1 == f.at {
		return f.n, f.err
	}
	return len(p), nil
}

func (f *failing) Read(p []byte) (int, error) {
	f.calls++
	if f.calls-1 == f.at {
		return f.n, f.err
	}
	p = p[:min(len(p), 100_000)]
	clear(p)
	return len(p), nil
}

func TestErrorsStay(t *testing.T) {
	key, iv := make([]byte, 32), make([]byte, 16)
	for at := range 4 {
		for _, wrong := range []struct {
			n    int
			err  error
			want error
		}{{0, errTest, errTest}, {5, errTest, errTest}, {5, nil, io.ErrShortWrite}} {
			for name, in := range ways {
				dst := &failing{at: at, n: wrong.n, err: wrong.err}
				w, err := cbc.NewEncrypter(dst, key, iv)
				require.NoError(t, err)
				if err = in(w, make([]byte, 3*bufferSize+1)); err == nil {
					err = w.Close()
				}
				require.ErrorIs(t, err, wrong.want, name)
				require.Equal(t, at+1, dst.calls, name)
				require.ErrorIs(t, w.Close(), wrong.want, name)
				_, err = w.Write([]byte{0})
				require.ErrorIs(t, err, wrong.want, name)
			}
			sealed := standard(t, key, iv, pad(make([]byte, 4*bufferSize)))
			d, err := cbc.NewDecrypter(bytes.NewReader(sealed), key, iv)
			require.NoError(t, err)
			_, err = d.WriteTo(&failing{at: at, n: wrong.n, err: wrong.err})
			require.ErrorIs(t, err, wrong.want)
			_, err = d.Read(make([]byte, 1))
			require.ErrorIs(t, err, wrong.want)
		}
		for _, wrong := range []struct {
			n   int
			err error
		}{{0, errTest}, {5, errTest}, {0, io.ErrUnexpectedEOF}, {1 << 30, nil}, {-1, nil}} {
			w, err := cbc.NewEncrypter(io.Discard, key, iv)
			require.NoError(t, err)
			_, err = w.ReadFrom(&failing{at: at, n: wrong.n, err: wrong.err})
			d, e := cbc.NewDecrypter(&failing{at: at, n: wrong.n, err: wrong.err}, key, iv)
			require.NoError(t, e)
			_, e = io.Copy(io.Discard, d)
			if wrong.err != nil {
				require.ErrorIs(t, err, wrong.err)
				require.ErrorIs(t, e, wrong.err)
			}
			require.Error(t, err)
			require.Error(t, e)
			require.Equal(t, err, w.Close(), "half a source must not become a whole message")
			_, again := d.Read(make([]byte, 1))
			require.Equal(t, e, again)
		}
	}
	nothing := readFunc(func([]byte) (int, error) { return 0, nil })
	d, err := cbc.NewDecrypter(nothing, key, iv)
	require.NoError(t, err)
	_, err = d.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.ErrNoProgress)
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestAfterClose(t *testing.T) {
	key, iv := make([]byte, 32), make([]byte, 16)
	var out bytes.Buffer
	w, err := cbc.NewEncrypter(&out, key, iv)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Equal(t, 16, out.Len())
	require.ErrorIs(t, w.Close(), cbc.ErrClosed)
	_, err = w.Write([]byte{0})
	require.ErrorIs(t, err, cbc.ErrClosed)
	_, err = w.ReadFrom(bytes.NewReader(nil))
	require.ErrorIs(t, err, cbc.ErrClosed)
	require.Equal(t, 16, out.Len())

	d, err := cbc.NewDecrypter(bytes.NewReader(standard(t, key, iv, pad(make([]byte, 100)))), key, iv)
	require.NoError(t, err)
	_, err = io.ReadFull(d, make([]byte, 10))
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	_, err = d.Read(make([]byte, 10))
	require.ErrorIs(t, err, cbc.ErrClosed)
	_, err = d.WriteTo(io.Discard)
	require.ErrorIs(t, err, cbc.ErrClosed)
}

// TestHoldsLastBlock requires that no byte of the last block is seen before the source has ended, whatever it turns out to be.
func TestHoldsLastBlock(t *testing.T) {
	key, iv := make([]byte, 32), make([]byte, 16)
	for _, blocks := range []int{1, 2, 256, 257, bufferSize / 16, bufferSize/16 + 1} {
		sealed := standard(t, key, iv, make([]byte, 16*blocks))
		d, err := cbc.NewDecrypter(bytes.NewReader(sealed), key, iv)
		require.NoError(t, err)
		n, err := io.Copy(io.Discard, d)
		require.Equal(t, cbc.ErrPadding, err)
		require.LessOrEqual(t, n, int64(16*(blocks-1)))
	}
}

// FuzzDecrypter: a ciphertext is accepted exactly if crypto/cipher makes well-padded blocks of it, and then yields the same.
func FuzzDecrypter(f *testing.F) {
	key, iv := make([]byte, 16), make([]byte, 16)
	for _, n := range []int{0, 1, 15, 16, 17, 32} {
		sealed := standard(f, key, iv, pad(make([]byte, n)))
		f.Add(sealed, uint8(n))
		f.Add(sealed[:len(sealed)-1], uint8(n+1))
	}
	f.Fuzz(func(t *testing.T, sealed []byte, piece uint8) {
		var src io.Reader = bytes.NewReader(sealed)
		if piece%2 == 0 {
			src = iotest.OneByteReader(src)
		}
		got, err := decrypt(t, key, iv, src)
		if len(sealed) == 0 || len(sealed)%16 != 0 {
			require.Equal(t, cbc.ErrPadding, err)
			return
		}
		block, e := aes.NewCipher(key)
		require.NoError(t, e)
		want := make([]byte, len(sealed))
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(want, sealed)
		n := int(want[len(want)-1])
		if n < 1 || n > 16 || !bytes.HasSuffix(want, bytes.Repeat([]byte{byte(n)}, n)) {
			require.Equal(t, cbc.ErrPadding, err)
			return
		}
		require.NoError(t, err)
		require.True(t, bytes.Equal(want[:len(want)-n], got))
	})
}

// FuzzEncrypter: any message in any pieces is what crypto/cipher makes of it.
func FuzzEncrypter(f *testing.F) {
	for _, n := range []int{0, 1, 15, 16, 17, 5000} {
		f.Add(bytes.Repeat([]byte{byte(n)}, n), uint8(n), uint16(n+1))
	}
	f.Fuzz(func(t *testing.T, plain []byte, k uint8, piece uint16) {
		key, iv := bytes.Repeat([]byte{k}, 16+int(k%3)*8), bytes.Repeat([]byte{^k}, 16)
		var out bytes.Buffer
		w, err := cbc.NewEncrypter(&out, key, iv)
		require.NoError(t, err)
		for b := plain; len(b) > 0; {
			n, err := w.Write(b[:min(len(b), int(piece)+1)])
			require.NoError(t, err)
			b = b[n:]
		}
		require.NoError(t, w.Close())
		require.True(t, bytes.Equal(standard(t, key, iv, pad(plain)), out.Bytes()))
	})
}

var sizes = []struct {
	name string
	n    int
}{{"1KiB", 1 << 10}, {"1MiB", 1 << 20}, {"32MiB", 32 << 20}}

func BenchmarkEncrypter(b *testing.B) {
	key, iv := make([]byte, 32), make([]byte, 16)
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			data := make([]byte, size.n)
			b.SetBytes(int64(size.n))
			b.ReportAllocs()
			for b.Loop() {
				w, _ := cbc.NewEncrypter(io.Discard, key, iv)
				w.Write(data)
				require.NoError(b, w.Close())
			}
		})
	}
}

func BenchmarkDecrypter(b *testing.B) {
	key, iv := make([]byte, 32), make([]byte, 16)
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			sealed := standard(b, key, iv, pad(make([]byte, size.n)))
			b.SetBytes(int64(size.n))
			b.ReportAllocs()
			for b.Loop() {
				d, _ := cbc.NewDecrypter(bytes.NewReader(sealed), key, iv)
				_, err := io.Copy(io.Discard, d)
				require.NoError(b, err)
			}
		})
	}
}
