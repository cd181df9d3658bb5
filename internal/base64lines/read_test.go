package base64lines

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/ahead"
)

// TestReader: what is made of text, and what is said of it.
func TestReader(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, want string
		odd      Odd
	}{
		{"", "", Odd{}},
		{"\r\n", "", Odd{}},
		{"Zg==", "f", Odd{}}, // RFC 4648, Section 10
		{"Zm8=", "fo", Odd{}},
		{"Zm9v", "foo", Odd{}},
		{"Zm9vYg==", "foob", Odd{}},
		{"Zm9vYmE=", "fooba", Odd{}},
		{"Zm9vYmFy", "foobar", Odd{}},
		{"Zm9vYmFy\r\nZm9vYmFy\r\n", "foobarfoobar", Odd{}},
		{"Z\nm\r9\tv Yg=\n =\r\n", "foob", Odd{}},
		{"Zm9v!YmFy", "foobar", Odd{Stray: 1}},
		{"Zm9v\x00\xFF-_YmFy", "foobar", Odd{Stray: 4}},
		{"Zg==Zg==", "ff", Odd{Resumed: true}},
		{"Zg==\r\nZm9v", "ffoo", Odd{Resumed: true}},
		{"Zg", "f", Odd{Padding: true}},
		{"Zm8", "fo", Odd{Padding: true}},
		{"Zg=", "f", Odd{Padding: true}},
		{"Zg=Zg==", "ff", Odd{Padding: true, Resumed: true}},
		{"Zg===", "f", Odd{Padding: true}},
		{"Zm9v=", "foo", Odd{Padding: true}},
		{"=Zm9v", "foo", Odd{Padding: true}},
		{"Zm9vY", "foo", Odd{Cut: true}},
		{"Zm9vY=", "foo", Odd{Cut: true}},
		{"Zm9vY===", "foo", Odd{Cut: true, Padding: true}},
		{"Zh==", "f", Odd{Trailing: true}},
		{"Zm9=", "fo", Odd{Trailing: true}},
		{"Zm9", "fo", Odd{Padding: true, Trailing: true}},
	} {
		for _, src := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in)), iotest.DataErrReader(strings.NewReader(c.in))} {
			r := NewReader(src)
			got, err := io.ReadAll(r)
			require.NoError(t, err)
			require.Equal(t, c.want, string(got), "%q", c.in)
			require.Equal(t, c.odd, r.Odd(), "%q", c.in)
		}
	}
}

// TestReaderLines: what Writer writes, and other lengths of lines, is read back whatever the pieces.
func TestReaderLines(t *testing.T) {
	t.Parallel()
	data := make([]byte, 100_003)
	for i := range data {
		data[i] = byte(i * 131 >> 3)
	}
	for _, length := range []int{1, 3, 4, 5, 64, 75, 76, 77, 1000, 200_000} {
		text := base64.StdEncoding.EncodeToString(data)
		var in strings.Builder
		for ; text != ""; text = text[min(length, len(text)):] {
			in.WriteString(text[:min(length, len(text))] + "\r\n")
		}
		for _, src := range []io.Reader{strings.NewReader(in.String()), iotest.HalfReader(strings.NewReader(in.String()))} {
			r := NewReader(src)
			got, err := io.ReadAll(r)
			require.NoError(t, err)
			require.True(t, bytes.Equal(data, got), "lines of %d", length)
			require.Zero(t, r.Odd())
		}
	}
}

type badCount struct{}

func (badCount) Read(p []byte) (int, error) { return len(p) + 1, nil }

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

// TestErrors: an error of the source and of dst comes out, and stays.
func TestErrors(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	r := NewReader(io.MultiReader(strings.NewReader("Zm9vYmFyZg"), iotest.ErrReader(boom)))
	got, err := io.ReadAll(r)
	require.ErrorIs(t, err, boom)
	require.Equal(t, "foobar", string(got)) // a group that is not whole is not guessed
	_, err = r.Read(make([]byte, 1))
	require.ErrorIs(t, err, boom)

	_, err = io.ReadAll(NewReader(badCount{}))
	require.ErrorIs(t, err, errCount)
	_, err = io.ReadAll(NewReader(nothing{}))
	require.ErrorIs(t, err, io.ErrNoProgress)

	w := NewWriter(failing{boom})
	_, err = w.Write(make([]byte, mimeOctets-1))
	require.NoError(t, err)
	_, err = w.Write(make([]byte, 1))
	require.ErrorIs(t, err, boom)
	_, err = w.Write(make([]byte, 1))
	require.ErrorIs(t, err, boom)
	require.ErrorIs(t, w.Close(), boom)
	w = NewWriter(failing{boom})
	_, err = w.Write(make([]byte, 1))
	require.NoError(t, err)
	require.ErrorIs(t, w.Close(), boom)
	w = NewWriter(short{})
	_, err = w.Write(make([]byte, mimeOctets))
	require.ErrorIs(t, err, io.ErrShortWrite)
}

