//go:build !windows

package main

import (
	"os"
	"syscall"
)

func endingSignals() []os.Signal {
	return []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}
}
