package winzip_test

import (
	"bytes"
	"crypto/aes"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/winzip"
)

const chunk = 128 << 10

func derive(t testing.TB, s winzip.Strength) *winzip.Keys {
	t.Helper()
	if fips140.Enforced() {
		t.Skip("PBKDF2 with SHA-1 is not allowed with GODEBUG=fips140=only")
	}
	k, err := winzip.Derive("passphrase", make([]byte, s.SaltSize()), s)
	require.NoError(t, err)
	return k
}

// plainly is the description of the format, block after block.
func plainly(t testing.TB, s winzip.Strength, content []byte) (sealed, tag []byte) {
	t.Helper()
	n := s.KeySize()
	keys, err := pbkdf2.Key(sha1.New, "passphrase", make([]byte, s.SaltSize()), 1000, 2*n+2)
	require.NoError(t, err)
	block, err := aes.NewCipher(keys[:n])
	require.NoError(t, err)
	var counter, stream [16]byte
	for i, c := range content {
		if i%16 == 0 {
			for j := range counter { // the first octet counts fastest
				if counter[j]++; counter[j] != 0 {
					break
				}
			}
			block.Encrypt(stream[:], counter[:])
		}
		sealed = append(sealed, c^stream[i%16])
	}
	mac := hmac.New(sha1.New, keys[n:2*n])
	mac.Write(sealed)
	return sealed, mac.Sum(nil)[:10]
}

func octets(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>9)
	}
	return b
}

func lengths() []int {
	return []int{0, 1, 15, 16, 17, 4095, 4096, 4097, 16*256 + 1, chunk - 1, chunk, chunk + 1, 9*chunk + 5}
}

func TestSealer(t *testing.T) {
	for s := winzip.AES128; s <= winzip.AES256; s++ {
		keys := derive(t, s)
		for _, n := range lengths() {
			content := octets(n)
			want, wantTag := plainly(t, s, content)
			var got bytes.Buffer
			w := winzip.NewSealer(&got, keys)
			_, err := io.Copy(struct{ io.Writer }{w}, io.MultiReader(bytes.NewReader(content[:n/3]), bytes.NewReader(content[n/3:])))
			require.NoError(t, err)
			tag, err := w.Close()
			require.NoError(t, err)
			require.Equal(t, wantTag, tag[:])
			require.True(t, bytes.Equal(want, got.Bytes()), "%d octets", n)
			require.Equal(t, octets(n), content, "what is written is the caller's")
			_, err = w.Write([]byte("x"))
			require.Error(t, err)

			for _, align := range []int64{0, 1, 65535} {
				p := &winzip.Plain{Src: bytes.NewReader(append([]byte("head"), want...)), Off: 4, Size: int64(n), Keys: keys}
				r := winzip.NewReader(p, 0, int64(n), align)
				back, err := io.ReadAll(r)
				require.NoError(t, err)
				require.True(t, bytes.Equal(content, back), "%d octets", n)
				require.NoError(t, r.Close())
				_, err = r.Read(make([]byte, 1))
				require.ErrorIs(t, err, winzip.ErrClosed)
			}
		}
	}
}

