//go:build !dkb_plain

package gcm

import (
	"io"
	"sync"
)

// Encrypter encrypts one message. Plaintext goes in through Write and ReadFrom, in any mixture; ciphertext as long as the
// plaintext goes to dst, in order. After Close has succeeded, Tag returns the tag.
//
// Once a message is longer than one segment, up to two goroutines work for it, and dst is written from them also between
// calls: dst must not be used by anybody else before Close or Abort has returned. One of the two must be called.
// A panic of dst or of a source is continued in the goroutine that calls the Encrypter.
//
// Every error is final. The methods may not be called concurrently, except for Abort.
type Encrypter struct {
	mu   sync.Mutex // held by every method
	dst  io.Writer
	e    *engine
	quit *quit
	err  error
	tag  [TagSize]byte

	buf  []byte // the segment being filled; a full one stays until more comes
	bg   *turns // runs between calls of Write
	jobs chan []byte
	free chan []byte
	bufs int // that bg has
}

var _ interface {
	io.WriteCloser
	io.ReaderFrom
} = (*Encrypter)(nil)

// NewEncrypter returns an Encrypter that writes to dst, which it never closes. key has 16, 24 or 32 bytes, nonce 12; a pair of
// the two must never serve for two messages. aad may be empty. It retains none of the three slices.
func NewEncrypter(dst io.Writer, key, nonce, aad []byte) (*Encrypter, error) {
	return newEncrypter(dst, key, nonce, aad, standard())
}

func newEncrypter(dst io.Writer, key, nonce, aad []byte, c config) (*Encrypter, error) {
	e, err := newEngine(key, nonce, aad, c)
	if err != nil {
		return nil, err
	}
	return &Encrypter{dst: dst, e: e, quit: newQuit()}, nil
}

// Write encrypts p, which it does not retain. An error of dst may be reported by a later call.
func (w *Encrypter) Write(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.check(); err != nil {
		return 0, err
	}
	// The bytes in buf are not in the engine's total yet.
	if uint64(len(p)) > w.e.room()-uint64(len(w.buf)) {
		return 0, w.fail(ErrTooLong)
	}
	for len(p) > 0 {
		if len(w.buf) == w.e.config.segment {
			if err := w.hand(); err != nil {
				return n, w.fail(err)
			}
		}
		w.buf = reserve(w.buf, len(p), w.e.config.segment)
		m := copy(w.buf[len(w.buf):cap(w.buf)], p)
		w.buf = w.buf[:len(w.buf)+m]
		p = p[m:]
		n += m
	}
	return n, nil
}

// hand gives the full segment to the workers, which it starts if need be, and takes an empty buffer.
func (w *Encrypter) hand() error {
	if w.bg == nil {
		w.startWorkers()
	}
	select {
	case w.jobs <- w.buf:
		w.buf = nil
	case <-w.quit.c:
		return w.stopWorkers()
	}
	w.e.total += uint64(w.e.config.segment)
	select {
	case w.buf = <-w.free:
		return nil
	default:
	}
	// One buffer to fill beside one for each worker keeps all busy.
	if w.bufs < w.e.config.workers {
		w.bufs++
		w.buf = make([]byte, 0, w.e.config.segment)
		return nil
	}
	select {
	case w.buf = <-w.free:
		return nil
	case <-w.quit.c:
		return w.stopWorkers()
	}
}

func (w *Encrypter) startWorkers() {
	w.e.prepare()
	w.jobs = make(chan []byte)
	w.free = make(chan []byte, w.e.config.workers+1)
	w.bufs = 0
	off, jobs, free := w.e.total, w.jobs, w.free
	w.bg = &turns{
		quit: w.quit,
		next: func(s *slot) (bool, error) {
			select {
			case b, ok := <-jobs:
				s.buf, s.off = b, off
				off += uint64(len(b))
				return ok, nil
			case <-w.quit.c:
				return false, nil
			}
		},
		work: w.work,
		put: func(s *slot) error {
			err := w.put(s)
			free <- s.buf[:0]
			s.buf = nil
			return err
		},
	}
	w.bg.start(w.e.config.workers)
}

