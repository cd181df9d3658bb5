//go:build unix

package batch

import (
	"runtime"
	"syscall"
)

// resident returns how many octets of memory this process had at most.
func resident() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss)
	}
	return int64(u.Maxrss) << 10 // KiB everywhere else
}
