package opening

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestBlocks(t *testing.T) {
	for _, n := range []int{0, 1, blockSize - 1, blockSize, blockSize + 1, 2*blockSize + 7} {
		want := make([]byte, n)
		for i := range want {
			want[i] = byte(i>>12 ^ i)
		}
		var b blocks
		for rest := want; len(rest) > 0; {
			k := min(len(rest), 300_007)
			m, err := b.Write(rest[:k])
			require.NoError(t, err)
			require.Equal(t, k, m)
			rest = rest[k:]
		}
		require.EqualValues(t, n, b.size)
		got, err := io.ReadAll(b.reader())
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got))

		for _, at := range []int{0, 1, blockSize - 1, blockSize, n - 1, n} {
			if at < 0 || at > n {
				continue
			}
			p := make([]byte, 10)
			m, err := b.ReadAt(p, int64(at))
			require.Equal(t, want[at:min(at+10, n)], p[:m])
			require.Equal(t, m < 10, err == io.EOF)
		}
		m, err := b.ReadAt(make([]byte, 1), int64(n)+1)
		require.Zero(t, m)
		require.Equal(t, io.EOF, err)
		_, err = b.ReadAt(make([]byte, 1), -1)
		require.Error(t, err)
	}
	var b blocks
	_, err := b.Write([]byte("some content"))
	require.NoError(t, err)
	require.NoError(t, iotest.TestReader(b.reader(), []byte("some content")))
}

// Browsers save into one folder: no two files of a box have one name there.
func TestSingle(t *testing.T) {
	long := strings.Repeat("x", 300)
	taken := map[string]int{}
	for _, c := range []struct{ path, want string }{
		{"a.txt", "a.txt"},
		{"b/a.txt", "b-a.txt"},
		{"b-a.txt", "2-b-a.txt"},
		{"B-A.TXT", "3-B-A.TXT"},
	} {
		require.Equal(t, c.want, single(c.path, taken))
	}
	seen := map[string]bool{}
	for range 1000 {
		for _, path := range []string{long + "/1", long + "/2", "1-1-b/a.txt", "4-b-a.txt"} {
			name := single(path, taken)
			require.False(t, seen[name], name)
			require.NotContains(t, name, "/")
			require.LessOrEqual(t, len(name), 200)
			seen[name] = true
		}
	}
}

func TestNameOf(t *testing.T) {
	for content, want := range map[string]string{
		"":                         "document",
		"%PDF":                     "document",
		"%PDF-":                    "document.pdf",
		"PK\x03\x04":               "documents.zip",
		"\x89PNG\r\n\x1a\n":        "picture.png",
		"\xff\xd8\xff\xe0":         "picture.jpg",
		"<html><script>":           "document",
		"Dear customer, %PDF-1.7 ": "document",
	} {
		var b blocks
		_, err := b.Write([]byte(content))
		require.NoError(t, err)
		require.Equal(t, want, nameOf(&b), "%q", content)
	}
}
