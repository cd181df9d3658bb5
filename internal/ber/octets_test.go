package ber_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/ber"
)

// pattern returns n octets in which every position can be told from its
// neighbours.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

// cut encodes content as an OCTET STRING of indefinite length with segments of
// size octets.
func cut(tag asn1.Tag, content []byte, size int) []byte {
	raw := []byte{byte(tag.Constructed()), 0x80}
	for len(content) > 0 {
		n := min(size, len(content))
		raw = append(ber.AppendHeader(raw, asn1.OCTET_STRING, n), content[:n]...)
		content = content[n:]
	}
	return append(raw, 0, 0)
}

func TestOctetsForms(t *testing.T) {
	for raw, want := range map[string]string{
		"04 00":                          "",
		"04 03 61 62 63":                 "abc",
		"04 83 00 00 03 61 62 63":        "abc",
		"24 00":                          "",
		"24 80 00 00":                    "",
		"24 80 04 00 00 00":              "",
		"24 05 04 03 61 62 63":           "abc",
		"24 80 04 01 61 04 02 6263 0000": "abc",
		"24 80 24 80 24 03 04 01 61 00 00 04 02 6263 00 00": "abc",
		"24 0b 24 80 04 01 61 00 00 04 02 6263":             "abc",
	} {
		raw := append(unhex(t, raw), 0x05, 0x00)
		for _, tag := range []asn1.Tag{asn1.OCTET_STRING, tag0} {
			raw[0] = raw[0]&0x20 | byte(tag)
			for _, asked := range []asn1.Tag{tag, tag.Constructed()} {
				r := ber.NewReader(bytes.NewReader(raw))
				o, err := r.Octets(asked)
				require.NoError(t, err)
				got, err := io.ReadAll(o)
				require.NoError(t, err, "%x", raw)
				require.Equal(t, want, string(got), "%x", raw)
				n, err := o.Read(make([]byte, 1))
				require.Zero(t, n)
				require.Equal(t, io.EOF, err)
				_, err = r.Primitive(asn1.NULL, 0)
				require.NoError(t, err, "%x", raw)
				require.NoError(t, r.End())
			}
		}
	}
}

func TestOctetsRefused(t *testing.T) {
	for _, c := range []struct{ name, good, bad, why string }{
		{"segment of another type", "24 03 04 01 61", "24 03 0c 01 61", "tag 0x0c instead of 0x04"},
		{"segment with the implicit tag", "a0 03 04 01 61", "a0 03 80 01 61", "tag 0x80 instead of 0x04"},
		{"nested with the implicit tag", "a0 05 24 03 04 01 61", "a0 05 a0 03 04 01 61", "tag 0xa0 instead of 0x04"},
		{"SEQUENCE of segments", "24 05 24 03 04 01 61", "24 05 30 03 04 01 61", "tag 0x30 instead of 0x04"},
		{"segment overruns", "24 03 04 01 61", "24 03 04 02 61 62", "overruns"},
		{"end-of-contents in a definite length", "24 04 04 00 04 00", "24 04 04 00 00 00", "no indefinite length is open"},
		{"indefinite segment that is primitive", "24 80 24 80 00 00 00 00", "24 80 04 80 00 00 00 00", "indefinite length of a primitive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			read := func(s string) error {
				raw := unhex(t, s)
				o, err := ber.NewBytesReader(raw).Octets(asn1.Tag(raw[0]))
				require.NoError(t, err)
				_, err = io.Copy(io.Discard, o)
				return err
			}
			require.NoError(t, read(c.good))
			err := read(c.bad)
			require.ErrorIs(t, err, ber.ErrSyntax)
			require.ErrorContains(t, err, c.why)
		})
	}
}

// Sizes around the segment, the Reader's buffer and the direct path, read in
// several ways: the content and the end are always the same.
func TestOctetsSizes(t *testing.T) {
	const k = 1 << 10
	for _, n := range []int{0, 1, 16*k - 1, 16 * k, 16*k + 1, 64*k - 1, 64 * k, 64*k + 1, 200 * k} {
		want := pattern(n)
		for _, size := range []int{1000, 16*k - 4, 16 * k, 64*k - 4, 64*k - 5, 64 * k, 1 << 20} {
			raw := cut(tag0, want, size)
			for _, piece := range []int{1, 100, 16*k - 1, 16 * k, 256 * k} {
				if piece == 1 && n > 20*k {
					continue // slow, and the smaller sizes say the same
				}
				r := ber.NewReader(bytes.NewReader(raw))
				o, err := r.Octets(tag0)
				require.NoError(t, err)
				var got []byte
				buf := make([]byte, piece)
				for err == nil {
					var m int
					m, err = o.Read(buf)
					require.True(t, m == piece || len(got)+m == n, "a short Read before the end")
					got = append(got, buf[:m]...)
				}
				require.Equal(t, io.EOF, err)
				require.True(t, bytes.Equal(want, got), "%d octets, segments of %d, pieces of %d", n, size, piece)
				require.NoError(t, r.End())
				require.EqualValues(t, len(raw), r.Offset())
			}
		}
	}
}

