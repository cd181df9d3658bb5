package chunks_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/chunks"
	"github.com/doublekeybox/doublekeybox/internal/ocb"
)

// batch is what is handed over at a time, beyond which there are goroutines.
const batch = 128 << 10

// scheme is SEIPDv2's or packet 20's.
func scheme(t testing.TB, indexed bool, size int) *chunks.Scheme {
	t.Helper()
	block, err := aes.NewCipher([]byte("a key of 32 octets, not a secret"))
	require.NoError(t, err)
	s := &chunks.Scheme{
		AEAD: func() cipher.AEAD { a, _ := ocb.New(block, 15); return a },
		IV:   []byte{1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0}, Data: []byte{0xD2, 2, 9, 2, 0}, Size: size,
	}
	if indexed {
		s.Indexed, s.IV = true, []byte{1, 2, 3, 4, 5, 6, 7, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE}
		s.Data[0] = 0xD4
	}
	return s
}

// plainly is the container as RFC 9580, Section 5.13.2 and its predecessor
// have it, one step after the other. change is given every piece.
func plainly(s *chunks.Scheme, content []byte, change func(int, []byte) []byte) []byte {
	a := s.AEAD()
	var out []byte
	index := uint64(0)
	piece := func(p, more []byte) {
		nonce := bytes.Clone(s.IV)
		for i, b := range binary.BigEndian.AppendUint64(nil, index) {
			nonce[len(nonce)-8+i] ^= b
		}
		data := bytes.Clone(s.Data)
		if s.Indexed {
			data = binary.BigEndian.AppendUint64(data, index)
		}
		sealed := a.Seal(nil, nonce, p, append(data, more...))
		if change != nil {
			sealed = change(int(index), sealed)
		}
		out = append(out, sealed...)
	}
	for rest := content; len(rest) > 0 || index == 0; index++ {
		n := min(s.Size, len(rest))
		piece(rest[:n], nil)
		rest = rest[n:]
	}
	piece(nil, binary.BigEndian.AppendUint64(nil, uint64(len(content))))
	return out
}

func octets(seed byte, n int) []byte {
	r := rand.NewChaCha8([32]byte{seed})
	b := make([]byte, n)
	r.Read(b)
	return b
}

// lengths are those around a chunk and a batch.
func lengths(size int) (ns []int) {
	whole := max(1, batch/size) * size
	for _, n := range []int{0, size, 2 * size, 3 * size, whole, whole + size, 2 * whole, 7 * whole} {
		ns = append(ns, n, n+1)
		if n > 0 {
			ns = append(ns, n-1)
		}
	}
	return ns
}

// Both directions, for every length around a chunk and a batch, however it is
// written and read.
func TestRoundTrip(t *testing.T) {
	for _, indexed := range []bool{false, true} {
		for _, size := range []int{64, 1 << 12, 64 << 10, 1 << 18} {
			t.Run(fmt.Sprint(indexed, size), func(t *testing.T) {
				t.Parallel()
				s := scheme(t, indexed, size)
				for _, n := range lengths(size) {
					if n > 3<<19 {
						continue
					}
					content := octets(1, n)
					want := plainly(s, content, nil)
					for _, step := range []int{1, 1000, size, size + 1, 32 << 10, 1 << 20} {
						if step == 1 && n > 5000 {
							continue
						}
						require.True(t, bytes.Equal(want, seal(t, s, content, step)), "%d octets by %d", n, step)
					}
					for name, src := range sources {
						if name == "one octet" && n > 70_000 {
							continue
						}
						got, err := io.ReadAll(chunks.NewReader(src(bytes.NewReader(want)), s))
						require.NoError(t, err, "%s: %d octets", name, n)
						require.True(t, bytes.Equal(content, got), "%s: %d octets", name, n)
					}
				}
				content := octets(2, 2*batch+11)
				require.NoError(t, iotest.TestReader(chunks.NewReader(bytes.NewReader(plainly(s, content, nil)), s), content))
			})
		}
	}
}

func seal(t testing.TB, s *chunks.Scheme, content []byte, step int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := chunks.NewWriter(&out, s)
	content = bytes.Clone(content)
	before := bytes.Clone(content)
	for rest := content; len(rest) > 0; {
		n := min(step, len(rest))
		m, err := w.Write(rest[:n])
		require.NoError(t, err)
		require.Equal(t, n, m)
		rest = rest[n:]
	}
	require.NoError(t, w.Close())
	require.True(t, bytes.Equal(before, content), "the caller's slice was changed")
	return out.Bytes()
}

var sources = map[string]func(io.Reader) io.Reader{
	"as it is":         func(r io.Reader) io.Reader { return r },
	"one octet":        iotest.OneByteReader,
	"half":             iotest.HalfReader,
	"EOF with octets":  iotest.DataErrReader,
	"nothing at times": func(r io.Reader) io.Reader { return &idle{r: r} },
}

