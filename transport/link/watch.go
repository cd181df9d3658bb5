package link

import (
	"context"
	"sync/atomic"
	"time"
)

// watch ends a context when too little happens.
type watch struct {
	n    atomic.Int64
	done chan struct{}
}

// newWatch returns a watch that looks after each window. Its stop must be called.
func newWatch(window time.Duration, cancel context.CancelCauseFunc) *watch {
	w := &watch{done: make(chan struct{})}
	ticker := time.NewTicker(window)
	go func() {
		defer ticker.Stop()
		for {
			select {
			case <-w.done:
				return
			case <-ticker.C:
				if w.n.Swap(0) < leastPerWindow {
					cancel(ErrSlow)
					return
				}
			}
		}
	}()
	return w
}

// add notes that n octets arrived.
func (w *watch) add(n int64) { w.n.Add(n) }

// stop ends the watching.
func (w *watch) stop() { close(w.done) }
