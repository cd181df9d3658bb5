// Package spool makes a source readable twice and notices when it changed in between.
//
// A message that is authenticated only at its end has to be read to that end before a byte of it may be released, and read again to
// release it. Whoever can write to the source between the two passes must not get in what the first pass did not authenticate.
// So the first pass leaves, in memory, a MAC of every chunk under a key that nobody else knows, and the second pass
// releases a chunk only after its MAC was right.
//
// What is kept is kept as it was read, in memory and in a file that nobody else can open, but not encrypted: only
// ciphertext may be read through a [Source].
package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/doublekeybox/doublekeybox/internal/chunkmac"
	"github.com/doublekeybox/doublekeybox/internal/full"
	"github.com/doublekeybox/doublekeybox/internal/unnamed"
)

const (
	// DefaultMemory is what is kept in memory of a source that can't be read twice, in bytes, before a file is used: more
	// than most mails, and a twelfth of what a process of this library may hold: growing, the heap takes twice of it.
	DefaultMemory = 2 << 20

	// DefaultMax is the longest source, in bytes. A message of 64 GiB in base64, with room for what is around it, fits; its MACs
	// take 8 MiB.
	DefaultMax = 128 << 30

	// ChunkSize is what one MAC is for, in bytes: 64 bytes of memory per MiB of source.
	ChunkSize = 256 << 10

	// firstBuffer is the smallest buffer: a message of 1 KiB should not pay for a whole chunk.
	firstBuffer = 4 << 10
)

var (
	// ErrChanged is returned by the second pass where the source is not what it was in the first: different bytes, fewer,
	// more, or none because reading failed.
	ErrChanged = errors.New("spool: the source changed while it was read, or can't be read again")

	// ErrClosed is returned by calls that come after Close.
	ErrClosed = errors.New("spool: already closed")
)

var (
	errOnce       = errors.New("spool: nothing was kept for another pass")
	errEnded      = errors.New("spool: the first pass has ended")
	errSuperseded = errors.New("spool: a later pass has begun")
)

// LimitError is returned when the source is longer than [Options.Max].
type LimitError struct {
	Max int64 // bytes
}

// Error names the limit.
func (e *LimitError) Error() string {
	return fmt.Sprintf("spool: the source is longer than the limit of %d bytes", e.Max)
}

// Options are how much of a source is kept, and where. The zero value is usable.
type Options struct {
	// Memory is how many bytes of a source that can't be read twice are kept in memory before a file is used. 0 means
	// [DefaultMemory]. One chunk is always in memory.
	Memory int64

	// Dir is where that file is made. Empty means [os.TempDir].
	Dir string

	// Max is how many bytes the source may have. 0 means [DefaultMax].
	Max int64
}

// Source is a source that is read twice. Its methods and those of its readers may not be called concurrently.
type Source struct {
	src   io.Reader
	seek  io.ReadSeeker // src, if it can be read twice by itself
	fixed bool          // and it is the same then: src is a *Fixed
	start int64         // where seek stood
	o     Options

	macs  *chunkmac.List
	cur   []byte   // the chunk that is not complete yet
	mem   [][]byte // complete chunks kept in memory
	file  *os.File // complete chunks on disk, once there are too many for memory
	n     int64    // bytes that the first pass read
	eof   bool     // the first pass read all there was
	err   error    // of the first pass, final
	ended bool
	once  bool // Once was called
	pass  int  // which call of Again is the latest
	gone  bool
}

var _ io.ReadCloser = (*Source)(nil)

// Fixed is a source that does not change, or whose Read fails where it did: somebody checks already what it is read from. A Source
// of a *Fixed leaves no MACs, and believes it. No other package's caller can make one.
type Fixed struct{ io.ReadSeeker }

// New returns a Source that reads src from where it stands. A source that can seek is read twice: an [io.ReadSeeker] that says where
// it stands and, if it is a file, is a regular one. A pipe, a terminal or a device is an *os.File too. Whatever else is kept in
// memory and then in a file. src is never closed.
func New(src io.Reader, o Options) *Source {
	if o.Memory <= 0 {
		o.Memory = DefaultMemory
	}
	if o.Max <= 0 {
		o.Max = DefaultMax
	}
	s := &Source{src: src, o: o}
	if seek, ok := src.(io.ReadSeeker); ok && regular(src) {
		if at, err := seek.Seek(0, io.SeekCurrent); err == nil {
			s.seek, s.start = seek, at
			_, s.fixed = src.(*Fixed)
		}
	}
	return s
}

