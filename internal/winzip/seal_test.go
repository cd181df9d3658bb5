package winzip

import (
	"crypto/fips140"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// crashing is a destination that panics once, after some octets.
type crashing struct{ left int }

func (c *crashing) Write(p []byte) (int, error) {
	if c.left -= len(p); c.left < 0 {
		c.left = 1 << 30
		panic("a destination that panics")
	}
	return len(p), nil
}

// A destination that panics ends the Sealer: who recovers gets an error of
// everything, and no tag of an entry with a hole.
func TestSealerCrash(t *testing.T) {
	if fips140.Enforced() {
		t.Skip("PBKDF2 with SHA-1 is not allowed with GODEBUG=fips140=only")
	}
	for _, left := range []int{0, chunkSize, 3*chunkSize + 1, 1 << 29} {
		keys, err := Derive("x", make([]byte, 16), AES256)
		require.NoError(t, err)
		s := NewSealer(&crashing{left}, keys)
		crashed := false
		try := func(do func() error) (err error) {
			defer func() {
				if recover() != nil {
					crashed, err = true, io.ErrShortWrite
				}
			}()
			return do()
		}
		for range 20 {
			err = try(func() error { _, err := s.Write(make([]byte, chunkSize)); return err })
			require.Equal(t, crashed, err != nil, "%d", left)
		}
		require.Equal(t, left < 1<<29, crashed)
		if crashed {
			require.NotPanics(t, func() { _, err = s.Close() })
			require.ErrorIs(t, err, io.ErrShortWrite)
		} else {
			_, err = s.Close()
			require.NoError(t, err)
		}
		require.NotPanics(t, s.Abort)
	}
}
