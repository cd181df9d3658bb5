package atomicfile

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The names that there are in dir.
func listed(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Until Commit there is nothing that anybody could find, also where a file is to
// be replaced; and its mode is that of any other file.
func TestNoNameBeforeCommit(t *testing.T) {
	for _, secret := range []bool{false, true} {
		for _, replace := range []bool{false, true} {
			dir := t.TempDir()
			probe, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR, 0o600)
			if err != nil {
				t.Skipf("the file system of %s has no files without a name: %v", dir, err)
			}
			require.NoError(t, unix.Close(probe))
			path := filepath.Join(dir, "out")
			var want []string
			if replace {
				require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
				want = []string{"out"}
			}
			f, err := Create(path, Options{Replace: replace, Secret: secret})
			require.NoError(t, err)
			defer f.Discard()
			_, err = f.Write([]byte("new"))
			require.NoError(t, err)
			require.Equal(t, want, listed(t, dir))
			require.NoError(t, f.Commit())
			require.Equal(t, []string{"out"}, listed(t, dir))
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, "new", string(got))

			named, err := createTemp(dir, secret)
			require.NoError(t, err)
			defer named.Close()
			a, err := named.Stat()
			require.NoError(t, err)
			b, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, a.Mode(), b.Mode())
		}
	}
}

// What cannot get a name is copied: nothing of it is lost.
func TestCopyOfUnnamed(t *testing.T) {
	for _, content := range []string{"", "x", strings.Repeat("0123456789", 100_000)} {
		dir, elsewhere := t.TempDir(), t.TempDir()
		path := filepath.Join(dir, "out")
		// A file of another kind stands for one that link(2) refuses: one that was
		// opened by its name and has lost it has no link left to make another from.
		lost, err := os.Create(filepath.Join(elsewhere, "lost"))
		require.NoError(t, err)
		require.NoError(t, os.Remove(lost.Name()))
		f := &File{path: path, f: lost}
		_, err = f.Write([]byte(content))
		require.NoError(t, err)
		_, err = linkUnnamed(lost, dir)
		require.Error(t, err)
		require.NoError(t, f.Commit())
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal([]byte(content), got))
		require.Equal(t, []string{"out"}, listed(t, dir))
		require.ErrorIs(t, lost.Close(), os.ErrClosed)
	}
}
