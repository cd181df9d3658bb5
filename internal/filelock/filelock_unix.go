//go:build !windows && !js

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// flock(2) belongs to the open file, and so keeps out other goroutines as well;
// the locks of fcntl(2) belong to the process, and end when any of its
// descriptors of the file is closed.
func flock(f *os.File, how int) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	// Control keeps the descriptor from being closed, and its number from being
	// another file's, while the call waits.
	var e error
	err = c.Control(func(fd uintptr) {
		for {
			if e = syscall.Flock(int(fd), how); e != syscall.EINTR {
				return
			}
		}
	})
	if err == nil && e != nil {
		err = &os.PathError{Op: "flock", Path: f.Name(), Err: e}
	}
	return err
}

func try(f *os.File) (bool, error) {
	err := flock(f, syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func block(f *os.File) error { return flock(f, syscall.LOCK_EX) }

func unlock(f *os.File) error { return flock(f, syscall.LOCK_UN) }
