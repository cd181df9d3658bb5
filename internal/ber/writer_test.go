package ber_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/ber"
)

func TestAppendHeader(t *testing.T) {
	for n, want := range map[int]string{
		0: "30 00", 1: "30 01", 127: "30 7f", 128: "30 81 80", 255: "30 81 ff",
		256: "30 82 0100", 65535: "30 82 ffff", 65536: "30 83 010000",
		1<<24 - 1: "30 83 ffffff", 1 << 24: "30 84 01000000", 1<<31 - 1: "30 84 7fffffff",
	} {
		require.Equal(t, unhex(t, "61"+want), ber.AppendHeader([]byte("a"), asn1.SEQUENCE, n))
		h, more, err := ber.NewBytesReader(unhex(t, want)).Peek()
		require.NoError(t, err)
		require.True(t, more)
		require.Equal(t, ber.Header{Tag: asn1.SEQUENCE, Length: int64(n)}, h)
	}
}

func TestWriterRoundTrip(t *testing.T) {
	var out bytes.Buffer
	w := ber.NewWriter(&out)
	oid := unhex(t, "06 09 2a 86 48 86 f7 0d 01 07 03")
	for _, step := range []func() error{
		func() error { return w.Open(asn1.SEQUENCE) },
		func() error { return w.Raw(oid) },
		func() error { return w.Open(tag0) },
		func() error { return w.Open(asn1.SEQUENCE) },
		func() error { return w.Raw(unhex(t, "02 01 00 31 04 30 02 05 00")) },
		func() error { return w.Open(asn1.SEQUENCE) },
		func() error { return w.Raw(unhex(t, "06 09 2a 86 48 86 f7 0d 01 07 01 30 05 06 03 2a 03 04")) },
		func() error { return w.Open(tag0) },
		func() error { return w.Octets([]byte("abc")) },
		func() error { return w.Octets(nil) },
		func() error { return w.Raw(nil) },
		func() error { return w.Octets([]byte("def")) },
		w.Close, w.Close, w.Close, w.Close, w.Close,
	} {
		require.NoError(t, step())
	}
	require.NoError(t, w.Err())
	got, err := walkEnveloped(bytes.NewReader(out.Bytes()))
	require.NoError(t, err)
	require.Equal(t, "abcdef", string(got))

	der, err := ber.ToDER(out.Bytes(), 1000)
	require.NoError(t, err)
	parseDER(t, der)
	got, err = walkEnveloped(bytes.NewReader(der))
	require.NoError(t, err)
	require.Equal(t, "abcdef", string(got))
}

func TestWriterMisuse(t *testing.T) {
	w := ber.NewWriter(io.Discard)
	require.NoError(t, w.Open(asn1.SEQUENCE))
	require.NoError(t, w.Close())
	require.ErrorContains(t, w.Close(), "Close without Open")
	require.ErrorContains(t, w.Open(asn1.SEQUENCE), "Close without Open", "the error is kept")
	require.ErrorContains(t, w.Err(), "Close without Open")

	var out bytes.Buffer
	w = ber.NewWriter(&out)
	for range ber.MaxDepth {
		require.NoError(t, w.Open(asn1.OCTET_STRING))
	}
	var limit *ber.LimitError
	require.ErrorAs(t, w.Open(asn1.OCTET_STRING), &limit)
	require.Equal(t, 2*ber.MaxDepth, out.Len(), "nothing was written after the error")
}

// faultyWriter fails at the nth Write, or writes less than it was given.
type faultyWriter struct {
	n     int
	short bool
	sizes []int
}

var errDisk = errors.New("disk full")

func (f *faultyWriter) Write(p []byte) (int, error) {
	if len(f.sizes) == f.n {
		if f.short {
			return len(p) - 1, nil
		}
		return 0, errDisk
	}
	f.sizes = append(f.sizes, len(p))
	return len(p), nil
}

func TestWriterFaults(t *testing.T) {
	for _, short := range []bool{false, true} {
		for n := range 8 {
			dst := &faultyWriter{n: n, short: short}
			w := ber.NewWriter(dst)
			w.Open(tag0)              // Write 0
			w.Octets([]byte("abc"))   // 1 and 2
			s := w.Segments(4)        //
			s.Write([]byte("a"))      // held
			s.Write([]byte("bcdefg")) // 3, and three octets held
			s.Write([]byte("h1234"))  // 4; 5 and 6
			s.Write([]byte("i"))      // held
			err := s.Close()          // 7
			want := errDisk
			if short {
				want = io.ErrShortWrite
			}
			require.ErrorIs(t, err, want, n)
			require.ErrorIs(t, w.Err(), want, n)
			require.ErrorIs(t, w.Close(), want, n)
			require.Len(t, dst.sizes, n, "no Write after the failed one")
		}
	}
}

func TestSegments(t *testing.T) {
	for _, size := range []int{1, 2, 127, 128, 1000, 65536} {
		for _, n := range []int{0, 1, size - 1, size, size + 1, 2*size - 1, 3 * size, 3*size + 1} {
			content := pattern(n)
			want := cut(tag0, content, size)
			for _, piece := range []int{1, 3, size - 1, size, size + 1, 2*size + 1, 10 * size} {
				if piece < 1 || n/piece > 10_000 {
					continue
				}
				var out bytes.Buffer
				w := ber.NewWriter(&out)
				require.NoError(t, w.Open(tag0))
				s := w.Segments(size)
				for rest := content; len(rest) > 0; {
					p := rest[:min(piece, len(rest))]
					m, err := s.Write(p)
					require.NoError(t, err)
					require.Equal(t, len(p), m)
					rest = rest[len(p):]
				}
				require.NoError(t, s.Close())
				require.NoError(t, w.Close())
				require.True(t, bytes.Equal(want, out.Bytes()), "size %d, %d octets in pieces of %d", size, n, piece)

				o, err := ber.NewReader(&out).Octets(tag0)
				require.NoError(t, err)
				got, err := io.ReadAll(o)
				require.NoError(t, err)
				require.True(t, bytes.Equal(content, got))
			}
		}
	}
}

func TestSegmentsMisuse(t *testing.T) {
	for _, size := range []int{0, -1} {
		_, err := ber.NewWriter(io.Discard).Segments(size).Write([]byte("a"))
		require.ErrorContains(t, err, "less than one octet")
	}
	var out bytes.Buffer
	s := ber.NewWriter(&out).Segments(4)
	_, err := s.Write([]byte("ab"))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = s.Write([]byte("c"))
	require.ErrorContains(t, err, "write after Close")
	require.ErrorContains(t, s.Close(), "second Close")
	require.Equal(t, unhex(t, "04 02 61 62"), out.Bytes())
}

// addressWriter notes whether it is given the very octets of want.
type addressWriter struct {
	want []byte
	seen bool
}

func (a *addressWriter) Write(p []byte) (int, error) {
	if len(p) == len(a.want) && &p[0] == &a.want[0] {
		a.seen = true
	}
	return len(p), nil
}

// Whole segments are passed on as they are, and nothing is allocated for them.
func TestSegmentsCopyNothing(t *testing.T) {
	content := pattern(3 * 1000)
	dst := &addressWriter{want: content[1000:2000]}
	s := ber.NewWriter(dst).Segments(1000)
	require.Zero(t, testing.AllocsPerRun(10, func() {
		_, err := s.Write(content)
		require.NoError(t, err)
	}))
	require.True(t, dst.seen)
}
