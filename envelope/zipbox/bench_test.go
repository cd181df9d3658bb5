package zipbox_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
)

const benchSize = 64 << 20

func BenchmarkLock(b *testing.B) {
	p := envelope.NewPassphrase()
	data := octets(1 << 17)
	b.SetBytes(benchSize)
	b.ReportAllocs()
	for b.Loop() {
		w, err := zipbox.Lock(io.Discard, p)
		require.NoError(b, err)
		f, err := w.Create("a", time.Time{})
		require.NoError(b, err)
		for range benchSize / len(data) {
			f.Write(data)
		}
		require.NoError(b, w.Close())
	}
}

func BenchmarkUnlock(b *testing.B) {
	p := envelope.NewPassphrase()
	archive := lock(b, zipbox.Locker{}, p, file{"a", octets(benchSize)})
	buf := make([]byte, 1<<17)
	b.SetBytes(benchSize)
	b.ReportAllocs()
	for b.Loop() {
		a, err := new(zipbox.Opener).Open(bytes.NewReader(archive), p)
		require.NoError(b, err)
		r := a.Files()[0].Open()
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, buf)
		require.NoError(b, err)
		r.Close()
		a.Close()
	}
}

// BenchmarkSmall is a letter: what it costs beside its octets is the derivation
// of a key.
func BenchmarkSmall(b *testing.B) {
	p := envelope.NewPassphrase()
	data := octets(100_000)
	b.ReportAllocs()
	for b.Loop() {
		w, err := zipbox.Lock(io.Discard, p)
		require.NoError(b, err)
		f, err := w.Create("a", time.Time{})
		require.NoError(b, err)
		f.Write(data)
		require.NoError(b, w.Close())
	}
}
