package ber_test

import (
	"bytes"
	"io"
	"math"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/ber"
)

// seed gives f the samples of this package, and the hostile files that are
// small enough to be varied quickly.
func seed(f *testing.F) {
	seeds := [][]byte{
		unhex(f, enveloped),
		unhex(f, "23 80 23 04 03 02 00 ff 03 02 04 f0 00 00"),
		unhex(f, "30 84 00 00 00 05 02 82 00 01 05"),
		unhex(f, "3a 09 04 03 4a 6f 6e 04 02 65 73"),
		unhex(f, "01 01 01"), unhex(f, "03 02 04 ff"), unhex(f, "06 04 2a 81 80 01"),
		nest(0x30, 32, true), nest(0x30, 33, false), nest(0x24, 33, true),
		cut(asn1.OCTET_STRING, pattern(300), 100),
		cut(tag0, pattern(300), 127),
		append(ber.AppendHeader(nil, asn1.OCTET_STRING, 300), pattern(300)...),
		append(nest(0x24, 3, true), nest(0x30, 3, false)...),
	}
	for _, raw := range crafted(f) {
		if len(raw) <= 4<<10 {
			seeds = append(seeds, raw)
		}
	}
	require.Greater(f, len(seeds), 10, "no seeds")
	for _, raw := range seeds {
		f.Add(raw, uint16(7))
	}
}

// What Skip accepts, Element returns to the octet; what DER makes of it is DER,
// and stays the same when encoded again. How the source cuts its octets changes
// nothing. What Skip refuses, the others refuse.
func FuzzReader(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, raw []byte, cutAt uint16) {
		const most = math.MaxInt64 // what is declared and missing is then cut off, for all of them
		r := ber.NewReader(bytes.NewReader(raw))
		skipErr := r.Skip()
		element, err := ber.NewBytesReader(raw).Element(most)
		require.Equal(t, skipErr, err)
		slow, err := ber.NewReader(iotest.OneByteReader(bytes.NewReader(raw))).Element(most)
		require.Equal(t, skipErr, err)
		require.Equal(t, element, slow)
		der, err := ber.NewBytesReader(raw).DER(most)
		slow, slowErr := ber.NewReader(iotest.OneByteReader(bytes.NewReader(raw))).DER(most)
		require.Equal(t, err, slowErr)
		require.Equal(t, der, slow)
		if skipErr != nil {
			require.Nil(t, element)
			require.Error(t, err)
			return
		}
		require.Equal(t, raw[:r.Offset()], element)
		shorter := element[:int(cutAt)%len(element)]
		require.ErrorIs(t, ber.NewBytesReader(shorter).Skip(), io.ErrUnexpectedEOF)
		if err != nil {
			require.Nil(t, der)
			return
		}
		parseDER(t, der)
		again, err := ber.ToDER(der, int64(len(der)))
		require.NoError(t, err)
		require.Equal(t, der, again)
		require.True(t, ber.IsDER(der))
		require.Equal(t, bytes.Equal(der, element), ber.IsDER(element))
	})
}

// A string read as a stream is the string that DER joins, whatever its tag and
// the size of the Reads, and both end at the same octet or fail together.
func FuzzOctets(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, raw []byte, piece uint16) {
		if len(raw) == 0 {
			return
		}
		universal := append([]byte{raw[0]&0x20 | byte(asn1.OCTET_STRING)}, raw[1:]...)
		implicit := append([]byte{raw[0]&0x20 | byte(tag0)}, raw[1:]...)

		joined := ber.NewBytesReader(universal)
		der, derErr := joined.DER(1 << 20)
		for _, c := range []struct {
			tag asn1.Tag
			raw []byte
		}{{asn1.OCTET_STRING, universal}, {tag0, implicit}} {
			r := ber.NewReader(bytes.NewReader(c.raw))
			var content []byte
			o, err := r.Octets(c.tag)
			for buf := make([]byte, int(piece)+1); err == nil; {
				var n int
				n, err = o.Read(buf)
				content = append(content, buf[:n]...)
			}
			if derErr != nil {
				require.NotEqual(t, io.EOF, err)
				continue
			}
			require.Equal(t, io.EOF, err)
			require.Equal(t, der, append(ber.AppendHeader(nil, asn1.OCTET_STRING, len(content)), content...))
			require.Equal(t, joined.Offset(), r.Offset())
		}
	})
}
