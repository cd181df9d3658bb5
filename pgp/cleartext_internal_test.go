package pgp

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Lines cost no memory, however many there are.
func TestCleartextAllocations(t *testing.T) {
	text := clearBegin + "\n\n" + strings.Repeat("a line of text\n", 10_000) + clearEnd + "\n"
	buf := make([]byte, slice)
	allocations := testing.AllocsPerRun(3, func() {
		c, err := newCleartext(buffered(strings.NewReader(text)), "\n")
		require.NoError(t, err)
		for err == nil {
			_, err = c.Read(buf)
		}
		require.Equal(t, io.EOF, err)
	})
	require.Less(t, allocations, 100.0)
}
