package mdc

import (
	"crypto/cipher"
	"errors"
	"io"
	"sync"
)

// jobs is how many buffers are under way at most: one being read, two being decrypted, one being hashed, and one with the caller.
const jobs = 5

var errEnded = errors.New("mdc: the goroutine of a Read was ended from inside")

// run is what works ahead of a Reader: a goroutine that reads the source, one for each buffer that is being decrypted, and one that
// hashes if there is something to hash.
type run struct {
	empty, read, ready chan *job
	quit               chan struct{}
	wait               sync.WaitGroup
	ended              bool

	// Set by the goroutine that reads before it closes read.
	all   []*job
	err   error
	crash any
}

func start(src io.Reader, block cipher.Block, iv []byte, k *keeper) *run {
	g := &run{empty: make(chan *job, jobs), read: make(chan *job, jobs), quit: make(chan struct{})}
	g.wait.Go(func() { g.fill(src, block, iv) })
	if k.sum != nil {
		g.ready = make(chan *job, jobs)
		g.wait.Go(func() { g.settle(k) })
	}
	return g
}

// fill reads buffers and has them decrypted.
func (g *run) fill(src io.Reader, block cipher.Block, iv []byte) {
	defer close(g.read)
	finished := false
	defer func() {
		if !finished {
			if g.crash = recover(); g.crash == nil {
				g.crash = errEnded // runtime.Goexit
			}
		}
	}()
	for g.err == nil {
		j := g.take(block)
		if j == nil {
			g.err = ErrClosed
			break
		}
		if g.err = j.read(src, iv); j.n > 0 {
			g.wait.Go(func() {
				j.decrypt()
				j.done <- struct{}{}
			})
			g.read <- j // there is room for all
		}
	}
	finished = true
}

// take returns an empty buffer, or nil where it is time to end.
func (g *run) take(block cipher.Block) *job {
	select {
	case <-g.quit:
		return nil
	case j := <-g.empty:
		return j
	default:
	}
	if len(g.all) < jobs {
		g.all = append(g.all, newJob(block, bufferSize))
		return g.all[len(g.all)-1]
	}
	select {
	case <-g.quit:
		return nil
	case j := <-g.empty:
		return j
	}
}

// settle hashes what is decrypted, in its order.
func (g *run) settle(k *keeper) {
	defer close(g.ready)
	for j := range g.read {
		<-j.done
		j.content = k.next(j)
		g.ready <- j
	}
}

// next returns the next buffer, nil at the end.
func (g *run) next(k *keeper) *job {
	if g.ready != nil {
		return <-g.ready
	}
	j := <-g.read
	if j != nil {
		<-j.done
		j.content = k.next(j)
	}
	return j
}

// end returns why the source ended, after next returned nil.
func (g *run) end() error {
	g.wait.Wait()
	g.ended = true
	if crash := g.crash; crash != nil {
		g.crash, g.err = nil, errEnded // for whoever recovers and goes on
		panic(crash)
	}
	return g.err
}

// stop ends everything early, if it has not ended, and wipes all buffers.
func (g *run) stop() {
	if !g.ended {
		g.ended = true
		close(g.quit)
		last := g.ready
		if last == nil {
			last = g.read
		}
		for range last {
		}
		g.wait.Wait()
	}
	for _, j := range g.all {
		j.wipe()
	}
}
