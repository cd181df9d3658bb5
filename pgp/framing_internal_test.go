package pgp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// TestBodyParts: a body in parts of every size is what was put in, however it
// is read, and what is wrong with it comes after what is right, once and for all.
func TestBodyParts(t *testing.T) {
	t.Parallel()
	content := make([]byte, 3000)
	for i := range content {
		content[i] = byte(i * 7)
	}
	for bits := range 11 {
		b := append([]byte{0xC0 | tagLiteral, 224 + 9}, content[:512]...)
		rest := content[512:]
		for ; len(rest) >= 1<<bits; rest = rest[1<<bits:] {
			b = append(append(b, 224+byte(bits)), rest[:1<<bits]...)
		}
		b = append(append(b, 255, 0, 0, byte(len(rest)>>8), byte(len(rest))), rest...)
		open := func(r io.Reader) *body {
			_, body, err := (&packets{r: bufio.NewReaderSize(r, 16)}).next()
			require.NoError(t, err)
			return body
		}
		for name, r := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "one octet": iotest.OneByteReader, "late end": iotest.DataErrReader,
		} {
			got, err := io.ReadAll(open(r(bytes.NewReader(b))))
			require.NoError(t, err, name)
			require.Equal(t, content, got, name)
		}
		for _, size := range []int{1, 2, 511, 512, 513, 5000} {
			r := open(bytes.NewReader(b))
			var got []byte
			for p := make([]byte, size); ; {
				n, err := r.Read(p)
				got = append(got, p[:n]...)
				if err != nil {
					require.Zero(t, n, "an end together with octets")
					require.Equal(t, io.EOF, err)
					break
				}
				require.NotZero(t, n)
			}
			require.Equal(t, content, got)
		}
		// One that was looked at, and comes again, is the same.
		s := &sealed{body: open(bytes.NewReader(b))}
		_, err := s.peekPrefix()
		require.NoError(t, err)
		got, err := io.ReadAll(s.body)
		require.NoError(t, err)
		require.Equal(t, content, got)
	}
	// A source that fails between two parts, and would go on afterwards.
	broken := errors.New("broken")
	b := append([]byte{0xC0 | tagLiteral, 224 + 9}, content[:512]...)
	b = append(b, 224, 'a', 224, 'b')
	_, r, err := newPackets(io.MultiReader(bytes.NewReader(b), iotest.ErrReader(broken))).next()
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.Equal(t, broken, err)
	require.Len(t, got, 514)
	_, err = r.Read(make([]byte, 1))
	require.Equal(t, broken, err)
	_, err = r.ReadByte()
	require.Equal(t, broken, err)
	// A short body that ends in small parts, looked at: the octets come before the end.
	_, r, err = newPackets(bytes.NewReader(append(append([]byte{0xC0 | tagSED, 224 + 9}, content[:512]...), 224, 'a', 0))).next()
	require.NoError(t, err)
	_, err = r.octets(510)
	require.NoError(t, err)
	head, err := (&sealed{body: r}).peekPrefix()
	require.NoError(t, err)
	require.Len(t, head, 3)
	got, err = io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, head, got)
}
