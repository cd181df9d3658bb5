//go:build !windows

package atomicfile

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// createTemp makes the file beside its target, since a rename does not cross
// file systems.
func createTemp(dir string, secret bool) (*os.File, error) {
	return os.OpenFile(tempName(dir), os.O_RDWR|os.O_CREATE|os.O_EXCL, permissions(secret))
}

// tempName returns a name that nobody has. It begins with a dot and says whose it
// is, should the machine lose power before it is removed.
func tempName(dir string) string {
	return filepath.Join(dir, ".doublekeybox-"+rand.Text()+".tmp")
}

func permissions(secret bool) os.FileMode {
	if secret {
		return 0o600
	}
	return 0o666 // less the umask, as every program makes files
}

// place gives temp its final name unless there is such a file. link(2) fails
// with EEXIST in the same step in which it would make the name, so two
// programs that write the same file cannot both succeed.
func place(temp, path string) error {
	err := os.Link(temp, path)
	switch {
	case err == nil:
		// The content has two names now. That the temporary one goes is tidiness.
		os.Remove(temp)
		return nil
	case errors.Is(err, fs.ErrExist):
		return err
	}
	// No hard links on this file system (FAT, some network ones): look, then
	// rename. Between the two another program can lose its file to ours; there
	// is no better way on such a file system.
	if _, e := os.Lstat(path); e == nil {
		return fs.ErrExist
	}
	return os.Rename(temp, path)
}

func replace(temp, path string) error { return os.Rename(temp, path) }

// SyncDir brings the names in a directory to the disk, so that they survive a
// power cut. Not every file system can; on Windows there is nothing to do, since
// NTFS journals names.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
