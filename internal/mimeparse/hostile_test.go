package mimeparse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// nestedMultiparts is depth multiparts in each other.
func nestedMultiparts(depth int) string {
	var b strings.Builder
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%dx\n\n--%dx\n", i, i)
	}
	return b.String()
}

// manyParts is a multipart with that many parts.
func manyParts(n int) string {
	return "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\n.\n", n) + "--b--\n"
}

// hostile are messages that cost much of little.
func hostile() map[string]string {
	const size = 10 << 20
	fill := func(head, line string) string { return head + strings.Repeat(line, (size-len(head))/len(line)) }
	some := func(head, line string) string { return head + strings.Repeat(line, size/10/len(line)) }
	half := func(head, line string) string { return head + strings.Repeat(line, 250<<10/len(line)) + "\n\n" }
	deep := nestedMultiparts(31) + "\n"
	return map[string]string{
		"nested multiparts":          nestedMultiparts(3000),
		"nested messages":            fill("", "Content-Type: message/rfc822\n\n"),
		"parts":                      fill("Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\n.\n"),
		"parts at the limit":         manyParts(9_999),
		"empty parts":                fill("Content-Type: multipart/mixed; boundary=b\n\n", "--b\n"),
		"one header":                 fill("", "X: y\n"),
		"one field":                  fill("X:", " y\n"),
		"one line":                   fill("X:", "y"),
		"headers":                    fill("Content-Type: multipart/mixed; boundary=b\n\n", "--b\n"+strings.Repeat("a:\n", 80_000)+"\n"),
		"dashes in 31 multiparts":    some(deep, "--\n"),
		"no boundaries in 31":        some(deep, "--30\n"),
		"nearly boundaries in 31":    fill(deep, "--30xx\n"),
		"last boundaries":            some(deep, "--0x--\n"),
		"parameters":                 half("Content-Type: text/plain", ";a=b"),
		"parameters without values":  half("Content-Type: text/plain", ";a"),
		"pieces of a parameter":      half("Content-Type: text/plain", ";name*0*=b"),
		"parameters of all parts":    fill("Content-Type: multipart/mixed; boundary=b\n\n", "--b\nContent-Type: a/b"+manyParams(200)+"\n\n"),
		"comments":                   half("Content-Type: text/plain ", "(a)") + strings.Repeat(" ", 1000),
		"open comments":              half("Content-Type: text/plain ", "("),
		"quotes":                     half("Content-Type: text/plain;a=", `"`),
		"encoded words without ends": half("Content-Type: text/plain;name=", "=?a?q?x"),
		"encoded words":              half("Content-Type: text/plain;name=", "=?utf-8?q?x?="),
		"character sets":             half("Content-Type: text/plain;name=", "=?a?q?x?= =?b?q?x?="),
		"a boundary":                 half("Content-Type: multipart/mixed;boundary=", "ä"),
		"blanks":                     some("Content-Transfer-Encoding: quoted-printable\n\n", " "),
		"equals signs":               some("Content-Transfer-Encoding: quoted-printable\n\n", "="),
		"padding":                    some("Content-Transfer-Encoding: base64\n\n", "QQ="),
		"carriage returns":           fill(deep, "\r--"),
		"findings":                   fill("Content-Type: multipart/mixed; boundary=b\n\n", "--b\nContent-Type: a (b) c;;x;y=\"\n :\nz\n\n\r\x00\n"),
	}
}

// TestHostile holds what little octets may cost: no message of 10 MB takes more
// than 64 MiB, all told, or is anything but refused or read.
func TestHostile(t *testing.T) {
	refused := map[string]string{
		"nested multiparts":       "parts in each other",
		"nested messages":         "parts in each other",
		"parts":                   "parts",
		"empty parts":             "parts",
		"one header":              "octets in a header",
		"one field":               "octets in a header",
		"one line":                "octets in a header",
		"headers":                 "header fields and parameters",
		"findings":                "oddities",
		"parameters of all parts": "header fields and parameters",
	}
	for name, message := range hostile() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			n, err := Parse(strings.NewReader(message), int64(len(message)), testLimits)
			runtime.ReadMemStats(&after)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
			if what := refused[name]; what != "" {
				var limit *LimitError
				require.ErrorAs(t, err, &limit)
				require.Equal(t, what, limit.What)
				return
			}
			require.NoError(t, err)
			require.EqualValues(t, len(message), n.End)
		})
	}
}

