package chunks

import (
	"io"
	"sync"
)

// Writer encrypts what is written to it. Close must be called, or Abort.
//
// Once there is more than one batch dst is written from other goroutines too,
// also between calls: nobody else may use it before Close or Abort returned. A
// panic of dst is continued in the goroutine that calls the Writer. Every error
// is final. The methods may not be called concurrently.
type Writer struct {
	dst   io.Writer
	s     *Scheme
	own   *codec
	buf   []byte // of the batch being filled; a full one stays until more comes
	n     int    // octets of plaintext in it
	index uint64 // of its first chunk
	err   error
	run   *sealing // nil: nothing was started
}

// NewWriter returns a Writer to dst, which it does not close.
func NewWriter(dst io.Writer, s *Scheme) *Writer {
	return &Writer{dst: dst, s: s, own: s.codec()}
}

// Write encrypts p. An error of dst may be that of an earlier call.
func (w *Writer) Write(p []byte) (n int, err error) {
	if w.err != nil {
		return 0, w.err
	}
	full := w.s.whole() * w.s.Size
	for len(p) > 0 {
		if w.n == full {
			if err := w.hand(); err != nil {
				return n, w.fail(err)
			}
		}
		at := w.s.at(w.n)
		w.buf = grow(w.buf, min(at+len(p)+2*TagSize, w.s.room()), w.s.room())
		k := copy(w.buf[at:], p[:min(len(p), w.s.Size-w.n%w.s.Size)]) // to the end of the chunk
		w.n += k
		n, p = n+k, p[k:]
	}
	return n, nil
}

// hand gives the batch to the workers and takes an empty one.
func (w *Writer) hand() error {
	w.err = ErrClosed // stays, should the workers continue a panic here
	if w.run == nil {
		w.run = startSealing(w.dst, w.s)
	}
	r := w.run
	b := &batch{buf: w.buf, n: w.n, index: w.index}
	w.index += uint64(w.s.whole())
	w.n = 0
	next := make(chan struct{}, 1)
	j := sealJob{batch: b, turn: r.turn, next: next}
	if len(r.jobs) > 0 { // the workers have enough to do
		j.sealed = w.own.seal(b)
	}
	r.turn = next
	w.buf = nil
	r.jobs <- j // there is room for all
	select {
	case w.buf = <-r.free:
	case <-r.quit:
		return r.stop()
	}
	if w.buf == nil {
		w.buf = make([]byte, w.s.room())
	}
	w.err = nil
	return nil
}

// Close encrypts the rest and the final tag and writes them.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	w.err = ErrClosed
	if w.run != nil {
		if err := w.run.finish(); err != nil {
			return w.fail(err)
		}
	}
	at := w.s.at(w.n)
	if w.n%w.s.Size != 0 || w.n == 0 {
		at += TagSize // of the last chunk, or of the only one
	}
	w.buf = grow(w.buf, at+TagSize, w.s.room())
	sealed := w.own.seal(&batch{buf: w.buf, n: w.n, index: w.index, last: true})
	w.buf, w.own = nil, nil
	if err := write(w.dst, sealed); err != nil {
		return w.fail(err)
	}
	return nil
}

// Abort ends the goroutines, for which it may have to wait for one Write of dst,
// and wipes what was not written: there will never be a final tag. After Close
// or an error it does nothing. It must not be called from inside dst.
func (w *Writer) Abort() {
	if w.err == nil {
		w.fail(ErrClosed)
	} else if w.run != nil { // a panic may have come between
		w.run.end()
	}
}

// fail makes err final.
func (w *Writer) fail(err error) error {
	w.err = err
	if w.run != nil {
		w.run.end()
	}
	clear(w.buf)
	w.buf, w.own = nil, nil
	return err
}

// write is w.Write with the short count that io.Writer forbids made an error.
func write(w io.Writer, b []byte) error {
	n, err := w.Write(b)
	if err == nil && n != len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// sealing is what the workers and the Writer share.
type sealing struct {
	dst  io.Writer
	jobs chan sealJob
	free chan []byte
	turn chan struct{} // of the next batch
	wait sync.WaitGroup

	once  sync.Once
	quit  chan struct{} // closed at the first failure, and by Abort
	err   error         // set before quit is closed
	crash any
}

// sealJob is a batch, and whose turn to write it is: turn has an element when
// the batch before was written.
type sealJob struct {
	*batch
	sealed     []byte // nil: that is still to be done
	turn, next chan struct{}
}

func startSealing(dst io.Writer, s *Scheme) *sealing {
	r := &sealing{
		dst: dst, jobs: make(chan sealJob, s.buffers()), free: make(chan []byte, s.buffers()),
		turn: make(chan struct{}, 1), quit: make(chan struct{}),
	}
	r.turn <- struct{}{}
	for range s.buffers() - 1 { // the Writer has one
		r.free <- nil
	}
	// Who calls encrypts too: a worker then writes and is seldom waited for, and
	// with one of them there are no turns to be taken.
	for range max(1, workers()-1) {
		c := s.codec()
		r.wait.Go(func() { r.loop(c) })
	}
	return r
}

func (r *sealing) loop(c *codec) {
	finished := false
	defer func() {
		if !finished {
			crash := recover()
			if crash == nil {
				crash = errEnded // runtime.Goexit
			}
			r.fail(nil, crash)
		}
	}()
	for r.step(c) {
	}
	finished = true
}

// step carries one batch to dst and reports whether to go on.
func (r *sealing) step(c *codec) bool {
	var j sealJob
	var ok bool
	select {
	case j, ok = <-r.jobs:
	case <-r.quit:
	}
	if !ok {
		return false
	}
	if j.sealed == nil {
		j.sealed = c.seal(j.batch)
	}
	select {
	case <-j.turn:
	case <-r.quit:
		return false
	}
	if r.quitted() {
		return false
	}
	if err := write(r.dst, j.sealed); err != nil {
		r.fail(err, nil)
		return false
	}
	j.next <- struct{}{}
	r.free <- j.buf // there is room for all
	return true
}

func (r *sealing) quitted() bool {
	select {
	case <-r.quit:
		return true
	default:
		return false
	}
}

// fail records the first failure and stops all at their next step.
func (r *sealing) fail(err error, crash any) {
	r.once.Do(func() {
		r.err, r.crash = err, crash
		close(r.quit)
	})
}

// finish waits until everything was written, or something failed.
func (r *sealing) finish() error {
	close(r.jobs)
	r.wait.Wait()
	return r.result()
}

// stop waits for the goroutines after a failure, and says which.
func (r *sealing) stop() error {
	r.wait.Wait()
	return r.result()
}

// result continues a panic of dst where the caller can recover it.
func (r *sealing) result() error {
	if crash := r.crash; crash != nil {
		r.crash = nil
		panic(crash)
	}
	return r.err
}

// end ends the goroutines, which may have ended before, and wipes what they
// have not begun.
func (r *sealing) end() {
	r.fail(ErrClosed, nil)
	r.wait.Wait()
	for len(r.jobs) > 0 {
		clear((<-r.jobs).buf)
	}
}
