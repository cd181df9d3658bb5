package filelock

import (
	"errors"
	"os"
)

// A browser has no files that another process could hold.
func try(*os.File) (bool, error) { return false, errors.ErrUnsupported }

func block(*os.File) error { return errors.ErrUnsupported }

func unlock(*os.File) error { return errors.ErrUnsupported }
