package armor

import (
	"bufio"
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func BenchmarkArmor(b *testing.B) {
	data := bytes.Repeat([]byte("attachment\x00\xFF\x80 of a mail\n"), 1<<20/24)
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			w := NewWriter(io.Discard, Message, true)
			_, err := w.Write(data)
			require.NoError(b, err)
			require.NoError(b, w.Close())
		}
	})
	b.Run("decode", func(b *testing.B) {
		text := []byte(encodeArmor(b, data, true))
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		buf := make([]byte, 32<<10)
		for b.Loop() {
			d, err := NewReader(bufio.NewReaderSize(bytes.NewReader(text), 32<<10))
			require.NoError(b, err)
			_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{d}, buf)
			require.NoError(b, err)
		}
	})
	b.Run("crc24", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			crc24(crc24Init, data)
		}
	})
}
