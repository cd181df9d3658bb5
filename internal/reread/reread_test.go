package reread_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/doublekeybox/doublekeybox/internal/reread"
	"github.com/stretchr/testify/require"
)

const chunk = reread.ChunkSize

var errTest = errors.New("test: broken")

func random(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

// file returns a regular file that holds b.
func file(t testing.TB, b []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "source")
	require.NoError(t, os.WriteFile(name, b, 0o600))
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func all(s *reread.Source) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(s, 0, s.Size()))
}

func requireEqual(t testing.TB, want, got []byte, where ...any) {
	t.Helper()
	require.Equal(t, len(want), len(got), where...)
	require.True(t, bytes.Equal(want, got), where...)
}

func TestReadAt(t *testing.T) {
	for _, size := range []int{0, 1, 100, chunk - 1, chunk, chunk + 1, 2*chunk - 1, 2 * chunk, 7*chunk + 77} {
		b := random(size)
		kinds := map[string]func() (*reread.Source, error){
			"memory": func() (*reread.Source, error) { return reread.Hold(bytes.NewReader(b), reread.Options{}) },
			"file": func() (*reread.Source, error) {
				return reread.Hold(bytes.NewReader(b), reread.Options{Memory: 1, Dir: t.TempDir()})
			},
			"memory, then file": func() (*reread.Source, error) {
				return reread.Hold(bytes.NewReader(b), reread.Options{Memory: int64(max(size-1, 1)), Dir: t.TempDir()})
			},
			"just memory": func() (*reread.Source, error) {
				return reread.Hold(bytes.NewReader(b), reread.Options{Memory: int64(max(size, 1)), Dir: filepath.Join(t.TempDir(), "none")})
			},
			"halves": func() (*reread.Source, error) {
				return reread.Hold(iotest.HalfReader(bytes.NewReader(b)), reread.Options{})
			},
			"data and EOF": func() (*reread.Source, error) {
				return reread.Hold(iotest.DataErrReader(bytes.NewReader(b)), reread.Options{})
			},
			"just so long": func() (*reread.Source, error) {
				return reread.Hold(bytes.NewReader(b), reread.Options{Max: int64(max(size, 1))})
			},
			"pinned": func() (*reread.Source, error) { return reread.Pin(bytes.NewReader(b), int64(size)) },
			"pinned while read": func() (*reread.Source, error) {
				g := reread.NewPinning(bytes.NewReader(b), int64(size))
				got, err := io.ReadAll(iotest.HalfReader(g))
				requireEqual(t, b, got)
				require.NoError(t, err)
				return g.Source()
			},
			"pinned while half is read": func() (*reread.Source, error) {
				g := reread.NewPinning(file(t, append(b, "more"...)), int64(size))
				got, err := io.ReadAll(io.LimitReader(g, int64(size/2)))
				requireEqual(t, b[:size/2], got)
				require.NoError(t, err)
				return g.Source()
			},
			"pinned file": func() (*reread.Source, error) { return reread.Pin(file(t, b), int64(size)) },
			"pinned part": func() (*reread.Source, error) { return reread.Pin(file(t, append(b, "more"...)), int64(size)) },
			"written": func() (*reread.Source, error) {
				h := reread.NewHolder(reread.Options{})
				for rest := b; len(rest) > 0; {
					n := min(1+rand.IntN(chunk+1000), len(rest))
					m, err := h.Write(rest[:n])
					require.NoError(t, err)
					require.Equal(t, n, m)
					rest = rest[n:]
				}
				return h.Source()
			},
		}
		for kind, open := range kinds {
			where := fmt.Sprintf("%s of %d", kind, size)
			s, err := open()
			require.NoError(t, err, where)
			require.EqualValues(t, size, s.Size(), where)
			got, err := all(s)
			require.NoError(t, err, where)
			requireEqual(t, b, got, where)
			if size == 100 || size == chunk+1 { // it reads octet by octet
				require.NoError(t, iotest.TestReader(io.NewSectionReader(s, 0, s.Size()), b[:size:size]), where)
			}
			for _, at := range []int{0, 1, chunk - 1, chunk, chunk + 1, size - 1, size, size + 1} {
				for _, n := range []int{0, 1, 2, chunk, chunk + 1, 3 * chunk} {
					if at < 0 {
						continue
					}
					p := make([]byte, n)
					m, err := s.ReadAt(p, int64(at))
					want := b[min(at, size):min(at+n, size)]
					requireEqual(t, want, p[:m], where)
					if m < n {
						require.Equal(t, io.EOF, err, where)
					} else {
						require.NoError(t, err, where)
					}
				}
			}
			_, err = s.ReadAt(make([]byte, 1), -1)
			require.Error(t, err)
			var written bytes.Buffer
			n, err := s.WriteTo(&written)
			require.NoError(t, err, where)
			require.EqualValues(t, size, n, where)
			requireEqual(t, b, written.Bytes(), where)
			require.NoError(t, s.Close())
			require.NoError(t, s.Close())
			if size > 0 {
				_, err = s.WriteTo(&written)
				require.ErrorIs(t, err, reread.ErrClosed, where)
				_, err = s.ReadAt(make([]byte, 1), 0)
				require.ErrorIs(t, err, reread.ErrClosed, where)
			}
		}
	}
}

