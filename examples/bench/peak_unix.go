//go:build unix

package main

import (
	"runtime"
	"syscall"
)

// peak returns the most octets that were resident. ru_maxrss counts KiB, on
// Darwin octets.
func peak(usage any) int64 {
	u, ok := usage.(*syscall.Rusage)
	if !ok {
		return 0
	}
	n := int64(u.Maxrss)
	if runtime.GOOS != "darwin" {
		n <<= 10
	}
	return n
}

// own is the peak memory of this program. The kernel hands it on to every
// program started from here, so none can show less.
func own() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return peak(&u)
}
