package zipbox

import (
	"archive/zip"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/winzip"
)

// hollow is an archive of n encrypted octets, of which none is there.
type hollow struct {
	head, tail []byte
	n          int64
}

func (h *hollow) size() int64 { return int64(len(h.head)) + h.n + int64(len(h.tail)) }

func (h *hollow) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && off < h.size() {
		switch at := off - int64(len(h.head)); {
		case at < 0:
			p[n] = h.head[off]
		case at >= h.n:
			p[n] = h.tail[at-h.n]
		default:
			p[n] = 0
		}
		n, off = n+1, off+1
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Where sizes and places become too long for 32 bits, and beside it.
func TestZIP64(t *testing.T) {
	overhead := int64(winzip.AES256.Overhead())
	head := int64(len(outerHead()))
	for _, n := range []int64{
		0, 1, 5 << 30, 64 << 30,
		math.MaxUint32 - overhead - 1, math.MaxUint32 - overhead, math.MaxUint32 - overhead + 1, // the size
		math.MaxUint32 - overhead - head - 16 - 1, math.MaxUint32 - overhead - head - 16, // where the directory is
		math.MaxUint32 - 1, math.MaxUint32, math.MaxUint32 + 1,
	} {
		h := &hollow{outerHead(), outerTail(n), n + overhead}
		r, err := zip.NewReader(h, h.size())
		require.NoError(t, err, "%d", n)
		require.Len(t, r.File, 1)
		require.Equal(t, uint64(n), r.File[0].UncompressedSize64)
		require.Equal(t, uint64(n+overhead), r.File[0].CompressedSize64)
		off, err := r.File[0].DataOffset()
		require.NoError(t, err)
		require.Equal(t, head, off)

		d, err := readDirectory(h, h.size(), 1<<20)
		require.NoError(t, err, "%d", n)
		require.Len(t, d.entries, 1)
		require.Equal(t, n, d.entries[0].size)
		require.Equal(t, head, d.entries[0].data)

		// Each octet of what is longer counts, too.
		refused := 0
		for i := range h.tail {
			h.tail[i] ^= 1
			d, err := readDirectory(h, h.size(), 1<<20)
			if err != nil || d.entries[0].size != n {
				refused++
			}
			h.tail[i] ^= 1
		}
		require.Greater(t, refused, len(h.tail)/2)
	}
}
