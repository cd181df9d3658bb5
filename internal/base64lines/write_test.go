package base64lines

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"
)

// reference encodes line by line with the standard library.
func reference(p []byte) string { return lines(p, mimeOctets, "\r\n") }

func lines(p []byte, octets int, end string) string {
	var out []byte
	for len(p) > 0 {
		k := min(len(p), octets)
		out = append(base64.StdEncoding.AppendEncode(out, p[:k]), end...)
		p = p[k:]
	}
	return string(out)
}

// TestWriter: every length around the ends of lines and blocks, in every kind of piece.
func TestWriter(t *testing.T) {
	t.Parallel()
	data := make([]byte, 3*blockLines*mimeOctets)
	for i := range data {
		data[i] = byte(i * 131 >> 3)
	}
	for _, n := range []int{0, 1, 2, 3, 47, 48, 49, 56, 57, 58, 113, 114, 115, blockLines*mimeOctets - 1, blockLines * mimeOctets, blockLines*mimeOctets + 1, len(data)} {
		for _, piece := range []int{1, 3, 56, 57, 58, 1000, len(data)} {
			if piece == 1 && n > 1000 {
				continue
			}
			var mime, pem bytes.Buffer
			writers := []*Writer{NewWriter(&mime), NewPEMWriter(&pem)}
			for _, w := range writers {
				for p := data[:n]; len(p) > 0; {
					k, err := w.Write(p[:min(piece, len(p))])
					require.NoError(t, err)
					require.Equal(t, min(piece, len(p)), k)
					p = p[k:]
				}
				require.NoError(t, w.Close())
			}
			require.Equal(t, reference(data[:n]), mime.String(), "%d in %d", n, piece)
			require.Equal(t, lines(data[:n], 48, "\n"), pem.String(), "%d in %d", n, piece)
		}
	}
}
