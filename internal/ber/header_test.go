package ber_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/ber"
)

// Each refused encoding has a twin that is read and differs in one thing.
func TestHeaderRefused(t *testing.T) {
	for _, c := range []struct{ name, good, bad, why string }{
		{"high tag number", "9e 00", "9f 1f 00", "tag number above 30"},
		{"high tag number, constructed", "be 00", "bf 1f 00", "tag number above 30"},
		{"indefinite primitive", "24 80 00 00", "04 80 00 00", "indefinite length of a primitive"},
		{"indefinite primitive, context", "a0 80 00 00", "80 80 00 00", "indefinite length of a primitive"},
		{"reserved length", "30 00", "30 ff", "length of 127 octets"},
		{"length of 9 octets", "30 88 0000000000000000", "30 89 000000000000000000", "length of 9 octets"},
		{"length of 126 octets", "30 00", "30 fe 00", "length of 126 octets"},
		{"length above 2^62", "30 88 0000000000000000", "30 88 4000000000000001", "length above 2^62"},
		{"length of 2^64-1", "30 88 0000000000000000", "30 88 ffffffffffffffff", "length above 2^62"},
		{"end-of-contents at the top", "30 80 00 00", "00 00", "no indefinite length is open"},
		{"constructed end-of-contents", "30 80 30 00 00 00", "30 80 20 00 00 00", "no indefinite length is open"},
		{"end-of-contents with a length", "30 80 00 00", "30 80 00 01 00", "end-of-contents with a length"},
		{"end-of-contents in the long form", "30 80 00 00", "30 80 00 81 00", "end-of-contents with a length"},
		{"end-of-contents in a definite length", "30 02 05 00", "30 02 00 00", "no indefinite length is open"},
		{"indefinite end cut off by a definite one", "30 04 30 80 00 00", "30 03 30 80 00 00", "overruns"},
		{"indefinite without an end in a definite one", "30 06 30 80 05 00 00 00", "30 04 30 80 05 00 00 00", "overruns"},
		{"overrun by one", "30 03 04 01 61", "30 03 04 02 61 62", "overruns"},
		{"header overruns by its length", "30 02 04 00", "30 01 04 00", "overruns"},
		{"header overruns by its length octets", "30 03 04 81 00", "30 02 04 81 00", "overruns"},
		{"overrun by 2^62", "30 0a 04 88 0000000000000000", "30 0a 04 88 4000000000000000", "overruns"},
		{"grandchild overruns child", "30 05 30 03 04 01 61", "30 05 30 03 04 02 61", "overruns"},
		{"primitive SEQUENCE", "30 00", "10 00", "primitive form"},
		{"primitive SET", "31 00", "11 00", "primitive form"},
		{"constructed BOOLEAN", "01 01 ff", "21 01 ff", "constructed form"},
		{"constructed INTEGER", "02 01 00", "22 01 00", "constructed form"},
		{"constructed NULL", "05 00", "25 00", "constructed form"},
		{"constructed OBJECT IDENTIFIER", "06 01 2a", "26 01 2a", "constructed form"},
		{"constructed ENUMERATED", "0a 01 00", "2a 01 00", "constructed form"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ber.ToDER(unhex(t, c.good), 100)
			require.NoError(t, err)
			_, err = ber.ToDER(unhex(t, c.bad), 100)
			require.ErrorIs(t, err, ber.ErrSyntax)
			require.ErrorContains(t, err, c.why)
		})
	}
}

func TestPeek(t *testing.T) {
	for _, c := range []struct {
		raw  string
		want ber.Header
	}{
		{"04 00", ber.Header{Tag: asn1.OCTET_STRING, Length: 0}},
		{"04 7f", ber.Header{Tag: asn1.OCTET_STRING, Length: 127}},
		{"04 81 7f", ber.Header{Tag: asn1.OCTET_STRING, Length: 127}},
		{"04 84 00 00 01 00", ber.Header{Tag: asn1.OCTET_STRING, Length: 256}},
		{"04 88 40 00 00 00 00 00 00 00", ber.Header{Tag: asn1.OCTET_STRING, Length: 1 << 62}},
		{"30 80", ber.Header{Tag: asn1.SEQUENCE, Length: -1}},
		{"be 00", ber.Header{Tag: asn1.Tag(30).ContextSpecific().Constructed(), Length: 0}},
		{"41 00", ber.Header{Tag: asn1.Tag(0x41), Length: 0}},
		{"c1 00", ber.Header{Tag: asn1.Tag(0xc1), Length: 0}},
	} {
		r := ber.NewBytesReader(unhex(t, c.raw))
		for range 2 { // it consumes nothing
			h, more, err := r.Peek()
			require.NoError(t, err, c.raw)
			require.True(t, more, c.raw)
			require.Equal(t, c.want, h, c.raw)
		}
		require.Zero(t, r.Offset())
	}
}

