package pgp_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

func BenchmarkSeal(b *testing.B) {
	benchmark(b, func(b *testing.B, s *envelope.Sealer, _ *envelope.Opener, text, _ []byte, to *keyring.Verified) {
		w, err := s.Seal(io.Discard, to)
		require.NoError(b, err)
		_, err = w.Write(text)
		require.NoError(b, err)
		require.NoError(b, w.Close())
	})
}

func BenchmarkOpen(b *testing.B) {
	benchmark(b, func(b *testing.B, _ *envelope.Sealer, o *envelope.Opener, _, msg []byte, _ *keyring.Verified) {
		m, err := o.Open(bytes.NewReader(msg))
		require.NoError(b, err)
		_, err = io.Copy(io.Discard, m)
		require.NoError(b, err)
		require.NoError(b, m.Close())
	})
}

func benchmark(b *testing.B, once func(*testing.B, *envelope.Sealer, *envelope.Opener, []byte, []byte, *keyring.Verified)) {
	for _, kind := range []string{"curve25519", "v6"} {
		for _, armor := range []bool{false, true} {
			for _, n := range []int{1 << 20, 64 << 20} {
				b.Run(fmt.Sprintf("%s/armor=%t/%dMiB", kind, armor, n>>20), func(b *testing.B) {
					k := key(b, kind)
					to, text := verified(b, k), content(b, n)
					s := &envelope.Sealer{Armor: armor}
					msg, _ := seal(b, s, text, to)
					b.SetBytes(int64(n))
					b.ReportAllocs()
					for b.Loop() {
						once(b, s, opener(k), text, msg, to)
					}
				})
			}
		}
	}
}
