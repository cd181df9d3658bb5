package reread

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/doublekeybox/doublekeybox/internal/full"
	"github.com/doublekeybox/doublekeybox/internal/unnamed"
)

// firstBuffer is the smallest buffer: a message of 1 KiB should not pay for a
// whole chunk.
const firstBuffer = 4 << 10

var errEnded = errors.New("reread: written to after its end")

// Hold reads src to its end and keeps an encrypted copy of it: in memory, and
// where that is too much in a file without a name. The key is in memory only.
//
// Errors: src's as they are; *LimitError; one that names the directory where
// the file cannot be written. src is not closed.
func Hold(src io.Reader, o Options) (*Source, error) {
	h := NewHolder(o)
	if _, err := h.ReadFrom(src); err != nil {
		h.Close()
		return nil, err
	}
	return h.Source()
}

// Holder keeps what is written to it as Hold does. It belongs to one
// goroutine. One of Source and Close must be called.
type Holder struct {
	o    Options
	s    *Source
	n    int64
	cur  []byte // the chunk that is not complete yet
	seal []byte // where a chunk for the file is encrypted to
	i    int64  // its index
	err  error  // final
}

var _ interface {
	io.WriteCloser
	io.ReaderFrom
} = (*Holder)(nil)

// NewHolder returns an empty Holder.
func NewHolder(o Options) *Holder {
	if o.Memory <= 0 {
		o.Memory = DefaultMemory
	}
	if o.Max <= 0 {
		o.Max = DefaultMax
	}
	if o.Dir == "" {
		o.Dir = os.TempDir()
	}
	return &Holder{o: o, s: &Source{}}
}

// Write keeps p. An error is final: those of Hold, but for the source's.
func (h *Holder) Write(p []byte) (n int, err error) {
	for n < len(p) && h.err == nil {
		m := copy(h.room(len(p)-n), p[n:])
		n += m
		h.add(m)
	}
	return n, h.err
}

// ReadFrom keeps what src returns until its end.
func (h *Holder) ReadFrom(src io.Reader) (n int64, err error) {
	for h.err == nil {
		m, err := full.Read(src, h.room(1))
		n += int64(m)
		h.add(m)
		if err == io.EOF {
			break
		}
		if err != nil && h.err == nil {
			h.err = err
		}
	}
	return n, h.err
}

// room returns where the next octets of the chunk go; never nothing, and no more
// than one octet over the limit.
func (h *Holder) room(want int) []byte {
	if len(h.cur) == cap(h.cur) {
		size := min(max(4*cap(h.cur), firstBuffer, len(h.cur)+want), ChunkSize)
		h.cur = append(make([]byte, 0, size), h.cur...)
	}
	free := h.cur[len(h.cur):cap(h.cur)]
	if over := h.o.Max - h.n + 1; int64(len(free)) > over {
		free = free[:over]
	}
	return free
}

// add takes the n octets that were put into room.
func (h *Holder) add(n int) {
	if h.err != nil || n == 0 {
		return
	}
	h.n += int64(n)
	h.cur = h.cur[:len(h.cur)+n]
	if h.n > h.o.Max {
		h.err = &LimitError{Max: h.o.Max}
		return
	}
	if h.n > h.o.Memory && h.s.file == nil {
		h.err = h.spill()
	}
	if len(h.cur) == ChunkSize && h.err == nil {
		h.err = h.complete()
	}
}

// complete encrypts the chunk and keeps it.
func (h *Holder) complete() error {
	if h.s.aead == nil {
		a, err := newAEAD()
		if err != nil {
			return err
		}
		h.s.aead = a
	}
	ad := index(h.i)
	h.i++
	if h.s.file == nil {
		sealed := make([]byte, 0, len(h.cur)+overhead)
		h.s.mem = append(h.s.mem, h.s.aead.Seal(sealed, nil, h.cur, ad))
		h.cur = h.cur[:0]
		return nil
	}
	if h.seal == nil {
		h.seal = make([]byte, 0, ChunkSize+overhead)
	}
	h.seal = h.s.aead.Seal(h.seal[:0], nil, h.cur, ad)
	h.cur = h.cur[:0]
	return h.write(h.seal)
}

// newAEAD returns AES-256-GCM with a key that nobody else has. The nonces are
// chosen by the standard library, which FIPS 140 mode asks for.
func newAEAD() (cipher.AEAD, error) {
	var key [32]byte
	rand.Read(key[:]) // never fails
	defer clear(key[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("reread: %w", err)
	}
	a, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("reread: %w", err)
	}
	return a, nil
}

// spill moves what is in memory to a file.
func (h *Holder) spill() error {
	f, err := unnamed.File(h.o.Dir)
	if err != nil {
		return h.fileError(err)
	}
	h.s.file = f
	for _, sealed := range h.s.mem {
		if err := h.write(sealed); err != nil {
			return err
		}
	}
	h.s.mem = nil
	return nil
}

func (h *Holder) write(sealed []byte) error {
	if _, err := h.s.file.Write(sealed); err != nil {
		return h.fileError(err)
	}
	return nil
}

func (h *Holder) fileError(err error) error {
	return fmt.Errorf("reread: can't keep the message in a temporary file in %.80q, choose a directory with more room: %w", h.o.Dir, err)
}

// Source ends what is written and returns it, or the error of Write. The
// Holder is of no use after it, and needs no Close.
func (h *Holder) Source() (*Source, error) {
	if h.err == nil && len(h.cur) > 0 {
		h.err = h.complete()
	}
	if h.err != nil {
		err := h.err
		h.Close()
		return nil, err
	}
	s := h.s
	s.size = h.n
	h.end()
	return s, nil
}

// Close gives up what was written. After Source, and a second time, it does
// nothing.
func (h *Holder) Close() error {
	s := h.s
	if s == nil {
		return nil
	}
	h.end()
	return s.Close()
}

func (h *Holder) end() {
	h.s, h.cur, h.seal = nil, nil, nil
	if h.err == nil {
		h.err = errEnded
	}
}

// Settle does nothing: it is there for who writes to a Pinner too.
func (h *Holder) Settle() error { return h.err }
