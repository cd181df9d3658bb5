package marks_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"mime"
	"mime/quotedprintable"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/internal/marks"
)

// secret has what each of the codes writes differently.
const secret = `geheim"7/Ü=%&<+\Ende`

// coding is a way in which something is written.
type coding struct {
	name   string
	write  func(text string) []byte
	ofText bool // it has no way to write anything else
	alone  bool // it is found by comparing, and not decoded for what may be in it
}

func codings() []coding {
	wide := func(order func(c uint16) []byte) func(string) []byte {
		return func(text string) (b []byte) {
			for _, c := range utf16.Encode([]rune(text)) {
				b = append(b, order(c)...)
			}
			return b
		}
	}
	through := func(open func(io.Writer) io.WriteCloser) func(string) []byte {
		return func(text string) []byte {
			var b bytes.Buffer
			w := open(&b)
			io.WriteString(w, text)
			w.Close()
			return b.Bytes()
		}
	}
	str := func(f func(string) string) func(string) []byte {
		return func(text string) []byte { return []byte(f(text)) }
	}
	return []coding{
		{"as it is", str(func(s string) string { return s }), false, false},
		{"base64", str(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }), false, false},
		{"base64 of URLs", str(func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }), false, false},
		{"base64 in lines", str(func(s string) string {
			return lines(base64.StdEncoding.EncodeToString([]byte(s)), 10)
		}), false, false},
		{"hexadecimal", str(func(s string) string { return hex.EncodeToString([]byte(s)) }), false, false},
		{"HEXADECIMAL", str(func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) }), false, false},
		{"hexadecimal in lines", str(func(s string) string { return lines(hex.EncodeToString([]byte(s)), 7) }), false, false},
		{"UTF-16LE", wide(func(c uint16) []byte { return []byte{byte(c), byte(c >> 8)} }), true, true},
		{"UTF-16BE", wide(func(c uint16) []byte { return []byte{byte(c >> 8), byte(c)} }), true, true},
		{"quoted printable", through(func(w io.Writer) io.WriteCloser { return quotedprintable.NewWriter(w) }), false, false},
		{"a word of a header", str(func(s string) string { return mime.BEncoding.Encode("UTF-8", s) }), true, false},
		{"a word of a header, Q", str(func(s string) string { return mime.QEncoding.Encode("UTF-8", s) }), true, false},
		{"percent signs, query", str(url.QueryEscape), false, false},
		{"percent signs, path", str(url.PathEscape), false, false},
		{"JSON", func(s string) []byte { b, _ := json.Marshal(s); return b }, true, false},
		{"Go", str(strconv.QuoteToASCII), false, false},
		{"Go, octets", str(func(s string) string { return fmt.Sprintf("%+q", []byte(s)) }), false, false},
		{"HTML", str(html.EscapeString), false, false},
		{"backwards", func(s string) []byte { b := []byte(s); slices.Reverse(b); return b }, false, true},
		{"gzip", through(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }), false, false},
		{"zlib", through(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }), false, false},
		{"ZIP", through(func(w io.Writer) io.WriteCloser { return newEntry(w, zip.Deflate) }), false, false},
		{"ZIP, stored", through(func(w io.Writer) io.WriteCloser { return newEntry(w, zip.Store) }), false, false},
	}
}

func lines(s string, n int) string {
	var parts []string
	for c := range slices.Chunk([]byte(s), n) {
		parts = append(parts, string(c))
	}
	return strings.Join(parts, "\r\n")
}

// entry is a ZIP archive with one entry.
type entry struct {
	io.Writer
	archive *zip.Writer
}

func newEntry(w io.Writer, method uint16) entry {
	z := zip.NewWriter(w)
	f, err := z.CreateHeader(&zip.FileHeader{Name: "a", Method: method})
	if err != nil {
		panic(err)
	}
	return entry{f, z}
}

func (e entry) Close() error { return e.archive.Close() }

// within puts b where it would stand: with other octets before and behind it.
func within(before int, b []byte) []byte {
	return slices.Concat(bytes.Repeat([]byte("~ "), before), b, []byte("\x00 and more"))
}

