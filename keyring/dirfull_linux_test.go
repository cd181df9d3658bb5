package keyring

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/storetest"
)

// fullStart is a ring whose next commit writes to files of different sizes: the
// lock file, two records, and at the end of the log its line, octet by octet.
func fullStart(t *testing.T, s Store) (size int64, next Commit) {
	first := strings.Repeat("1", 500) + "\n"
	require.NoError(t, s.Commit(0, Commit{Append: []byte(first), Put: map[string][]byte{"old": []byte("old"), "index": []byte("1")}}))
	return int64(len(first)), Commit{
		Append: []byte(strings.Repeat("2", 50) + "\n"),
		Put:    map[string][]byte{"new": bytes.Repeat([]byte("n"), 200), "index": bytes.Repeat([]byte("i"), 300)},
		Drop:   []string{"old"},
	}
}

// requireOld wants everything as fullStart made it, and nothing beside.
func requireOld(t *testing.T, s Store, dir string, size int64) {
	t.Helper()
	log, err := s.Log(0)
	require.NoError(t, err)
	require.Len(t, log, int(size))
	for name, want := range map[string]string{"old": "old", "index": "1"} {
		b, err := s.Record(name)
		require.NoError(t, err)
		require.Equal(t, want, string(b))
	}
	requireClean(t, dir, 1)
}

func requireNew(t *testing.T, s Store, dir string, size int64, c Commit) {
	t.Helper()
	log, err := s.Log(size)
	require.NoError(t, err)
	require.Equal(t, string(c.Append), string(log))
	for name, want := range c.Put {
		b, err := s.Record(name)
		require.NoError(t, err)
		require.Equal(t, string(want), string(b))
	}
	requireClean(t, dir, 1)
}

// limited is a program whose files may grow up to a size, which stands for the
// disk: the same calls write less than all, and fail at the same places, at every
// octet.
func limited(t *testing.T, s Store, dir string) {
	signal.Ignore(syscall.SIGXFSZ)
	size, next := fullStart(t, s)
	var was syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was))
	limit := func(n uint64) {
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: was.Max}))
	}
	for n := uint64(0); ; n++ {
		limit(n)
		err := s.Commit(size, next)
		limit(was.Cur)
		if err == nil {
			require.Equal(t, uint64(size)+uint64(len(next.Append)), n, "it was made with less than it needs")
			break
		}
		require.ErrorIs(t, err, syscall.EFBIG)
		require.ErrorContains(t, err, "nothing was changed")
		require.ErrorContains(t, err, dir)
		requireOld(t, s, dir, size)
	}
	requireNew(t, s, dir, size, next)
}

func TestDirSizeLimit(t *testing.T) {
	t.Parallel()
	runChild(t, "limited", filepath.Join(storetest.DiskDir(t), "ring"), nil)
}

func runChild(t *testing.T, role, dir string, sys *syscall.SysProcAttr) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	args, env := child(role, dir)
	cmd := exec.Command(self, append(args, "-test.v")...)
	cmd.Env, cmd.SysProcAttr = env, sys
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("file systems can be mounted by root alone: ", err)
	}
	require.NoError(t, err, string(out))
	t.Logf("%s", bytes.TrimSpace(out))
}

// filled is a program with a disk of its own, which is full, and gets some more
// room after each time that it was not enough.
func filled(t *testing.T, dir string) {
	s, err := openDir(filepath.Join(dir, "ring"))
	require.NoError(t, err)
	defer s.Close()
	size, next := fullStart(t, s)
	next.Put["new"] = bytes.Repeat([]byte("n"), 20<<10)
	next.Put["index"] = bytes.Repeat([]byte("i"), 9000)
	next.Append = []byte(strings.Repeat("2", 5000) + "\n")
	filler, err := os.Create(filepath.Join(dir, "filler"))
	require.NoError(t, err)
	var n int64
	for _, b := range [][]byte{make([]byte, 1024), make([]byte, 1)} {
		for {
			if _, err = filler.Write(b); err != nil {
				break
			}
			n += int64(len(b))
			if len(b) > 1 {
				require.NoError(t, filler.Sync())
			}
		}
		require.ErrorIs(t, err, syscall.ENOSPC)
	}
	times := 0
	for ; ; times++ {
		if err := s.Commit(size, next); err == nil {
			break
		}
		require.NotErrorIs(t, err, ErrConflict)
		requireOld(t, s, s.(*dirStore).path, size)
		require.Positive(t, n, "it does not fit into an empty disk")
		n = max(0, n-512)
		require.NoError(t, filler.Truncate(n))
		require.NoError(t, filler.Sync())
	}
	require.GreaterOrEqual(t, times, 10, "the disk was not full")
	requireNew(t, s, s.(*dirStore).path, size, next)
	t.Logf("%d times no room, then it went on", times)
}

// A disk that is full at any moment leaves everything as it was, and afterwards it
// goes on.
func TestDirFull(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"ext4", "tmpfs"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := storetest.DiskDir(t)
			sys := &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
			if kind == "ext4" {
				image := filepath.Join(dir, "image")
				require.NoError(t, os.WriteFile(image, nil, 0o600))
				require.NoError(t, os.Truncate(image, 2<<20))
				out, err := exec.Command("mkfs.ext4", "-q", "-F", "-m", "0", "-b", "1024", image).CombinedOutput()
				if err != nil {
					t.Skipf("no file system to fill: %v %s", err, out)
				}
			}
			runChild(t, "filled-"+kind, dir, sys)
		})
	}
}

// mount gives this process a file system that no other sees.
func mount(t *testing.T, kind, dir string) string {
	t.Helper()
	require.NoError(t, syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	to := filepath.Join(dir, "disk")
	require.NoError(t, os.Mkdir(to, 0o700))
	if kind == "tmpfs" {
		require.NoError(t, syscall.Mount("none", to, "tmpfs", 0, "size=256k,mode=0700"))
		return to
	}
	out, err := exec.Command("mount", "-o", "loop", filepath.Join(dir, "image"), to).CombinedOutput()
	if err != nil {
		t.Skipf("no loop device: %v %s", err, out)
	}
	return to
}
