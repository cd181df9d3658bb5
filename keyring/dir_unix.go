//go:build !windows

package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// trusted refuses what another user owns or can write to: that user decides what
// is in it, or will. Root can do that everywhere, and a ring for all users of a
// machine is root's.
func trusted(info fs.FileInfo) error {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("its owner is not known")
	}
	if s.Uid != 0 && int(s.Uid) != os.Geteuid() {
		return fmt.Errorf("belongs to user %d: use a ring of your own: %w", s.Uid, fs.ErrPermission)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("can be written by others (mode %04o): chmod go-w after looking who changed it: %w", info.Mode().Perm(), fs.ErrPermission)
	}
	return nil
}

// names returns how many a file has.
func names(info fs.FileInfo) uint64 {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 1
	}
	return uint64(s.Nlink)
}

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

// rename puts a file in the place of another one, if there is one, in one step.
func rename(root *os.Root, from, to string) error { return root.Rename(from, to) }

func remove(root *os.Root, name string) error { return root.Remove(name) }

// syncDir makes the names in a directory survive a power cut.
func syncDir(root *os.Root, name string) error {
	d, err := root.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
