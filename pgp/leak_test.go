package pgp_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// A message that is closed, or abandoned by an error, at whatever place leaves
// nothing running: what reads ahead ends with it. So does one that is aborted.
func TestNothingRunsOn(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, kind := range []string{"curve25519", "v6"} {
		k := key(t, kind)
		text := content(t, 2<<20)
		for _, armor := range []bool{false, true} {
			msg, _ := seal(t, &envelope.Sealer{Armor: armor}, text, verified(t, k))
			for _, n := range []int{0, 1, 200_000, 1 << 20, len(text)} {
				m, err := opener(k).Open(bytes.NewReader(msg))
				require.NoError(t, err)
				got := make([]byte, n)
				_, err = io.ReadFull(m, got)
				require.NoError(t, err)
				require.True(t, bytes.Equal(text[:n], got))
				require.NoError(t, m.Close())

				w, err := (&envelope.Sealer{Armor: armor}).Seal(io.Discard, verified(t, k))
				require.NoError(t, err)
				_, err = w.Write(text[:n])
				require.NoError(t, err)
				w.Abort()
			}
			// A second literal packet inside: the grammar is broken while more is
			// being read ahead, and Close is never called.
			wrong := craft{v2: kind == "v6"}.seal(t, k, cat(literal(string(text)), literal(string(text))))
			m, err := opener(k).Open(bytes.NewReader(wrong))
			if err == nil {
				_, err = io.Copy(io.Discard, m)
			}
			require.Equal(t, envelope.ErrDecrypt, err)
		}
	}
	for range 500 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	buf := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}
