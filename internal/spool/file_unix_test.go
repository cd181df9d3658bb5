//go:build !windows

package spool_test

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

	"github.com/doublekeybox/doublekeybox/internal/spool"
	"github.com/stretchr/testify/require"
)

// TestPipe reads from what is an *os.File and can't be read twice: a pipe, and a named one.
func TestPipe(t *testing.T) {
	b := random(3*chunk + 5)
	for _, memory := range []int64{1, 0} {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		go func() {
			w.Write(b)
			w.Close()
		}()
		testPipe(t, r, b, memory)

		name := filepath.Join(t.TempDir(), "fifo")
		require.NoError(t, syscall.Mkfifo(name, 0o600))
		go func() {
			if w, err := os.OpenFile(name, os.O_WRONLY, 0); err == nil {
				w.Write(b)
				w.Close()
			}
		}()
		r, err = os.Open(name)
		require.NoError(t, err)
		testPipe(t, r, b, memory)
	}
}

func testPipe(t *testing.T, r *os.File, b []byte, memory int64) {
	t.Helper()
	defer r.Close()
	s := spool.New(r, spool.Options{Memory: memory, Dir: t.TempDir()})
	defer s.Close()
	first, err := io.ReadAll(stream{s})
	require.NoError(t, err)
	requireEqual(t, b, first)
	for range 2 {
		got, err := again(t, s)
		require.NoError(t, err)
		requireEqual(t, b, got)
	}
}

// TestDevice has a device that answers Seek without an error.
func TestDevice(t *testing.T) {
	f, err := os.Open("/dev/zero")
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Seek(0, io.SeekCurrent)
	require.NoError(t, err, "or else this test is about nothing")
	s := spool.New(io.Reader(f), spool.Options{Memory: 1, Dir: filepath.Join(t.TempDir(), "none")})
	defer s.Close()
	_, err = s.Read(make([]byte, 100))
	require.ErrorIs(t, err, os.ErrNotExist, "it must have wanted a spool file")
}

// TestNoDirectory names the directory that can't be written.
func TestNoDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	s := spool.New(stream{bytes.NewReader(make([]byte, 100))}, spool.Options{Memory: 99, Dir: dir})
	_, err := io.Copy(io.Discard, stream{s})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "temporary file in ")
	_, again := s.Again()
	require.Equal(t, err, again)

	s = spool.New(stream{bytes.NewReader(make([]byte, 99))}, spool.Options{Memory: 99, Dir: dir})
	_, err = io.Copy(io.Discard, stream{s})
	require.NoError(t, err, "it still fits in memory")
}

// descriptors lists the open files of this process, where the system tells.
func descriptors(t *testing.T) map[string]string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	open := make(map[string]string)
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			open[e.Name()] = target
		}
	}
	return open
}

// TestSpoolFile looks at the spool file while it is in use: it has no name, nobody else may read it, and Close gives it back.
func TestSpoolFile(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only /proc tells which files a process has open")
	}
	dir := t.TempDir()
	count := func() (n int) {
		for fd, target := range descriptors(t) {
			if filepath.Dir(target) != dir {
				continue
			}
			n++
			info, err := os.Stat("/proc/self/fd/" + fd)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode())
			require.EqualValues(t, 0, info.Sys().(*syscall.Stat_t).Nlink)
		}
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, entries)
		return n
	}
	for range 20 {
		s := spool.New(stream{bytes.NewReader(make([]byte, 3*chunk))}, spool.Options{Memory: chunk, Dir: dir})
		_, err := io.ReadFull(s, make([]byte, chunk))
		require.NoError(t, err)
		require.Zero(t, count(), "all is in memory")
		_, err = io.ReadFull(s, make([]byte, 1))
		require.NoError(t, err)
		require.Equal(t, 1, count(), "one byte too many for memory")
		_, err = s.Again()
		require.NoError(t, err)
		require.Equal(t, 1, count())
		require.NoError(t, s.Close())
		require.Zero(t, count())
	}
}

// TestSpoolFileChanged writes into the spool file behind the library's back.
func TestSpoolFileChanged(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only /proc leads to a file without a name")
	}
	dir, b := t.TempDir(), random(3*chunk)
	for at, change := range map[int]byte{0: 1, chunk: 1, 3*chunk - 1: 1, 5: 0} {
		s := spool.New(stream{bytes.NewReader(b)}, spool.Options{Memory: 1, Dir: dir})
		_, err := io.Copy(io.Discard, stream{s})
		require.NoError(t, err)
		_, err = again(t, s)
		require.NoError(t, err)
		found := false
		for fd, target := range descriptors(t) {
			if filepath.Dir(target) == dir {
				found = true
				f, err := os.OpenFile("/proc/self/fd/"+fd, os.O_WRONLY, 0)
				require.NoError(t, err)
				_, err = f.WriteAt([]byte{b[at] ^ change}, int64(at))
				require.NoError(t, err)
				require.NoError(t, f.Close())
			}
		}
		require.True(t, found)
		got, err := again(t, s)
		if change == 0 {
			require.NoError(t, err)
			requireEqual(t, b, got)
		} else {
			require.ErrorIs(t, err, spool.ErrChanged)
			requireEqual(t, b[:at/chunk*chunk], got)
		}
		require.NoError(t, s.Close())
	}
}

// TestDiskFull has a limit on the size of files in place of a full disk, in a process of its own.
func TestDiskFull(t *testing.T) {
	const variable = "SPOOL_TEST_DISK_FULL"
	if os.Getenv(variable) == "" {
		self, err := os.Executable()
		require.NoError(t, err)
		out, err := runSelf(self, "^TestDiskFull$", variable+"=1")
		require.NoError(t, err, "%s", out)
		require.Contains(t, out, "PASS")
		return
	}
	limit := syscall.Rlimit{Cur: 2 * chunk, Max: 2 * chunk}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	dir := t.TempDir()
	for _, size := range []int{2 * chunk, 2*chunk + 1, 5 * chunk} {
		for _, memory := range []int64{1, chunk, 4 * chunk} {
			s := spool.New(stream{bytes.NewReader(make([]byte, size))}, spool.Options{Memory: memory, Dir: dir})
			_, err := io.Copy(io.Discard, stream{s})
			if err == nil {
				_, err = s.Again()
			}
			where := fmt.Sprintf("%d bytes, %d in memory", size, memory)
			if size <= 2*chunk || int64(size) <= memory {
				require.NoError(t, err, where)
			} else {
				require.ErrorIs(t, err, syscall.EFBIG, where)
				require.ErrorContains(t, err, filepath.Base(dir), where)
				_, again := s.Again()
				require.ErrorIs(t, again, syscall.EFBIG, where)
			}
			require.NoError(t, s.Close())
		}
	}
}

// runSelf runs one test of this program in a process of its own.
func runSelf(self, test, variable string) (string, error) {
	cmd := exec.Command(self, "-test.run="+test, "-test.v")
	cmd.Env = append(os.Environ(), variable)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
