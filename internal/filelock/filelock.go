// Package filelock takes locks on files that keep out other processes, and other
// goroutines that opened the file for themselves. The system gives them back when
// a process ends, however it ends.
package filelock

import (
	"errors"
	"os"
	"time"
)

// ErrTimeout is returned by Lock where somebody else held the lock all the time.
var ErrTimeout = errors.New("filelock: somebody else holds the lock")

// Lock waits for the lock of f, which is open for writing. After an ErrTimeout f
// is no longer the caller's: the system still waits for the lock on its behalf,
// and f is closed when it comes.
func Lock(f *os.File, wait time.Duration) error {
	if got, err := try(f); got || err != nil {
		return err
	}
	// The system keeps a queue; who asks again and again instead is passed by
	// everybody who asks at the right moment. Its wait knows no end, so that it
	// is left to a goroutine.
	done := make(chan error, 1)
	go func() { done <- block(f) }()
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case err := <-done:
		return err
	case <-t.C:
		go func() {
			<-done
			f.Close() // which gives the lock back
		}()
		return ErrTimeout
	}
}

// TryLock takes the lock of f if nobody has it.
func TryLock(f *os.File) (bool, error) { return try(f) }

// Unlock gives the lock of f back.
func Unlock(f *os.File) error { return unlock(f) }