func TestPeekEnd(t *testing.T) {
	for raw, within := range map[string]bool{"": false, "30 00": true, "30 80 00 00": true, "30 81 00": true} {
		r := ber.NewReader(bytes.NewReader(unhex(t, raw)))
		if within {
			require.NoError(t, r.Enter(asn1.SEQUENCE), raw)
			_, more, err := r.Peek()
			require.NoError(t, err, raw)
			require.False(t, more, raw)
			require.NoError(t, r.Leave(), raw)
		}
		_, more, err := r.Peek()
		require.NoError(t, err, raw)
		require.False(t, more, raw)
		require.NoError(t, r.End())
		require.EqualValues(t, len(unhex(t, raw)), r.Offset())
	}
}

// nest returns n constructed elements inside each other.
func nest(tag byte, n int, indefinite bool) []byte {
	if indefinite {
		return append(bytes.Repeat([]byte{tag, 0x80}, n), make([]byte, 2*n)...)
	}
	var raw []byte
	for range n {
		raw = append(ber.AppendHeader(nil, asn1.Tag(tag), len(raw)), raw...)
	}
	return raw
}

func TestNesting(t *testing.T) {
	reading := map[string]func(*ber.Reader) error{
		"Skip":    (*ber.Reader).Skip,
		"Element": func(r *ber.Reader) error { _, err := r.Element(1000); return err },
		"DER":     func(r *ber.Reader) error { _, err := r.DER(1000); return err },
		"Octets": func(r *ber.Reader) error {
			o, err := r.Octets(asn1.OCTET_STRING)
			if err == nil {
				_, err = io.Copy(io.Discard, o)
			}
			return err
		},
		"Enter": func(r *ber.Reader) error {
			for depth := 0; ; depth++ {
				h, more, err := r.Peek()
				if err != nil {
					return err
				}
				for !more && depth > 0 {
					if err := r.Leave(); err != nil {
						return err
					}
					if depth--; depth == 0 {
						return nil
					}
				}
				if err := r.Enter(h.Tag); err != nil {
					return err
				}
			}
		},
	}
	for name, read := range reading {
		for _, n := range []int{1, 31, 32, 33, 34, 1000, 100_000} {
			for _, indefinite := range []bool{true, false} {
				if !indefinite {
					n = min(n, 1000) // nest is quadratic there
				}
				r := ber.NewReader(bytes.NewReader(nest(0x24, n, indefinite)))
				err := read(r)
				byLength := !indefinite && (name == "Skip" || name == "Element")
				var limit *ber.LimitError
				switch {
				case name == "Element" && n > 250:
					require.ErrorAs(t, err, &limit, "%s %d", name, n)
				case n <= ber.MaxDepth || byLength:
					require.NoError(t, err, "%s %d", name, n)
					require.NoError(t, r.End(), "%s %d", name, n)
				default:
					require.ErrorAs(t, err, &limit, "%s %d", name, n)
					require.Equal(t, &ber.LimitError{What: "nesting depth", Max: ber.MaxDepth}, limit)
				}
			}
		}
	}
}

// The depth counts from the outermost element, whoever entered it.
func TestNestingAddsUp(t *testing.T) {
	for _, inner := range []int{2, 3} {
		r := ber.NewBytesReader(nest(0x24, 30+inner, true))
		for range 30 {
			require.NoError(t, r.Enter(asn1.OCTET_STRING))
		}
		_, err := r.DER(100)
		require.Equal(t, inner > 2, err != nil)

		r = ber.NewBytesReader(nest(0x24, 30+inner, true))
		for range 29 + inner {
			require.NoError(t, r.Enter(asn1.OCTET_STRING))
		}
		_, err = r.Octets(asn1.OCTET_STRING)
		require.Equal(t, inner > 2, err != nil)
	}
}

func TestUnexpected(t *testing.T) {
	type step = func(*ber.Reader) error
	primitive := func(tag asn1.Tag) step {
		return func(r *ber.Reader) error { _, err := r.Primitive(tag, 10); return err }
	}
	octets := func(tag asn1.Tag) step {
		return func(r *ber.Reader) error { _, err := r.Octets(tag); return err }
	}
	enter := func(tag asn1.Tag) step { return func(r *ber.Reader) error { return r.Enter(tag) } }
	for _, c := range []struct {
		name, raw string
		good, bad step
		why       string
	}{
		{"Primitive, other tag", "02 01 05", primitive(asn1.INTEGER), primitive(asn1.ENUM), "tag 0x02 instead of 0x0a"},
		{"Primitive, other class", "80 01 05", primitive(tag0), primitive(asn1.Tag(0x40)), "tag 0x80"},
		{"Primitive, constructed", "a0 00", enter(tag0), primitive(tag0), "tag 0xa0 instead of 0x80"},
		{"Primitive, constructed asked for", "a0 00", enter(tag0), primitive(tag0.Constructed()), "tag 0xa0"},
		{"Enter, other tag", "30 00", enter(asn1.SEQUENCE), enter(asn1.SET), "tag 0x30 instead of 0x31"},
		{"Enter, primitive", "80 00", primitive(tag0), enter(tag0), "tag 0x80 instead of 0xa0"},
		{"Octets, other tag", "04 00", octets(asn1.OCTET_STRING), octets(tag0), "tag 0x04 instead of 0x80"},
		{"Octets, other class", "a4 00", octets(asn1.Tag(4).ContextSpecific()), octets(asn1.OCTET_STRING), "tag 0xa4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, c.good(ber.NewBytesReader(unhex(t, c.raw))))
			err := c.bad(ber.NewBytesReader(unhex(t, c.raw)))
			require.ErrorIs(t, err, ber.ErrSyntax)
			require.ErrorContains(t, err, c.why)
		})
	}
}

