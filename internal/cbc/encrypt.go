package cbc

import (
	"bytes"
	"crypto/cipher"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/full"
)

// Encrypter encrypts one message: plaintext in through Write and ReadFrom, in any mixture, ciphertext to dst. Every error is
// final. The methods may not be called concurrently.
//
// A message of more than one buffer is encrypted and written by goroutines of the Encrypter's, while the caller makes the
// next buffer: CBC is serial, so that this is all that a second core can do. They end with Close, Abort or an error.
type Encrypter struct {
	dst  io.Writer
	mode cipher.BlockMode
	buf  []byte // plaintext not yet encrypted
	run  *belt  // nil: nothing runs
	err  error
}

var _ interface {
	io.WriteCloser
	io.ReaderFrom
} = (*Encrypter)(nil)

// NewEncrypter returns an Encrypter that writes to dst, which it never closes. key has 16, 24 or 32 bytes. iv has 16, which
// must be random and fresh: the caller writes it where the format wants it. Neither is retained.
func NewEncrypter(dst io.Writer, key, iv []byte) (*Encrypter, error) {
	block, err := newBlock(key, iv)
	if err != nil {
		return nil, err
	}
	return &Encrypter{dst: dst, mode: cipher.NewCBCEncrypter(block, iv)}, nil
}

// Write encrypts p, which it does not retain. An error of dst may come with a later call than the one whose bytes it kept
// from being written.
func (w *Encrypter) Write(p []byte) (n int, err error) {
	if w.err != nil {
		return 0, w.err
	}
	for len(p) > 0 {
		if err := w.makeRoom(); err != nil {
			return n, err
		}
		m := copy(w.buf[len(w.buf):cap(w.buf)], p)
		w.buf = w.buf[:len(w.buf)+m]
		p = p[m:]
		n += m
	}
	return n, nil
}

// ReadFrom encrypts what src yields until io.EOF and returns how many bytes that were. An error of src is final too, so
// that half a file never becomes a whole message.
func (w *Encrypter) ReadFrom(src io.Reader) (n int64, err error) {
	if w.err != nil {
		return 0, w.err
	}
	for {
		if err := w.makeRoom(); err != nil {
			return n, err
		}
		m, err := full.Read(src, w.buf[len(w.buf):cap(w.buf)])
		w.buf = w.buf[:len(w.buf)+m]
		n += int64(m)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, w.fail(err)
		}
	}
}

// makeRoom enlarges a full buffer, or hands it on and takes an empty one. A capacity is always whole blocks.
func (w *Encrypter) makeRoom() error {
	if len(w.buf) < cap(w.buf) {
		return nil
	}
	if cap(w.buf) < bufferSize {
		w.buf = grow(w.buf)
		return nil
	}
	if w.run == nil {
		w.run = newBelt(w.mode, w.dst)
	}
	full := w.buf
	w.buf = nil
	next, err := w.run.put(full)
	if err != nil {
		return w.fail(err)
	}
	w.buf = next
	return nil
}

// Close pads the message and writes its end. It does not close dst. A second Close is an error.
func (w *Encrypter) Close() error {
	if w.err != nil {
		return w.err
	}
	if err := w.makeRoom(); err != nil {
		return err
	}
	// RFC 5652, Section 6.3: at least one byte, so that the padding can always be told from the content.
	pad := BlockSize - len(w.buf)%BlockSize
	w.buf = append(w.buf, bytes.Repeat([]byte{byte(pad)}, pad)...)
	if w.run != nil {
		if err := w.run.end(); err != nil {
			return w.fail(err)
		}
	}
	w.mode.CryptBlocks(w.buf, w.buf)
	if err := writeAll(w.dst, w.buf); err != nil {
		return w.fail(err)
	}
	w.fail(ErrClosed)
	return nil
}

// Abort ends what runs. Nothing is written after it returned; every later call is an error. After Close it does nothing.
func (w *Encrypter) Abort() {
	if w.err == nil {
		w.fail(ErrClosed)
	}
}

// fail makes err final, ends what runs, and wipes the plaintext.
func (w *Encrypter) fail(err error) error {
	w.err = err
	if w.run != nil {
		w.run.stop()
	}
	clear(w.buf[:cap(w.buf)])
	w.buf, w.mode = nil, nil
	return err
}

// writeAll is a Write that does not believe the count.
func writeAll(dst io.Writer, b []byte) error {
	n, err := dst.Write(b)
	if err == nil && n != len(b) {
		return io.ErrShortWrite
	}
	return err
}
