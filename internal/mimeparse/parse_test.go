package mimeparse

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

var testLimits = Limits{Depth: 32, Parts: 10_000, HeaderBytes: 256 << 10}

func mustParse(t *testing.T, message string) *Node {
	t.Helper()
	n, err := Parse(strings.NewReader(message), int64(len(message)), testLimits)
	require.NoError(t, err)
	checkSpans(t, message, n)
	return n
}

// outline is a tree in one line.
func outline(src string, n *Node) string {
	if len(n.Children) == 0 {
		return fmt.Sprintf("%s%q", n.MediaType, src[n.Body:n.End])
	}
	var parts []string
	for _, c := range n.Children {
		parts = append(parts, outline(src, c))
	}
	return n.MediaType + "{" + strings.Join(parts, " ") + "}"
}

// codes are the findings of a tree, those that are ambiguous with a mark.
func codes(n *Node) []string {
	var all []string
	for _, f := range n.Findings {
		code := f.Code
		if f.Ambiguous {
			code += "!"
		}
		all = append(all, code)
	}
	for _, c := range n.Children {
		all = append(all, codes(c)...)
	}
	return all
}

// checkSpans holds a tree to what is true of each: parts stand in each other,
// in order, none over another, and between them are boundaries alone.
func checkSpans(t testing.TB, src string, root *Node) {
	t.Helper()
	require.Zero(t, root.Start)
	require.EqualValues(t, len(src), root.End)
	for todo := []*Node{root}; len(todo) > 0; todo = todo[1:] {
		n := todo[0]
		todo = append(todo, n.Children...)
		require.LessOrEqual(t, n.Start, n.Body)
		require.LessOrEqual(t, n.Body, n.End)
		var header strings.Builder
		for _, f := range n.Header {
			header.Write(f.Raw)
		}
		rest, ok := strings.CutPrefix(src[n.Start:n.Body], header.String())
		require.True(t, ok)
		require.Contains(t, []string{"", "\n", "\r\n"}, rest)
		at := n.Body
		for _, c := range n.Children {
			require.Same(t, n, c.Parent)
			require.LessOrEqual(t, at, c.Start)
			require.LessOrEqual(t, c.End, n.End)
			if n.isMessage() {
				require.Equal(t, n.Body, c.Start)
				require.Equal(t, n.End, c.End)
			} else {
				// The preamble is before the first boundary.
				gap := src[at:c.Start]
				i := strings.LastIndex(gap, "--"+string(n.boundary()))
				require.GreaterOrEqual(t, i, 0, "%q", gap)
				if at != n.Body {
					require.Contains(t, []string{"", "\n", "\r\n"}, gap[:i])
				}
			}
			at = c.End
		}
		if len(n.Children) == 0 && !n.damaged {
			size, err := io.Copy(io.Discard, n.Decoded(strings.NewReader(src)))
			require.NoError(t, err)
			if n.boundary() == nil {
				require.Equal(t, n.Size, size)
			}
		}
	}
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func TestParse(t *testing.T) {
	const mixed = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n\n--b--\n"
	for _, c := range []struct {
		name, message, want string
		codes               []string
	}{
		{"nothing", "", `text/plain""`, nil},
		{"header", "Subject: s\n\n", `text/plain""`, nil},
		{"header alone", "Subject: s\n", `text/plain""`, []string{"header-unended"}},
		{"text", "Subject: s\n\nbody\n", `text/plain"body\n"`, nil},
		{"CRLF", "Subject: s\r\n\r\nbody\r\n", `text/plain"body\r\n"`, nil},
		{"two parts", mixed, `multipart/mixed{text/plain"one" text/html"two\n"}`, nil},
		{"two parts, CRLF", crlf(mixed), `multipart/mixed{text/plain"one" text/html"two\r\n"}`, nil},
		{"no last boundary", strings.TrimSuffix(mixed, "--b--\n"), `multipart/mixed{text/plain"one" text/html"two\n\n"}`, []string{"boundary-unended!"}},
		{"one more", mixed + "--b\n\nthree", `multipart/mixed{text/plain"one" text/html"two\n"}`, []string{"boundary-after-end!", "epilogue"}},
		{"no boundary", "MIME-Version: 1.0\nContent-Type: multipart/mixed\n\n--b\n\none\n--b--\n", `multipart/mixed"--b\n\none\n--b--\n"`, []string{"boundary-missing!"}},
		{"message", "MIME-Version: 1.0\nContent-Type: message/rfc822\n\nSubject: in\n\nbody", `message/rfc822{text/plain"body"}`, nil},
		{
			"inner ended by outer", "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=out\n\n--out\nContent-Type: multipart/mixed; boundary=in\n\n--in\n\none\n--out--\n",
			`multipart/mixed{multipart/mixed{text/plain"one"}}`, []string{"boundary-unended!"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := mustParse(t, c.message)
			require.Equal(t, c.want, outline(c.message, n))
			require.Equal(t, c.codes, codes(n))
		})
	}
}

// A message that can be read once has the tree of one that can be read again,
// wherever it ends.
func TestParseReader(t *testing.T) {
	header := "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\n"
	for _, size := range []int{firstRead, bufferSize, 2*bufferSize - 2} {
		for d := -longestLine - 2; d <= 2; d++ {
			if d > -longestLine && d < -2 {
				continue
			}
			for _, end := range []string{"", "\n", "\n--b", "\n--b--", "\n--b--\nmore", "\n--b" + strings.Repeat(" ", longestLine-3), "\n--b" + strings.Repeat(" ", longestLine-4) + "\n"} {
				message := header + strings.Repeat("QUJD", size/4)[:size+d-len(header)-len(end)] + end
				want, err := Parse(strings.NewReader(message), int64(len(message)), testLimits)
				require.NoError(t, err)
				for _, src := range []io.Reader{strings.NewReader(message), iotest.DataErrReader(strings.NewReader(message))} {
					got, err := ParseReader(src, testLimits)
					require.NoError(t, err)
					require.Equal(t, want, got)
				}
			}
		}
	}
	for _, src := range []io.Reader{iotest.ErrReader(io.ErrUnexpectedEOF), io.MultiReader(strings.NewReader(header+strings.Repeat("a", bufferSize)), iotest.ErrReader(io.ErrUnexpectedEOF))} {
		_, err := ParseReader(src, testLimits)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
	_, err := ParseReader(strings.NewReader(header+strings.Repeat("--b\n\n", 11_000)), testLimits)
	require.IsType(t, (*LimitError)(nil), err)
}
