package packethead_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/packethead"
)

// The lengths are the examples of RFC 9580, Section 4.2.3, and the edges of the
// ranges of Sections 4.2.1 and 4.2.2.
func TestRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		b    []byte
		tag  int
		n    uint32
		head int
		err  error
	}{
		{"100", []byte{0xC6, 0x64}, 6, 100, 2, nil},
		{"1723", []byte{0xC6, 0xC5, 0xFB}, 6, 1723, 3, nil},
		{"100000", []byte{0xC6, 0xFF, 0x00, 0x01, 0x86, 0xA0}, 6, 100000, 6, nil},
		{"191", []byte{0xFF, 191}, 63, 191, 2, nil},
		{"192", []byte{0xC0, 192, 0}, 0, 192, 3, nil},
		{"8383", []byte{0xCE, 223, 255}, 14, 8383, 3, nil},
		{"the largest", []byte{0xCE, 255, 255, 255, 255, 255}, 14, 1<<32 - 1, 6, nil},
		{"partial, 1", []byte{0xCE, 224, 0}, 0, 0, 0, packethead.ErrLength},
		{"partial, 2^30", []byte{0xCE, 254, 0}, 0, 0, 0, packethead.ErrLength},
		{"one octet is missing of two", []byte{0xC6, 0xC5}, 0, 0, 0, packethead.ErrCut},
		{"one octet is missing of five", []byte{0xC6, 0xFF, 0, 1, 0x86}, 0, 0, 0, packethead.ErrCut},
		{"no length", []byte{0xC6}, 0, 0, 0, packethead.ErrCut},
		{"nothing", nil, 0, 0, 0, packethead.ErrCut},
		{"bit 7 is not set", []byte{0x46, 0x64}, 0, 0, 0, packethead.ErrNone},
		{"legacy, one octet", []byte{0x98, 0xFF}, 6, 255, 2, nil},
		{"legacy, two octets", []byte{0x99, 1, 2}, 6, 0x102, 3, nil},
		{"legacy, four octets", []byte{0xBE, 0xFF, 2, 3, 4}, 15, 0xFF020304, 5, nil},
		{"legacy, one is missing of four", []byte{0xBE, 1, 2, 3}, 0, 0, 0, packethead.ErrCut},
		{"legacy, one is missing of two", []byte{0x99, 1}, 0, 0, 0, packethead.ErrCut},
		{"legacy, no length", []byte{0x98}, 0, 0, 0, packethead.ErrCut},
		{"legacy, indeterminate", []byte{0x9B, 1, 2, 3, 4}, 0, 0, 0, packethead.ErrLength},
	} {
		tag, n, head, err := packethead.Read(c.b)
		require.Equal(t, c.err, err, c.name)
		require.Equal(t, []any{c.tag, c.n, c.head}, []any{tag, n, head}, c.name)
	}
}
