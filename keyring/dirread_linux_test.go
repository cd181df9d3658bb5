package keyring

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A ring of root that all may read is read by all, and changed by root alone.
func TestDirReadOnly(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	dir, _ := newDir(t)
	for _, name := range []string{".", dirRecords, dirLog, dirIndex, dirRecords + "/key", dirRecords + "/closed"} {
		path := filepath.Join(dir, name)
		if filepath.Base(name) == "closed" {
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			continue
		}
		require.NoError(t, os.Chmod(path, 0o755))
	}
	for up := filepath.Dir(dir); up != os.TempDir() && len(up) > 1; up = filepath.Dir(up) {
		require.NoError(t, os.Chmod(up, 0o755))
	}
	// The file system asks for this thread's user alone, and the owner of what is
	// read is root for both.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	require.NoError(t, syscall.Setfsuid(65534))
	defer syscall.Setfsuid(0)
	s, err := openDir(dir)
	require.NoError(t, err)
	defer s.Close()
	b, err := s.Log(0)
	require.NoError(t, err)
	require.Equal(t, "1\n", string(b))
	b, err = s.Record("key")
	require.NoError(t, err)
	require.Equal(t, "k", string(b))
	_, err = s.Record("closed")
	require.ErrorIs(t, err, fs.ErrPermission)
	err = s.Commit(2, Commit{Append: []byte("2\n")})
	require.ErrorIs(t, err, fs.ErrPermission)
	require.ErrorContains(t, err, "cannot be changed by this user")
	require.ErrorContains(t, err, dir)
	require.NoError(t, syscall.Setfsuid(0))
	require.NoError(t, use(dir))
}
