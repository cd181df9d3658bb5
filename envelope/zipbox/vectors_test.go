package zipbox_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
)

// Archives that 7-Zip 26.02, bsdtar 3.6.2 and zip.js 2.24 wrote: their names say
// of whom, and with keys of how many bits.
func TestOthersArchives(t *testing.T) {
	t.Parallel()
	needsSHA1(t)
	p := passphrase(t, testPassphrase)
	want := []byte("a short text, a short text, a short text\n")
	names, err := filepath.Glob("testdata/*.zip")
	require.NoError(t, err)
	require.Len(t, names, 11)
	for _, name := range names {
		archive, err := os.ReadFile(name)
		require.NoError(t, err)
		got, report, err := open(zipbox.Opener{}, bytes.NewReader(archive), p)
		if strings.Contains(name, "zipcrypto") {
			var refused *zipbox.RefusedError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, "zipcrypto", refused.Code)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, map[string][]byte{"größe.txt": want}, got, name)
		if _, bits, _ := strings.Cut(strings.TrimSuffix(name, ".zip"), "-"); bits != "stored" {
			require.Equal(t, "AES-"+bits, report.Content, name)
		}

		// Whatever octet is changed: an error, or the right content.
		for i := range archive {
			for _, bit := range []int{i % 8} {
				archive[i] ^= 1 << bit
				a, err := new(zipbox.Opener).Open(bytes.NewReader(archive), p)
				if err == nil {
					for _, f := range a.Files() {
						b, err := io.ReadAll(f.Open())
						require.True(t, err != nil || bytes.Equal(want, b), "%s: bit %d of octet %d gives %q", name, bit, i, b)
					}
					a.Close()
				} else {
					require.NotErrorIs(t, err, envelope.ErrClosed)
				}
				archive[i] ^= 1 << bit
			}
		}
	}
}
