// Package reread keeps a source so that it can be read again at any place, and
// notices what became of it meanwhile. A mail is parsed, then verified, then
// shown; what is shown has to be what was verified.
//
// [Hold] copies the source: encrypted, in memory and then in a file without a
// name, since what is kept may be a plaintext. [Pin] copies nothing and
// keeps a MAC of every chunk, for a source that can be read again by itself.
package reread

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/doublekeybox/doublekeybox/internal/chunkmac"
)

const (
	// DefaultMemory is how many octets are kept in memory before a file is
	// used: more than most mails, and a twelfth of what a process of this
	// library may hold.
	DefaultMemory = 2 << 20

	// DefaultMax is the longest source, in octets: a message of 64 GiB in
	// base64, with room for what is around it.
	DefaultMax = 128 << 30

	// ChunkSize is what is authenticated at a time, in octets. Whoever reads
	// one octet pays for a chunk, and a chunk costs a tag.
	ChunkSize = 64 << 10

	// overhead is what the encryption of a chunk adds: a nonce and a tag.
	overhead = 12 + 16

	// slots is how many opened chunks are kept for the next ReadAt: readers go
	// forward in small steps, and there is seldom more than a few at once.
	slots = 4
)

var (
	// ErrChanged is returned where the source, or the file it is kept in, is
	// not what it was: other octets, fewer, or none because reading failed.
	ErrChanged = errors.New("reread: the source changed while it was read, or can't be read again")

	// ErrClosed is returned by calls that come after Close.
	ErrClosed = errors.New("reread: already closed")
)

var errOffset = errors.New("reread: negative offset")

// LimitError is returned when the source is longer than [Options.Max].
type LimitError struct {
	Max int64 // octets
}

// Error names the limit.
func (e *LimitError) Error() string {
	return fmt.Sprintf("reread: the source is longer than the limit of %d bytes", e.Max)
}

// Options are how much is kept of a source, and where. The zero value is usable.
type Options struct {
	Memory int64  // octets kept in memory before a file is used; 0 means [DefaultMemory]
	Dir    string // where that file is made; "" means [os.TempDir]
	Max    int64  // octets that the source may have; 0 means [DefaultMax]
}

// Source is what was kept. All its methods are safe for concurrent use. Close
// must be called.
type Source struct {
	size int64

	// Of a copy. Chunk i is encrypted with i as additional data, so that no
	// chunk stands for another, and its nonce is random: a key is used
	// for 2^21 chunks at most, far below the 2^32 of NIST SP 800-38D, Section 8.3.
	aead cipher.AEAD
	mem  [][]byte // nil: in file
	file *os.File

	// Of a source that is not copied.
	src  io.ReaderAt
	macs *chunkmac.List

	mu    sync.Mutex
	cache [slots]*slot // the latest first, nil behind
	made  int          // slots in the cache, and taken from it
	gone  bool
}

// slot is one chunk as it was before it was kept, checked.
type slot struct {
	i     int64
	plain []byte
	raw   []byte // where it is read to from file
}

var _ interface {
	io.ReaderAt
	io.WriterTo
	io.Closer
} = (*Source)(nil)

// Size returns how long the source is, in octets.
func (s *Source) Size() int64 { return s.size }

