package winzip

import (
	"errors"
	"hash"
	"io"
	"runtime"
)

// chunkSize is what one goroutine encrypts at a time.
const chunkSize = 128 << 10

// mostWorkers encrypt at the same time: one core computes HMAC-SHA1 about as
// fast as two encrypt where blocks go one by one, so that more would wait for it.
// There are as many chunks
// as one archive may hold in memory, 1 MiB for all that it needs.
const (
	mostWorkers = 3
	mostChunks  = 5
)

func workers() int { return min(runtime.GOMAXPROCS(0), mostWorkers) }

// chunk is a piece under way. It belongs to a worker from when it is sent until
// it is in done.
type chunk struct {
	buf   []byte
	off   int64
	done  chan struct{} // encrypted, or read and decrypted
	seen  chan struct{} // by the MAC of a Sealer
	err   error         // of reading, by a Reader's worker
	crash any           // what the source panicked with
}

var errSealed = errors.New("winzip: written to after Close or Abort")

// Sealer encrypts what is written to it, on several cores where it is long, and
// writes it to its destination in order, from within Write and Close: a panic
// of the destination is one of its caller. It belongs to one goroutine. One of
// Close and Abort must be called.
type Sealer struct {
	dst    io.Writer
	keys   *Keys
	mac    hash.Hash
	cur    *chunk
	n      int64 // octets before cur
	flying []*chunk
	depth  int
	work   chan *chunk // to the workers; nil: nothing is long yet
	order  chan *chunk // to the goroutine that has mac meanwhile
	err    error       // final
}

// NewSealer returns a Sealer with keys that nothing else was sealed with.
func NewSealer(dst io.Writer, keys *Keys) *Sealer {
	return &Sealer{dst: dst, keys: keys, mac: keys.MAC(), cur: &chunk{}}
}

// Write takes p. Errors are those of the destination, and final.
func (s *Sealer) Write(p []byte) (n int, err error) {
	for len(p) > 0 && s.err == nil {
		m := min(len(p), chunkSize-len(s.cur.buf))
		s.cur.buf = append(s.cur.buf, p[:m]...)
		p, n = p[m:], n+m
		if len(s.cur.buf) == chunkSize {
			s.err = s.submit()
		}
	}
	return n, s.err
}

// submit hands the full chunk to a worker and gets an empty one.
func (s *Sealer) submit() error {
	if s.work == nil {
		// Each worker has one, and as far as there may be more a next one, and
		// this goroutine one.
		s.depth = min(2*workers()+1, mostChunks)
		s.work = make(chan *chunk, s.depth)
		for range workers() {
			go func(work <-chan *chunk) {
				for c := range work {
					s.keys.XORAt(c.buf, c.off)
					c.done <- struct{}{}
				}
			}(s.work)
		}
		s.order = make(chan *chunk, s.depth)
		go func(order <-chan *chunk) {
			for c := range order {
				<-c.done
				s.mac.Write(c.buf)
				c.seen <- struct{}{}
			}
		}(s.order)
	}
	c := s.cur
	if c.done == nil {
		c.done, c.seen = make(chan struct{}, 1), make(chan struct{}, 1)
	}
	c.off = s.n
	s.n += int64(len(c.buf))
	s.work <- c // both have room for all
	s.order <- c
	s.flying = append(s.flying, c)
	s.cur = nil
	if len(s.flying) < s.depth {
		s.cur = &chunk{buf: make([]byte, 0, chunkSize)}
		return nil
	}
	return s.retire()
}

// retire writes the chunk that is longest under way.
func (s *Sealer) retire() error {
	c := s.flying[0]
	s.flying = append(s.flying[:0], s.flying[1:]...)
	<-c.seen
	if err := s.put(c.buf); err != nil {
		return err
	}
	c.buf = c.buf[:0]
	s.cur = c
	return nil
}

func (s *Sealer) put(b []byte) error {
	s.err = io.ErrShortWrite // stays where Write panics, for whoever recovers and goes on
	n, err := s.dst.Write(b)
	s.err = nil
	if err == nil && n != len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// Close writes the rest and returns the tag of all. It does not close the
// destination.
func (s *Sealer) Close() (tag [TagSize]byte, err error) {
	if s.err != nil {
		s.end()
		return tag, s.err
	}
	last := s.cur
	for len(s.flying) > 0 && s.err == nil {
		s.err = s.retire()
	}
	if s.err == nil && len(last.buf) > 0 {
		s.keys.XORAt(last.buf, s.n)
		s.mac.Write(last.buf) // which nobody else has any more
		s.err = s.put(last.buf)
	}
	if s.err == nil {
		tag = Tag(s.mac)
	}
	err = s.err
	s.end()
	return tag, err
}

// Abort ends everything. After Close it does nothing.
func (s *Sealer) Abort() { s.end() }

func (s *Sealer) end() {
	if s.work != nil {
		close(s.work)
		close(s.order)
		s.work, s.order = nil, nil
	}
	if s.cur != nil {
		clear(s.cur.buf) // content that was not encrypted
	}
	s.cur, s.flying = nil, nil
	if s.err == nil {
		s.err = errSealed
	}
}
