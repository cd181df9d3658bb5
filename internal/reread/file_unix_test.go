//go:build !windows

package reread_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/doublekeybox/doublekeybox/internal/reread"
	"github.com/stretchr/testify/require"
)

// spools returns paths to the open files of this process that were made in dir.
func spools(t *testing.T, dir string) (paths []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, e := range entries {
		path := "/proc/self/fd/" + e.Name()
		if target, err := os.Readlink(path); err == nil && filepath.Dir(target) == dir {
			paths = append(paths, path)
		}
	}
	return paths
}

// TestSpoolFile looks at the file: it has no name, nobody else may read it, it
// holds nothing of the source, and Close gives it back.
func TestSpoolFile(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only /proc tells which files a process has open")
	}
	dir := t.TempDir()
	b := bytes.Repeat([]byte("secret! "), 3*chunk/8)
	h := reread.NewHolder(reread.Options{Memory: chunk, Dir: dir})
	_, err := h.Write(b[:chunk])
	require.NoError(t, err)
	require.Empty(t, spools(t, dir), "all is in memory")
	_, err = h.Write(b[chunk:])
	require.NoError(t, err)
	s, err := h.Source()
	require.NoError(t, err)
	paths := spools(t, dir)
	require.Len(t, paths, 1)
	info, err := os.Stat(paths[0])
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	require.EqualValues(t, 0, info.Sys().(*syscall.Stat_t).Nlink)
	kept, err := os.ReadFile(paths[0])
	require.NoError(t, err)
	require.Greater(t, len(kept), len(b))
	require.NotContains(t, string(kept), "secret!")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
	require.NoError(t, s.Close())
	require.Empty(t, spools(t, dir))

	h = reread.NewHolder(reread.Options{Memory: 1, Dir: dir})
	_, err = h.Write(b)
	require.NoError(t, err)
	require.Len(t, spools(t, dir), 1)
	require.NoError(t, h.Close())
	require.Empty(t, spools(t, dir))
}

// TestSpoolFileChanged writes into the file behind the library's back, each
// time in one way. The positive twin writes what was there.
func TestSpoolFileChanged(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only /proc leads to a file without a name")
	}
	const sealed = chunk + 28
	b := random(3*chunk + 9)
	for name, c := range map[string]struct {
		change func(f *os.File) error
		bad    []int
	}{
		"as it was":            {func(f *os.File) error { return flip(f, 0, 0) }, nil},
		"nonce":                {func(f *os.File) error { return flip(f, 0, 1) }, []int{0}},
		"ciphertext":           {func(f *os.File) error { return flip(f, sealed+100, 1) }, []int{1}},
		"tag":                  {func(f *os.File) error { return flip(f, 3*sealed-1, 1) }, []int{2}},
		"last octet":           {func(f *os.File) error { return flip(f, 3*sealed+9+27, 1) }, []int{3}},
		"cut":                  {func(f *os.File) error { return f.Truncate(3*sealed + 9 + 27) }, []int{3}},
		"two chunks exchanged": {exchange, []int{0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := reread.Hold(bytes.NewReader(b), reread.Options{Memory: 1, Dir: dir})
			require.NoError(t, err)
			defer s.Close()
			paths := spools(t, dir)
			require.Len(t, paths, 1)
			f, err := os.OpenFile(paths[0], os.O_RDWR, 0)
			require.NoError(t, err)
			require.NoError(t, c.change(f))
			require.NoError(t, f.Close())
			bad := fmt.Sprint(c.bad)
			var got []int
			for i := range 4 {
				p := make([]byte, min(chunk, len(b)-i*chunk))
				n, err := s.ReadAt(p, int64(i*chunk))
				if err == nil {
					requireEqual(t, b[i*chunk:i*chunk+len(p)], p)
					continue
				}
				require.ErrorIs(t, err, reread.ErrChanged)
				require.Zero(t, n)
				got = append(got, i)
			}
			require.Equal(t, bad, fmt.Sprint(got))
		})
	}
}

func flip(f *os.File, at int64, bits byte) error {
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		return err
	}
	b[0] ^= bits
	_, err := f.WriteAt(b[:], at)
	return err
}

func exchange(f *os.File) error {
	const sealed = chunk + 28
	b := make([]byte, 2*sealed)
	if _, err := f.ReadAt(b, 0); err != nil {
		return err
	}
	_, err := f.WriteAt(append(bytes.Clone(b[sealed:]), b[:sealed]...), 0)
	return err
}

// TestDiskFull has a limit on the size of files in place of a full disk, in a
// process of its own.
func TestDiskFull(t *testing.T) {
	const variable = "REREAD_TEST_DISK_FULL"
	if os.Getenv(variable) == "" {
		self, err := os.Executable()
		require.NoError(t, err)
		cmd := exec.Command(self, "-test.run=^TestDiskFull$", "-test.v")
		cmd.Env = append(os.Environ(), variable+"=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "PASS")
		return
	}
	limit := syscall.Rlimit{Cur: 3 * chunk, Max: 3 * chunk}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	dir := t.TempDir()
	for _, size := range []int{2 * chunk, 3 * chunk, 5 * chunk} {
		for _, memory := range []int64{1, chunk, 4 * chunk} {
			s, err := reread.Hold(bytes.NewReader(make([]byte, size)), reread.Options{Memory: memory, Dir: dir})
			where := fmt.Sprintf("%d bytes, %d in memory", size, memory)
			if size == 2*chunk || int64(size) <= memory {
				require.NoError(t, err, where)
				require.NoError(t, s.Close())
				continue
			}
			require.ErrorIs(t, err, syscall.EFBIG, where)
			require.ErrorContains(t, err, filepath.Base(dir), where)
		}
	}
	h := reread.NewHolder(reread.Options{Memory: 1, Dir: dir})
	_, err := io.Copy(h, bytes.NewReader(make([]byte, 5*chunk)))
	require.ErrorIs(t, err, syscall.EFBIG)
	_, again := h.Write([]byte{1})
	require.Equal(t, err, again, "it stays")
	_, again = h.Source()
	require.Equal(t, err, again)
	if runtime.GOOS == "linux" {
		require.Empty(t, spools(t, dir))
	}
}
