package envelope_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// held is what is in use after a collection.
func held() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// Rule 5: each further envelope at the same time costs at most 1 MiB.
func TestManyEnvelopesAtTheSameTime(t *testing.T) {
	if plainBuild || raceBuild {
		t.Skip("the plain build keeps messages whole, and the race detector has memory of its own")
	}
	const many, most = 16, 1 << 20
	data := make([]byte, 2<<20)
	for _, c := range containers(t) {
		s := c.sealer
		before := held()
		var ws []*envelope.Writer
		for range many {
			w, err := s.Seal(io.Discard, verify(t, c.key))
			require.NoError(t, err)
			_, err = io.Copy(w, bytes.NewReader(data))
			require.NoError(t, err)
			ws = append(ws, w)
		}
		each := (held() - before) / many
		t.Logf("%-18s seal: %4d KiB each", c.name, each>>10)
		require.LessOrEqual(t, each, int64(most), "%s, sealing", c.name)
		for _, w := range ws {
			w.Abort()
		}
		msg := c.seal(t, data)
		ws = nil
		before = held()
		var ms []*envelope.Message
		for range many {
			m, err := c.opener().Open(bytes.NewReader(msg))
			require.NoError(t, err)
			_, err = io.CopyN(io.Discard, m, int64(len(data)/2))
			require.NoError(t, err)
			ms = append(ms, m)
		}
		each = (held() - before) / many
		t.Logf("%-18s open: %4d KiB each", c.name, each>>10)
		require.LessOrEqual(t, each, int64(most), "%s, opening", c.name)
		for _, m := range ms {
			require.NoError(t, m.Close())
		}
	}
}
