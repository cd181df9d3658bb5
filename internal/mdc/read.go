package mdc

import (
	"crypto/cipher"
	"crypto/sha1"
	"crypto/subtle"
	"errors"
	"hash"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/cfb"
	"github.com/doublekeybox/doublekeybox/internal/full"
)

// ErrDamaged is the one error for whatever is wrong: the code, its packet, or that the message is too short for them. Which of them it is
// must not be told apart, nor when it was noticed.
var ErrDamaged = errors.New("mdc: content is damaged, or the key is wrong")

// Reader decrypts one message. Of one that New returned everything that it reads is unauthenticated until io.EOF, which comes only if the
// code is right: nobody may act on anything before. Every error is final. Stop must be called. The methods may not be called concurrently.
type Reader struct {
	src   io.Reader
	block cipher.Block
	keep  keeper
	skip  int // octets of the random block and its repetition that are still to come
	cur   []byte
	held  *job // what cur is a part of
	run   *run // nil: nothing was started
	iv    []byte
	begun bool
	err   error // after cur

	resync bool // the mode begins anew behind the random block
}

// NewReader returns a Reader of src, which has to end with the message, and is never closed. Its errors are returned as they are.
func NewReader(src io.Reader, block cipher.Block) *Reader {
	r := NewUnchecked(src, block)
	r.keep.sum = sha1.New()
	return r
}

// NewUnchecked is NewReader for the second time that the same octets are read: the code is cut off, and not compared.
func NewUnchecked(src io.Reader, block cipher.Block) *Reader {
	size := block.BlockSize()
	return &Reader{src: src, block: block, keep: keeper{tail: trailer}, skip: size + repeated, iv: make([]byte, size)}
}

// NewUnprotected reads what has no code at all: the packet of before, RFC 9580, Section 5.7. There the mode begins anew behind the random
// block and its repetition, with the last block of ciphertext up to there.
func NewUnprotected(src io.Reader, block cipher.Block) *Reader {
	return &Reader{src: src, block: block, resync: true, iv: make([]byte, block.BlockSize())}
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !r.more() {
		return 0, r.err
	}
	n := copy(p, r.cur)
	r.cur = r.cur[n:]
	return n, nil
}

// ReadByte implements io.ByteReader.
func (r *Reader) ReadByte() (byte, error) {
	if !r.more() {
		return 0, r.err
	}
	c := r.cur[0]
	r.cur = r.cur[1:]
	return c, nil
}

// Lend returns the next octets, at least one and at most most, without a copy: they are the caller's until the next call.
func (r *Reader) Lend(most int) ([]byte, error) {
	if !r.more() {
		return nil, r.err
	}
	b := r.cur[:min(most, len(r.cur))]
	r.cur = r.cur[len(b):]
	return b, nil
}

// WriteTo writes all that is left to dst.
func (r *Reader) WriteTo(dst io.Writer) (written int64, err error) {
	for r.more() {
		n, err := dst.Write(r.cur)
		written += int64(n)
		if err != nil {
			return written, err
		}
		r.cur = nil
	}
	if r.err == io.EOF {
		return written, nil
	}
	return written, r.err
}

// more makes sure that cur is not empty, or else that err is set.
func (r *Reader) more() bool {
	for len(r.cur) == 0 {
		if r.err != nil {
			return false
		}
		r.next()
		n := min(r.skip, len(r.cur))
		r.skip -= n
		r.cur = r.cur[n:]
	}
	return true
}

// next goes on to the next buffer, or to the end.
func (r *Reader) next() {
	switch {
	case !r.begun:
		r.first()
		return
	case r.run == nil:
		r.held.wipe()
		r.run = start(r.src, r.block, r.iv, &r.keep)
	default:
		r.run.empty <- r.held // there is room for all
	}
	if r.held = r.run.next(&r.keep); r.held != nil {
		r.cur = r.held.content
		return
	}
	r.err = errEnded // which it stays should the source have panicked
	r.end(r.run.end())
}

