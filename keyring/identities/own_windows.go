package identities

import (
	"fmt"
	"io"
	"os"
)

// checkDir asks for a directory. Windows has no permission bits: the files have
// access lists of their own, which package atomicfile gives them.
func checkDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("identities: %w", err)
	}
	if !info.IsDir() {
		return &PermissionError{Path: dir, Reason: "it is no directory"}
	}
	return nil
}

// readOwn reads an ordinary file.
func readOwn(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, fmt.Errorf("identities: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, &PermissionError{Path: path, Reason: "it is no regular file"}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("identities: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("identities: %w", err)
	}
	return b, nil
}
