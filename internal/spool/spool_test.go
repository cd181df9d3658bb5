package spool_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"testing/iotest"

	"github.com/doublekeybox/doublekeybox/internal/spool"
	"github.com/stretchr/testify/require"
)

var sizes = []int{0, 1, 4095, 4096, 4097, chunk - 1, chunk, chunk + 1, 2*chunk - 1, 2 * chunk, 2*chunk + 1, 3*chunk + 17}

// TestTwice reads sources of all kinds twice and a third time.
func TestTwice(t *testing.T) {
	for _, size := range sizes {
		b := random(size)
		kinds := map[string]func() io.Reader{
			"bytes.Reader": func() io.Reader { return bytes.NewReader(b) },
			"file":         func() io.Reader { return file(t, b) },
			"stream":       func() io.Reader { return stream{bytes.NewReader(b)} },
			"slow stream":  func() io.Reader { return iotest.HalfReader(bytes.NewReader(b)) },
			"data and EOF": func() io.Reader { return iotest.DataErrReader(bytes.NewReader(b)) },
			"file inside": func() io.Reader {
				f := file(t, append([]byte("header"), b...))
				_, err := f.Seek(6, io.SeekStart)
				require.NoError(t, err)
				return f
			},
		}
		for kind, source := range kinds {
			// Memory below, at and above what there is.
			for _, memory := range []int64{1, int64(max(size-1, 1)), int64(max(size, 1))} {
				for _, piece := range []int{1000, 3 * chunk} {
					where := fmt.Sprintf("%s of %d bytes, memory %d, pieces of %d", kind, size, memory, piece)
					dir := t.TempDir()
					s := spool.New(source(), spool.Options{Memory: memory, Dir: dir})
					var first bytes.Buffer
					_, err := io.CopyBuffer(struct{ io.Writer }{&first}, stream{s}, make([]byte, piece))
					require.NoError(t, err, where)
					requireEqual(t, b, first.Bytes(), where)
					for range 2 {
						second, err := again(t, s)
						require.NoError(t, err, where)
						requireEqual(t, b, second, where)
					}
					r, err := s.Again()
					require.NoError(t, err)
					var third bytes.Buffer
					n, err := r.(io.WriterTo).WriteTo(&third)
					require.NoError(t, err, where)
					require.EqualValues(t, size, n)
					requireEqual(t, b, third.Bytes(), where)
					require.NoError(t, s.Close())
					entries, err := os.ReadDir(dir)
					require.NoError(t, err)
					require.Empty(t, entries, where)
				}
			}
		}
	}
}

func TestReaders(t *testing.T) {
	b := random(chunk + 100)
	for name, src := range map[string]io.Reader{"seekable": bytes.NewReader(b), "memory": stream{bytes.NewReader(b)}} {
		s := spool.New(src, spool.Options{})
		require.NoError(t, iotest.TestReader(stream{s}, b), name)
		r, err := s.Again()
		require.NoError(t, err)
		require.NoError(t, iotest.TestReader(stream{r}, b), name)
		require.NoError(t, s.Close())
	}
}

// TestFirstPassEndsEarly stops the first pass before the source's end: the rest is no part of the second, whatever it is.
func TestFirstPassEndsEarly(t *testing.T) {
	b := random(3*chunk + 5)
	for _, n := range []int{0, 1, 100, chunk - 1, chunk, chunk + 1, 2*chunk + 5, 3*chunk + 4} {
		for _, memory := range []int64{1, 0} {
			f := file(t, b)
			for name, src := range map[string]io.Reader{"file": f, "stream": stream{bytes.NewReader(b)}} {
				s := spool.New(src, spool.Options{Memory: memory, Dir: t.TempDir()})
				_, err := io.ReadFull(s, make([]byte, n))
				require.NoError(t, err)
				r, err := s.Again()
				require.NoError(t, err)
				_, err = f.WriteAt([]byte("different"), int64(n))
				require.NoError(t, err)
				got, err := io.ReadAll(r)
				require.NoError(t, err, "%s, %d", name, n)
				requireEqual(t, b[:n], got, name)
				_, err = s.Read(make([]byte, 1))
				require.ErrorContains(t, err, "first pass has ended")
				_, err = f.WriteAt(b[n:min(len(b), n+9)], int64(n))
				require.NoError(t, err)
				require.NoError(t, s.Close())
			}
			require.NoError(t, f.Close())
		}
	}
}

