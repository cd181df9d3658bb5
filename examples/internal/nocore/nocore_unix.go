//go:build unix && !linux

package nocore

import "golang.org/x/sys/unix"

// Set asks the system to write no copy of this process's memory: the largest
// core file has no octets. An error says that the system did not do it.
func Set() error { return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }
