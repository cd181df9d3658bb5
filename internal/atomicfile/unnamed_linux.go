package atomicfile

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// createUnnamed makes a file that has no name (open(2), O_TMPFILE), for which the
// kernel and the file system have to know such files. Without /proc it would get
// none later.
func createUnnamed(dir string, secret bool) (*os.File, error) {
	f, err := os.OpenFile(dir, unix.O_TMPFILE|os.O_RDWR, permissions(secret))
	if err != nil {
		return nil, err
	}
	if err := reachable(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// reachable returns nil where descriptor says which file f is.
func reachable(f *os.File) error {
	here, err := f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(descriptor(f))
	if err == nil && !os.SameFile(here, there) {
		err = errNamed
	}
	return err
}

// linkUnnamed gives f a temporary name in dir, and returns it. The way by /proc
// needs no privilege, unlike AT_EMPTY_PATH.
func linkUnnamed(f *os.File, dir string) (string, error) {
	name := tempName(dir)
	return name, unix.Linkat(unix.AT_FDCWD, descriptor(f), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
}

func descriptor(f *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(f.Fd())) }