// ReadAt returns octets of the source as it was, each of which belongs to a
// chunk that was checked. Its errors are io.EOF, ErrClosed and those that wrap
// ErrChanged.
func (s *Source) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errOffset
	}
	for n < len(p) {
		if off >= s.size {
			return n, io.EOF
		}
		m, err := s.readChunk(p[n:], off)
		n += m
		off += int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// readChunk copies what p has room for of the one chunk that off is in.
func (s *Source) readChunk(p []byte, off int64) (int, error) {
	c, err := s.chunk(off / ChunkSize)
	if err != nil {
		return 0, err
	}
	n := copy(p, c.plain[off%ChunkSize:])
	s.give(c)
	return n, nil
}

// WriteTo writes the source as it was to w, each chunk after it was checked. Its
// errors are those of ReadAt but for io.EOF, and those of w as they are.
func (s *Source) WriteTo(w io.Writer) (n int64, err error) {
	for n < s.size {
		c, err := s.chunk(n / ChunkSize)
		if err != nil {
			return n, err
		}
		// Not a copy: io.Writer may neither change it nor keep it.
		m, err := w.Write(c.plain)
		if err == nil && m != len(c.plain) {
			err = io.ErrShortWrite
		}
		s.give(c)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// chunk returns the slot of chunk i, loaded, which is the caller's until give.
func (s *Source) chunk(i int64) (*slot, error) {
	c, err := s.take(i)
	if err != nil || c.i == i {
		return c, err
	}
	c.i = i
	if err := s.load(c); err != nil {
		return nil, err
	}
	return c, nil
}

// take returns the slot of chunk i, or another one to load the chunk into,
// which is the caller's until give: what others read is not touched.
func (s *Source) take(i int64) (*slot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return nil, ErrClosed
	}
	at := -1
	for j, c := range s.cache {
		if c != nil && c.i == i {
			at = j
			break
		}
	}
	for j := slots - 1; at < 0 && s.made >= slots && j >= 0; j-- {
		if s.cache[j] != nil {
			at = j // while others are taken
		}
	}
	if at < 0 {
		s.made++
		return &slot{i: -1}, nil
	}
	c := s.cache[at]
	copy(s.cache[at:], s.cache[at+1:])
	s.cache[slots-1] = nil
	return c, nil
}

// give puts a loaded slot first. Where readers at once made more slots than
// there is room for, the last is dropped.
func (s *Source) give(c *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return
	}
	if s.cache[slots-1] != nil {
		s.made--
	}
	copy(s.cache[1:], s.cache[:slots-1])
	s.cache[0] = c
}

// load reads and checks the chunk that c is for. After an error c is dropped,
// and one fewer is kept from then on.
func (s *Source) load(c *slot) error {
	length := int(min(s.size-c.i*ChunkSize, ChunkSize))
	if cap(c.plain) < length {
		c.plain = make([]byte, length)
	}
	c.plain = c.plain[:length]
	s.mu.Lock()
	mem, file, src, gone := s.mem, s.file, s.src, s.gone
	s.mu.Unlock()
	switch {
	case gone:
		return ErrClosed
	case src != nil:
		if err := readAt(src, c.plain, c.i*ChunkSize); err != nil {
			return err
		}
		if !s.macs.OK(int(c.i), c.plain) {
			return ErrChanged
		}
		return nil
	case file == nil:
		return s.open(c, mem[c.i])
	}
	if cap(c.raw) < length+overhead {
		c.raw = make([]byte, length+overhead)
	}
	c.raw = c.raw[:length+overhead]
	if err := readAt(file, c.raw, c.i*(ChunkSize+overhead)); err != nil {
		return err
	}
	return s.open(c, c.raw)
}

func (s *Source) open(c *slot, sealed []byte) error {
	plain, err := s.aead.Open(c.plain[:0], nil, sealed, index(c.i))
	if err != nil || len(plain) != len(c.plain) {
		return ErrChanged
	}
	return nil
}

// index is the additional data of chunk i.
func index(i int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }

// readAt reads p full, and believes no count.
func readAt(src io.ReaderAt, p []byte, off int64) error {
	n, err := src.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil // with io.EOF or not
	case err == nil || err == io.EOF || n < 0 || n > len(p):
		return ErrChanged
	default:
		return fmt.Errorf("%w: %w", ErrChanged, err)
	}
}

// Close frees what is kept. It does not close the source that was pinned. A
// second Close does nothing.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return nil
	}
	s.gone = true
	s.mem, s.cache = nil, [slots]*slot{}
	if s.file == nil {
		return nil
	}
	if err := s.file.Close(); err != nil {
		return fmt.Errorf("reread: can't close the temporary file: %w", err)
	}
	return nil
}
