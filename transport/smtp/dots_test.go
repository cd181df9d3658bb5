package smtp

import (
	"bufio"
	"bytes"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzDots: what a mail that look lets pass becomes, in pieces of any length, is
// what the writer of net/textproto makes of it.
func FuzzDots(f *testing.F) {
	long := strings.Repeat(strings.Repeat("x", 76)+"\r\n", 2*piece/78)
	for _, s := range []string{
		testText, stuffed, "\r\n", "a\r\n", ".\r\n", "..\r\n", "\r\n.\r\n", ".\r\n.\r\n", "a.\r\n.b\r\n", "a\r\n..\r\n",
		long, long + ".\r\n", strings.Repeat("x", piece%maxLine) + "\r\n" + long + "..\r\n.",
		strings.Repeat(strings.Repeat("y", 510)+"\r\n", 32) + ".at the seam\r\n", // 32 lines are a piece
	} {
		f.Add(s, 1)
		f.Add(s, 3)
		f.Add(s, 100000)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		c := &content{}
		if _, err := c.Write([]byte(s)); err != nil || !c.lastBreak || n < 1 || len(s) > 1<<17 {
			return
		}
		var want, got bytes.Buffer
		w := textproto.NewWriter(bufio.NewWriter(&want)).DotWriter()
		_, err := w.Write([]byte(s))
		require.NoError(t, err)
		require.NoError(t, w.Close())

		b := bufio.NewWriter(&got)
		w = textproto.NewWriter(b).DotWriter()
		l := &lastLine{first: &dots{dst: &got, last: '\n'}, last: w, n: int64(len(s) - 2)}
		for rest := s; rest != ""; {
			k := min(n, len(rest))
			m, err := l.Write([]byte(rest[:k]))
			require.NoError(t, err)
			require.Equal(t, k, m)
			rest = rest[k:]
		}
		require.NoError(t, w.Close())
		require.Equal(t, want.String(), got.String())
	})
}

// full takes as many octets as it has room for.
type full struct {
	bytes.Buffer
	room int
}

func (f *full) Write(p []byte) (int, error) {
	n, _ := f.Buffer.Write(p[:min(len(p), f.room-f.Len())])
	if n < len(p) {
		return n, bytes.ErrTooLarge
	}
	return n, nil
}

// TestDotsCut: wherever the connection breaks, that is the error, and nothing
// goes to where the end of the mail is written.
func TestDotsCut(t *testing.T) {
	t.Parallel()
	const text = "a\r\n.b\r\n..\r\n"
	const wire = "a\r\n..b\r\n..." // but for the last CRLF, which has its own writer
	for room := range len(wire) + 1 {
		var end bytes.Buffer
		to := &full{room: room}
		l := &lastLine{first: &dots{dst: to, last: '\n'}, last: &end, n: int64(len(text) - 2)}
		n, err := l.Write([]byte(text))
		require.Equal(t, wire[:room], to.String())
		if room == len(wire) {
			require.NoError(t, err)
			require.Equal(t, len(text), n)
			require.Equal(t, "\r\n", end.String())
			continue
		}
		require.ErrorIs(t, err, bytes.ErrTooLarge, "%d octets", room)
		require.Less(t, n, len(text)-1)
		require.Empty(t, end.String())
	}
}