// idle returns nothing every second time.
type idle struct {
	r io.Reader
	n int
}

func (i *idle) Read(p []byte) (int, error) {
	if i.n++; i.n%2 == 0 {
		return 0, nil
	}
	return i.r.Read(p)
}

// A chunk without an octet behind whole ones is authentic, and so is content
// of no chunk at all: what others write.
func TestEmptyChunks(t *testing.T) {
	s := scheme(t, false, 64)
	a := s.AEAD()
	nonce := func(i byte) []byte { n := bytes.Clone(s.IV); n[14] ^= i; return n }
	total := func(n uint64) []byte { return binary.BigEndian.AppendUint64(bytes.Clone(s.Data), n) }
	content := octets(1, 64)
	one := a.Seal(nil, nonce(0), content, s.Data)
	for name, c := range map[string]struct {
		sealed []byte
		want   int
	}{
		"no chunk":       {a.Seal(nil, nonce(0), nil, total(0)), 0},
		"an empty chunk": {a.Seal(a.Seal(nil, nonce(0), nil, s.Data), nonce(1), nil, total(0)), 0},
		"whole, empty":   {a.Seal(a.Seal(bytes.Clone(one), nonce(1), nil, s.Data), nonce(2), nil, total(64)), 64},
		"whole":          {a.Seal(bytes.Clone(one), nonce(1), nil, total(64)), 64},
	} {
		got, err := io.ReadAll(chunks.NewReader(bytes.NewReader(c.sealed), s))
		require.NoError(t, err, name)
		require.True(t, bytes.Equal(content[:c.want], got), name)
		for n := range c.sealed {
			_, err := io.ReadAll(chunks.NewReader(bytes.NewReader(c.sealed[:n]), s))
			if name != "whole, empty" || n != len(c.sealed)-16 {
				require.Equal(t, chunks.ErrAuth, err, "%s cut to %d", name, n)
			}
		}
	}
}

// read returns what comes out before the error.
func read(s *chunks.Scheme, sealed []byte) ([]byte, error) {
	return io.ReadAll(chunks.NewReader(bytes.NewReader(sealed), s))
}

// Every bit of a message of a few chunks, of every part: what comes out is
// whole chunks of the content, and then the one error.
func TestEveryBit(t *testing.T) {
	for _, indexed := range []bool{false, true} {
		s := scheme(t, indexed, 64)
		for _, n := range []int{0, 1, 63, 64, 65, 192, 200} {
			content := octets(3, n)
			sealed := plainly(s, content, nil)
			for bit := range len(sealed) * 8 {
				sealed[bit/8] ^= 1 << (bit % 8)
				got, err := read(s, sealed)
				require.Equal(t, chunks.ErrAuth, err, "bit %d of %d octets", bit, n)
				good := min(bit/8/80*64, n)
				if bit/8 >= len(sealed)-16 { // of the final tag
					good = n
				}
				require.Len(t, got, good, "bit %d", bit)
				require.True(t, bytes.HasPrefix(content, got))
				sealed[bit/8] ^= 1 << (bit % 8)
			}
			for cut := range sealed {
				got, err := read(s, sealed[:cut])
				require.Equal(t, chunks.ErrAuth, err, "cut to %d", cut)
				require.True(t, bytes.HasPrefix(content, got))
			}
			got, err := read(s, sealed)
			require.NoError(t, err, "unchanged")
			require.True(t, bytes.Equal(content, got))
		}
		// Data, nonce and key are authenticated too.
		sealed := plainly(s, octets(3, 100), nil)
		for _, b := range [][]byte{s.Data, s.IV} {
			for bit := range len(b) * 8 {
				b[bit/8] ^= 1 << (bit % 8)
				got, err := read(s, sealed)
				require.Equal(t, chunks.ErrAuth, err)
				require.Empty(t, got)
				b[bit/8] ^= 1 << (bit % 8)
			}
		}
		got, err := read(s, sealed)
		require.NoError(t, err)
		require.Len(t, got, 100)
	}
}

