package reread_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/doublekeybox/doublekeybox/internal/reread"
	"github.com/stretchr/testify/require"
)

// TestPinner: what is written can be read, and before Source its end is missing.
func TestPinner(t *testing.T) {
	const tail = 1 << 10
	for _, size := range []int{0, 1, tail - 1, tail, tail + 1, chunk - 1, chunk, chunk + 1, chunk + tail - 1, chunk + tail, chunk + tail + 1, 3*chunk + 5} {
		for _, piece := range []int{1000, chunk + 3, 1 << 20} {
			b, f := random(size), file(t, nil)
			w := reread.NewPinner(f)
			for rest := b; len(rest) > 0; {
				n, err := w.Write(rest[:min(piece, len(rest))])
				require.NoError(t, err)
				rest = rest[n:]
			}
			require.NoError(t, w.Settle())
			require.NoError(t, w.Settle())
			_, err := w.Write([]byte{1})
			require.Error(t, err)
			info, err := f.Stat()
			require.NoError(t, err)
			require.EqualValues(t, max(size-tail, 0), info.Size())

			f = file(t, nil)
			w = reread.NewPinner(f)
			_, err = w.Write(b)
			require.NoError(t, err)
			s, err := w.Source()
			require.NoError(t, err)
			require.EqualValues(t, size, s.Size())
			got, err := all(s)
			require.NoError(t, err)
			requireEqual(t, b, got)
			kept, err := os.ReadFile(f.Name())
			require.NoError(t, err)
			requireEqual(t, b, kept)
			if size > 0 {
				_, err = f.WriteAt([]byte{b[size-1] ^ 1}, int64(size-1))
				require.NoError(t, err)
				fresh := make([]byte, 1)
				_, err = s.ReadAt(fresh, 0)
				if size > chunk {
					require.NoError(t, err, "another chunk")
				}
			}
			require.NoError(t, s.Close())
			_, err = w.Source()
			require.Error(t, err)
		}
	}
}

// TestPinnerChanged: what changes between writing and reading is noticed.
func TestPinnerChanged(t *testing.T) {
	b := random(3*chunk + 7)
	for name, at := range map[string]int{"nothing": -1, "second chunk": chunk + 9, "third chunk": 2 * chunk} {
		f := file(t, nil)
		w := reread.NewPinner(f)
		_, err := w.Write(b)
		require.NoError(t, err)
		s, err := w.Source()
		require.NoError(t, err)
		if at >= 0 {
			_, err = f.WriteAt([]byte{b[at] ^ 1}, int64(at))
			require.NoError(t, err)
		}
		got, err := all(s)
		if at < 0 {
			require.NoError(t, err, name)
			requireEqual(t, b, got)
			continue
		}
		require.ErrorIs(t, err, reread.ErrChanged, name)
		requireEqual(t, b[:at/chunk*chunk], got)
	}
}

// TestPinnerPlace has places that are not what they should be.
func TestPinnerPlace(t *testing.T) {
	b := random(chunk + 100)
	full := file(t, []byte("already here"))
	_, err := full.Seek(0, io.SeekEnd)
	require.NoError(t, err)
	w := reread.NewPinner(full)
	_, err = w.Write(b)
	require.NoError(t, err)
	_, err = w.Source()
	require.ErrorIs(t, err, reread.ErrChanged)
	require.ErrorContains(t, err, "empty")

	for _, c := range []struct {
		n         int
		err, want error
	}{{0, errTest, errTest}, {5, nil, io.ErrShortWrite}, {-1, nil, io.ErrShortWrite}} {
		w := reread.NewPinner(place{c.n, c.err})
		_, err := io.Copy(w, bytes.NewReader(random(3*chunk)))
		require.ErrorIs(t, err, c.want)
		_, err = w.Source()
		require.ErrorIs(t, err, c.want)
	}
	w = reread.NewPinner(place{len(b), nil})
	_, err = w.Write([]byte("x"))
	require.NoError(t, err)
	_, err = w.Source()
	require.True(t, errors.Is(err, io.ErrShortWrite))
}

// place answers every Write in one way.
type place struct {
	n   int
	err error
}

func (p place) Write(b []byte) (int, error)             { return p.n, p.err }
func (p place) ReadAt(b []byte, off int64) (int, error) { return 0, io.EOF }
