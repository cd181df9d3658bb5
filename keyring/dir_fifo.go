//go:build !windows && !js

package keyring

import "syscall"

// nonblock keeps the opening of a FIFO from waiting for somebody at its other end.
const nonblock = syscall.O_NONBLOCK