// first reads what needs no goroutine if it is all.
func (r *Reader) first() {
	r.begun, r.err = true, errEnded
	if r.resync {
		if err := r.past(); err != nil {
			r.err = err
			return
		}
	}
	r.held = newJob(r.block, firstBuffer)
	err := r.held.read(r.src, r.iv)
	r.held.decrypt()
	r.cur = r.keep.next(r.held)
	if r.err = nil; err != nil {
		r.end(err)
	}
}

// past reads the random block and its repetition where nothing of them is
// needed but the initialisation vector that they end with.
func (r *Reader) past() error {
	prefix := make([]byte, len(r.iv)+repeated)
	n, err := full.Read(r.src, prefix)
	copy(r.iv, prefix[repeated:])
	switch {
	case n < len(prefix) && err == io.EOF:
		return ErrDamaged
	default:
		return err
	}
}

// end sets the error that comes after cur, and is final.
func (r *Reader) end(err error) {
	switch {
	case err != io.EOF:
		r.err = err
	case r.skip > len(r.cur): // too short for its beginning
		r.err = ErrDamaged
	default:
		r.err = r.keep.check()
	}
}

// Stop ends what runs, for which it may have to wait for one Read of the source, and wipes what was not read. A second one does nothing.
func (r *Reader) Stop() {
	if r.run != nil {
		r.run.stop()
	}
	if r.held != nil {
		r.held.wipe()
	}
	clear(r.keep.held[:])
	r.cur, r.held, r.begun = nil, nil, true
	if r.err == nil || r.err == io.EOF {
		r.err = ErrClosed
	}
}

// Close is Stop.
func (r *Reader) Close() error {
	r.Stop()
	return nil
}

// keeper holds the end of what came so far back, which may be the packet with the code, and hashes the rest.
type keeper struct {
	sum  hash.Hash // nil: nothing is compared
	tail int       // octets that are held back
	held [trailer]byte
	n    int // of held that there are
}

// next returns the content that j brings, with what was held back before it.
func (k *keeper) next(j *job) []byte {
	all := j.buf[trailer-k.n : trailer+j.n]
	copy(all, k.held[:k.n])
	k.n = min(len(all), k.tail)
	content := all[:len(all)-k.n]
	copy(k.held[:], all[len(content):])
	if k.sum != nil {
		k.sum.Write(content)
	}
	return content
}

// check decides what comes at the end, RFC 9580, Section 5.13.1. All of tail is
// held: what is shorter is too short for its beginning.
func (k *keeper) check() error {
	if k.sum == nil {
		return io.EOF
	}
	k.sum.Write([]byte{tag, length})
	good := subtle.ConstantTimeCompare(k.held[:2], []byte{tag, length})
	good &= subtle.ConstantTimeCompare(k.held[2:], k.sum.Sum(nil))
	if good != 1 {
		return ErrDamaged
	}
	return io.EOF
}

// job is a buffer on its way: trailer octets that belong in front of it, and then what is decrypted.
type job struct {
	buf     []byte
	n       int
	iv      [cfb.MaxBlock]byte
	dec     *cfb.Decrypter
	done    chan struct{} // has an element when it is decrypted
	content []byte
}

func newJob(block cipher.Block, n int) *job {
	return &job{buf: make([]byte, trailer+n), dec: cfb.NewDecrypter(block), done: make(chan struct{}, 1)}
}

// read fills the buffer. iv is the block of ciphertext before it, and then its last one.
func (j *job) read(src io.Reader, iv []byte) (err error) {
	data := j.buf[trailer:]
	j.n, err = full.Read(src, data)
	copy(j.iv[:], iv)
	if j.n >= len(iv) { // else it is the end
		copy(iv, data[j.n-len(iv):j.n])
	}
	return err
}

func (j *job) decrypt() {
	j.dec.Reset(j.iv[:])
	j.dec.Decrypt(j.buf[trailer : trailer+j.n])
}

func (j *job) wipe() { clear(j.buf) }
