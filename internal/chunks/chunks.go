// Package chunks encrypts and decrypts content that is cut into chunks with an
// AEAD each and a final tag over their number, on a few cores at once: OpenPGP's
// version 2 Symmetrically Encrypted and Integrity Protected Data packet (RFC
// 9580, Section 5.13.2), and LibrePGP's packet 20.
//
// Nothing of a chunk is released before all of it was authenticated, and io.EOF
// not before the final tag was, without which a message could be cut between two
// chunks.
//
// What is shorter than one batch is done in the caller's goroutine, with
// buffers of its own size. Beyond that a few goroutines take turns: each carries
// a batch of chunks through all that has to be done to it, so that it stays in
// one core's cache.
package chunks

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"runtime"
)

var (
	// ErrAuth is returned for everything that depends on the key: a chunk or
	// the final tag is not authentic, or there is too little for them.
	ErrAuth = errors.New("chunks: not authentic")

	// ErrClosed is returned by calls that come after Close or Abort, or after
	// a panic of the caller's Reader or Writer.
	ErrClosed = errors.New("chunks: used after it was closed")
)

var errEnded = errors.New("chunks: the goroutine of a Read or Write was ended from inside")

// TagSize is how many octets the tag of every chunk and the final one have.
const TagSize = 16

const (
	// batchSize is how much content is handed over at a time: handing over
	// costs some microseconds, and encrypting so much some thirty.
	batchSize = 128 << 10

	// mostWorkers and mostBuffers bound an envelope to 512 KiB as long as
	// chunks are not larger than a batch.
	mostWorkers = 3
	mostBuffers = 4

	// mostBuffered is how much the buffers of larger chunks may have together:
	// of the largest that OpenPGP has, 4 MiB, there is one, and nothing is read
	// ahead.
	mostBuffered = 4 << 20

	// firstBuffer is what reading begins with.
	firstBuffer = 4 << 10
)

// Scheme is how a container cuts, numbers and authenticates chunks.
type Scheme struct {
	// AEAD returns one with the message's key, and tags of TagSize. It is called
	// once for each goroutine and may be called by several at once; what it
	// returns needs not be safe for concurrent use.
	AEAD func() cipher.AEAD

	// IV is a nonce into whose last eight octets the index of a chunk is xored.
	// SEIPDv2 puts the index behind a part of the nonce: that part and zeros.
	IV []byte

	// Data is authenticated with each chunk. Behind it comes the index of the
	// chunk if Indexed, and with the final tag the number of octets.
	Data    []byte
	Indexed bool

	// Size is how many octets a chunk has; the last one may have fewer.
	Size int
}

// at is where octet n of a batch lies: behind each chunk is room for its tag.
func (s *Scheme) at(n int) int { return n/s.Size*(s.Size+TagSize) + n%s.Size }

// whole is how many chunks a batch has, but for the last one.
func (s *Scheme) whole() int { return max(1, batchSize/s.Size) }

// room is the size of a batch's buffer, with the final tag.
func (s *Scheme) room() int { return s.at(s.whole()*s.Size) + TagSize }

// batch is a few chunks on their way.
type batch struct {
	buf   []byte
	index uint64 // of the first chunk
	n     int    // octets of plaintext
	last  bool   // the final tag follows
	err   error  // what comes after the n octets

	// Of opening alone.
	sealed int // octets of ciphertext, the final tag not counted
	crash  any
	done   chan struct{} // has an element when n and err are known
}

// codec encrypts or decrypts for one goroutine.
type codec struct {
	*Scheme
	aead  cipher.AEAD
	nonce []byte
	data  []byte
}

func (s *Scheme) codec() *codec {
	return &codec{
		Scheme: s, aead: s.AEAD(),
		nonce: make([]byte, len(s.IV)), data: append(make([]byte, 0, len(s.Data)+16), s.Data...),
	}
}

// number sets nonce and data for a chunk.
func (c *codec) number(index uint64) {
	low := copy(c.nonce, c.IV) - 8
	binary.BigEndian.PutUint64(c.nonce[low:], binary.BigEndian.Uint64(c.IV[low:])^index)
	c.data = c.data[:len(c.Data)]
	if c.Indexed {
		c.data = binary.BigEndian.AppendUint64(c.data, index)
	}
}

// finish sets them for the final tag. All chunks before the batch are whole.
func (c *codec) finish(b *batch, index uint64) {
	c.number(index)
	c.data = binary.BigEndian.AppendUint64(c.data, b.index*uint64(c.Size)+uint64(b.n))
}

// seal encrypts a batch in place and returns the ciphertext. Content without an
// octet is one chunk without one.
func (c *codec) seal(b *batch) []byte {
	index, at := b.index, 0
	for left := b.n; left > 0 || b.last && index == 0; index++ {
		n := min(left, c.Size)
		c.number(index)
		c.aead.Seal(b.buf[at:at], c.nonce, b.buf[at:at+n], c.data)
		at += n + TagSize
		left -= n
	}
	if b.last {
		c.finish(b, index)
		c.aead.Seal(b.buf[at:at], c.nonce, nil, c.data)
		at += TagSize
	}
	return b.buf[:at]
}

// open decrypts a batch in place. It ends before a chunk that is not authentic.
func (c *codec) open(b *batch) {
	index, at := b.index, 0
	b.n = 0
	for left := b.sealed; left > 0; index++ {
		n := min(left, c.Size+TagSize)
		c.number(index)
		if _, err := c.aead.Open(b.buf[at:at], c.nonce, b.buf[at:at+n], c.data); err != nil || n < TagSize {
			b.err = ErrAuth
			clear(b.buf[at:])
			return
		}
		b.n += n - TagSize
		at += n
		left -= n
	}
	if !b.last {
		return
	}
	c.finish(b, index)
	if _, err := c.aead.Open(b.buf[at:at], c.nonce, b.buf[at:at+TagSize], c.data); err != nil {
		b.err = ErrAuth
	}
}

// workers is how many goroutines are worth their buffers.
func workers() int { return min(runtime.GOMAXPROCS(0), mostWorkers) }

// buffers is how many batches there are: one for each worker, one that the
// caller has, and one between them, as far as there is room.
func (s *Scheme) buffers() int {
	return max(1, min(workers()+2, mostBuffers, mostBuffered/(s.whole()*s.Size)))
}

// grow returns b with at least need octets, as it is or in a new slice, four
// times as large and at most limit, with the old one wiped: what is short must
// not cost a buffer for what is long.
func grow(b []byte, need, limit int) []byte {
	if len(b) >= need {
		return b
	}
	size := max(4*len(b), need)
	if size > limit/2 { // rather than twice a large one
		size = limit
	}
	grown := make([]byte, size)
	copy(grown, b)
	clear(b)
	return grown
}
