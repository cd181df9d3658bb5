package smime

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/base64lines"
)

// A reader that keeps its error back decodes as many octets wherever the text
// is wrong, and never ends well.
func TestLateBase64(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	w := base64lines.NewWriter(&text)
	_, err := w.Write(make([]byte, 200<<10))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	good := text.Bytes()
	read := func(text []byte, late bool) (int64, error) {
		r := newBase64Reader(iotest.DataErrReader(bytes.NewReader(text)))
		r.late = late
		return io.Copy(io.Discard, struct{ io.Reader }{r})
	}
	for _, late := range []bool{false, true} {
		n, err := read(good, late)
		require.NoError(t, err)
		require.EqualValues(t, 200<<10, n)
	}
	for at := 0; at < len(good)-8; at += 30_011 {
		if good[at] == '\r' || good[at] == '\n' {
			at++
		}
		for _, c := range []byte("*=\x00") {
			bad := bytes.Clone(good)
			bad[at] = c
			_, err := read(bad, false)
			require.ErrorIs(t, err, envelope.ErrFormat)
			n, err := read(bad, true)
			require.ErrorIs(t, err, envelope.ErrFormat)
			require.InDelta(t, 200<<10, n, 3)
		}
	}
	_, err = read(append(bytes.Clone(good), "AAAA"...), true)
	require.ErrorIs(t, err, envelope.ErrFormat, "behind padding")
	_, err = read(good[:1001], true)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}
