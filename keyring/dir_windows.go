package keyring

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

const nonblock = 0

// trusted refuses nothing: Windows has no mode bits, and who may write is decided
// by what the directory inherits, in a profile its user, administrators and the
// system.
func trusted(fs.FileInfo) error { return nil }

// names is not looked at: os.FileInfo does not have it here.
func names(fs.FileInfo) int { return 1 }

func isReadOnly(err error) bool {
	const writeProtected = syscall.Errno(19) // ERROR_WRITE_PROTECT
	return errors.Is(err, writeProtected)
}

func rename(root *os.Root, from, to string) error {
	return insist(func() error { return root.Rename(from, to) })
}

func remove(root *os.Root, name string) error {
	return insist(func() error { return root.Remove(name) })
}

// insist tries again for a second while another program, most often a virus
// scanner or an indexer, holds the file open.
func insist(do func() error) (err error) {
	const sharingViolation = syscall.Errno(32) // ERROR_SHARING_VIOLATION
	for wait := 10 * time.Millisecond; wait < time.Second; wait *= 2 {
		err = do()
		if !errors.Is(err, sharingViolation) && !errors.Is(err, syscall.ERROR_ACCESS_DENIED) {
			return err
		}
		time.Sleep(wait)
	}
	return err
}

// syncDir does nothing: Windows has no such call, and NTFS journals names.
func syncDir(*os.Root, string) error { return nil }
