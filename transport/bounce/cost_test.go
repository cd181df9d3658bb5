package bounce

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a bounce says of a thousand recipients in one long text is looked for in
// it once.
func TestManyRecipients(t *testing.T) {
	var all []string
	for i := range maxRecipients {
		all = append(all, fmt.Sprintf("u%d@example.org", i))
	}
	text := strings.Repeat(strings.Repeat("x", 76)+"\r\n", maxText/80) + "550 5.1.1 unknown\r\n"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := Read(strings.NewReader("X-Failed-Recipients: " + strings.Join(all, ",\r\n ") + "\r\nContent-Type: text/plain\r\n\r\n" + text))
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Len(t, r.Recipients, maxRecipients)
	for _, to := range r.Recipients {
		require.Equal(t, "5.1.1", to.Status)
	}
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(50<<20)) // a copy for each would be 256 MB
	require.Less(t, testing.AllocsPerRun(100, func() { code("smtp; 550 5.1.1 unknown") }), 10.0)
}
