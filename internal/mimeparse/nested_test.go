package mimeparse

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The line end before a boundary is the boundary's, also where it is that of
// the last boundary of a multipart inside: a signature over that multipart
// covers it without (RFC 2046, Section 5.1.1; RFC 1847, Section 2.1).
func TestNestedEnd(t *testing.T) {
	for _, eol := range []string{"\r\n", "\n"} {
		for _, c := range []struct{ name, epilogue string }{
			{"no epilogue", ""},
			{"empty epilogue", "\r\n"},
			{"epilogue", "\r\nepilogue"},
			{"empty line in the epilogue", "\r\n\r\n"},
		} {
			inner := "Content-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\ntext\r\n--in--" + c.epilogue
			text := "Content-Type: multipart/signed; boundary=out\r\n\r\n--out\r\n" + inner + "\r\n--out\r\n\r\nsignature\r\n--out--\r\n"
			inner, text = strings.ReplaceAll(inner, "\r\n", eol), strings.ReplaceAll(text, "\r\n", eol)
			src := strings.NewReader(text)
			root, err := Parse(src, src.Size(), Limits{Depth: 8, Parts: 8, HeaderBytes: 1 << 10})
			require.NoError(t, err)
			require.Len(t, root.Children, 2)
			got, err := io.ReadAll(root.Children[0].Whole(src))
			require.NoError(t, err)
			require.Equal(t, inner, string(got), c.name)
			require.Len(t, root.Children[0].Children, 1)
		}
	}
}
