//go:build !windows

package unnamed

import "os"

// File makes a file that only this process can reach, in dir: with mode 0600, and
// without a name from the next moment on, so that not even a killed process
// leaves it behind. Close ends it.
func File(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "doublekeybox-*.spool")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