type short struct{}

func (short) Write(p []byte) (int, error) { return len(p) - 1, nil }

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// A block that is full, and what was left over before it, has room in a buffer
// that is as small as decoding into it allows, and in the next smaller one.
func TestReadInto(t *testing.T) {
	data := bytes.Repeat([]byte("abcde"), blockOctets)
	text := base64.StdEncoding.EncodeToString(data)
	for _, first := range []int{0, 1, 2, 3} {
		for _, size := range []int{outOctets - 1, outOctets, outOctets + 1, 2 * outOctets} {
			src := func() io.Reader {
				return io.MultiReader(strings.NewReader(text[:first]), strings.NewReader(text[first:]))
			}
			for _, r := range []*Reader{NewReader(src()), NewReader(ahead.New(src()))} {
				p, got := make([]byte, size), []byte{}
				for {
					n, err := r.Read(p)
					got = append(got, p[:n]...)
					if err == io.EOF {
						break
					}
					require.NoError(t, err)
				}
				require.True(t, bytes.Equal(data, got), "%d %d", first, size)
				require.Zero(t, r.Odd())
			}
		}
	}
}

// FuzzReader: what encoding/base64 takes decodes to the same, and nothing is
// odd about it but bits that do not count; what it refuses is odd.
func FuzzReader(f *testing.F) {
	for _, s := range []string{"", "Zg==", "Zm9vYmFy\r\nZg==", "Zh==", "Zg", "Zg==Zg==", "Z=", "Zm9v!", "====", "AAAAAAAAAAAAAAAAAAAAAAAA\nAA=\n="} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := NewReader(iotest.HalfReader(bytes.NewReader(in)))
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		odd := r.Odd()
		large, err := io.ReadAll(bufio.NewReaderSize(NewReader(bytes.NewReader(in)), 2*outOctets)) // decoded to where it is read
		require.NoError(t, err)
		require.True(t, bytes.Equal(got, large), "%q", in)
		lent := NewReader(ahead.New(bytes.NewReader(in)))
		same, err := io.ReadAll(lent)
		require.NoError(t, err)
		require.True(t, bytes.Equal(got, same), "%q", in)
		require.Equal(t, odd, lent.Odd(), "%q", in)
		strict := bytes.NewBuffer(nil)
		for _, c := range in {
			if !strings.ContainsRune(" \t\r\n", rune(c)) {
				strict.WriteByte(c)
			}
		}
		want, err := base64.StdEncoding.DecodeString(strict.String())
		if err != nil {
			require.NotZero(t, odd, "%q", in)
			return
		}
		require.True(t, bytes.Equal(want, got), "%q", in)
		_, err = base64.StdEncoding.Strict().DecodeString(strict.String())
		require.Equal(t, Odd{Trailing: err != nil}, odd, "%q", in)
	})
}

// FuzzRoundTrip: what is written is what encoding/base64 writes in lines, and is read back.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("content"), 3)
	f.Add(bytes.Repeat([]byte{0xFF}, 1000), 57)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		piece = 1 + piece&1023
		var out bytes.Buffer
		w := NewWriter(&out)
		for p := data; len(p) > 0; p = p[min(piece, len(p)):] {
			_, err := w.Write(p[:min(piece, len(p))])
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		require.Equal(t, reference(data), out.String())
		r := NewReader(&out)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, got))
		require.Zero(t, r.Odd())
	})
}

// TestLentFails: what a source lends before it fails comes before its error.
func TestLentFails(t *testing.T) {
	failed := errors.New("failed")
	text := strings.Repeat("QUJD", 40_000)
	got, err := io.ReadAll(NewReader(ahead.New(io.MultiReader(strings.NewReader(text), iotest.ErrReader(failed)))))
	require.ErrorIs(t, err, failed)
	require.Equal(t, strings.Repeat("ABC", 40_000), string(got))
}
