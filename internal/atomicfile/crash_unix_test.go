//go:build !windows

package atomicfile_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/atomicfile"
)

// TestMain is also the program that is killed and that runs out of space.
func TestMain(m *testing.M) {
	switch path := os.Getenv("ATOMICFILE_TARGET"); os.Getenv("ATOMICFILE_ROLE") {
	case "forever":
		f, err := atomicfile.Create(path, atomicfile.Options{Replace: true})
		if err != nil {
			os.Exit(1)
		}
		for i := 0; ; i++ {
			if _, err := f.Write([]byte("half of it")); err != nil {
				os.Exit(1)
			}
			if i == 1000 {
				os.Stdout.WriteString("writing\n")
				io.Copy(io.Discard, os.Stdin) // until the end comes
			}
		}
	case "full":
		// The size limit stands for a full disk: the same call fails at the
		// same place, with EFBIG for ENOSPC.
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 4096, Max: 4096}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			os.Stdout.WriteString("cannot limit: " + err.Error())
			os.Exit(1)
		}
		err := atomicfile.WriteFile(path, make([]byte, 4097), atomicfile.Options{Replace: true})
		if err == nil {
			os.Stdout.WriteString("no error")
			os.Exit(1)
		}
		os.Stdout.WriteString(err.Error())
		if err := atomicfile.WriteFile(path+".fits", make([]byte, 4096), atomicfile.Options{}); err != nil {
			os.Stdout.WriteString("what fits was refused: " + err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func role(t *testing.T, name, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "ATOMICFILE_ROLE="+name, "ATOMICFILE_TARGET="+path)
	return cmd
}

// unnamed reports whether a file has no name before it is committed: Linux knows
// such, on most file systems.
func unnamed(t *testing.T) bool {
	t.Helper()
	dir := t.TempDir()
	f, err := atomicfile.Create(filepath.Join(dir, "out"), atomicfile.Options{})
	require.NoError(t, err)
	defer f.Discard()
	return len(names(t, dir)) == 0
}

// A killed process leaves the final name as it was: missing, or the old file.
func TestKill(t *testing.T) {
	for _, old := range []string{"", "old"} {
		path := filepath.Join(t.TempDir(), "out")
		if old != "" {
			require.NoError(t, os.WriteFile(path, []byte(old), 0o600))
		}
		cmd := role(t, "forever", path)
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		defer in.Close()
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		line, err := bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "writing\n", line)
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())

		if unnamed(t) {
			want := []string{}
			if old != "" {
				want = append(want, "out")
			}
			require.Equal(t, want, names(t, filepath.Dir(path)), "half of a file was left")
		}
		if old == "" {
			require.NoFileExists(t, path)
			continue
		}
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, old, string(got))
	}
}

// A full disk leaves nothing at all, and the old file as it was.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	out, err := role(t, "full", path).Output()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), path)
	require.True(t, strings.HasSuffix(string(out), syscall.EFBIG.Error()), string(out))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "old", string(got))
	require.Equal(t, []string{"out", "out.fits"}, names(t, dir))
}

// A symbolic link counts as a file that exists, also one that leads nowhere:
// nobody's file is made where an attacker's link points.
func TestSymlink(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	elsewhere := filepath.Join(dir, "elsewhere")
	require.NoError(t, os.Symlink(elsewhere, path))
	require.ErrorIs(t, atomicfile.WriteFile(path, []byte("new"), atomicfile.Options{}), os.ErrExist)
	require.NoFileExists(t, elsewhere)
	require.NoError(t, atomicfile.WriteFile(path, []byte("new"), atomicfile.Options{Replace: true}))
	require.NoFileExists(t, elsewhere)
}
