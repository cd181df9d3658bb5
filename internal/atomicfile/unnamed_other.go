//go:build !linux

package atomicfile

import "os"

func createUnnamed(string, bool) (*os.File, error) { return nil, errNamed }

func linkUnnamed(*os.File, string) (string, error) { return "", errNamed }
