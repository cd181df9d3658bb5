package armor

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func encodeArmor(t testing.TB, b []byte, checksum bool) string {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out, Message, checksum)
	for len(b) > 0 { // in uneven pieces
		n := min(len(b), 1+len(b)%1000)
		_, err := w.Write(b[:n])
		require.NoError(t, err)
		b = b[n:]
	}
	require.NoError(t, w.Close())
	return out.String()
}

// plainArmor writes armor in the plainest way there is.
func plainArmor(b []byte, checksum bool) string {
	out := "-----BEGIN PGP MESSAGE-----\n\n"
	for part := range slices.Chunk(b, 48) {
		out += base64.StdEncoding.EncodeToString(part) + "\n"
	}
	if checksum {
		sum := slowCRC24(b)
		out += "=" + base64.StdEncoding.EncodeToString([]byte{byte(sum >> 16), byte(sum >> 8), byte(sum)}) + "\n"
	}
	return out + "-----END PGP MESSAGE-----\n"
}

func decodeArmor(r io.Reader) ([]byte, error) {
	d, err := NewReader(bufio.NewReader(r))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(d)
}

// Armor of every length around a group, a line and a block: what is written is
// what go-crypto reads, and what is read is what was written.
func TestArmor(t *testing.T) {
	for _, base := range []int{0, 3, 48, 96, blockOctets, 2 * blockOctets} {
		for n := max(base-2, 0); n <= base+2; n++ {
			b := bytes.Repeat([]byte{0xFB, 0xEF, 0x07}, n/3+1)[:n]
			for _, checksum := range []bool{false, true} {
				text := encodeArmor(t, b, checksum)
				require.Equal(t, checksum, strings.Contains(text, "\n="))
				for line := range strings.Lines(text) {
					require.LessOrEqual(t, len(line), lineLength+1)
				}
				for _, src := range []string{text, strings.ReplaceAll(text, "\n", "\r\n"), strings.ReplaceAll(text, "\n", " \t\n"), "\xEF\xBB\xBF\n \n" + text, strings.TrimSpace(text)} {
					got, err := decodeArmor(strings.NewReader(src))
					require.NoError(t, err, n)
					require.True(t, bytes.Equal(b, got), n)
				}
				got, err := decodeArmor(iotest.OneByteReader(strings.NewReader(text)))
				require.NoError(t, err)
				require.True(t, bytes.Equal(b, got))
				require.Equal(t, plainArmor(b, checksum), text)
			}
		}
	}
}

// Long armor goes through goroutines: whatever its lines look like, however its
// source reads and wherever a block ends, the octets are the same, an error of
// the source comes after what it returned, and who stops halfway leaves nothing.
func TestArmorOverlapped(t *testing.T) {
	t.Parallel()
	data := make([]byte, 5*blockText)
	rand.NewChaCha8([32]byte{2}).Read(data)
	text := encodeArmor(t, data, true)
	head, rest, _ := strings.Cut(text, "\n\n")
	body, tail, _ := strings.Cut(rest, "\n=")
	body = strings.ReplaceAll(body, "\n", "")
	folded := func(n int, end string) string {
		var b strings.Builder
		b.WriteString(head + end + end)
		for part := range slices.Chunk([]byte(body), n) {
			b.Write(part)
			b.WriteString(end)
		}
		return b.String() + "=" + tail
	}
	for name, text := range map[string]string{
		"64": text, "64, CR LF": folded(64, "\r\n"), "76": folded(76, "\n"), "72, blanks": folded(72, " \t\n"),
		"1": folded(1, "\n"), "7": folded(7, "\n"), "one line": folded(len(body), "\n"), "65521": folded(65521, "\n"),
	} {
		for kind, wrap := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "half": iotest.HalfReader, "EOF with data": iotest.DataErrReader,
		} {
			d, err := NewReader(bufio.NewReader(wrap(strings.NewReader(text))))
			require.NoError(t, err)
			got, err := io.ReadAll(d)
			require.NoError(t, err, "%s, %s", name, kind)
			require.True(t, bytes.Equal(data, got), "%s, %s", name, kind)
			require.False(t, d.SumDiffers())
		}
	}
	broken := errors.New("broken")
	for _, at := range []int{100, overlapFrom - 1, overlapFrom + 100, 3 * blockText, len(text) - 10} {
		d, err := NewReader(bufio.NewReader(io.MultiReader(strings.NewReader(text[:at]), iotest.ErrReader(broken))))
		require.NoError(t, err)
		got, err := io.ReadAll(d)
		require.ErrorIs(t, err, broken)
		require.True(t, bytes.HasPrefix(data, got))
		require.Greater(t, len(got), (at-200)*47/65)
		_, err = d.Read(make([]byte, 1))
		require.ErrorIs(t, err, broken)

		_, err = decodeArmor(strings.NewReader(text[:at]))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		refused(t, err)
		_, err = decodeArmor(strings.NewReader(text[:at] + "*" + text[at:]))
		require.ErrorAs(t, err, new(*FormatError))
	}
	d, err := NewReader(bufio.NewReader(strings.NewReader(text)))
	require.NoError(t, err)
	_, err = io.CopyN(io.Discard, d, 3*blockText)
	require.NoError(t, err)
}