// Chunks left out, doubled, exchanged, of another message, and final tags of
// another length, with chunks that are in batches of many and of one.
func TestOrder(t *testing.T) {
	for _, size := range []int{64, 64 << 10} {
		for _, indexed := range []bool{false, true} {
			s := scheme(t, indexed, size)
			content := octets(4, 5*size)
			sealed := plainly(s, content, nil)
			var parts [][]byte
			for rest := sealed; len(rest) > 0; {
				n := min(size+16, len(rest))
				parts = append(parts, rest[:n])
				rest = rest[n:]
			}
			require.Len(t, parts, 6)
			four := plainly(s, content[:4*size], nil)
			for name, c := range map[string]struct {
				order []int
				good  int
			}{
				"as it was": {[]int{0, 1, 2, 3, 4, 5}, 5}, "first two exchanged": {[]int{1, 0, 2, 3, 4, 5}, 0},
				"first doubled": {[]int{0, 0, 1, 2, 3, 4, 5}, 1}, "first left out": {[]int{1, 2, 3, 4, 5}, 0},
				"one left out": {[]int{0, 1, 3, 4, 5}, 2}, "last left out": {[]int{0, 1, 2, 3, 5}, 4},
				"last doubled": {[]int{0, 1, 2, 3, 4, 4, 5}, 5}, "last two exchanged": {[]int{0, 1, 2, 4, 3, 5}, 3},
				"final tag left out": {[]int{0, 1, 2, 3, 4}, 4}, "final tag doubled": {[]int{0, 1, 2, 3, 4, 5, 5}, 5},
				"only the final tag": {[]int{5}, 0}, "last left out, right tag": {[]int{0, 1, 2, 3, 6}, 4},
			} {
				var msg []byte
				for _, i := range c.order {
					if i == 6 { // of the content that is shorter by one
						msg = append(msg, four[len(four)-16:]...)
						continue
					}
					msg = append(msg, parts[i]...)
				}
				got, err := read(s, msg)
				if name == "as it was" || name == "last left out, right tag" {
					require.NoError(t, err, name)
				} else {
					require.Equal(t, chunks.ErrAuth, err, name)
				}
				require.True(t, bytes.HasPrefix(content, got), name)
				require.Len(t, got, c.good*size, name)
			}
			// The final tag of another length: what it says is compared.
			short := plainly(s, content[:5*size-1], nil)
			msg := append(bytes.Clone(sealed[:len(sealed)-16]), short[len(short)-16:]...)
			_, err := read(s, msg)
			require.Equal(t, chunks.ErrAuth, err)
		}
	}
}

// A cut or a change in a message that several goroutines read.
func TestLong(t *testing.T) {
	noLeak(t)
	s := scheme(t, false, 64<<10)
	content := octets(5, 20*batch+5)
	sealed := plainly(s, content, nil)
	for i := 0; i < len(sealed); i += len(sealed)/37 + 1 {
		got, err := read(s, sealed[:i])
		require.Equal(t, chunks.ErrAuth, err)
		require.True(t, bytes.HasPrefix(content, got))
		sealed[i] ^= 1
		got, err = read(s, sealed)
		require.Equal(t, chunks.ErrAuth, err)
		require.Len(t, got, i/(64<<10+16)*(64<<10))
		require.True(t, bytes.HasPrefix(content, got))
		sealed[i] ^= 1
	}
}

// An error of the source is passed on as it is, behind what was authentic.
func TestSourceErrors(t *testing.T) {
	noLeak(t)
	broken := errors.New("broken disk")
	for _, size := range []int{64, 64 << 10} {
		s := scheme(t, false, size)
		content := octets(6, 6*batch)
		sealed := plainly(s, content, nil)
		for _, at := range []int{0, 1, 15, 16, 17, size, size + 16, size + 32, batch, batch + 5000, 4 * batch, len(sealed)} {
			for _, together := range []bool{false, true} {
				var src io.Reader = io.MultiReader(bytes.NewReader(sealed[:at]), iotest.ErrReader(broken))
				if together {
					src = &last{r: bytes.NewReader(sealed[:at]), err: broken}
				}
				got, err := io.ReadAll(chunks.NewReader(src, s))
				require.Equal(t, broken, err)
				require.True(t, bytes.HasPrefix(content, got))
				require.GreaterOrEqual(t, len(got), (at-32)/(size+16)*size)
				if at == len(sealed) {
					require.Len(t, got, len(content))
				}
			}
		}
	}
	_, err := io.ReadAll(chunks.NewReader(readFunc(func([]byte) (int, error) { return 0, nil }), scheme(t, false, 64)))
	require.Equal(t, io.ErrNoProgress, err)
	_, err = io.ReadAll(chunks.NewReader(readFunc(func(p []byte) (int, error) { return len(p) + 1, nil }), scheme(t, false, 64)))
	require.ErrorContains(t, err, "impossible count")
}

// last returns its error together with the last octets.
type last struct {
	r   *bytes.Reader
	err error
}

func (l *last) Read(p []byte) (int, error) {
	n, _ := l.r.Read(p)
	if l.r.Len() == 0 {
		return n, l.err
	}
	return n, nil
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

type writeFunc func([]byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }

// noLeak requires that no goroutine is left at the end.
func noLeak(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for range 200 {
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
	})
}
