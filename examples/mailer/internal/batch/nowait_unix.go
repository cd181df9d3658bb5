//go:build unix

package batch

import "syscall"

// noWait opens a pipe that took the place of a document without waiting for
// somebody who writes into it.
const noWait = syscall.O_NONBLOCK