// An error of the destination is returned by some call, and the destination is
// not written to after it.
func TestWriterError(t *testing.T) {
	broken := errors.New("broken")
	for _, good := range []int{0, 1, 2} {
		calls := 0
		w := NewWriter(writeFunc(func(p []byte) (int, error) {
			if calls++; calls > good {
				return 0, broken
			}
			return len(p), nil
		}), Message, true)
		var err error
		for range 3 {
			if _, err = w.Write(make([]byte, blockOctets)); err != nil {
				break
			}
		}
		if err == nil {
			err = w.Close()
		}
		require.ErrorIs(t, err, broken)
		require.ErrorIs(t, w.Close(), broken)
		require.Equal(t, good+1, calls)
	}
}

type writeFunc func([]byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }

func TestArmorRefused(t *testing.T) {
	good := encodeArmor(t, []byte("attachment\n"), true) // YXR0YWNobWVudAo=
	tests := []struct {
		name, from, to string
		good           bool
		differs        bool // and the checksum is found to be wrong
	}{
		{name: "as it is", good: true},
		{name: "header", from: "\n\n", to: "\nVersion: 1\n\n", good: true},
		{name: "header without a colon", from: "\n\n", to: "\nVersion 1\n\n"},
		{name: "no empty line", from: "\n\n", to: "\n"},
		{name: "64 headers", from: "\n\n", to: "\n" + strings.Repeat("a: b\n", maxHeaderLines-1) + "\n", good: true},
		{name: "65 headers", from: "\n\n", to: "\n" + strings.Repeat("a: b\n", maxHeaderLines) + "\n"},
		{name: "header of 15 KiB", from: "\n\n", to: "\na: " + strings.Repeat("b", 15<<10) + "\n\n", good: true},
		{name: "header of 16 KiB", from: "\n\n", to: "\na: " + strings.Repeat("b", 16<<10) + "\n\n"},
		{name: "text before", from: "-----BEGIN", to: "Hello\n-----BEGIN"},
		{name: "another label at the end", from: "END PGP MESSAGE", to: "END PGP SIGNATURE"},
		{name: "no end", from: "-----END PGP MESSAGE-----", to: ""},
		{name: "dashes missing", from: "-----END PGP MESSAGE-----", to: "-----END PGP MESSAGE"},
		{name: "something after", from: "-----END PGP MESSAGE-----", to: "-----END PGP MESSAGE-----\nx"},
		{name: "line ends after", from: "-----END PGP MESSAGE-----", to: "-----END PGP MESSAGE-----\n\r\n \t\n", good: true},
		{name: "no checksum", from: checksumLine(good), to: "", good: true},
		{name: "wrong checksum", from: checksumLine(good), to: "=AAAA\n", good: true, differs: true},
		{name: "short checksum", from: checksumLine(good), to: "=AAA\n", good: true, differs: true},
		{name: "empty checksum", from: checksumLine(good), to: "=\n", good: true, differs: true},
		{name: "long checksum", from: checksumLine(good), to: checksumLine(good)[:5] + "AAA\n", good: true, differs: true},
		{name: "checksum that is no base64", from: checksumLine(good), to: "=-*-*\n", good: true, differs: true},
		{name: "checksum of 200 characters", from: checksumLine(good), to: "=" + strings.Repeat("A", 200) + "\n"},
		{name: "checksum twice", from: checksumLine(good), to: checksumLine(good) + checksumLine(good)},
		{name: "line broken in two", from: "YXR0", to: "YXR0\n", good: true},
		{name: "character that is none", from: "YXR0", to: "YXR*"},
		{name: "padding in the middle", from: "YXR0", to: "YX==YXR0"},
		{name: "padding missing", from: "udAo=", to: "udAo"},
		{name: "padding twice", from: "udAo=", to: "udAo=="},
		{name: "bits in the padding", from: "udAo=", to: "udAp="},
		{name: "three signs of padding", from: "udAo=", to: "ud==="},
		{name: "dash in a line", from: "YXR0", to: "YX-0"},
		{name: "empty label", from: "BEGIN PGP MESSAGE", to: "BEGIN "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Contains(t, good, tt.from)
			d, err := NewReader(bufio.NewReader(strings.NewReader(strings.Replace(good, tt.from, tt.to, 1))))
			var got []byte
			if err == nil {
				got, err = io.ReadAll(d)
			}
			if tt.good {
				require.NoError(t, err)
				require.Equal(t, tt.differs, d.SumDiffers())
				require.Equal(t, "attachment\n", string(got))
				return
			}
			refused(t, err)
		})
	}
}

