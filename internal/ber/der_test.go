package ber_test

import (
	"bytes"
	encasn1 "encoding/asn1"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/ber"
)

// parseDER checks der with both DER parsers, down to its last element.
func parseDER(t testing.TB, der []byte) {
	t.Helper()
	var value encasn1.RawValue
	rest, err := encasn1.Unmarshal(der, &value)
	require.NoError(t, err, "%x", der)
	require.Empty(t, rest, "%x", der)
	for todo := []cryptobyte.String{der}; len(todo) > 0; {
		in := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for !in.Empty() {
			var content cryptobyte.String
			var tag asn1.Tag
			require.True(t, in.ReadAnyASN1(&content, &tag), "%x", der)
			if tag == tag.Constructed() {
				todo = append(todo, content)
			}
		}
	}
}

func TestToDER(t *testing.T) {
	for _, c := range []struct{ name, raw, der string }{
		{"DER", "30 03 02 01 05", "30 03 02 01 05"},
		{"indefinite", "30 80 02 01 05 00 00", "30 03 02 01 05"},
		{"indefinite in definite", "30 07 30 80 02 01 05 00 00", "30 05 30 03 02 01 05"},
		{"definite in indefinite", "30 80 30 03 02 01 05 00 00", "30 05 30 03 02 01 05"},
		{"empty, indefinite", "30 80 00 00", "30 00"},
		{"lengths not minimal", "30 84 00 00 00 05 02 82 00 01 05", "30 03 02 01 05"},
		{"length of 8 octets", "04 88 00 00 00 00 00 00 00 01 61", "04 01 61"},
		{"OCTET STRING joined", "24 80 04 02 61 62 04 00 04 01 63 00 00", "04 03 61 62 63"},
		{"OCTET STRING joined, definite", "24 07 04 02 61 62 04 01 63", "04 03 61 62 63"},
		{"OCTET STRING joined, nested", "24 80 24 80 24 03 04 01 61 00 00 04 01 62 00 00", "04 02 61 62"},
		{"OCTET STRING of no segments", "24 80 00 00", "04 00"},
		{"BIT STRING joined", "23 80 03 02 00 ff 03 02 04 f0 00 00", "03 03 04 ff f0"},
		{"BIT STRING joined, nested", "23 80 23 04 03 02 00 ff 03 02 04 f0 00 00", "03 03 04 ff f0"},
		{"BIT STRING of no segments", "23 80 00 00", "03 01 00"},
		{"BIT STRING with an empty segment", "23 80 03 01 00 03 02 04 f0 00 00", "03 02 04 f0"},
		{"unused bits cleared", "03 02 04 ff", "03 02 04 f0"},
		{"unused bits cleared when joined", "23 04 03 02 07 ff", "03 02 07 80"},
		{"UTF8String joined", "2c 80 04 02 c3 a4 04 01 62 00 00", "0c 03 c3 a4 62"},
		{"VisibleString, nested", "3a 0b 04 03 4a 6f 6e 24 04 04 02 65 73", "1a 05 4a 6f 6e 65 73"},
		{"BMPString joined", "3e 80 04 02 00 61 00 00", "1e 02 00 61"},
		{"UTCTime joined", "37 0f 04 0d 3236303130313030303030305a", "17 0d 3236303130313030303030305a"},
		{"BOOLEAN", "01 01 01", "01 01 ff"},
		{"BOOLEAN, false", "01 01 00", "01 01 00"},
		{"implicit tag kept", "a0 80 04 01 61 04 01 62 00 00", "a0 06 04 01 61 04 01 62"},
		{"application class kept", "64 80 04 01 61 00 00", "64 03 04 01 61"},
		{"order of a SET kept", "31 80 02 01 07 02 01 05 00 00", "31 06 02 01 07 02 01 05"},
		{"after a joined string", "30 80 24 80 04 01 61 00 00 a0 80 05 00 00 00 00 00", "30 07 04 01 61 a0 02 05 00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := unhex(t, c.raw)
			kept := bytes.Clone(raw)
			got, err := ber.ToDER(raw, 100)
			require.Equal(t, kept, raw, "the input was modified")
			require.NoError(t, err)
			require.Equal(t, unhex(t, c.der), got)
			parseDER(t, got)
			require.True(t, ber.IsDER(got))
			require.Equal(t, bytes.Equal(raw, got), ber.IsDER(raw))

			streamed, err := ber.NewReader(bytes.NewReader(raw)).DER(int64(len(got)))
			require.NoError(t, err, "limit of exactly the size")
			require.Equal(t, got, streamed)
			_, err = ber.ToDER(raw, int64(len(got))-1)
			var limit *ber.LimitError
			require.ErrorAs(t, err, &limit)
			for n := range raw {
				_, err = ber.ToDER(raw[:n], 100)
				require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d octets", n)
			}
		})
	}
}

// Limits that are exceeded early are noticed early: inside a string, and by the
// headers of elements that are open.
func TestDERLimitEarly(t *testing.T) {
	for raw, max := range map[string]int64{
		"24 80 04 82 10 00":                     100, // 4,096 octets that are not there
		"23 80 03 82 10 00":                     100,
		"30 80 04 82 10 00":                     100,
		"30 02 05 00":                           3,
		"30 80" + strings.Repeat("30 00", 2000): 100, // and no end
	} {
		_, err := ber.ToDER(unhex(t, raw), max)
		var limit *ber.LimitError
		require.ErrorAs(t, err, &limit, raw)
		require.Equal(t, &ber.LimitError{What: "element", Max: max}, limit)
	}
}

