//go:build dkb_plain

package gcm

import (
	"io"
	"sync"
	"sync/atomic"
)

// Encrypter encrypts one message of at most 64 MiB: plaintext in through Write and ReadFrom, in any mixture. Close writes all
// ciphertext to dst. Every error is final. The methods may not be called concurrently, except for Abort.
type Encrypter struct {
	mu      sync.Mutex // held by every method
	dst     io.Writer
	m       *oneShot
	err     error
	tag     [TagSize]byte
	aborted atomic.Bool
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
	m, err := newOneShot(key, nonce, aad, c)
	if err != nil {
		return nil, err
	}
	return &Encrypter{dst: dst, m: m}, nil
}

// Write takes p, which it does not retain.
func (w *Encrypter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.check(); err != nil {
		return 0, err
	}
	if err := w.m.write(p); err != nil {
		return 0, w.fail(err)
	}
	return len(p), nil
}

// ReadFrom takes what src yields until io.EOF and returns how many bytes that were. An error of src is final too.
func (w *Encrypter) ReadFrom(src io.Reader) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.check(); err != nil {
		return 0, err
	}
	w.err = ErrClosed // stays, should src panic
	n, err := w.m.readFrom(src)
	w.err = nil
	if err == nil && w.aborted.Load() {
		err = ErrClosed
	}
	if err != nil {
		err = w.fail(err)
	}
	return n, err
}

// Close encrypts and writes. It does not close dst. A second Close is an error.
func (w *Encrypter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.check(); err != nil {
		return err
	}
	w.err = ErrClosed
	tag := w.m.seal()
	if len(w.m.buf) > 0 {
		n, err := w.dst.Write(w.m.buf)
		if err == nil && n != len(w.m.buf) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return w.fail(err)
		}
	}
	w.tag = tag
	w.m.wipe()
	return nil
}

// Tag returns the tag after Close has returned nil, and zeros otherwise.
func (w *Encrypter) Tag() [TagSize]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tag
}

// Abort wipes the state: no tag will ever be made. After Close or an error it does nothing. It may be called at
// any time and by any goroutine. Called while another method is running, it makes the next one fail with ErrClosed.
func (w *Encrypter) Abort() {
	w.aborted.Store(true)
	if !w.mu.TryLock() {
		return
	}
	defer w.mu.Unlock()
	w.check()
}

// check returns the sticky error, also after an Abort that came while another method was running.
func (w *Encrypter) check() error {
	if w.err == nil && w.aborted.Load() {
		w.fail(ErrClosed)
	}
	return w.err
}

func (w *Encrypter) fail(err error) error {
	w.err = err
	w.m.wipe()
	return err
}