func refused(t *testing.T, err error) {
	t.Helper()
	if !errors.As(err, new(*LimitError)) {
		require.ErrorAs(t, err, new(*FormatError))
	}
}

func checksumLine(text string) string {
	_, rest, _ := strings.Cut(text, "\n=")
	sum, _, _ := strings.Cut(rest, "\n")
	return "=" + sum + "\n"
}

// A line without end costs no memory: in the headers it is refused, in the
// body read as it comes.
func TestArmorEndlessLine(t *testing.T) {
	t.Parallel()
	endless := func(head string) io.Reader { return io.MultiReader(strings.NewReader(head), &repeat{'A', 1 << 30}) }
	_, err := decodeArmor(endless("-----BEGIN PGP MESSAGE-----\na: "))
	require.ErrorAs(t, err, new(*LimitError))
	_, err = decodeArmor(endless("-----BEGIN "))
	require.ErrorAs(t, err, new(*LimitError))
	d, err := NewReader(bufio.NewReader(&io.LimitedReader{R: endless("-----BEGIN PGP MESSAGE-----\n\n"), N: 32 << 20}))
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, d)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Greater(t, n, int64(20<<20))
	require.LessOrEqual(t, cap(d.blocks[0].out)+cap(d.blocks[1].out)+cap(d.blocks[0].text)+cap(d.blocks[1].text), 256<<10)
}

type repeat struct {
	c byte
	n int
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	n := min(len(p), r.n)
	for i := range p[:n] {
		p[i] = r.c
	}
	r.n -= n
	return n, nil
}

// The CRC of RFC 9580, Section 6.1.1, one bit at a time.
func slowCRC24(p []byte) uint32 {
	crc := uint32(0xB704CE)
	for _, b := range p {
		crc ^= uint32(b) << 16
		for range 8 {
			if crc <<= 1; crc&0x1000000 != 0 {
				crc ^= 0x1864CFB
			}
		}
	}
	return crc & 0xFFFFFF
}

func TestCRC24(t *testing.T) {
	for n := range 300 {
		p := bytes.Repeat([]byte(fmt.Sprint(n)), n)
		require.Equal(t, slowCRC24(p), crc24(crc24Init, p), n)
	}
}

// FuzzArmor: whatever is encoded decodes to itself, and what is accepted as
// armor decodes to something that encodes to armor of the same octets.
func FuzzArmor(f *testing.F) {
	for _, b := range [][]byte{nil, {0}, []byte("attachment\n"), bytes.Repeat([]byte{0xFF}, 1000)} {
		f.Add(b)
		f.Add([]byte(encodeArmor(f, b, true)))
		f.Add([]byte(encodeArmor(f, b, false)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, checksum := range []bool{false, true} {
			d, err := NewReader(bufio.NewReader(strings.NewReader(encodeArmor(t, b, checksum))))
			require.NoError(t, err)
			d.Again()
			got, err := io.ReadAll(d)
			require.NoError(t, err)
			require.True(t, bytes.Equal(b, got))
			require.False(t, d.SumDiffers())
			got, err = decodeArmor(strings.NewReader(encodeArmor(t, b, checksum)))
			require.NoError(t, err)
			require.True(t, bytes.Equal(b, got))
		}
		got, err := decodeArmor(bytes.NewReader(b))
		slow, slowErr := decodeArmor(iotest.OneByteReader(bytes.NewReader(b)))
		require.Equal(t, err == nil, slowErr == nil)
		if err != nil {
			return
		}
		require.Equal(t, got, slow)
	})
}
