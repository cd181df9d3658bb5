//go:build !windows

package keyring

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newDir(t *testing.T) (dir string, s Store) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "a", "ring")
	s, err := openDir(dir)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	require.NoError(t, s.Commit(0, Commit{Append: []byte("1\n"), Put: map[string][]byte{"key": []byte("k"), "index": []byte("i")}}))
	return dir, s
}

// use does everything there is with a ring, and returns the first error.
func use(dir string) error {
	s, err := openDir(dir)
	if err != nil {
		return err
	}
	defer s.Close()
	b, err := s.Log(0)
	if err != nil {
		return err
	}
	for _, name := range []string{"key", "index"} {
		if _, err := s.Record(name); err != nil {
			return err
		}
	}
	return s.Commit(int64(len(b)), Commit{Append: []byte("2\n")})
}

func TestDirModes(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0)) // no help from it
	dir, _ := newDir(t)
	for name, want := range map[string]fs.FileMode{
		".": 0o700, dirRecords: 0o700, dirLog: 0o600, dirLock: 0o600, dirIndex: 0o600, dirRecords + "/key": 0o600,
	} {
		info, err := os.Lstat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, info.Mode().Perm(), name)
	}
}

// All that is the ring's own is a plain file or directory, ours, and nobody else's
// to write to.
func TestDirRefuses(t *testing.T) {
	t.Parallel()
	files := []string{dirLog, dirLock, dirIndex, dirRecords + "/key"}
	all := append([]string{".", dirRecords}, files...)
	for _, c := range []struct {
		what  string
		names []string
		do    func(path string) error
		want  string
	}{
		{"nothing", all, func(string) error { return nil }, ""},
		{"group may read", all, func(p string) error { return os.Chmod(p, 0o750) }, ""},
		{"group may write", all, func(p string) error { return os.Chmod(p, 0o770) }, "written by others"},
		{"others may write", all, func(p string) error { return os.Chmod(p, 0o702) }, "written by others"},
		{"link", append([]string{dirRecords}, files...), link, "is not a"},
		{"link out", append([]string{dirRecords}, files...), linkOut, "is not a"},
		{"link to nothing", append([]string{dirRecords}, files...), linkNowhere, "is not a"},
		{"FIFO", append([]string{dirRecords}, files...), func(p string) error {
			if err := os.RemoveAll(p); err != nil {
				return err
			}
			return syscall.Mkfifo(p, 0o600)
		}, "is not a"},
		{"directory", files, func(p string) error {
			if err := os.Remove(p); err != nil {
				return err
			}
			return os.Mkdir(p, 0o700)
		}, "is not a regular file"},
		{"another user", all, func(p string) error { return os.Chown(p, 65534, -1) }, "belongs to user 65534"},
		{"hard link", []string{dirLog, dirLock}, func(p string) error { return os.Link(p, p+".copy") }, "second name"},
		{"hard link to what is not written to", []string{dirIndex, dirRecords + "/key"}, func(p string) error { return os.Link(p, p+".copy") }, ""},
	} {
		for _, name := range c.names {
			t.Run(c.what+"/"+name, func(t *testing.T) {
				t.Parallel()
				if c.what == "another user" && os.Geteuid() != 0 {
					t.Skip("only root can give a file to another user")
				}
				dir, _ := newDir(t)
				require.NoError(t, c.do(filepath.Join(dir, name)))
				err := use(dir)
				if c.want == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, c.want)
				require.ErrorContains(t, err, dir)
			})
		}
	}
}

func link(path string) error {
	if err := os.Rename(path, path+".real"); err != nil {
		return err
	}
	return os.Symlink(filepath.Base(path)+".real", path)
}

func linkOut(path string) error {
	out, err := os.MkdirTemp(filepath.Dir(filepath.Dir(path)), "out")
	if err != nil {
		return err
	}
	if err := os.Rename(path, filepath.Join(out, "real")); err != nil {
		return err
	}
	return os.Symlink(filepath.Join(out, "real"), path)
}

func linkNowhere(path string) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return os.Symlink("nowhere", path)
}

