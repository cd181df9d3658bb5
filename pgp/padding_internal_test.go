package pgp

import (
	"bytes"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPadme: the values are worked out by hand from the paper's formula. Of
// L = 9, E = floor(log2 9) = 3, S = floor(log2 3) + 1 = 2: the last E - S = 1
// bits are zero, so 10.
func TestPadme(t *testing.T) {
	for n, want := range map[uint64]uint64{
		0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 7: 7, 8: 8, 9: 10, 10: 10, 11: 12, 15: 16, 16: 16,
		17: 18, 31: 32, 33: 36, 34: 36, 63: 64, 64: 64, 65: 72, 72: 72, 73: 80, 100: 104, 127: 128,
		128: 128, 129: 144, 255: 256, 256: 256, 257: 272, 1000: 1024, 1025: 1088, 1088: 1088, 1089: 1152,
		65535: 65536, 65536: 65536, 65537: 67584, 67584: 67584, 67585: 69632,
		1000000: 1015808, 1 << 20: 1 << 20, 1<<20 + 1: 1<<20 + 1<<15,
		1 << 28: 1 << 28, 1<<28 + 1: 1<<28 + 1<<23, 1 << 30: 1 << 30, 1<<30 + 1: 1<<30 + 1<<25,
		1<<36 + 1: 1<<36 + 1<<30, 1<<40 + 1: 1<<40 + 1<<34,
	} {
		require.Equal(t, want, padme(n), n)
	}
	// What the paper promises: never smaller, never shrinking, at most 12
	// percent more, and of its own sizes itself.
	for n, last := uint64(0), uint64(0); n < 1<<17; n++ {
		p := padme(n)
		if p < n || p < last || p != padme(p) || float64(p) > math.Ceil(float64(n)*1.12) {
			require.Failf(t, "not as promised", "%d: %d, %d before it, and %d of itself", n, p, last, padme(p))
		}
		last = p
	}
}

// TestPaddingPackets: whatever the number of octets, they are whole packets of
// padding and nothing else, none larger than allowed.
func TestPaddingPackets(t *testing.T) {
	sizes := []uint64{2, 3, 192, 193, 194, 195, 200, 8384, 8385, slice, slice + 6, slice + 7, maxPadding - 1, maxPadding,
		maxPadding + 1, maxPadding + 2, maxPadding + 3, 2*maxPadding + 1, 3*maxPadding + 193}
	for _, n := range sizes {
		var out bytes.Buffer
		require.NoError(t, writePadding(&out, n))
		require.EqualValues(t, n, out.Len())
		in := newPackets(&out)
		for {
			tag, b, err := in.next()
			if err == io.EOF {
				break
			}
			require.NoError(t, err, n)
			require.Equal(t, tagPadding, tag)
			require.False(t, b.more)
			got, err := io.ReadAll(b)
			require.NoError(t, err)
			require.Less(t, len(got), maxPadding)
			if len(got) >= 64 {
				require.NotEqual(t, make([]byte, 64), got[len(got)-64:], "octets that are not random")
			}
		}
	}
	for n := range uint64(20_000) {
		require.GreaterOrEqual(t, padding(n), uint64(minPadding))
		require.Equal(t, padme(n+padding(n)), n+padding(n))
	}
}
