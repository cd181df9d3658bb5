// Package ahead reads a source in a goroutine of its own, a little further than its reader is: what decrypts and what hashes
// the plaintext then have a core each.
package ahead

import (
	"errors"
	"io"
	"sync"

	"github.com/doublekeybox/doublekeybox/internal/full"
)

const (
	// bufferSize is how much is handed over at a time, in bytes: handing over costs some microseconds, and decrypting or
	// hashing so much some fifty. All buffers together have to leave room in the 1 MiB of an envelope.
	bufferSize = 64 << 10

	// buffers is how many there are: one being filled, one being read, and one for who is faster at the moment.
	buffers = 3

	// first is how much is read before anything is started: a message of 1 KiB should not pay for more.
	first = 4 << 10
)

// ErrClosed is returned by calls that come after Close.
var ErrClosed = errors.New("ahead: already closed")

var (
	errEnded = errors.New("ahead: the goroutine of a Read was ended from inside")
)

// Reader is a source that is read ahead. Everything that the source returned before an error comes before the error, and
// every error is final. Close must be called, unless Read returned an error. The methods may not be called concurrently.
type Reader struct {
	src  io.Reader
	cur  []byte // not yet returned
	held []byte // what cur is a part of
	err  error  // after cur
	run  *run   // nil: nothing was started

	ended bool // what was started has ended
}

// New returns a Reader of src, which nobody else may read until Read returned an error or Close returned. It never closes src.
func New(src io.Reader) *Reader { return &Reader{src: src} }

// run is what the goroutine and the Reader share.
type run struct {
	full, empty chan []byte
	quit        chan struct{}
	wait        sync.WaitGroup

	// Set by the goroutine before it closes full.
	err   error
	crash any
}

// Read implements io.Reader. A panic of the source's Read is continued here.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.cur) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.next()
	}
	n := copy(p, r.cur)
	r.cur = r.cur[n:]
	return n, nil
}

// Next is Read without a copy: what it returns is the caller's to read until the next call of Next, Read or Close, and never nothing
// without an error.
func (r *Reader) Next() ([]byte, error) {
	for len(r.cur) == 0 {
		if r.err != nil {
			return nil, r.err
		}
		r.next()
	}
	p := r.cur
	r.cur = nil
	return p, nil
}

// next makes sure that cur is not empty, or else that err is set.
func (r *Reader) next() {
	if r.run == nil && r.held == nil {
		// The beginning. What ends here needs no goroutine.
		r.held, r.err = make([]byte, first), errEnded // which it stays should Read panic
		n, err := full.Read(r.src, r.held)
		r.cur, r.err = r.held[:n], err
		return
	}
	if r.run == nil {
		clear(r.held) // may be plaintext
		r.start()
	} else {
		r.run.empty <- r.held
	}
	buf, ok := <-r.run.full
	if !ok {
		r.end()
		return
	}
	r.cur, r.held = buf, buf[:cap(buf)]
}

func (r *Reader) start() {
	g := &run{full: make(chan []byte, buffers), empty: make(chan []byte, buffers), quit: make(chan struct{})}
	for range buffers {
		g.empty <- make([]byte, bufferSize)
	}
	src := r.src
	g.wait.Go(func() { g.loop(src) })
	r.run = g
}

// end takes over why the goroutine ended.
func (r *Reader) end() {
	r.run.wait.Wait()
	clear(r.held)
	r.ended, r.held, r.err = true, nil, r.run.err
	if crash := r.run.crash; crash != nil {
		r.run.crash, r.err = nil, errEnded
		panic(crash)
	}
}

func (g *run) loop(src io.Reader) {
	defer close(g.full)
	finished := false
	defer func() {
		if !finished {
			if g.crash = recover(); g.crash == nil {
				g.crash = errEnded // runtime.Goexit
			}
		}
	}()
	for g.err == nil {
		var buf []byte
		select {
		case <-g.quit:
			g.err = ErrClosed
			continue
		case buf = <-g.empty:
		}
		var n int
		if n, g.err = full.Read(src, buf); n > 0 {
			g.full <- buf[:n] // there is room for all buffers
		}
	}
	finished = true
}

// Close ends the goroutine, for which it may have to wait for one Read of the source, and wipes what was not read. It does
// not close the source. A second Close does nothing.
func (r *Reader) Close() error {
	if r.run != nil && !r.ended {
		close(r.run.quit)
		for buf := range r.run.full {
			clear(buf)
		}
		r.run.wait.Wait()
		r.ended = true
	}
	clear(r.held)
	r.cur, r.held = nil, nil
	if r.err == nil || r.err == io.EOF {
		r.err = ErrClosed
	}
	return nil
}
