package smtp

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzContent: what is found line by line, in pieces of any length, is what is
// found octet by octet.
func FuzzContent(f *testing.F) {
	for _, s := range []string{
		testText, stuffed, "", "\r\n", "\n", "\r", "a", "a\r", "a\n", "a\r\nb", "A: b\r\n\r\nGr\xFC\r\n", "Gr\xFC\r\n\r\n", "a\x00\r\n", "a\tb\r\n", "\r\r\n", "a\r\n\n",
		strings.Repeat("x", maxLine) + "\r\n", strings.Repeat("x", maxLine+1) + "\r\n", "a\r\n" + strings.Repeat("x", maxLine+1),
	} {
		f.Add(s, 1)
		f.Add(s, 3)
		f.Add(s, 1000)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 1 || len(s) > 1<<16 {
			return
		}
		var fast, slow content
		_, want := slow.octets([]byte(s))
		var got error
		for rest := s; rest != "" && got == nil; {
			k := min(n, len(rest))
			_, got = fast.Write([]byte(rest[:k]))
			rest = rest[k:]
		}
		require.Equal(t, want, got)
		if want != nil {
			return
		}
		require.EqualValues(t, len(s), fast.total)
		slow.total = fast.total // which only Write counts
		require.Equal(t, slow, fast)
	})
}
