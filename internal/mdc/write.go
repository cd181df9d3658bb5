package mdc

import (
	"crypto/cipher"
	"crypto/sha1"
	"hash"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/cfb"
)

// Writer encrypts one message. Close ends it; Abort frees what runs, and may be called in any case. The methods may not be called
// concurrently.
type Writer struct {
	dst  io.Writer
	sum  hash.Hash
	enc  *cfb.Encrypter
	buf  []byte // plaintext that was not handed on so far
	room int    // how much of it makes buf full
	belt *belt  // nil: nothing was started
	err  error
}

// NewWriter returns a Writer to dst, which it never closes. prefix is as many random octets as a block of the cipher has; nobody may have
// seen them before, and they are not retained.
func NewWriter(dst io.Writer, block cipher.Block, prefix []byte) *Writer {
	w := &Writer{dst: dst, sum: sha1.New(), enc: cfb.NewEncrypter(block), room: firstBuffer}
	w.buf = append(newBuffer(firstBuffer), prefix...)
	w.buf = append(w.buf, prefix[len(prefix)-repeated:]...)
	return w
}

// newBuffer leaves room for the code, so that it moves nothing.
func newBuffer(n int) []byte { return make([]byte, 0, n+trailer) }

// Write implements io.Writer. Errors of the destination are returned as they are, and are final.
func (w *Writer) Write(p []byte) (n int, err error) {
	for len(p) > 0 && w.err == nil {
		k := min(len(p), w.room-len(w.buf))
		w.buf = append(w.buf, p[:k]...)
		n, p = n+k, p[k:]
		if len(w.buf) == w.room {
			w.err = w.next()
		}
	}
	return n, w.err
}

// next makes room in a full buffer.
func (w *Writer) next() (err error) {
	if w.room < writeBuffer {
		w.room = min(4*w.room, writeBuffer)
		grown := append(newBuffer(w.room), w.buf...)
		clear(w.buf)
		w.buf = grown
		return nil
	}
	if w.belt == nil {
		w.belt = newBelt(w.sum, w.enc, w.dst)
	}
	w.buf, err = w.belt.put(w.buf)
	return err
}

// Close writes the code, and what was not written so far.
func (w *Writer) Close() error {
	if w.err != nil {
		w.Abort()
		return w.err
	}
	err := w.end()
	w.err = err
	w.Abort() // frees, and closes
	return err
}

func (w *Writer) end() error {
	if w.belt != nil {
		if err := w.belt.end(); err != nil {
			return err
		}
	}
	w.buf = append(w.buf, tag, length)
	w.sum.Write(w.buf)
	w.buf = w.sum.Sum(w.buf)
	w.enc.Encrypt(w.buf)
	_, err := w.dst.Write(w.buf)
	return err
}

// Abort frees everything, and writes nothing: what was written lacks its end, and never opens. After Close it does nothing.
func (w *Writer) Abort() {
	if w.err == nil {
		w.err = ErrClosed
	}
	if w.belt != nil {
		w.belt.stop()
	}
	clear(w.buf) // plaintext
	w.buf = nil
}