// readers are sources that return octets in different ways.
var readers = map[string]func(io.Reader) io.Reader{
	"plain":          func(r io.Reader) io.Reader { return r },
	"one byte":       iotest.OneByteReader,
	"half":           iotest.HalfReader,
	"data and error": iotest.DataErrReader,
	"one byte, data and error": func(r io.Reader) io.Reader {
		return iotest.DataErrReader(iotest.OneByteReader(r))
	},
}

func TestSources(t *testing.T) {
	raw := unhex(t, enveloped)
	long := pattern(100_000)
	for name, wrap := range readers {
		got, err := walkEnveloped(wrap(bytes.NewReader(raw)))
		require.NoError(t, err, name)
		require.Equal(t, "abcdef", string(got), name)
		for n := range raw {
			_, err := walkEnveloped(wrap(bytes.NewReader(raw[:n])))
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%s: %d octets", name, n)
		}
		_, err = walkEnveloped(wrap(bytes.NewReader(append(bytes.Clone(raw), 0))))
		require.ErrorIs(t, err, ber.ErrSyntax, name)

		whole := cut(asn1.OCTET_STRING, long, 30_000)
		element, err := ber.NewReader(wrap(bytes.NewReader(whole))).Element(1 << 20)
		require.NoError(t, err, name)
		require.True(t, bytes.Equal(whole, element), name)
		der, err := ber.NewReader(wrap(bytes.NewReader(whole))).DER(1 << 20)
		require.NoError(t, err, name)
		require.True(t, bytes.Equal(append(ber.AppendHeader(nil, asn1.OCTET_STRING, len(long)), long...), der), name)
		o, err := ber.NewReader(wrap(bytes.NewReader(whole))).Octets(asn1.OCTET_STRING)
		require.NoError(t, err, name)
		content, err := io.ReadAll(o)
		require.NoError(t, err, name)
		require.True(t, bytes.Equal(long, content), name)
	}
}

// lyingReader returns counts that no Reader may return.
type lyingReader int

func (n lyingReader) Read(p []byte) (int, error) { return int(n) + len(p), nil }

// silentReader returns nothing, for ever.
type silentReader struct{}

func (silentReader) Read([]byte) (int, error) { return 0, nil }

func TestBadSources(t *testing.T) {
	broken := iotest.ErrReader(io.ErrClosedPipe)
	start := cut(asn1.OCTET_STRING, pattern(40_000), 40_000)[:100]
	for _, before := range [][]byte{nil, {0x30}, start} {
		for want, src := range map[error]io.Reader{io.ErrClosedPipe: broken, io.ErrNoProgress: silentReader{}} {
			r := ber.NewReader(io.MultiReader(bytes.NewReader(before), src))
			_, err := r.Element(1 << 20)
			require.ErrorIs(t, err, want)
			require.Equal(t, err, r.End(), "the error is kept")

			r = ber.NewReader(io.MultiReader(bytes.NewReader(before), src))
			o, err := r.Octets(asn1.OCTET_STRING)
			if len(before) > 1 {
				require.NoError(t, err)
				buf := make([]byte, 1<<20)
				n, err := o.Read(buf)
				require.NoError(t, err, "what came before the error is returned")
				require.Equal(t, 100-6, n)
				n, err = o.Read(buf)
				require.Zero(t, n)
				require.ErrorIs(t, err, want)
				_, _, err = r.Peek()
				require.ErrorIs(t, err, want)
			} else {
				require.ErrorIs(t, err, want)
			}
		}
	}
	r := ber.NewReader(io.MultiReader(bytes.NewReader([]byte{5, 0}), broken))
	require.NoError(t, r.Skip())
	require.ErrorIs(t, r.End(), io.ErrClosedPipe, "the end was not seen")
	for _, n := range []lyingReader{1, -1 << 30} {
		require.ErrorContains(t, ber.NewReader(n).Skip(), "impossible count")
		r := ber.NewReader(io.MultiReader(bytes.NewReader(start), n))
		o, err := r.Octets(asn1.OCTET_STRING)
		require.NoError(t, err)
		_, err = io.ReadFull(o, make([]byte, 30_000))
		require.ErrorContains(t, err, "impossible count")
	}
}