// TestLimits: what is allowed is read, and one more is not.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name     string
		in, over string
		limits   Limits
		want     LimitError
	}{
		{
			"multiparts", nestedMultiparts(4), nestedMultiparts(5),
			Limits{5, 100, 1000}, LimitError{What: "parts in each other", Max: 5},
		},
		{
			"messages", strings.Repeat("Content-Type: message/rfc822\n\n", 4), strings.Repeat("Content-Type: message/rfc822\n\n", 5),
			Limits{5, 100, 1000}, LimitError{What: "parts in each other", Max: 5},
		},
		{"parts", manyParts(4), manyParts(5), Limits{5, 5, 1000}, LimitError{What: "parts", Max: 5}},
		{
			"header", "X: " + strings.Repeat("y", 96) + "\n\n" + strings.Repeat("z", 200), "X: " + strings.Repeat("y", 97) + "\n\n",
			Limits{5, 5, 100}, LimitError{What: "octets in a header", Max: 100},
		},
		{
			"header of a part", manyParts(1) + "--b\nX: " + strings.Repeat("y", 100), manyParts(1)[:43] + "--b\nX: " + strings.Repeat("y", 97) + "\n\n",
			Limits{5, 5, 100}, LimitError{What: "octets in a header", Max: 100},
		},
		{
			"fields", strings.Repeat("a:\n", 50), strings.Repeat("a:\n", 51),
			Limits{5, 5, 1000}, LimitError{What: "header fields and parameters", Max: 50},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(strings.NewReader(c.in), int64(len(c.in)), c.limits)
			require.NoError(t, err)
			_, err = Parse(strings.NewReader(c.over), int64(len(c.over)), c.limits)
			require.Equal(t, &c.want, err)
		})
	}
}

// TestFixedLimits are those that no caller raises.
func TestFixedLimits(t *testing.T) {
	most := Limits{Depth: 100, Parts: 100_000, HeaderBytes: 1 << 20}
	header := "X: " + strings.Repeat("y", 1<<20-5) + "\n\n"
	message := "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n"+header, 16)
	_, err := Parse(strings.NewReader(message), int64(len(message)), most)
	require.Equal(t, &LimitError{What: "octets in all headers", Max: maxHeaders, Fixed: true}, err)
	message = "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n"+header, 15)
	_, err = Parse(strings.NewReader(message), int64(len(message)), most)
	require.NoError(t, err)

	odd := "--b\nContent-Type: a (b;) c; d=\"\nContent-Transfer-Encoding: x\n\n"
	message = "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat(odd, maxFindings/2)
	_, err = Parse(strings.NewReader(message), int64(len(message)), most)
	require.Equal(t, &LimitError{What: "oddities", Max: maxFindings, Fixed: true}, err)
}

// broken is a source that fails, or ends, before its size.
type broken struct {
	io.ReaderAt
	err error
}

func (b broken) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > 10 {
		return 0, b.err
	}
	return b.ReaderAt.ReadAt(p, off)
}

func TestSourceErrors(t *testing.T) {
	src := strings.NewReader("Subject: s\n\nbody")
	_, err := Parse(src, src.Size()+1, testLimits)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	boom := errors.New("boom")
	_, err = Parse(broken{src, boom}, src.Size(), testLimits)
	require.ErrorIs(t, err, boom)
	_, err = Parse(src, src.Size(), testLimits)
	require.NoError(t, err)
}

// pattern is a source of any size that repeats a line in the middle.
type pattern struct {
	head, line, tail string
	size             int64
}

func (s pattern) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && off < s.size {
		var k int
		switch tail := s.size - int64(len(s.tail)); {
		case off < int64(len(s.head)):
			k = copy(p[n:], s.head[off:])
		case off >= tail:
			k = copy(p[n:], s.tail[off-tail:])
		default:
			rest := s.line[(off-int64(len(s.head)))%int64(len(s.line)):]
			k = copy(p[n:], rest[:min(int64(len(rest)), tail-off)])
		}
		n += k
		off += int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func attachment(size int64) pattern {
	const head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	line := strings.Repeat("QUJD", 19) + "\r\n"
	tail := "\r\n--b--\r\n"
	lines := (size - int64(len(head)+len(tail))) / int64(len(line))
	return pattern{head, strings.Repeat(line, 4096), tail, int64(len(head)+len(tail)) + lines*int64(len(line))}
}

// TestConstantMemory: the body of a message costs the buffer alone.
func TestConstantMemory(t *testing.T) {
	src := attachment(64 << 20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, err := Parse(src, src.size, testLimits)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Len(t, n.Children, 1)
	require.EqualValues(t, (n.Children[0].End-n.Children[0].Body+2)/78*57, n.Children[0].Size)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

func BenchmarkParse(b *testing.B) {
	data := make([]byte, attachment(25<<20).size)
	if _, err := attachment(25<<20).ReadAt(data, 0); err != nil {
		b.Fatal(err)
	}
	for _, encoding := range []string{"base64", "quoted-printable", "binary"} {
		b.Run(encoding, func(b *testing.B) {
			src := bytes.NewReader(bytes.Replace(data, []byte("base64"), []byte(encoding), 1))
			b.SetBytes(src.Size())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(src, src.Size(), testLimits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHostile(b *testing.B) {
	for name, message := range hostile() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = Parse(strings.NewReader(message), int64(len(message)), testLimits)
			}
		})
	}
}

func BenchmarkCanonical(b *testing.B) {
	src := bytes.Repeat([]byte(strings.Repeat("x", 70)+"\r\n"), 100_000)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		_, _ = io.Copy(io.Discard, Canonical(bytes.NewReader(src)))
	}
}

func BenchmarkDecoded(b *testing.B) {
	src := attachment(25 << 20)
	n, err := Parse(src, src.size, testLimits)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(src.size)
	for b.Loop() {
		_, _ = io.Copy(io.Discard, n.Children[0].Decoded(src))
	}
}
