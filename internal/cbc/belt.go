package cbc

import (
	"crypto/cipher"
	"errors"
	"io"
	"sync"
)

// beltBuffers is how many buffers are under way: one with the caller, one being encrypted, one being written, and one so that
// nobody waits for a neighbour that is a little late.
const beltBuffers = 4

// belt carries full buffers to a goroutine that encrypts them, and from there to one that writes them, and gives them back
// empty. The order is kept: each step is one goroutine.
type belt struct {
	full, ready, empty chan []byte
	quit               chan struct{} // closed where it ends early
	once               sync.Once
	wait               sync.WaitGroup
	made               int  // buffers that there are
	ended              bool // full is closed, and nothing runs

	// Set by the writing goroutine before it closes quit.
	err   error
	crash any
}

// errEnded is a Write that ended its goroutine instead of returning.
var errEnded = errors.New("cbc: the goroutine of a Write was ended from inside")

func newBelt(mode cipher.BlockMode, dst io.Writer) *belt {
	b := &belt{
		full: make(chan []byte, beltBuffers), ready: make(chan []byte, beltBuffers), empty: make(chan []byte, beltBuffers),
		quit: make(chan struct{}), made: 1,
	}
	b.wait.Go(func() { b.encrypt(mode) })
	b.wait.Go(func() { b.write(dst) })
	return b
}

func (b *belt) encrypt(mode cipher.BlockMode) {
	defer close(b.ready)
	for buf := range b.full {
		if b.stopped() {
			clear(buf) // plaintext
			continue
		}
		mode.CryptBlocks(buf, buf)
		b.ready <- buf
	}
}

func (b *belt) write(dst io.Writer) {
	finished := false
	defer func() {
		if !finished {
			// A panic of the caller's own Writer continues where the caller can recover it.
			if b.crash = recover(); b.crash == nil {
				b.crash = errEnded // runtime.Goexit
			}
			b.halt()
		}
	}()
	for buf := range b.ready {
		if b.stopped() {
			continue
		}
		if err := writeAll(dst, buf); err != nil {
			b.err = err
			b.halt()
			continue
		}
		b.empty <- buf[:0]
	}
	finished = true
}

// halt lets everything that runs end at its next step.
func (b *belt) halt() { b.once.Do(func() { close(b.quit) }) }

func (b *belt) stopped() bool {
	select {
	case <-b.quit:
		return true
	default:
		return false
	}
}

// put hands a full buffer on and returns an empty one.
func (b *belt) put(full []byte) ([]byte, error) {
	if b.stopped() || b.ended {
		clear(full)
		return nil, b.end()
	}
	// There is room: no more buffers are made than the channel holds.
	b.full <- full
	if b.made < beltBuffers {
		select {
		case buf := <-b.empty:
			return buf, nil
		default:
		}
		b.made++
		return make([]byte, 0, bufferSize), nil
	}
	select {
	case buf := <-b.empty:
		return buf, nil
	case <-b.quit:
		return nil, b.end()
	}
}

// end waits until everything is written, and returns what went wrong.
func (b *belt) end() error {
	b.finish()
	if b.crash != nil {
		crash := b.crash
		b.crash, b.err = nil, errEnded // for whoever recovers and goes on
		panic(crash)
	}
	return b.err
}

// stop ends everything early, if it has not ended.
func (b *belt) stop() {
	if !b.ended {
		b.halt()
		b.finish()
	}
}

func (b *belt) finish() {
	if !b.ended {
		b.ended = true
		close(b.full)
	}
	b.wait.Wait()
}