// TestFind: a secret is found in every form, and in every form of every form;
// one that differs in a letter is not.
func TestFind(t *testing.T) {
	m, other := marks.New("the secret", []byte(secret)), marks.New("another", []byte(strings.Replace(secret, "7", "8", 1)))
	for _, outer := range codings() {
		t.Run(outer.name, func(t *testing.T) {
			t.Parallel()
			found := marks.Find(within(3, outer.write(secret)), m, other)
			require.Len(t, found, 1)
			require.Equal(t, "the secret", found[0].What)
			require.NotEmpty(t, found[0].How)
			for _, inner := range codings() {
				text := "a statement with " + string(inner.write(secret)) + " in it"
				if !utf8.ValidString(text) && outer.ofText || outer.alone && inner.name != "as it is" {
					continue
				}
				found := marks.Find(within(3, outer.write(text)), m, other)
				require.Len(t, found, 1, "%s in it", inner.name)
			}
		})
	}
}

// TestFindPlaces: wherever it begins, of base64 and hexadecimal too.
func TestFindPlaces(t *testing.T) {
	m := marks.New("the secret", []byte(secret))
	for before := range 9 {
		b := append(bytes.Repeat([]byte{0xC1}, before), secret...)
		for _, s := range []string{base64.StdEncoding.EncodeToString(b), "x" + base64.StdEncoding.EncodeToString(b), hex.EncodeToString(b), "a" + hex.EncodeToString(b)} {
			require.Len(t, marks.Find([]byte(s), m), 1, "%d %s", before, s)
		}
		compressed := append(bytes.Repeat([]byte{0x78}, before), codings()[20].write(secret)...)
		require.Len(t, marks.Find(compressed, m), 1, before)
		require.Len(t, marks.Find([]byte(base64.StdEncoding.EncodeToString(compressed)), m), 1, before)
	}
}

// TestFindCut: what was written of a compressed stream that broke off is read.
func TestFindCut(t *testing.T) {
	m := marks.New("the secret", []byte(secret))
	for _, c := range codings()[19:22] {
		whole := c.write(secret + strings.Repeat(" and other things", 1000))
		require.Len(t, marks.Find(whole[:len(whole)-30], m), 1, c.name)
		require.Empty(t, marks.Find(whole[:12], m), c.name)
	}
}

// TestFindNothing: noise holds nothing, and is done with soon.
func TestFindNothing(t *testing.T) {
	m := marks.New("the secret", []byte(secret))
	r := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, 1<<20)
	r.Read(noise)
	require.Empty(t, marks.Find(noise, m))
	require.Empty(t, marks.Find([]byte(base64.StdEncoding.EncodeToString(noise)), m))
	require.Empty(t, marks.Find(nil, m))
	require.Empty(t, marks.Find([]byte(`\`), m))
	require.Empty(t, marks.Find([]byte(`%4=4\u12&`), m))
}

// TestIn: a mark is found in each form without decoding, and one octet beside it
// is not.
func TestIn(t *testing.T) {
	m := marks.New("a key", []byte("\x01\x02secret"))
	for _, s := range []string{"\x01\x02secret", "0102736563726574", "01027365\r\n63726574"} {
		require.True(t, m.In([]byte("a"+s+"b")), s)
	}
	require.True(t, marks.New("a key", []byte{0xAB, 0xCD, 0xEF}).In([]byte("ABCDEF")))
	for offset := range 4 {
		b := append(bytes.Repeat([]byte{0xFF}, offset), "\x01\x02secret\xFF\xFF"...)
		require.True(t, m.In([]byte(base64.StdEncoding.EncodeToString(b))), offset)
		b[offset+3] ^= 1
		require.False(t, m.In([]byte(base64.StdEncoding.EncodeToString(b))), offset)
	}
	require.False(t, m.In([]byte("\x01\x02secre")))
}

func FuzzFind(f *testing.F) {
	for i := range codings() {
		f.Add([]byte("before "), []byte(" behind"), uint8(i))
	}
	m := marks.New("the secret", []byte(secret))
	f.Fuzz(func(t *testing.T, before, behind []byte, how uint8) {
		all := codings()
		written := all[int(how)%len(all)].write(secret)
		if len(before)+len(behind) > 1<<8 {
			return
		}
		// What stands before it can change what it means only where it touches it.
		b := slices.Concat(before, []byte("\x00~ "), written, []byte(" ~\x00"), behind)
		require.NotEmpty(t, marks.Find(b, m), all[int(how)%len(all)].name)
	})
}