// stopWorkers waits until the workers have done all that they were given, or have failed.
func (w *Encrypter) stopWorkers() error {
	if w.bg == nil {
		return w.err
	}
	bg := w.bg
	w.bg = nil
	close(w.jobs)
	err := bg.join()
	if err == nil && w.quit.closed() {
		err = ErrClosed
	}
	return err
}

func (w *Encrypter) work(s *slot) {
	w.e.xor(s.buf, s.off)
	s.hash = w.e.hash(s.buf, &s.scratch)
}

func (w *Encrypter) put(s *slot) error {
	w.e.absorb(s.hash, len(s.buf))
	return write(w.dst, s.buf)
}

// write is w.Write with the short count that io.Writer forbids made an error.
func write(w io.Writer, b []byte) error {
	n, err := w.Write(b)
	if err == nil && n != len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// ReadFrom encrypts what src yields until io.EOF and returns how many bytes that were. src is read from more than one
// goroutine, but by one at a time, and never after ReadFrom has returned. An error of src is final too, so that
// half a file never becomes a whole message.
func (w *Encrypter) ReadFrom(src io.Reader) (n int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.check(); err != nil {
		return 0, err
	}
	if w.bg != nil {
		if err := w.stopWorkers(); err != nil {
			return 0, w.fail(err)
		}
	}
	in := &input{src: src, e: w.e, buf: w.buf}
	w.buf = nil
	w.err = ErrClosed // stays, should src or dst panic
	err = in.first()
	if err == nil && !in.ended {
		w.e.prepare()
		t := &turns{quit: w.quit, next: in.next, work: w.work, put: w.put}
		t.start(w.e.config.workers - 1)
		err = t.run()
		if err == nil && w.quit.closed() {
			err = ErrClosed
		}
	}
	w.buf, w.err = in.buf, nil
	if err != nil {
		err = w.fail(err)
	}
	return in.read, err
}

// Close encrypts what is left and writes it. It does not close dst. A second Close is an error.
func (w *Encrypter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.check(); err != nil {
		return err
	}
	if w.bg != nil {
		if err := w.stopWorkers(); err != nil {
			return w.fail(err)
		}
	}
	w.err = ErrClosed // stays, also should dst panic
	if len(w.buf) > 0 {
		s := slot{buf: w.buf, off: w.e.total}
		w.e.total += uint64(len(w.buf))
		w.work(&s)
		if err := w.put(&s); err != nil {
			return w.fail(err)
		}
	}
	w.tag = w.e.sum()
	w.buf = nil
	return nil
}

// Tag returns the tag after Close has returned nil, and zeros otherwise.
func (w *Encrypter) Tag() [TagSize]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tag
}

// Abort stops the workers, waits for a Write of dst that is under way, and wipes the state: no tag will ever be made. After Close
// or an error it does nothing. It may be called at any time and by any goroutine, but not from inside dst. Called
// while another method is running, it makes that one fail with ErrClosed at its next segment, and doesn't wait for it.
func (w *Encrypter) Abort() {
	w.quit.close()
	if !w.mu.TryLock() {
		return
	}
	defer w.mu.Unlock()
	if w.err == nil {
		w.fail(ErrClosed)
	}
}

// check returns the sticky error, also after an Abort that came while another method was running.
func (w *Encrypter) check() error {
	if w.err == nil && w.bg == nil && w.quit.closed() {
		return w.fail(ErrClosed)
	}
	return w.err
}

// fail makes err final, ends the workers and wipes.
func (w *Encrypter) fail(err error) error {
	w.err = err
	w.quit.close()
	defer func() { // also should stopWorkers continue a panic of dst
		clear(w.buf[:cap(w.buf)])
		w.buf = nil
		w.e.wipe()
	}()
	if w.bg != nil {
		w.stopWorkers()
	}
	return err
}
