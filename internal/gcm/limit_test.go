package gcm_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/doublekeybox/doublekeybox/internal/gcm"
	"github.com/stretchr/testify/require"
)

// zeros yields n zeros and then io.EOF.
func zeros(n int) io.Reader { return io.LimitReader(zeroReader{}, int64(n)) }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// ways are the ways in which n zeros get into a sink.
var ways = []struct {
	name string
	in   func(w sink, n int) error
}{
	{"Write", func(w sink, n int) error { _, err := w.Write(make([]byte, n)); return err }},
	{"Write byte by byte", func(w sink, n int) error {
		for range n {
			if _, err := w.Write([]byte{0}); err != nil {
				return err
			}
		}
		return nil
	}},
	{"ReadFrom", func(w sink, n int) error { _, err := w.ReadFrom(zeros(n)); return err }},
	{"Write, then ReadFrom", func(w sink, n int) error {
		if _, err := w.Write(make([]byte, n/2)); err != nil {
			return err
		}
		_, err := w.ReadFrom(zeros(n - n/2))
		return err
	}},
	{"ReadFrom, then Write", func(w sink, n int) error {
		if _, err := w.ReadFrom(zeros(n / 2)); err != nil {
			return err
		}
		_, err := w.Write(make([]byte, n-n/2))
		return err
	}},
}

// TestLimit stands before the last bytes that a message may have. One more byte is refused, also where it would still be in the
// last block's keystream.
func TestLimit(t *testing.T) {
	if refused(t) {
		return
	}
	noLeak(t)
	key, nonce := make([]byte, 32), []byte("twelve bytes")
	const segment = 64
	for _, left := range []int{0, 16, segment, segment + 16, 5 * segment, 5*segment + 16} {
		start := gcm.MaxBytes - uint64(left)
		c := gcm.Vary(segment, 2, start)
		for _, way := range ways {
			for more := -17; more <= 17; more++ {
				n := left + more
				if n < 0 {
					continue
				}
				name := fmt.Sprintf("%s, %d of %d", way.name, n, left)
				var out bytes.Buffer
				w, err := gcm.NewEncrypterWith(&out, key, nonce, nil, c)
				require.NoError(t, err)
				v, err := gcm.NewVerifierWith(key, nonce, nil, c)
				require.NoError(t, err)
				for what, got := range map[string]error{"Encrypter": way.in(w, n), "Verifier": way.in(v, n)} {
					if more > 0 {
						require.ErrorIs(t, got, gcm.ErrTooLong, "%s: %s", what, name)
					} else {
						require.NoError(t, got, "%s: %s", what, name)
					}
				}
				_, err = v.Sum()
				if more > 0 {
					require.ErrorIs(t, err, gcm.ErrTooLong, name)
					require.ErrorIs(t, w.Close(), gcm.ErrTooLong, name)
					require.Zero(t, w.Tag())
					continue
				}
				require.NoError(t, err, name)
				require.NoError(t, w.Close(), name)
				if !plainBuild {
					require.True(t, bytes.Equal(keystream(t, key, nonce, start, n), out.Bytes()), name)
				}
				testDecrypterLimit(t, key, nonce, c, left, more)
			}
		}
	}
}

func testDecrypterLimit(t *testing.T, key, nonce []byte, c gcm.Config, left, more int) {
	t.Helper()
	for name, read := range map[string]func(*gcm.Decrypter) ([]byte, error){
		"Read": func(d *gcm.Decrypter) ([]byte, error) { return io.ReadAll(struct{ io.Reader }{d}) },
		"WriteTo": func(d *gcm.Decrypter) ([]byte, error) {
			var out bytes.Buffer
			_, err := d.WriteTo(&out)
			return out.Bytes(), err
		},
	} {
		for _, n := range []int{left + more, left, left + 1, left + 1000} {
			d, err := gcm.NewDecrypterWith(zeros(n), key, nonce, c)
			require.NoError(t, err)
			got, err := read(d)
			if n > left {
				require.ErrorIs(t, err, gcm.ErrTooLong, "%s, %d of %d", name, n, left)
				require.LessOrEqual(t, len(got), left)
				continue
			}
			require.NoError(t, err, "%s, %d of %d", name, n, left)
			if !plainBuild {
				require.True(t, bytes.Equal(keystream(t, key, nonce, gcm.MaxBytes-uint64(left), n), got))
			}
		}
	}
}

// keystream is that of the message from byte start on, of one single CTR stream of crypto/cipher.
func keystream(t *testing.T, key, nonce []byte, start uint64, n int) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	iv := binary.BigEndian.AppendUint32(bytes.Clone(nonce), uint32(2+start/16))
	b := make([]byte, n)
	cipher.NewCTR(block, iv).XORKeyStream(b, b)
	return b
}

// TestCounterEnds requires that the last block allowed has the largest counter there is: the limit is neither too low nor too high.
func TestCounterEnds(t *testing.T) {
	require.EqualValues(t, uint64(1)<<32-1, uint64(2+(gcm.MaxBytes-1)/16))
	require.Zero(t, uint64(gcm.MaxBytes)%16)
}
