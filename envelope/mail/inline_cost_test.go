package mail_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// counted counts what is read of a source.
type counted struct {
	*strings.Reader
	n int64
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}

// Many blocks far behind the beginning of a text cost what one does, while the
// message is opened and when all of it is shown.
func TestInlineCost(t *testing.T) {
	block := "\r\n" + cleartext(t, "x", partyOf(t, "alice"))
	for name, encoding := range map[string]string{"as it is": "", "encoded": "Content-Transfer-Encoding: quoted-printable\r\n"} {
		var read [2]int64
		for i, blocks := range []int{1, 50} {
			text := strings.Repeat(strings.Repeat("x", 76)+"\r\n", 10_000) + strings.ReplaceAll(strings.Repeat(block, blocks), "=", "=3D")
			if encoding == "" {
				text = strings.ReplaceAll(text, "=3D", "=")
			}
			src := &counted{Reader: strings.NewReader(headers + encoding + plainText + text)}
			m, err := reader(t).Open(src)
			require.NoError(t, err)
			defer m.Close()
			require.Len(t, m.Layers(), blocks)
			var whole, pieces int64
			for _, p := range m.Parts() {
				n, err := io.Copy(io.Discard, p.Open())
				require.NoError(t, err)
				switch strings.Count(p.Path, ".") {
				case 0:
					whole = n
				case 1:
					pieces += n
				}
			}
			require.GreaterOrEqual(t, whole, pieces)
			require.Less(t, whole-pieces, int64(1000), name)
			for _, l := range m.Layers() {
				require.NoError(t, l.Err)
			}
			read[i] = src.n
		}
		require.Less(t, read[1], 2*read[0], name)
	}
}