// TestChanged changes a file between the passes, each time in one way, and looks at what the second pass releases: never anything
// but a beginning of what the first pass saw. The positive twin is no change.
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
		change  func(f *os.File) error
		release int // the most that may be released; -1: unchanged
	}{
		"nothing":                     {func(f *os.File) error { return nil }, -1},
		"written again as it was":     {func(f *os.File) error { _, err := f.WriteAt(b, 0); return err }, -1},
		"first bit":                   {flip(0), 0},
		"end of the first chunk":      {flip(chunk - 1), 0},
		"beginning of the second":     {flip(chunk), chunk},
		"in the third":                {flip(2*chunk + 77), 2 * chunk},
		"in the last, incomplete one": {flip(3*chunk + 1), 3 * chunk},
		"last byte":                   {flip(size - 1), 3 * chunk},
		"shorter by a byte":           {func(f *os.File) error { return f.Truncate(int64(size - 1)) }, 3 * chunk},
		"shorter by the last chunk":   {func(f *os.File) error { return f.Truncate(3 * chunk) }, 3 * chunk},
		"shorter by a chunk":          {func(f *os.File) error { return f.Truncate(2*chunk + 1000) }, 2 * chunk},
		"empty":                       {func(f *os.File) error { return f.Truncate(0) }, 0},
		"longer by a zero":            {func(f *os.File) error { return f.Truncate(int64(size + 1)) }, size},
		"longer by a chunk":           {func(f *os.File) error { return f.Truncate(int64(size + chunk)) }, size},
		"two chunks exchanged": {func(f *os.File) error {
			_, err := f.WriteAt(append(bytes.Clone(b[chunk:2*chunk]), b[:chunk]...), 0)
			return err
		}, 0},
		"a chunk twice": {func(f *os.File) error { _, err := f.WriteAt(b[:chunk], chunk); return err }, chunk},
		"closed":        {func(f *os.File) error { return f.Close() }, 0},
	}
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			f := file(t, b)
			s := spool.New(f, spool.Options{})
			first, err := io.ReadAll(stream{s})
			require.NoError(t, err)
			requireEqual(t, b, first)
			require.NoError(t, c.change(f))
			for range 2 {
				got, err := again(t, s)
				if c.release < 0 {
					require.NoError(t, err)
					requireEqual(t, b, got)
					continue
				}
				require.ErrorIs(t, err, spool.ErrChanged)
				require.LessOrEqual(t, len(got), c.release)
				require.True(t, bytes.HasPrefix(b, got), "a changed byte was released")
				if r, err := s.Again(); err == nil {
					var out bytes.Buffer
					_, err := r.(io.WriterTo).WriteTo(&out)
					require.ErrorIs(t, err, spool.ErrChanged)
					requireEqual(t, got, out.Bytes())
					_, err = r.Read(make([]byte, 1))
					require.ErrorIs(t, err, spool.ErrChanged, "the error stays")
				}
			}
			require.NoError(t, s.Close())
		})
	}
}

// TestChangedMeanwhile changes a chunk after it was checked and before it is read from the buffer: what was checked is what is released.
func TestChangedMeanwhile(t *testing.T) {
	b := random(2 * chunk)
	f := file(t, b)
	s := spool.New(f, spool.Options{})
	_, err := io.Copy(io.Discard, s)
	require.NoError(t, err)
	r, err := s.Again()
	require.NoError(t, err)
	got := make([]byte, 10)
	_, err = io.ReadFull(r, got)
	require.NoError(t, err)
	_, err = f.WriteAt(make([]byte, chunk), 0)
	require.NoError(t, err)
	rest, err := io.ReadAll(r)
	require.NoError(t, err)
	requireEqual(t, b, append(got, rest...))
	_, err = again(t, s)
	require.ErrorIs(t, err, spool.ErrChanged)
}

var errTest = errors.New("test: broken")

// TestSourceErrors lets every call of the source fail in the first pass.
func TestSourceErrors(t *testing.T) {
	for at := range 8 {
		for _, memory := range []int64{1, 0} {
			src := &failing{at: at, err: errTest}
			s := spool.New(src, spool.Options{Memory: memory, Dir: t.TempDir()})
			n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, stream{s}, make([]byte, 32<<10))
			require.ErrorIs(t, err, errTest)
			require.EqualValues(t, at*20_000, n)
			_, err = s.Read(make([]byte, 1))
			require.ErrorIs(t, err, errTest)
			_, err = s.Again()
			require.ErrorIs(t, err, errTest)
			require.NoError(t, s.Close())
		}
	}
	for _, n := range []int{-1, 1 << 30} {
		s := spool.New(&failing{at: 1, n: n}, spool.Options{})
		_, err := io.Copy(io.Discard, stream{s})
		require.ErrorContains(t, err, "impossible count")
		_, err = s.Again()
		require.ErrorContains(t, err, "impossible count")
	}
}

