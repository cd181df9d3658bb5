package filelock

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// The octet that is locked lies where no file ends: locks of Windows keep others
// from reading what is locked, and what the file says should stay readable.
func octet() *windows.Overlapped { return &windows.Overlapped{OffsetHigh: math.MaxInt32} }

func lock(f *os.File, flags uint32) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var e error
	err = c.Control(func(fd uintptr) {
		e = windows.LockFileEx(windows.Handle(fd), windows.LOCKFILE_EXCLUSIVE_LOCK|flags, 0, 1, 0, octet())
	})
	if err == nil && e != nil {
		err = &os.PathError{Op: "LockFileEx", Path: f.Name(), Err: e}
	}
	return err
}

func try(f *os.File) (bool, error) {
	err := lock(f, windows.LOCKFILE_FAIL_IMMEDIATELY)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

func block(f *os.File) error { return lock(f, 0) }

func unlock(f *os.File) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var e error
	err = c.Control(func(fd uintptr) { e = windows.UnlockFileEx(windows.Handle(fd), 0, 1, 0, octet()) })
	if err == nil && e != nil {
		err = &os.PathError{Op: "UnlockFileEx", Path: f.Name(), Err: e}
	}
	return err
}