// regular reports whether src is a regular file, or no file at all. Terminals and some devices answer Seek without
// an error, and then yield something else.
func regular(src io.Reader) bool {
	f, ok := src.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return true
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

// Read is the first pass. It returns src's errors as they are, a [*LimitError] if src is too long, and an error that
// names the directory if what has to be kept can't be. Every error is final.
func (s *Source) Read(p []byte) (int, error) {
	switch {
	case s.gone:
		return 0, ErrClosed
	case s.ended:
		return 0, errEnded
	case s.err != nil:
		return 0, s.err
	case len(p) == 0:
		return 0, nil
	}
	if room := s.o.Max - s.n; int64(len(p)) > room {
		p = p[:room+1]
	}
	n, err := s.src.Read(p)
	switch {
	case n < 0 || n > len(p):
		n, err = 0, full.ErrRead
	case int64(n) > s.o.Max-s.n:
		n, err = 0, &LimitError{Max: s.o.Max}
	}
	switch {
	case n > 0 && (s.once || s.fixed):
		s.n += int64(n)
	case n > 0:
		if e := s.keep(p[:n]); e != nil {
			n, err = 0, e
		}
	}
	s.err = err
	s.eof = err == io.EOF
	return n, err
}

// keep takes note of the next bytes of the first pass.
func (s *Source) keep(p []byte) error {
	s.n += int64(len(p))
	if s.seek == nil && s.file == nil && s.n > s.o.Memory {
		if err := s.spill(); err != nil {
			return err
		}
	}
	for len(p) > 0 {
		// A whole chunk in the caller's buffer needs no copy, unless it has to stay in memory.
		if len(s.cur) == 0 && len(p) >= ChunkSize && !s.inMemory() {
			if err := s.complete(p[:ChunkSize]); err != nil {
				return err
			}
			p = p[ChunkSize:]
			continue
		}
		if len(s.cur) == cap(s.cur) {
			s.grow(len(p))
		}
		m := copy(s.cur[len(s.cur):cap(s.cur)], p)
		s.cur = s.cur[:len(s.cur)+m]
		p = p[m:]
		if len(s.cur) < ChunkSize {
			continue
		}
		if s.inMemory() {
			s.mem = append(s.mem, s.cur)
			s.cur = nil
			continue
		}
		if err := s.complete(s.cur); err != nil {
			return err
		}
		s.cur = s.cur[:0]
	}
	return nil
}

// grow gives cur a larger capacity, of at most a chunk.
func (s *Source) grow(want int) {
	size := ChunkSize
	if s.n < ChunkSize {
		size = min(max(4*cap(s.cur), firstBuffer, len(s.cur)+want), ChunkSize)
	}
	s.cur = append(make([]byte, 0, size), s.cur...)
}

// inMemory reports whether what was read so far is in memory, where nobody else can change it.
func (s *Source) inMemory() bool { return s.seek == nil && s.file == nil }

// complete leaves the MAC of a chunk, and the chunk in the spool file if there is one.
func (s *Source) complete(chunk []byte) error {
	if s.macs == nil {
		m, err := chunkmac.New()
		if err != nil {
			return err
		}
		s.macs = m
	}
	s.macs.Add(chunk)
	if s.file == nil {
		return nil
	}
	if _, err := s.file.Write(chunk); err != nil {
		return s.fileError(err)
	}
	return nil
}

// spill moves what is in memory to a file.
func (s *Source) spill() error {
	if s.o.Dir == "" {
		s.o.Dir = os.TempDir()
	}
	f, err := unnamed.File(s.o.Dir)
	if err != nil {
		return s.fileError(err)
	}
	s.file = f
	for i, chunk := range s.mem {
		if err := s.complete(chunk); err != nil {
			return err
		}
		s.mem[i] = nil
	}
	s.mem = nil
	return nil
}

func (s *Source) fileError(err error) error {
	return fmt.Errorf("spool: can't keep the message in a temporary file in %.80q, choose a directory with more room: %w", s.o.Dir, err)
}

// Close removes the spool file and frees the memory. Readers that Again returned fail from now on. It doesn't close the source. A second
// Close does nothing.
func (s *Source) Close() error {
	if s.gone {
		return nil
	}
	s.gone = true
	s.cur, s.mem, s.macs = nil, nil, nil
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	if err != nil {
		return s.fileError(err)
	}
	return nil
}