// A temporary file that somebody made a link is not followed.
func TestDirTemporaryLink(t *testing.T) {
	t.Parallel()
	dir, s := newDir(t)
	out := filepath.Join(t.TempDir(), "out")
	require.NoError(t, os.Symlink(out, filepath.Join(dir, dirRecords, "new"+newSuffix)))
	put := Commit{Append: []byte("2\n"), Put: map[string][]byte{"new": []byte("n")}}
	require.ErrorIs(t, s.Commit(2, put), fs.ErrExist)
	require.NoFileExists(t, out)
	// Whatever it was, it is out of the way then.
	require.NoError(t, s.Commit(2, put))
	require.NoFileExists(t, out)
}

// What takes the place of an open ring is found, and is none that is read or
// written as if it were the same.
func TestDirReplaced(t *testing.T) {
	t.Parallel()
	for what, do := range map[string]func(dir string) error{
		"the directory": func(dir string) error {
			if err := os.Rename(dir, dir+".was"); err != nil {
				return err
			}
			return os.CopyFS(dir, os.DirFS(dir+".was"))
		},
		"the directory is gone": func(dir string) error { return os.Rename(dir, dir+".was") },
		"the log": func(dir string) error {
			if err := os.Rename(filepath.Join(dir, dirLog), filepath.Join(dir, "log.was")); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, dirLog), []byte("1\n2\n"), 0o600)
		},
		"the log is gone":    func(dir string) error { return os.Remove(filepath.Join(dir, dirLog)) },
		"the log is shorter": func(dir string) error { return os.Truncate(filepath.Join(dir, dirLog), 0) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir, s := newDir(t)
			_, err := s.Log(2)
			require.NoError(t, err)
			require.NoError(t, do(dir))
			_, err = s.Log(2)
			require.Error(t, err)
			require.ErrorContains(t, err, dir)
			require.Error(t, s.Commit(2, Commit{Append: []byte("3\n")}))
		})
	}
	// What is not the log itself may be cleaned away.
	dir, s := newDir(t)
	require.NoError(t, os.Remove(filepath.Join(dir, dirLock)))
	require.NoError(t, s.Commit(2, Commit{Append: []byte("2\n")}))
}

// The directory may be reached by a link: it is the path's affair, not the ring's.
func TestDirBehindLink(t *testing.T) {
	t.Parallel()
	dir, _ := newDir(t)
	other := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(dir, other))
	require.NoError(t, use(other))
}

// Who holds the lock for too long is named; nobody waits for ever.
func TestDirLocked(t *testing.T) {
	t.Parallel()
	dir, s := newDir(t)
	d := s.(*dirStore)
	d.wait = 50 * time.Millisecond
	held, err := d.acquire()
	require.NoError(t, err)
	other, err := openDir(dir)
	require.NoError(t, err)
	defer other.Close()
	other.(*dirStore).wait = d.wait
	err = other.Commit(2, Commit{Append: []byte("2\n")})
	require.ErrorIs(t, err, errLocked)
	require.ErrorContains(t, err, dir)
	// Reading needs no lock.
	_, err = other.Log(0)
	require.NoError(t, err)
	require.NoError(t, held.Close())
	require.Eventually(t, func() bool { return other.Commit(2, Commit{Append: []byte("2\n")}) == nil }, 10*time.Second, time.Millisecond)
}

// Who waited for the lock of a file that was taken away waits for that of the file
// that took its place.
func TestDirLockReplaced(t *testing.T) {
	t.Parallel()
	dir, s := newDir(t)
	first, err := s.(*dirStore).acquire()
	require.NoError(t, err)
	late, err := openDir(dir)
	require.NoError(t, err)
	defer late.Close()
	late.(*dirStore).wait = time.Second
	done := make(chan error, 1)
	go func() { done <- late.Commit(2, Commit{Append: []byte("2\n")}) }()
	time.Sleep(50 * time.Millisecond) // it waits; were it later, it would wait for the second alone
	require.NoError(t, os.Rename(filepath.Join(dir, dirLock), filepath.Join(dir, "was")))
	second, err := s.(*dirStore).acquire()
	require.NoError(t, err)
	require.NoError(t, first.Close())
	require.ErrorIs(t, <-done, errLocked)
	require.NoError(t, second.Close())
	require.NoError(t, late.Commit(2, Commit{Append: []byte("2\n")}))
}
