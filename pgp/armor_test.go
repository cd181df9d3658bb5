package pgp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

func encodeArmor(t testing.TB, b []byte, checksum bool) string {
	t.Helper()
	var out bytes.Buffer
	w := newArmorWriter(&out, labelMessage, checksum)
	for len(b) > 0 { // in uneven pieces
		n := min(len(b), 1+len(b)%1000)
		_, err := w.Write(b[:n])
		require.NoError(t, err)
		b = b[n:]
	}
	require.NoError(t, w.Close())
	return out.String()
}

func decodeArmor(r io.Reader) ([]byte, error) {
	d, err := newDearmor(bufio.NewReader(r))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(d)
}

// Armor of every length around a group, a line and a block: what is written is
// what go-crypto reads, and what is read is what was written.
func TestArmor(t *testing.T) {
	for _, base := range []int{0, 3, 48, 96, armorBlockOctets, 3 * armorBlockOctets} {
		for n := max(base-2, 0); n <= base+2; n++ {
			b := bytes.Repeat([]byte{0xFB, 0xEF, 0x07}, n/3+1)[:n]
			for _, checksum := range []bool{false, true} {
				text := encodeArmor(t, b, checksum)
				require.Equal(t, checksum, strings.Contains(text, "\n="))
				for line := range strings.Lines(text) {
					require.LessOrEqual(t, len(line), armorLine+1)
				}
				for _, src := range []string{text, strings.ReplaceAll(text, "\n", "\r\n"), strings.ReplaceAll(text, "\n", " \t\n"), "\xEF\xBB\xBF\n \n" + text, strings.TrimSpace(text)} {
					got, err := decodeArmor(strings.NewReader(src))
					require.NoError(t, err, n)
					require.True(t, bytes.Equal(b, got), n)
				}
				got, err := decodeArmor(iotest.OneByteReader(strings.NewReader(text)))
				require.NoError(t, err)
				require.True(t, bytes.Equal(b, got))
				block, err := armor.Decode(strings.NewReader(text))
				require.NoError(t, err)
				got, err = io.ReadAll(block.Body)
				require.NoError(t, err)
				require.True(t, bytes.Equal(b, got), n)
			}
		}
	}
}

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
		{name: "64 headers", from: "\n\n", to: "\n" + strings.Repeat("a: b\n", armorHeaderLines-1) + "\n", good: true},
		{name: "65 headers", from: "\n\n", to: "\n" + strings.Repeat("a: b\n", armorHeaderLines) + "\n"},
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
			d, err := newDearmor(bufio.NewReader(strings.NewReader(strings.Replace(good, tt.from, tt.to, 1))))
			var got []byte
			if err == nil {
				got, err = io.ReadAll(d)
			}
			if tt.good {
				require.NoError(t, err)
				require.Equal(t, tt.differs, len(d.finding()) > 0)
				require.Equal(t, "attachment\n", string(got))
				return
			}
			if !errors.Is(err, envelope.ErrLimit) {
				require.ErrorIs(t, err, envelope.ErrFormat)
			}
		})
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
	require.ErrorIs(t, err, envelope.ErrLimit)
	_, err = decodeArmor(endless("-----BEGIN "))
	require.ErrorIs(t, err, envelope.ErrLimit)
	d, err := newDearmor(bufio.NewReader(&io.LimitedReader{R: endless("-----BEGIN PGP MESSAGE-----\n\n"), N: 32 << 20}))
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, d)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Greater(t, n, int64(20<<20))
	require.LessOrEqual(t, cap(d.buf), 64<<10)
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
func TestCRC24(t *testing.T) {
	slow := func(p []byte) uint32 {
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
	for n := range 300 {
		p := bytes.Repeat([]byte(fmt.Sprint(n)), n)
		require.Equal(t, slow(p), crc24(crc24Init, p), n)
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
			got, err := decodeArmor(strings.NewReader(encodeArmor(t, b, checksum)))
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
		block, err := armor.Decode(bytes.NewReader(b))
		if err != nil {
			return // go-crypto takes less
		}
		if other, err := io.ReadAll(block.Body); err == nil {
			require.True(t, bytes.Equal(got, other))
		}
	})
}
