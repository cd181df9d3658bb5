package pgp

import (
	"bytes"
	"compress/flate"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Where nothing is authenticated yet a compressed packet goes to no
// decompressor; the same message is read where it is.
func TestCompressedIsLater(t *testing.T) {
	packetOf := func(tag byte, body []byte) []byte {
		var out bytes.Buffer
		p := newPartWriter(&out, tag)
		p.Write(body)
		require.NoError(t, p.Close())
		return out.Bytes()
	}
	var z bytes.Buffer
	z.WriteByte(1)
	w, err := flate.NewWriter(&z, -1)
	require.NoError(t, err)
	w.Write(packetOf(tagLiteral, []byte("b\x00\x00\x00\x00\x00text")))
	require.NoError(t, w.Close())
	for _, later := range []bool{true, false} {
		limits := seam.Limits{HeaderBytes: 1 << 10, Decompressed: 1 << 10}
		m := newMessage(newPackets(bytes.NewReader(packetOf(tagCompressed, z.Bytes()))), limits, nil, false)
		m.later = later
		got, err := io.ReadAll(m)
		if later {
			require.Equal(t, errLater, err)
			require.Nil(t, m.press)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, "text", string(got))
	}
}
