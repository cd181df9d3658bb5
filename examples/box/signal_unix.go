//go:build !windows

package main

import (
	"os"
	"os/signal"
	"syscall"
)

var endingSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

// ignoreFileSize makes writing beyond the limit of ulimit -f an error like a
// full disk, instead of a signal that ends the program with a stack trace.
func ignoreFileSize() { signal.Ignore(syscall.SIGXFSZ) }
