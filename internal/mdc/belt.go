package mdc

import (
	"hash"
	"io"
	"sync/atomic"

	"github.com/doublekeybox/doublekeybox/internal/cfb"
)

// beltBuffers is how many buffers are under way: one being filled, one being hashed, one being encrypted, and one so that nobody waits for
// a neighbour that is a little late.
const beltBuffers = 4

// belt carries full buffers to a goroutine that hashes them, on to one that encrypts them, and back to the caller, who writes them: so the
// destination's Write is called where its panics can be recovered. The order is kept: each step is one goroutine.
type belt struct {
	dst          io.Writer
	toHash, done chan []byte
	made         int // buffers that there are, the caller's one included
	quit         atomic.Bool
	ended        bool
}

func newBelt(sum hash.Hash, enc *cfb.Encrypter, dst io.Writer) *belt {
	b := &belt{dst: dst, toHash: make(chan []byte, beltBuffers), done: make(chan []byte, beltBuffers), made: 1}
	toEncrypt := make(chan []byte, beltBuffers)
	go func() {
		defer close(toEncrypt)
		for buf := range b.toHash {
			if !b.quit.Load() {
				sum.Write(buf)
			}
			toEncrypt <- buf
		}
	}()
	go func() {
		defer close(b.done)
		for buf := range toEncrypt {
			if b.quit.Load() {
				clear(buf) // plaintext
			} else {
				enc.Encrypt(buf)
			}
			b.done <- buf
		}
	}()
	return b
}

// put hands a full buffer on and returns an empty one. Every channel has room for all buffers: nobody waits but for an empty one.
func (b *belt) put(full []byte) ([]byte, error) {
	b.toHash <- full
	if b.made < beltBuffers {
		select {
		case buf := <-b.done:
			return b.write(buf)
		default:
		}
		b.made++
		return newBuffer(writeBuffer), nil
	}
	return b.write(<-b.done)
}

func (b *belt) write(buf []byte) ([]byte, error) {
	_, err := b.dst.Write(buf)
	return buf[:0], err
}

// end waits until everything is hashed and encrypted, and writes it.
func (b *belt) end() error {
	b.ended = true
	close(b.toHash)
	for buf := range b.done {
		if _, err := b.write(buf); err != nil {
			b.quit.Store(true)
			b.drain()
			return err
		}
	}
	return nil
}

// stop ends everything early, if it has not ended.
func (b *belt) stop() {
	b.quit.Store(true)
	if !b.ended {
		b.ended = true
		close(b.toHash)
	}
	b.drain()
}

func (b *belt) drain() {
	for range b.done { // the channel is closed where the last goroutine ends
	}
}