func TestToDERRefused(t *testing.T) {
	arcs := func(n int) string { return strings.Repeat("81", n-1) + "01" }
	number := func(n int) string { return strings.Repeat("01", n) }
	for _, c := range []struct{ name, good, bad, why string }{
		{"trailing data", "05 00", "05 00 00", "data after the end"},
		{"BOOLEAN of 0", "01 01 ff", "01 00", "BOOLEAN of 0 octets"},
		{"BOOLEAN of 2", "01 01 ff", "01 02 ff ff", "BOOLEAN of 2 octets"},
		{"INTEGER of 0", "02 01 00", "02 00", "empty INTEGER"},
		{"INTEGER of 2,051", "02 82 08 02" + number(2050), "02 82 08 03" + number(2051), "integer exceeds the limit of 2050"},
		{"NULL of 1", "05 00", "05 01 00", "NULL of 1 octets"},
		{"BIT STRING of 0", "03 01 00", "03 00", "impossible unused bits"},
		{"BIT STRING, 8 unused", "03 02 07 80", "03 02 08 80", "impossible unused bits"},
		{"BIT STRING, unused of nothing", "03 01 00", "03 01 01", "impossible unused bits"},
		{"segment with unused bits before another", "23 08 03 02 00 f0 03 02 00 f0", "23 08 03 02 04 f0 03 02 00 f0", "goes on after unused bits"},
		{"empty BIT STRING segment", "23 03 03 01 00", "23 02 03 00", "impossible unused bits"},
		{"OID of 0", "06 01 2a", "06 00", "empty OBJECT IDENTIFIER"},
		{"OID of 65", "06 40" + arcs(64), "06 41" + arcs(65), "object identifier exceeds the limit of 64"},
		{"OID padded at first", "06 02 81 01", "06 02 80 01", "padded arc"},
		{"OID padded later", "06 03 2a 81 01", "06 03 2a 80 01", "padded arc"},
		{"OID with 0x80 inside an arc", "06 04 2a 81 80 01", "06 04 2a 80 81 01", "padded arc"},
		{"OID not ended", "06 02 2a 01", "06 02 2a 81", "ends inside an arc"},
		{"UTF8String in an OCTET STRING", "24 03 04 01 61", "24 03 0c 01 61", "tag 0x0c instead of 0x04"},
		{"BIT STRING in an OCTET STRING", "24 03 04 01 00", "24 03 03 01 00", "tag 0x03 instead of 0x04"},
		{"OCTET STRING in a BIT STRING", "23 03 03 01 00", "23 03 04 01 00", "tag 0x04 instead of 0x03"},
		{"SEQUENCE in an OCTET STRING", "24 02 24 00", "24 02 30 00", "tag 0x30 instead of 0x04"},
		{"implicit tag in an OCTET STRING", "24 02 04 00", "24 02 80 00", "tag 0x80 instead of 0x04"},
		{"UTF8String in a UTF8String", "2c 02 04 00", "2c 02 0c 00", "tag 0x0c instead of 0x04"},
		{"BIT STRING in a UTF8String", "2c 03 04 01 00", "2c 03 03 01 00", "tag 0x03 instead of 0x04"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ber.ToDER(unhex(t, c.good), 5000)
			require.NoError(t, err)
			got, err := ber.ToDER(unhex(t, c.bad), 5000)
			require.ErrorContains(t, err, c.why)
			require.Nil(t, got)
			require.False(t, ber.IsDER(unhex(t, c.bad)))
		})
	}
}

// Lengths around every change in how many octets they take, from each form of
// input.
func TestToDERLengths(t *testing.T) {
	for _, n := range []int{0, 1, 126, 127, 128, 129, 254, 255, 256, 257, 65534, 65535, 65536, 65537, 1<<24 - 1, 1 << 24} {
		body := bytes.Repeat([]byte{0xa5}, n)
		octets := append(ber.AppendHeader(nil, asn1.OCTET_STRING, n), body...)
		want := append(ber.AppendHeader(nil, asn1.SEQUENCE, len(octets)), octets...)
		parseDER(t, want)

		indefinite := append(append([]byte{0x30, 0x80}, octets...), 0, 0)
		got, err := ber.ToDER(indefinite, int64(len(want)))
		require.NoError(t, err, n)
		require.True(t, bytes.Equal(want, got), n)

		segments := append(append([]byte{0x30, 0x80, 0x24, 0x80}, octets...), 0, 0, 0, 0)
		got, err = ber.ToDER(segments, int64(len(want)))
		require.NoError(t, err, n)
		require.True(t, bytes.Equal(want, got), n)

		wide := []byte{0x30, 0x87, 0, 0, 0, byte((n + 6) >> 24), byte((n + 6) >> 16), byte((n + 6) >> 8), byte(n + 6)}
		wide = append(wide, 0x04, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		wide = append(wide, body...)
		got, err = ber.ToDER(wide, int64(len(want)))
		require.NoError(t, err, n)
		require.True(t, bytes.Equal(want, got), n)
	}
}

// What DER costs must not depend on how the input is cut.
func TestDERAllocations(t *testing.T) {
	for _, segment := range []string{"\x04\x00", "\x04\x01a", "\x24\x80\x04\x01a\x00\x00", "\x24\x00"} {
		measure := func(n int) float64 {
			raw := []byte("\x24\x80" + strings.Repeat(segment, n) + "\x00\x00")
			return testing.AllocsPerRun(3, func() {
				_, err := ber.ToDER(raw, 1<<20)
				require.NoError(t, err)
			})
		}
		few, many := measure(1000), measure(100_000)
		require.Less(t, many-few, 40.0, "%x", segment) // appending grows by a factor
	}
}