// TestConcurrent has more readers than there are slots.
func TestConcurrent(t *testing.T) {
	b := random(12*chunk + 5)
	held, err := reread.Hold(bytes.NewReader(b), reread.Options{Memory: chunk, Dir: t.TempDir()})
	require.NoError(t, err)
	pinned, err := reread.Pin(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	for _, s := range []*reread.Source{held, pinned} {
		var wait sync.WaitGroup
		for g := range 8 {
			wait.Go(func() {
				r := rand.New(rand.NewPCG(1, uint64(g)))
				for range 100 {
					at, n := r.IntN(len(b)), r.IntN(2*chunk)
					p := make([]byte, n)
					m, err := s.ReadAt(p, int64(at))
					if err != nil && err != io.EOF || !bytes.Equal(p[:m], b[at:min(at+n, len(b))]) {
						t.Errorf("at %d, %d octets: %v", at, n, err)
					}
				}
			})
		}
		wait.Wait()
		require.NoError(t, s.Close())
	}
}

// TestChanged changes a pinned file in one way each time. The positive twins
// are no change, and what comes behind the end.
func TestChanged(t *testing.T) {
	size := 3*chunk + 1000
	b := random(size)
	flip := func(i int) func(f *os.File) error {
		return func(f *os.File) error {
			_, err := f.WriteAt([]byte{b[i] ^ 1}, int64(i))
			return err
		}
	}
	changes := map[string]struct {
		change func(f *os.File) error
		bad    []int // chunks that cannot be read any more
	}{
		"nothing":                 {func(f *os.File) error { return nil }, nil},
		"written again as it was": {func(f *os.File) error { _, err := f.WriteAt(b, 0); return err }, nil},
		"longer":                  {func(f *os.File) error { return f.Truncate(int64(size + chunk)) }, nil},
		"first bit":               {flip(0), []int{0}},
		"end of the first chunk":  {flip(chunk - 1), []int{0}},
		"beginning of the second": {flip(chunk), []int{1}},
		"last octet":              {flip(size - 1), []int{3}},
		"shorter by an octet":     {func(f *os.File) error { return f.Truncate(int64(size - 1)) }, []int{3}},
		"shorter by a chunk":      {func(f *os.File) error { return f.Truncate(int64(size - chunk)) }, []int{2, 3}},
		"empty":                   {func(f *os.File) error { return f.Truncate(0) }, []int{0, 1, 2, 3}},
		"two chunks exchanged": {func(f *os.File) error {
			_, err := f.WriteAt(append(bytes.Clone(b[chunk:2*chunk]), b[:chunk]...), 0)
			return err
		}, []int{0, 1}},
		"closed": {func(f *os.File) error { return f.Close() }, []int{0, 1, 2, 3}},
	}
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			f := file(t, b)
			s, err := reread.Pin(f, int64(size))
			require.NoError(t, err)
			require.NoError(t, c.change(f))
			bad := make(map[int]bool)
			for _, i := range c.bad {
				bad[i] = true
			}
			for i := range 4 {
				end := min((i+1)*chunk, size)
				p := make([]byte, end-i*chunk)
				for range 2 {
					n, err := s.ReadAt(p, int64(i*chunk))
					if bad[i] {
						require.ErrorIs(t, err, reread.ErrChanged)
						require.Zero(t, n)
						require.Equal(t, make([]byte, len(p)), p, "a changed octet was released")
					} else {
						require.NoError(t, err)
						requireEqual(t, b[i*chunk:end], p)
						clear(p)
					}
				}
			}
			var written bytes.Buffer
			n, err := s.WriteTo(&written)
			if len(c.bad) > 0 {
				require.ErrorIs(t, err, reread.ErrChanged)
				requireEqual(t, b[:c.bad[0]*chunk], written.Bytes())
			} else {
				require.NoError(t, err)
				requireEqual(t, b, written.Bytes())
			}
			require.EqualValues(t, written.Len(), n)
			require.NoError(t, s.Close())
		})
	}
}

