//go:build !dkb_plain

package smime_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// TestMemory: what is allocated for a message does not grow with its content,
// but for 64 octets for each MiB of a source that is read twice.
func TestMemory(t *testing.T) {
	who := fresh["P-256"]()
	total := func(f func()) int64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		return int64(after.TotalAlloc - before.TotalAlloc)
	}
	small, large := int64(2<<20), int64(10<<20)
	if race {
		small, large = 1<<20, 3<<20
	}
	for _, f := range forms(who) {
		for _, armor := range []bool{false, true} {
			if race && (armor || !f.full()) {
				continue
			}
			s := f.seal
			s.Armor = armor
			var cost [2][2]int64
			for i, size := range []int64{small, large} {
				var msg bytes.Buffer
				msg.Grow(int(size) * 2)
				cost[0][i] = total(func() {
					w, err := s.Seal(&msg, who.verified)
					require.NoError(t, err)
					_, err = io.Copy(w, io.LimitReader(endless('x'), size))
					require.NoError(t, err)
					require.NoError(t, w.Close())
				})
				cost[1][i] = total(func() {
					m, err := (&envelope.Opener{Identities: who.identities()}).Open(bytes.NewReader(msg.Bytes()))
					require.NoError(t, err)
					defer m.Close()
					n, err := io.Copy(io.Discard, m)
					require.NoError(t, err)
					require.Equal(t, size, n)
				})
			}
			for i, what := range []string{"seal", "open"} {
				require.Less(t, cost[i][1], cost[i][0]+1<<20, "%s %s armor=%t", what, f.name, armor)
				require.Less(t, cost[i][1], int64(6<<20), "%s %s armor=%t", what, f.name, armor)
			}
		}
	}
}