// failing yields zeros and goes wrong in its call number at.
type failing struct {
	at, calls, n int
	err          error
}

func (f *failing) Read(p []byte) (int, error) {
	f.calls++
	if f.calls-1 == f.at {
		return f.n, f.err
	}
	p = p[:min(len(p), 20_000)]
	clear(p)
	return len(p), nil
}

// seeker is a source whose Seek goes wrong the second time.
type seeker struct {
	*bytes.Reader
	calls int
	at    int64
	err   error
}

func (s *seeker) Seek(offset int64, whence int) (int64, error) {
	if s.calls++; s.calls == 1 {
		return s.Reader.Seek(offset, whence)
	}
	return s.at, s.err
}

func TestSeekFails(t *testing.T) {
	for _, src := range []*seeker{{err: errTest}, {at: 1}} {
		src.Reader = bytes.NewReader(random(100))
		s := spool.New(src, spool.Options{})
		_, err := io.Copy(io.Discard, s)
		require.NoError(t, err)
		_, err = s.Again()
		require.ErrorIs(t, err, spool.ErrChanged)
		if src.err != nil {
			require.ErrorIs(t, err, errTest)
		}
	}
}

// TestSecondPassFails has a source that breaks while it is read again.
func TestSecondPassFails(t *testing.T) {
	b := random(2*chunk + 1)
	for _, at := range []int64{0, 1, chunk, chunk + 1, 2 * chunk} {
		src := &breaking{Reader: bytes.NewReader(b), at: 1 << 40}
		s := spool.New(src, spool.Options{})
		_, err := io.Copy(io.Discard, s)
		require.NoError(t, err)
		src.at = at
		got, err := again(t, s)
		require.ErrorIs(t, err, spool.ErrChanged)
		require.ErrorIs(t, err, errTest)
		requireEqual(t, b[:at/chunk*chunk], got)
	}
}

// breaking fails when it stands at or behind a position.
type breaking struct {
	*bytes.Reader
	at int64
}

func (b *breaking) Read(p []byte) (int, error) {
	here := b.Size() - int64(b.Len())
	if here >= b.at {
		return 0, errTest
	}
	return b.Reader.Read(p[:min(int64(len(p)), b.at-here)])
}

func (b *breaking) WriteTo(io.Writer) (int64, error) { panic("not this way") }

func TestLimit(t *testing.T) {
	for _, limit := range []int64{1, 100, chunk, chunk + 1} {
		for _, over := range []int{-1, 0, 1, 2, 1000} {
			n := int(limit) + over
			for name, src := range map[string]io.Reader{
				"seekable": bytes.NewReader(make([]byte, n)), "stream": stream{bytes.NewReader(make([]byte, n))},
				"byte by byte": iotest.OneByteReader(bytes.NewReader(make([]byte, n))),
			} {
				s := spool.New(src, spool.Options{Max: limit, Memory: 50, Dir: t.TempDir()})
				got, err := io.Copy(io.Discard, stream{s})
				if over <= 0 {
					require.NoError(t, err, name)
					require.EqualValues(t, n, got)
					require.NoError(t, s.Close())
					continue
				}
				var e *spool.LimitError
				require.ErrorAs(t, err, &e, name)
				require.Equal(t, limit, e.Max)
				require.ErrorContains(t, err, fmt.Sprintf("limit of %d bytes", limit))
				require.LessOrEqual(t, got, limit)
				_, err = s.Again()
				require.ErrorAs(t, err, &e, name)
				require.NoError(t, s.Close())
			}
		}
	}
}

func TestAfterClose(t *testing.T) {
	for name, source := range map[string]func() io.Reader{
		"seekable": func() io.Reader { return bytes.NewReader(make([]byte, 3*chunk)) },
		"stream":   func() io.Reader { return stream{bytes.NewReader(make([]byte, 3*chunk))} },
	} {
		for _, memory := range []int64{1, 0} {
			s := spool.New(source(), spool.Options{Memory: memory, Dir: t.TempDir()})
			_, err := io.Copy(io.Discard, s)
			require.NoError(t, err)
			r, err := s.Again()
			require.NoError(t, err)
			_, err = r.Read(make([]byte, 1))
			require.NoError(t, err)
			require.NoError(t, s.Close())
			require.NoError(t, s.Close())
			_, err = r.Read(make([]byte, 1))
			require.ErrorIs(t, err, spool.ErrClosed, name)
			_, err = s.Again()
			require.ErrorIs(t, err, spool.ErrClosed, name)
			_, err = s.Read(make([]byte, 1))
			require.ErrorIs(t, err, spool.ErrClosed, name)
		}
	}
}

