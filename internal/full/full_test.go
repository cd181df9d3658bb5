package full_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/full"
)

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestRead(t *testing.T) {
	broken := errors.New("broken")
	empty := func(n int) io.Reader { // nothing n times, then everything, and again
		i := 0
		return readFunc(func(p []byte) (int, error) {
			if i++; i%(n+1) != 0 {
				return 0, nil
			}
			p[0] = 'x'
			return 1, nil
		})
	}
	for _, c := range []struct {
		name string
		src  io.Reader
		n    int
		err  error
	}{
		{"whole", bytes.NewReader([]byte("xxxx")), 4, nil},
		{"more", bytes.NewReader([]byte("xxxxx")), 4, nil},
		{"byte by byte", iotest.OneByteReader(bytes.NewReader([]byte("xxxx"))), 4, nil},
		{"the end comes with the last bytes", iotest.DataErrReader(bytes.NewReader([]byte("xxxx"))), 4, io.EOF},
		{"one byte short", bytes.NewReader([]byte("xxx")), 3, io.EOF},
		{"nothing", bytes.NewReader(nil), 0, io.EOF},
		{"cut off, and says so", io.MultiReader(bytes.NewReader([]byte("x")), iotest.ErrReader(io.ErrUnexpectedEOF)), 1, io.ErrUnexpectedEOF},
		{"broken", io.MultiReader(bytes.NewReader([]byte("xx")), iotest.ErrReader(broken)), 2, broken},
		{"99 empty reads before each byte", empty(99), 4, nil},
		{"100 empty reads before each byte", empty(100), 0, io.ErrNoProgress},
		{"too many", readFunc(func(p []byte) (int, error) { return len(p) + 1, nil }), 0, full.ErrRead},
		{"fewer than none", readFunc(func([]byte) (int, error) { return -1, nil }), 0, full.ErrRead},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := make([]byte, 4)
			n, err := full.Read(c.src, b)
			require.Equal(t, c.n, n)
			require.Equal(t, c.err, err)
			require.Equal(t, bytes.Repeat([]byte("x"), n), b[:n])
		})
	}
}
