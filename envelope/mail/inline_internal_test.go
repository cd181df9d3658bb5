package mail

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// The pieces are the text, each octet in one of them, and are the same however
// the text comes.
func FuzzSplitInline(f *testing.F) {
	block := beginMessage + "\r\n\r\nabcd\r\n" + endMessage + "\r\n"
	clear := beginCleartext + "\nHash: SHA512\n\ntext\n" + beginSignature + "\n\nabcd\n" + endSignature
	for _, s := range []string{
		"", "text", block, clear, "a\n" + block + "b\n" + clear, block + block, beginMessage + "\n" + clear,
		clear[:len(clear)-1], " " + block, strings.Repeat("x", inlineLine-1) + "\n" + block,
		strings.Repeat("x", inlineLine) + beginMessage + "\n" + endMessage, beginMessage + strings.Repeat(" ", inlineLine) + "\n" + endMessage,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		pieces, err := splitInline(strings.NewReader(s))
		require.NoError(t, err)
		again, err := splitInline(iotest.OneByteReader(strings.NewReader(s)))
		require.NoError(t, err)
		require.Equal(t, pieces, again)
		at := int64(0)
		for _, x := range pieces {
			require.Equal(t, at, x.start)
			require.Greater(t, x.end, x.start)
			at = x.end
			text := s[x.start:x.end]
			switch {
			case x.kind == kindEncrypted:
				require.True(t, strings.HasPrefix(text, beginMessage) && strings.Contains(text, endMessage))
			case x.kind == kindSigned:
				require.True(t, strings.HasPrefix(text, beginCleartext) && strings.Contains(text, endSignature))
			default:
				require.Equal(t, x.blank, len(bytes.TrimSpace([]byte(text))) == 0)
			}
		}
		if len(pieces) > 0 {
			require.Equal(t, int64(len(s)), at)
		}
	})
}

func TestSplitInlineFails(t *testing.T) {
	_, err := splitInline(io.MultiReader(strings.NewReader("text\n"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestAgain(t *testing.T) {
	a := rereadable(func() io.Reader { return strings.NewReader("text") })
	for range 2 {
		b := make([]byte, 2)
		_, err := io.ReadFull(a, b)
		require.NoError(t, err)
		at, err := a.Seek(0, io.SeekCurrent)
		require.NoError(t, err)
		require.Equal(t, int64(2), at)
		_, err = a.Seek(1, io.SeekStart)
		require.Error(t, err)
		_, err = a.Seek(0, io.SeekEnd)
		require.Error(t, err)
		_, err = a.Seek(0, io.SeekStart)
		require.NoError(t, err)
	}
}
