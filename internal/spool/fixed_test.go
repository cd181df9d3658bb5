package spool_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/spool"
)

// renewed is a source that is another one after Seek.
type renewed struct {
	io.Reader
	then io.Reader
}

func (r *renewed) Seek(_ int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		r.Reader = r.then
	}
	return 0, nil
}

// A source that checks itself is read again as it is, whatever is read at a
// time, and has to end where it did.
func TestFixed(t *testing.T) {
	failed := errors.New("failed")
	for _, size := range []int{0, 1, 32<<10 - 1, 32 << 10, 32<<10 + 1, 300_000} {
		b := make([]byte, size)
		rand.New(rand.NewSource(1)).Read(b)
		for name, c := range map[string]struct {
			then io.Reader
			want error
		}{
			"same":    {bytes.NewReader(b), nil},
			"halves":  {iotest.HalfReader(bytes.NewReader(b)), nil},
			"data":    {iotest.DataErrReader(bytes.NewReader(b)), nil},
			"longer":  {bytes.NewReader(append(b[:size:size], 0)), spool.ErrChanged},
			"fails":   {io.MultiReader(bytes.NewReader(b[:size/2]), iotest.ErrReader(failed)), failed},
			"at end":  {io.MultiReader(bytes.NewReader(b), iotest.ErrReader(failed)), failed},
			"shorter": {bytes.NewReader(b[:max(size-1, 0)]), spool.ErrChanged},
		} {
			if name == "shorter" && size == 0 {
				continue
			}
			for _, at := range []int{100, 32 << 10, 64 << 10, 1 << 20} {
				if at == 100 && size > 40_000 {
					continue
				}
				c := c
				if s, ok := c.then.(io.Seeker); ok {
					s.Seek(0, io.SeekStart)
				} else if at != 1<<20 {
					continue // can be read once
				}
				s := spool.New(&spool.Fixed{ReadSeeker: &renewed{bytes.NewReader(b), c.then}}, spool.Options{})
				first, err := io.ReadAll(s)
				require.NoError(t, err)
				require.True(t, bytes.Equal(b, first))
				r, err := s.Again()
				require.NoError(t, err)
				got, err := readBy(r, at)
				require.True(t, bytes.HasPrefix(b, got), name)
				if c.want == nil {
					require.NoError(t, err, name)
					require.Len(t, got, size)
				} else {
					require.ErrorIs(t, err, c.want, name)
					require.ErrorIs(t, err, spool.ErrChanged, name)
				}
				require.NoError(t, s.Close())
				_, err = r.Read(make([]byte, at))
				require.Error(t, err)
			}
		}
	}
}

// What the first pass did not read is no part of the second.
func TestFixedPart(t *testing.T) {
	b := bytes.Repeat([]byte("0123456789"), 20_000)
	s := spool.New(&spool.Fixed{ReadSeeker: bytes.NewReader(b)}, spool.Options{})
	_, err := io.ReadFull(s, make([]byte, 150_000))
	require.NoError(t, err)
	old, err := s.Again()
	require.NoError(t, err)
	_, err = old.Read(make([]byte, 1<<20))
	require.NoError(t, err)
	r, err := s.Again()
	require.NoError(t, err)
	_, err = old.Read(make([]byte, 1<<20))
	require.Error(t, err, "superseded")
	got, err := readBy(r, 1<<20)
	require.NoError(t, err)
	require.True(t, bytes.Equal(b[:150_000], got))
	r, err = s.Again()
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = r.Read(make([]byte, 1<<20))
	require.ErrorIs(t, err, spool.ErrClosed)
}

func readBy(r io.Reader, n int) (got []byte, err error) {
	for p := make([]byte, n); ; {
		n, err := r.Read(p)
		got = append(got, p[:n]...)
		switch err {
		case nil:
		case io.EOF:
			return got, nil
		default:
			return got, err
		}
	}
}
