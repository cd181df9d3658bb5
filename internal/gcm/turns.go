//go:build !dkb_plain

package gcm

import (
	"fmt"
	"sync"
)

// slot is one segment on its way.
type slot struct {
	buf     []byte
	off     uint64 // of its first byte in the message
	hash    elem
	scratch [16]byte
}

// turns drives segments through three stages on several goroutines. Each goroutine carries a segment through all three, which
// keeps it in one core's cache; next and put are run by one goroutine at a time and in the segments' order, work by all
// at once.
type turns struct {
	next func(*slot) (bool, error) // false: no more
	work func(*slot)
	put  func(*slot) error
	quit *quit // closed at the first failure, and from outside

	in  sync.Mutex // held for next
	seq uint64

	out    sync.Mutex // held for put
	cond   *sync.Cond
	done   uint64
	failed bool
	err    error
	crash  any

	wait sync.WaitGroup
}

// quit is a channel that may be closed more than once.
type quit struct {
	c    chan struct{}
	once sync.Once
}

func newQuit() *quit { return &quit{c: make(chan struct{})} }

func (q *quit) close() { q.once.Do(func() { close(q.c) }) }

func (q *quit) closed() bool {
	select {
	case <-q.c:
		return true
	default:
		return false
	}
}

// start runs n goroutines.
func (t *turns) start(n int) {
	t.cond = sync.NewCond(&t.out)
	for range n {
		t.wait.Go(t.loop)
	}
}

// run takes part until there is no more, waits for the other goroutines and returns the first error.
func (t *turns) run() error {
	t.loop()
	return t.join()
}

// join waits for all goroutines. A panic of the caller's own Read or Write in one of them is continued here, where
// the caller can recover it.
func (t *turns) join() error {
	t.wait.Wait()
	if t.crash != nil {
		panic(t.crash)
	}
	return t.err
}

func (t *turns) loop() {
	finished := false
	defer func() {
		if !finished {
			crash := recover()
			if crash == nil {
				crash = fmt.Errorf("gcm: the goroutine of a Read or Write was ended from inside") // runtime.Goexit
			}
			t.fail(nil, crash)
		}
	}()
	var s slot
	for t.step(&s) {
	}
	clear(s.buf) // may be plaintext
	finished = true
}

// step carries one segment through all stages and reports whether to go on.
func (t *turns) step(s *slot) bool {
	seq, ok, err := t.take(s)
	if err != nil {
		t.fail(err, nil)
	}
	if !ok {
		return false
	}
	t.work(s)
	return t.give(s, seq)
}

func (t *turns) take(s *slot) (seq uint64, ok bool, err error) {
	t.in.Lock()
	defer t.in.Unlock()
	if t.quit.closed() {
		return 0, false, nil
	}
	if ok, err = t.next(s); !ok {
		return 0, false, err
	}
	seq = t.seq
	t.seq++
	return seq, true, err
}

func (t *turns) give(s *slot, seq uint64) bool {
	t.out.Lock()
	defer t.out.Unlock()
	for t.done != seq && !t.failed {
		t.cond.Wait()
	}
	if t.failed {
		return false
	}
	err := t.put(s)
	t.done++
	t.cond.Broadcast()
	if err != nil {
		t.failLocked(err, nil)
	}
	return err == nil
}

// fail records the first failure and stops the others at their next step.
func (t *turns) fail(err error, crash any) {
	t.out.Lock()
	defer t.out.Unlock()
	t.failLocked(err, crash)
}

func (t *turns) failLocked(err error, crash any) {
	if !t.failed {
		t.failed, t.err, t.crash = true, err, crash
	}
	t.quit.close()
	t.cond.Broadcast()
}
