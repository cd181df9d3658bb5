package storetest

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// DiskDir makes a directory on a disk, for as long as the test lasts: what lives
// in memory knows no fsync. Where that of the system for such things does, it is
// below the package's.
func DiskDir(t testing.TB) string {
	t.Helper()
	const tmpfs = 0x01021994 // linux/magic.h
	dir := t.TempDir()
	kind := typeOf(t, dir)
	if kind == tmpfs {
		made, err := os.MkdirTemp(".", "testdata-crash-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(made) })
		if dir, err = filepath.Abs(made); err != nil {
			t.Fatal(err)
		}
		kind = typeOf(t, dir)
	}
	t.Logf("the file system is of type %#x (ext4 has 0xef53)", kind)
	return dir
}

func typeOf(t testing.TB, dir string) int64 {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	return int64(s.Type)
}
