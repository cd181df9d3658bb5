package chacha

import (
	"io"

	"golang.org/x/crypto/chacha20"

	"github.com/doublekeybox/doublekeybox/internal/full"
)

const (
	// bufferSize is how much is encrypted and written at a time, in bytes. Buffers begin small and grow up to it.
	bufferSize = 256 << 10

	// firstBuffer is the smallest buffer: a message of 1 KiB should not pay for more.
	firstBuffer = 4 << 10
)

// Encrypter encrypts one message: plaintext in through Write and ReadFrom, in any mixture, ciphertext to dst. Every error is
// final. The methods may not be called concurrently.
type Encrypter struct {
	dst    io.Writer
	stream *chacha20.Cipher
	h      *hash
	buf    []byte // plaintext not yet encrypted
	tag    [TagSize]byte
	err    error
}

var _ interface {
	io.WriteCloser
	io.ReaderFrom
} = (*Encrypter)(nil)

// NewEncrypter returns an Encrypter that writes ciphertext without the tag to dst, and never closes it. key has 32 bytes, nonce 12;
// aad may be empty. None is retained. Key and nonce must never have been used together before.
func NewEncrypter(dst io.Writer, key, nonce, aad []byte) (*Encrypter, error) {
	stream, mac, err := newCipher(key, nonce)
	if err != nil {
		return nil, err
	}
	return &Encrypter{dst: dst, stream: stream, h: newHash(&mac, aad)}, nil
}

// Write encrypts p, which it does not retain, or returns [ErrTooLong].
func (w *Encrypter) Write(p []byte) (n int, err error) {
	if w.err != nil {
		return 0, w.err
	}
	if uint64(len(p)) > w.h.room()-uint64(len(w.buf)) {
		return 0, w.fail(ErrTooLong)
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

// ReadFrom encrypts what src yields until io.EOF.
func (w *Encrypter) ReadFrom(src io.Reader) (n int64, err error) {
	empty := 0
	for {
		if w.err != nil {
			return n, w.err
		}
		if err := w.makeRoom(); err != nil {
			return n, err
		}
		free := w.buf[len(w.buf):cap(w.buf)]
		m, err := src.Read(free)
		if m < 0 || m > len(free) {
			return n, w.fail(full.ErrRead)
		}
		if uint64(m) > w.h.room()-uint64(len(w.buf)) {
			return n, w.fail(ErrTooLong)
		}
		w.buf = w.buf[:len(w.buf)+m]
		n += int64(m)
		if m > 0 {
			empty = 0
		} else if empty++; err == nil && empty >= maxEmptyReads {
			err = io.ErrNoProgress
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, w.fail(err)
		}
	}
}

// makeRoom enlarges or empties a full buffer.
func (w *Encrypter) makeRoom() error {
	switch {
	case len(w.buf) < cap(w.buf):
		return nil
	case cap(w.buf) < bufferSize:
		grown := make([]byte, len(w.buf), min(max(4*cap(w.buf), firstBuffer), bufferSize))
		copy(grown, w.buf)
		clear(w.buf) // plaintext
		w.buf = grown
		return nil
	}
	return w.flush()
}

// flush encrypts, hashes and writes the buffer.
func (w *Encrypter) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	w.stream.XORKeyStream(w.buf, w.buf)
	w.h.write(w.buf)
	n, err := w.dst.Write(w.buf)
	if err == nil && n != len(w.buf) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return w.fail(err)
	}
	w.buf = w.buf[:0]
	return nil
}

// Close writes what is left. The tag is known then. It does not close the destination. A second Close is an error.
func (w *Encrypter) Close() error {
	if w.err != nil {
		return w.err
	}
	if err := w.flush(); err != nil {
		return err
	}
	w.h.end()
	w.h.mac.Sum(w.tag[:0])
	w.fail(ErrClosed)
	return nil
}

// Tag returns the tag, after Close returned nil; before that, and after an error, it is zero.
func (w *Encrypter) Tag() [TagSize]byte { return w.tag }

// Abort makes every later call an error. After Close it does nothing.
func (w *Encrypter) Abort() {
	if w.err == nil {
		w.fail(ErrClosed)
	}
}

// fail makes err final and wipes the plaintext.
func (w *Encrypter) fail(err error) error {
	clear(w.buf[:cap(w.buf)])
	w.buf, w.stream, w.h, w.err = nil, nil, nil, err
	return err
}
