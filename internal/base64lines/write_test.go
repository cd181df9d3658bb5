package base64lines

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"
)

// reference encodes line by line with the standard library.
func reference(p []byte) string {
	var out []byte
	for len(p) > 0 {
		k := min(len(p), lineOctets)
		out = append(base64.StdEncoding.AppendEncode(out, p[:k]), '\r', '\n')
		p = p[k:]
	}
	return string(out)
}

// TestWriter: every length around the ends of lines and blocks, in every kind of piece.
func TestWriter(t *testing.T) {
	t.Parallel()
	data := make([]byte, 3*blockLines*lineOctets)
	for i := range data {
		data[i] = byte(i * 131 >> 3)
	}
	for _, n := range []int{0, 1, 2, 3, 56, 57, 58, 113, 114, 115, blockLines*lineOctets - 1, blockLines * lineOctets, blockLines*lineOctets + 1, len(data)} {
		for _, piece := range []int{1, 3, 56, 57, 58, 1000, len(data)} {
			if piece == 1 && n > 1000 {
				continue
			}
			var out bytes.Buffer
			w := NewWriter(&out)
			for p := data[:n]; len(p) > 0; {
				k, err := w.Write(p[:min(piece, len(p))])
				require.NoError(t, err)
				require.Equal(t, min(piece, len(p)), k)
				p = p[k:]
			}
			require.NoError(t, w.Close())
			require.Equal(t, reference(data[:n]), out.String(), "%d in %d", n, piece)
		}
	}
}
