//go:build !windows

package identities

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// checkDir refuses a directory in which others could exchange files: who can
// write to it can, whatever the files' own permissions are.
func checkDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("identities: %w", err)
	}
	if !info.IsDir() {
		return &PermissionError{Path: dir, Reason: "it is no directory"}
	}
	return checkOwner(dir, info, "others can look into it: chmod 700")
}

// checkOwner refuses what others may do anything with, and what belongs to
// somebody else, who can give themselves any permission. The superuser may own
// it: they can read everything anyway.
func checkOwner(path string, info fs.FileInfo, open string) error {
	if info.Mode().Perm()&0o077 != 0 {
		return &PermissionError{Path: path, Reason: open}
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && int64(s.Uid) != int64(os.Geteuid()) && s.Uid != 0 {
		return &PermissionError{Path: path, Reason: "it belongs to somebody else"}
	}
	return nil
}

// readOwn reads a file that is its owner's alone. Links and what is no file are
// refused: opening a FIFO would wait, and a link is somebody else's choice.
func readOwn(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, &PermissionError{Path: path, Reason: "it is a link"}
	}
	if err != nil {
		return nil, fmt.Errorf("identities: %w", err)
	}
	defer f.Close()
	info, err := f.Stat() // of what was opened, which nobody exchanges any more
	if err != nil {
		return nil, fmt.Errorf("identities: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, &PermissionError{Path: path, Reason: "it is no regular file"}
	}
	if err := checkOwner(path, info, "others can read it: chmod 600, and think about who did"); err != nil {
		return nil, err
	}
	// One octet more than a file may have, which parseContainer refuses.
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("identities: %w", err)
	}
	return b, nil
}