// few takes so many octets, and says that it took none of the others or, with
// short, that all is well.
type few struct {
	room  int
	short bool
}

func (f *few) Write(p []byte) (int, error) {
	n := min(len(p), f.room)
	if f.room -= n; n < len(p) && !f.short {
		return n, io.ErrClosedPipe
	}
	return n, nil
}

func TestWriteToFails(t *testing.T) {
	s, err := reread.Hold(bytes.NewReader(random(chunk+100)), reread.Options{})
	require.NoError(t, err)
	defer s.Close()
	for _, room := range []int{0, 1, chunk - 1, chunk, chunk + 1, chunk + 99} {
		n, err := s.WriteTo(&few{room: room})
		require.Equal(t, io.ErrClosedPipe, err)
		require.EqualValues(t, room, n)
		n, err = s.WriteTo(&few{room: room, short: true})
		require.Equal(t, io.ErrShortWrite, err)
		require.EqualValues(t, room, n)
	}
	n, err := s.WriteTo(&few{room: chunk + 100})
	require.NoError(t, err)
	require.EqualValues(t, chunk+100, n)
}

func TestPinFails(t *testing.T) {
	b := random(chunk + 10)
	for _, size := range []int64{chunk + 11, 2*chunk + 1, 1 << 50} {
		_, err := reread.Pin(bytes.NewReader(b), size)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
	_, err := reread.Pin(readerAt(func(p []byte, off int64) (int, error) { return 0, errTest }), 1)
	require.ErrorIs(t, err, errTest)
	for _, n := range []int{-1, 2, 1 << 30} {
		_, err = reread.Pin(readerAt(func(p []byte, off int64) (int, error) { return n, nil }), 1)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
	s, err := reread.Pin(bytes.NewReader(b), -1)
	require.NoError(t, err)
	require.Zero(t, s.Size())
}

// TestPinnedBreaks has a source that answers wrongly once it is pinned.
func TestPinnedBreaks(t *testing.T) {
	for _, wrong := range []struct {
		n   int
		err error
	}{{0, errTest}, {0, nil}, {0, io.EOF}, {9, io.EOF}, {-1, nil}, {11, nil}, {1 << 40, nil}} {
		broken := false
		s, err := reread.Pin(readerAt(func(p []byte, off int64) (int, error) {
			if broken {
				return wrong.n, wrong.err
			}
			return len(p), nil
		}), 10)
		require.NoError(t, err)
		_, err = s.ReadAt(make([]byte, 1), 0)
		require.NoError(t, err)
		broken = true
		_, err = s.ReadAt(make([]byte, 1), 0)
		require.NoError(t, err, "checked before")

		fresh, err := reread.Pin(bytes.NewReader(make([]byte, 10)), 10)
		require.NoError(t, err)
		require.NoError(t, fresh.Close())

		broken = false
		s, err = reread.Pin(readerAt(func(p []byte, off int64) (int, error) {
			if broken {
				return wrong.n, wrong.err
			}
			return len(p), nil
		}), 10)
		require.NoError(t, err)
		broken = true
		_, err = s.ReadAt(make([]byte, 1), 0)
		require.ErrorIs(t, err, reread.ErrChanged)
		if wrong.err == errTest {
			require.ErrorIs(t, err, errTest)
		}
	}
}

type readerAt func(p []byte, off int64) (int, error)

func (f readerAt) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

func TestLimit(t *testing.T) {
	for _, limit := range []int{1, 100, chunk, chunk + 1} {
		for _, over := range []int{-1, 0, 1, 2, chunk} {
			n := limit + over
			for name, hold := range map[string]func(o reread.Options) (*reread.Source, error){
				"read": func(o reread.Options) (*reread.Source, error) {
					return reread.Hold(bytes.NewReader(make([]byte, n)), o)
				},
				"octet by octet": func(o reread.Options) (*reread.Source, error) {
					return reread.Hold(iotest.OneByteReader(bytes.NewReader(make([]byte, n))), o)
				},
				"written": func(o reread.Options) (*reread.Source, error) {
					h := reread.NewHolder(o)
					_, err := h.Write(make([]byte, n))
					s, err2 := h.Source()
					require.Equal(t, err, err2)
					return s, err2
				},
			} {
				s, err := hold(reread.Options{Max: int64(limit), Memory: 50, Dir: t.TempDir()})
				if over <= 0 {
					require.NoError(t, err, name)
					require.EqualValues(t, n, s.Size())
					require.NoError(t, s.Close())
					continue
				}
				var e *reread.LimitError
				require.ErrorAs(t, err, &e, name)
				require.EqualValues(t, limit, e.Max)
				require.ErrorContains(t, err, fmt.Sprintf("limit of %d bytes", limit))
			}
		}
	}
}

// TestHoldFails has a source that breaks; its error comes as it is.
func TestHoldFails(t *testing.T) {
	for _, n := range []int{0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk} {
		_, err := reread.Hold(io.MultiReader(bytes.NewReader(make([]byte, n)), iotest.ErrReader(errTest)), reread.Options{Memory: 1, Dir: t.TempDir()})
		require.Equal(t, errTest, err)
	}
	_, err := reread.Hold(stuck{}, reread.Options{})
	require.ErrorIs(t, err, io.ErrNoProgress)
	dir := filepath.Join(t.TempDir(), "none")
	_, err = reread.Hold(bytes.NewReader(make([]byte, 100)), reread.Options{Memory: 99, Dir: dir})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "temporary file in ")
}

type stuck struct{}

func (stuck) Read(p []byte) (int, error) { return 0, nil }

// TestHolderEnds uses a Holder after its end.
func TestHolderEnds(t *testing.T) {
	h := reread.NewHolder(reread.Options{})
	_, err := io.WriteString(h, "content")
	require.NoError(t, err)
	s, err := h.Source()
	require.NoError(t, err)
	_, err = io.WriteString(h, "more")
	require.Error(t, err)
	_, err = h.Source()
	require.Error(t, err)
	require.NoError(t, h.Close())
	got, err := all(s)
	require.NoError(t, err)
	require.Equal(t, "content", string(got), "closing the Holder does not close the Source")

	h = reread.NewHolder(reread.Options{Memory: 1, Dir: t.TempDir()})
	_, err = io.WriteString(h, "content")
	require.NoError(t, err)
	require.NoError(t, h.Close())
	require.NoError(t, h.Close())
	_, err = h.Source()
	require.Error(t, err)
}

func TestMemory(t *testing.T) {
	s, err := reread.Hold(bytes.NewReader([]byte("small")), reread.Options{})
	require.NoError(t, err)
	got := testing.AllocsPerRun(100, func() {
		var p [5]byte
		_, err := s.ReadAt(p[:], 0)
		if err != nil {
			t.Error(err)
		}
	})
	require.LessOrEqual(t, got, 1.0, "what was opened is not opened again")
}

func BenchmarkHold(b *testing.B) {
	data := make([]byte, 32<<20)
	for name, memory := range map[string]int64{"memory": 64 << 20, "file": 0} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				s, err := reread.Hold(bytes.NewReader(data), reread.Options{Memory: memory, Dir: b.TempDir()})
				require.NoError(b, err)
				require.NoError(b, s.Close())
			}
		})
	}
}

func BenchmarkReadAt(b *testing.B) {
	data := make([]byte, 32<<20)
	memory, err := reread.Hold(bytes.NewReader(data), reread.Options{Memory: 64 << 20})
	require.NoError(b, err)
	file, err := reread.Hold(bytes.NewReader(data), reread.Options{Dir: b.TempDir()})
	require.NoError(b, err)
	pinned, err := reread.Pin(bytes.NewReader(data), int64(len(data)))
	require.NoError(b, err)
	for name, s := range map[string]*reread.Source{"memory": memory, "file": file, "pinned": pinned} {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 32<<10)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.NewSectionReader(s, 0, s.Size()), buf)
				require.NoError(b, err)
			}
		})
	}
}
