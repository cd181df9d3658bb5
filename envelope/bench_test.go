package envelope_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// One container of each kind, at the size of a note, of a photograph, and of
// what does not fit into a mail. The source and the target are memory, so that
// what is measured is the envelope.

var benchSizes = []int{1 << 10, 1 << 20, 64 << 20}

func benchContainers(b *testing.B, f func(b *testing.B, c container, size int)) {
	for _, c := range containers(b) {
		switch c.name {
		case "SEIPDv1", "SEIPDv2", "GCM", "CBC signed":
		default:
			continue
		}
		for _, size := range benchSizes {
			name := fmt.Sprintf("%s/%dKiB", c.name, size>>10)
			if size >= 1<<20 {
				name = fmt.Sprintf("%s/%dMiB", c.name, size>>20)
			}
			b.Run(name, func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				f(b, c, size)
			})
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	benchContainers(b, func(b *testing.B, c container, size int) {
		bob, data, s := verify(b, c.key), make([]byte, size), c.sealer
		for b.Loop() {
			w, err := s.Seal(io.Discard, bob)
			require.NoError(b, err)
			_, err = io.Copy(w, bytes.NewReader(data))
			require.NoError(b, err)
			require.NoError(b, w.Close())
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	benchContainers(b, func(b *testing.B, c container, size int) {
		var msg bytes.Buffer
		s := c.sealer
		w, err := s.Seal(&msg, verify(b, c.key))
		require.NoError(b, err)
		_, err = w.Write(make([]byte, size))
		require.NoError(b, err)
		require.NoError(b, w.Close())
		o := c.opener()
		for b.Loop() {
			m, err := o.Open(bytes.NewReader(msg.Bytes()))
			require.NoError(b, err)
			_, err = io.Copy(io.Discard, m)
			require.NoError(b, err)
			require.NoError(b, m.Close())
		}
	})
}

// The layer alone: a format that does nothing shows what envelope adds.
func BenchmarkLayer(b *testing.B) {
	f := newFake()
	f.log = nil
	bob := &fakeCert{f: f, name: "bob"}
	to, data := bob.verified(), make([]byte, 1<<10)
	var msg bytes.Buffer
	seal := func(dst io.Writer) {
		w, err := envelope.Seal(dst, to)
		require.NoError(b, err)
		_, err = w.Write(data)
		require.NoError(b, err)
		require.NoError(b, w.Close())
	}
	seal(&msg)
	b.Run("Seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			seal(io.Discard)
		}
	})
	b.Run("Open", func(b *testing.B) {
		b.ReportAllocs()
		o := &envelope.Opener{Identities: []envelope.Identity{bob.identity()}}
		for b.Loop() {
			m, err := o.Open(bytes.NewReader(msg.Bytes()))
			require.NoError(b, err)
			_, err = io.Copy(io.Discard, m)
			require.NoError(b, err)
			m.Close()
		}
	})
}