// Every way to ask for an element, where there is none.
func TestMissing(t *testing.T) {
	for name, ask := range map[string]func(*ber.Reader) error{
		"Enter":     func(r *ber.Reader) error { return r.Enter(asn1.SEQUENCE) },
		"Element":   func(r *ber.Reader) error { _, err := r.Element(10); return err },
		"DER":       func(r *ber.Reader) error { _, err := r.DER(10); return err },
		"Primitive": func(r *ber.Reader) error { _, err := r.Primitive(asn1.NULL, 10); return err },
		"Skip":      (*ber.Reader).Skip,
		"Octets":    func(r *ber.Reader) error { _, err := r.Octets(asn1.OCTET_STRING); return err },
	} {
		r := ber.NewBytesReader(nil)
		require.ErrorIs(t, ask(r), io.ErrUnexpectedEOF, name)
		for _, raw := range []string{"30 00", "30 80 00 00"} {
			r = ber.NewBytesReader(unhex(t, raw))
			require.NoError(t, r.Enter(asn1.SEQUENCE))
			err := ask(r)
			require.ErrorIs(t, err, ber.ErrSyntax, name)
			require.ErrorContains(t, err, "missing element", name)
		}
	}
}

func TestLeave(t *testing.T) {
	for _, raw := range []string{"30 02 05 00", "30 80 05 00 00 00"} {
		r := ber.NewBytesReader(unhex(t, raw))
		require.NoError(t, r.Enter(asn1.SEQUENCE))
		require.NoError(t, r.Skip())
		require.NoError(t, r.Leave())
		require.NoError(t, r.End())
		require.ErrorContains(t, r.Leave(), "Leave without Enter")

		r = ber.NewBytesReader(unhex(t, raw))
		require.NoError(t, r.Enter(asn1.SEQUENCE))
		require.ErrorContains(t, r.End(), "End inside an element")
		err := r.Leave()
		require.ErrorIs(t, err, ber.ErrSyntax)
		require.ErrorContains(t, err, "after the last that was expected")
	}
}

// After an error nothing is read any more: what follows would be read at the
// wrong place.
func TestErrorIsKept(t *testing.T) {
	r := ber.NewBytesReader(unhex(t, "05 00 30 00"))
	want := r.Enter(asn1.SEQUENCE)
	require.ErrorIs(t, want, ber.ErrSyntax)
	_, _, err := r.Peek()
	require.Equal(t, want, err)
	require.Equal(t, want, r.Enter(asn1.SEQUENCE))
	require.Equal(t, want, r.Skip())
	require.Equal(t, want, r.Leave())
	require.Equal(t, want, r.End())
	_, err = r.Octets(asn1.OCTET_STRING)
	require.Equal(t, want, err)
}

func TestLimits(t *testing.T) {
	for name, read := range map[string]func(*ber.Reader, int64) ([]byte, error){
		"Element": (*ber.Reader).Element,
		"DER":     (*ber.Reader).DER,
		"Primitive": func(r *ber.Reader, max int64) ([]byte, error) {
			return r.Primitive(asn1.OCTET_STRING, max-2)
		},
	} {
		for _, n := range []int{0, 1, 127} {
			raw := append(ber.AppendHeader(nil, asn1.OCTET_STRING, n), make([]byte, n)...)
			size := int64(len(raw))
			for _, max := range []int64{size, size + 1, math.MaxInt64} {
				_, err := read(ber.NewBytesReader(raw), max)
				require.NoError(t, err, "%s %d", name, n)
			}
			for _, max := range []int64{size - 1, -1, math.MinInt64 + 2} {
				_, err := read(ber.NewBytesReader(raw), max)
				var limit *ber.LimitError
				require.ErrorAs(t, err, &limit, "%s %d", name, n)
				require.Equal(t, "element", limit.What)
				require.False(t, errors.Is(err, ber.ErrSyntax))
				require.True(t, strings.HasPrefix(err.Error(), "ber: element exceeds"))
			}
		}
	}
}

// Limits are judged by what is declared, before what is missing is noticed.
func TestLimitBeforeReading(t *testing.T) {
	raw := unhex(t, "04 84 80 00 00 00 61 62 63")
	var limit *ber.LimitError
	_, err := ber.NewBytesReader(raw).Element(1 << 20)
	require.ErrorAs(t, err, &limit)
	_, err = ber.NewBytesReader(raw).DER(1 << 20)
	require.ErrorAs(t, err, &limit)
	_, err = ber.NewBytesReader(raw).Primitive(asn1.OCTET_STRING, 1<<20)
	require.ErrorAs(t, err, &limit)
	require.ErrorIs(t, ber.NewBytesReader(raw).Skip(), io.ErrUnexpectedEOF)
}
