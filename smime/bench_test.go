package smime_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

func BenchmarkBase64(b *testing.B) {
	plain := make([]byte, 4<<20)
	rand.Read(plain)
	var text bytes.Buffer
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		for b.Loop() {
			text.Reset()
			w := smime.NewPEMWriter(&text)
			w.Write(plain)
			w.Close()
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		for b.Loop() {
			r, _, err := smime.Dearmor(bytes.NewReader(text.Bytes()))
			require.NoError(b, err)
			n, err := io.Copy(io.Discard, r)
			require.NoError(b, err)
			require.EqualValues(b, len(plain), n)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	who := fresh["P-256"]()
	for _, f := range forms(who) {
		for _, size := range []int{1 << 10, 1 << 20, 64 << 20} {
			plain := make([]byte, size)
			b.Run(fmt.Sprintf("%s/%dKiB", f.name, size>>10), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					w, err := f.seal.Seal(io.Discard, who.verified)
					require.NoError(b, err)
					_, err = io.Copy(w, bytes.NewReader(plain))
					require.NoError(b, err)
					require.NoError(b, w.Close())
				}
			})
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	who := fresh["P-256"]()
	for _, f := range forms(who) {
		for _, size := range []int{1 << 10, 1 << 20, 64 << 20} {
			msg := sealed(b, f.seal, make([]byte, size), who.verified)
			b.Run(fmt.Sprintf("%s/%dKiB", f.name, size>>10), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					o := envelope.Opener{Identities: who.identities()}
					m, err := o.Open(bytes.NewReader(msg))
					require.NoError(b, err)
					_, err = io.Copy(io.Discard, m)
					require.NoError(b, err)
					m.Close()
				}
			})
		}
	}
}
