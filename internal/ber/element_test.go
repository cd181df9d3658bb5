package ber_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/ber"
)

// Element returns what was received, whatever its form, and Skip passes over
// the same octets.
func TestElement(t *testing.T) {
	for _, c := range []string{
		"05 00",
		"04 84 00 00 00 01 61",
		"30 80 00 00",
		"30 80 30 80 00 00 30 84 00 00 00 00 00 00",
		"a0 80 24 80 04 01 61 00 00 00 00",
		"30 04 30 80 00 00",
		// Inside of a definite length nothing is judged.
		"30 03 ff ff ff",
		"30 80 30 03 04 7f ff 00 00",
	} {
		raw := unhex(t, c)
		size := int64(len(raw))
		r := ber.NewReader(bytes.NewReader(append(bytes.Clone(raw), 0x05, 0x00)))
		got, err := r.Element(size)
		require.NoError(t, err, c)
		require.Equal(t, raw, got)
		require.Equal(t, size, r.Offset())
		require.NoError(t, r.Skip())
		require.NoError(t, r.End())

		r = ber.NewBytesReader(raw)
		require.NoError(t, r.Skip(), c)
		require.NoError(t, r.End())

		for max := range size {
			got, err = ber.NewBytesReader(raw).Element(max)
			var limit *ber.LimitError
			require.ErrorAs(t, err, &limit, c)
			require.Nil(t, got)
		}
		for n := range raw {
			require.ErrorIs(t, ber.NewBytesReader(raw[:n]).Skip(), io.ErrUnexpectedEOF, "%s: %d octets", c, n)
		}
	}
}

// What Element returns belongs to the caller.
func TestElementIsACopy(t *testing.T) {
	raw := unhex(t, "04 01 61")
	r := ber.NewBytesReader(raw)
	got, err := r.Element(3)
	require.NoError(t, err)
	got[2] = 'b'
	require.Equal(t, unhex(t, "04 01 61"), raw)

	r = ber.NewBytesReader(unhex(t, "01 01 01"))
	content, err := r.Primitive(asn1.BOOLEAN, 1)
	require.NoError(t, err)
	require.Equal(t, []byte{0xff}, content)
	_, err = ber.NewBytesReader(unhex(t, "01 02 01 01")).Primitive(asn1.BOOLEAN, 2)
	require.ErrorContains(t, err, "BOOLEAN of 2 octets")
	_, err = ber.NewBytesReader(append(unhex(t, "06 41"), make([]byte, 65)...)).Primitive(asn1.OBJECT_IDENTIFIER, 100)
	require.ErrorContains(t, err, "object identifier exceeds")
}

// zeros is a source of zero octets without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// An element of any size is passed over in the memory of one buffer.
func TestSkipConstantMemory(t *testing.T) {
	const size = 128 << 20
	for _, start := range []string{"04 84 08 00 00 00", "24 80 04 84 08 00 00 00"} {
		header := unhex(t, start)
		src := io.MultiReader(bytes.NewReader(header), io.LimitReader(zeros{}, size+2*int64(header[0]>>5&1)))
		r := ber.NewReader(src)
		var err error
		allocated := allocates(func() { err = r.Skip() })
		require.NoError(t, err)
		require.NoError(t, r.End())
		require.Less(t, allocated, uint64(128<<10))
	}

	many := bytes.Repeat(unhex(t, "30 80 04 01 61 00 00"), 100_000)
	require.Less(t, testing.AllocsPerRun(1, func() {
		r := ber.NewBytesReader(many)
		for {
			_, more, err := r.Peek()
			require.NoError(t, err)
			if !more {
				break
			}
			require.NoError(t, r.Skip())
		}
	}), 10.0)
}