// TestSuperseded begins a pass in the middle of another. The older one must not go on with bytes of the newer one.
func TestSuperseded(t *testing.T) {
	b := random(2 * chunk)
	s := spool.New(bytes.NewReader(b), spool.Options{})
	_, err := io.Copy(io.Discard, s)
	require.NoError(t, err)
	older, err := s.Again()
	require.NoError(t, err)
	_, err = io.ReadFull(older, make([]byte, 100))
	require.NoError(t, err)
	got, err := again(t, s)
	require.NoError(t, err)
	requireEqual(t, b, got)
	_, err = older.Read(make([]byte, 1))
	require.ErrorContains(t, err, "later pass")
}

// TestDoesNotClose requires that the source stays the caller's.
func TestDoesNotClose(t *testing.T) {
	f := file(t, []byte("content"))
	s := spool.New(f, spool.Options{})
	_, err := io.Copy(io.Discard, s)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = f.Seek(0, io.SeekStart)
	require.NoError(t, err)
	got, err := io.ReadAll(f)
	require.NoError(t, err)
	require.Equal(t, "content", string(got))
}

// FuzzTwice: both passes yield what a bytes.Reader does, and a change of one byte is noticed.
func FuzzTwice(f *testing.F) {
	for i, n := range []int{0, 1, 1000, chunk, chunk + 1} {
		f.Add(make([]byte, n), uint32(i*1000), uint16(i*100+1), uint32(n/2), i%2 == 0)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte, memory uint32, piece uint16, at uint32, seekable bool) {
		b = bytes.Clone(b)
		var src io.Reader = bytes.NewReader(b)
		if !seekable {
			src = stream{src}
		}
		s := spool.New(src, spool.Options{Memory: int64(memory), Dir: dir})
		defer s.Close()
		var first bytes.Buffer
		_, err := io.CopyBuffer(struct{ io.Writer }{&first}, stream{s}, make([]byte, int(piece)+1))
		require.NoError(t, err)
		requireEqual(t, b, first.Bytes())
		got, err := again(t, s)
		require.NoError(t, err)
		requireEqual(t, b, got)
		if len(b) == 0 || !seekable {
			return
		}
		i := int(at) % len(b)
		b[i] ^= 1
		got, err = again(t, s)
		require.ErrorIs(t, err, spool.ErrChanged)
		requireEqual(t, first.Bytes()[:i/chunk*chunk], got)
	})
}

// TestSecondPassDestination has destinations that fail in WriteTo. The pass can go on afterwards with what was not written.
func TestSecondPassDestination(t *testing.T) {
	b := random(2*chunk + 5)
	for _, wrong := range []struct {
		n         int
		err, want error
	}{{0, errTest, errTest}, {7, errTest, errTest}, {7, nil, io.ErrShortWrite}, {-1, errTest, errTest}} {
		s := spool.New(bytes.NewReader(b), spool.Options{})
		_, err := io.Copy(io.Discard, s)
		require.NoError(t, err)
		r, err := s.Again()
		require.NoError(t, err)
		n, err := r.(io.WriterTo).WriteTo(writeFunc(func([]byte) (int, error) { return wrong.n, wrong.err }))
		require.ErrorIs(t, err, wrong.want)
		require.EqualValues(t, max(wrong.n, 0), n)
		rest, err := io.ReadAll(stream{r})
		require.NoError(t, err)
		requireEqual(t, b[n:], rest)
		require.NoError(t, s.Close())
	}
}

type writeFunc func(p []byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }

// TestNoProgress has a source that returns nothing from the second pass on. Without a limit the pass would never end.
func TestNoProgress(t *testing.T) {
	for _, size := range []int{0, 100} {
		src := &stuck{Reader: bytes.NewReader(make([]byte, size))}
		s := spool.New(src, spool.Options{})
		_, err := io.Copy(io.Discard, stream{s})
		require.NoError(t, err)
		src.stuck = true
		_, err = again(t, s)
		require.ErrorIs(t, err, spool.ErrChanged)
		require.ErrorIs(t, err, io.ErrNoProgress)
	}
}

type stuck struct {
	*bytes.Reader
	stuck bool
}

func (s *stuck) Read(p []byte) (int, error) {
	if s.stuck {
		return 0, nil
	}
	return s.Reader.Read(p)
}