// A string in memory that is cut off is no different from one in a stream.
func TestOctetsTruncated(t *testing.T) {
	raw := cut(tag0, pattern(60_000), 50_000)
	for _, n := range []int{2, 5, 6, 7, 50_005, 50_006, 50_007, len(raw) - 2, len(raw) - 1} {
		for _, r := range []*ber.Reader{ber.NewBytesReader(raw[:n]), ber.NewReader(bytes.NewReader(raw[:n]))} {
			o, err := r.Octets(tag0)
			require.NoError(t, err)
			buf := make([]byte, 256<<10)
			total := 0
			for err == nil {
				var m int
				m, err = o.Read(buf)
				total += m
			}
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, n)
			require.LessOrEqual(t, total, n)
			_, again := o.Read(buf)
			require.Equal(t, err, again)
			require.Equal(t, err, r.Skip(), "the Reader has failed with it")
		}
	}
}

// While a string is being read, the rest of the Reader stands still.
func TestOctetsFirst(t *testing.T) {
	r := ber.NewBytesReader(unhex(t, "30 05 04 01 61 05 00"))
	require.NoError(t, r.Enter(asn1.SEQUENCE))
	o, err := r.Octets(asn1.OCTET_STRING)
	require.NoError(t, err)
	const why = "read it to its end first"
	require.ErrorContains(t, r.Skip(), why)
	require.ErrorContains(t, r.Leave(), why)
	require.ErrorContains(t, r.End(), why)
	_, _, err = r.Peek()
	require.ErrorContains(t, err, why)
	_, err = r.Octets(asn1.OCTET_STRING)
	require.ErrorContains(t, err, why)

	// That was a mistake of the program: the input is still good.
	n, err := o.Read(nil)
	require.Zero(t, n)
	require.NoError(t, err)
	got, err := io.ReadAll(o)
	require.NoError(t, err)
	require.Equal(t, "a", string(got))
	require.NoError(t, r.Skip())
	require.NoError(t, r.Leave())
	require.NoError(t, r.End())
}

// The number of segments costs no memory, and the source is not asked more
// often than its size explains.
func TestOctetsLinear(t *testing.T) {
	for _, segment := range []string{"\x04\x00", "\x04\x01a", "\x24\x00", "\x24\x80\x04\x00\x00\x00"} {
		raw := []byte("\x24\x80" + strings.Repeat(segment, 200_000) + "\x00\x00")
		buf := make([]byte, 256<<10)
		var reads int
		allocs := testing.AllocsPerRun(2, func() {
			src := &countingReader{r: bytes.NewReader(raw)}
			o, err := ber.NewReader(src).Octets(asn1.OCTET_STRING)
			require.NoError(t, err)
			for err == nil {
				_, err = o.Read(buf)
			}
			require.Equal(t, io.EOF, err)
			reads = src.n
		})
		require.Less(t, allocs, 10.0, "%x", segment)
		require.LessOrEqual(t, reads, len(raw)/60_000+2, "%x", segment)
	}
}

// countingReader counts calls of Read.
type countingReader struct {
	r io.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	c.n++
	return c.r.Read(p)
}

func BenchmarkOctets(b *testing.B) {
	content := make([]byte, 64<<20)
	for _, c := range []struct {
		name string
		raw  []byte
	}{
		{"segments=4KiB", cut(tag0, content, 4<<10)},
		{"segments=64KiB", cut(tag0, content, 64<<10)},
		{"segments=256KiB", cut(tag0, content, 256<<10)},
		{"primitive", append(ber.AppendHeader(nil, tag0, len(content)), content...)},
	} {
		b.Run(c.name, func(b *testing.B) {
			buf := make([]byte, 256<<10)
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				o, err := ber.NewReader(bytes.NewReader(c.raw)).Octets(tag0)
				for err == nil {
					_, err = o.Read(buf)
				}
				if err != io.EOF {
					b.Fatal(err)
				}
			}
		})
	}
}