func TestReadAt(t *testing.T) {
	keys, content := derive(t, winzip.AES256), octets(1000)
	sealed, _ := plainly(t, winzip.AES256, content)
	p := &winzip.Plain{Src: bytes.NewReader(sealed), Size: 1000, Keys: keys}
	require.NoError(t, iotest.TestReader(io.NewSectionReader(p, 0, 1000), content))
	for off := range 40 {
		b := make([]byte, 33)
		_, err := p.ReadAt(b, int64(off))
		require.NoError(t, err)
		require.Equal(t, content[off:off+33], b)
	}
	_, err := p.ReadAt(make([]byte, 1), -1)
	require.Error(t, err)
	p.Size++ // the source is shorter than it was said to be
	_, err = p.ReadAt(make([]byte, 2), 999)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestDeriveRefuses(t *testing.T) {
	derive(t, winzip.AES128)
	for _, c := range []struct {
		salt int
		s    winzip.Strength
		ok   bool
	}{{8, 1, true}, {12, 2, true}, {16, 3, true}, {16, 0, false}, {20, 4, false}, {16, 1, false}, {15, 3, false}, {17, 3, false}, {0, 3, false}} {
		_, err := winzip.Derive("x", make([]byte, c.salt), c.s)
		require.Equal(t, c.ok, err == nil, "salt of %d, strength %d", c.salt, c.s)
	}
}

func TestVerifier(t *testing.T) {
	k := derive(t, winzip.AES256)
	v := k.Verifier()
	require.True(t, k.Verified(v[:]))
	require.False(t, k.Verified(v[:1]))
	v[1] ^= 1
	require.False(t, k.Verified(v[:]))
}

type writeFunc func([]byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }

// A destination that fails, at each of its calls, or writes less than it says.
func TestSealerDestination(t *testing.T) {
	keys, broken, content := derive(t, winzip.AES256), errors.New("broken"), octets(9*chunk+5)
	for at := range 10 {
		for _, short := range []bool{false, true} {
			calls := 0
			w := winzip.NewSealer(writeFunc(func(p []byte) (int, error) {
				if calls++; calls-1 < at {
					return len(p), nil
				}
				if short {
					return len(p) - 1, nil
				}
				return 0, broken
			}), keys)
			w.Write(content)
			_, err := w.Close()
			if short {
				require.ErrorIs(t, err, io.ErrShortWrite)
			} else {
				require.ErrorIs(t, err, broken)
			}
			require.Equal(t, at+1, calls, "nothing is written after an error")
		}
	}
}

type readAtFunc func([]byte, int64) (int, error)

func (f readAtFunc) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

// A source that fails, panics, or ends its goroutine: the caller hears of it.
func TestReaderSource(t *testing.T) {
	content := octets(9*chunk + 5)
	broken := errors.New("broken")
	for _, c := range []struct {
		name string
		do   func() (int, error)
	}{
		{"fails", func() (int, error) { return 0, broken }},
		{"ends", func() (int, error) { return 0, io.EOF }},
		{"lies", func() (int, error) { return 1 << 30, nil }},
		{"panics", func() (int, error) { panic(broken) }},
		{"ends its goroutine", func() (int, error) { runtime.Goexit(); return 0, nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := winzip.NewReader(readAtFunc(func(p []byte, off int64) (int, error) {
				if off >= 5*chunk {
					return c.do()
				}
				return copy(p, content[off:]), nil
			}), 0, int64(len(content)), 0)
			defer r.Close()
			got, err := func() (b []byte, err error) {
				defer func() {
					if x := recover(); x != nil {
						err = errors.New("crashed")
					}
				}()
				return io.ReadAll(r)
			}()
			require.Error(t, err)
			require.True(t, bytes.HasPrefix(content, got))
			_, err = r.Read(make([]byte, 1))
			require.Error(t, err)
		})
	}
}

func TestAbort(t *testing.T) {
	keys := derive(t, winzip.AES256)
	for _, n := range lengths() {
		w := winzip.NewSealer(io.Discard, keys)
		w.Write(octets(n))
		w.Abort()
		_, err := w.Close()
		require.Error(t, err)
	}
}

func BenchmarkSealer(b *testing.B) {
	keys, content := derive(b, winzip.AES256), octets(16<<20)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		w := winzip.NewSealer(io.Discard, keys)
		w.Write(content)
		w.Close()
	}
}

func BenchmarkReader(b *testing.B) {
	content := octets(16 << 20)
	p := &winzip.Plain{Src: bytes.NewReader(content), Size: int64(len(content)), Keys: derive(b, winzip.AES256)}
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		io.Copy(io.Discard, struct{ io.Reader }{winzip.NewReader(p, 0, p.Size, 0)})
	}
}

func BenchmarkXORAt(b *testing.B) {
	keys, content := derive(b, winzip.AES256), octets(chunk)
	b.SetBytes(chunk)
	for b.Loop() {
		keys.XORAt(content, 0)
	}
}
