package winzip

import (
	"errors"
	"io"
)

// ErrClosed is returned by a Read after Close.
var ErrClosed = errors.New("winzip: already closed")

// Plain decrypts at any place. The source is one encrypted entry whose tag was
// found right: nothing is authenticated here.
type Plain struct {
	Src  io.ReaderAt
	Off  int64 // where the encrypted octets begin in Src
	Size int64
	Keys *Keys
}

// ReadAt implements io.ReaderAt, and is safe for concurrent use where Src is.
func (p *Plain) ReadAt(b []byte, off int64) (n int, err error) {
	switch {
	case off < 0:
		return 0, errors.New("winzip: negative offset")
	case off >= p.Size:
		return 0, io.EOF
	}
	want := b[:min(int64(len(b)), p.Size-off)]
	n, err = p.Src.ReadAt(want, p.Off+off)
	if n < 0 || n > len(want) {
		return 0, io.ErrNoProgress
	}
	p.Keys.XORAt(want[:n], off)
	switch {
	case n < len(want) && (err == nil || err == io.EOF):
		err = io.ErrUnexpectedEOF
	case n == len(want):
		err = nil
		if n < len(b) {
			err = io.EOF
		}
	}
	return n, err
}

// Reader reads a part of a source from its begin to its end, ahead of its
// caller and on several cores where it is long. It belongs to one goroutine.
// Close must be called.
type Reader struct {
	src     io.ReaderAt
	at, end int64 // what no worker has yet
	align   int64
	cur     []byte
	buf     *chunk // that cur is in
	flying  []*chunk
	work    chan *chunk // nil: it is short
	chunks  int         // that may still be made
	err     error
}

// NewReader returns a Reader of the n octets at off. What is read at a time
// begins where off + align is a multiple of 64 KiB, if anything does: src may
// authenticate chunks of that size.
func NewReader(src io.ReaderAt, off, n, align int64) *Reader {
	return &Reader{src: src, at: off, end: off + n, align: align}
}

// Read implements io.Reader. A panic of the source comes out of here.
func (r *Reader) Read(p []byte) (int, error) {
	for len(r.cur) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		if r.err = r.next(); r.err != nil {
			r.stop()
		}
	}
	n := copy(p, r.cur)
	r.cur = r.cur[n:]
	return n, nil
}

// next makes cur the next chunk and keeps the workers busy.
func (r *Reader) next() error {
	if r.work == nil && r.end-r.at > chunkSize {
		depth := min(workers()+2, mostChunks)
		r.work = make(chan *chunk, depth)
		for range workers() {
			go r.fill(r.work)
		}
		r.chunks = depth
	}
	if r.work == nil {
		if r.at == r.end {
			return io.EOF
		}
		c := &chunk{buf: make([]byte, r.end-r.at), off: r.at}
		r.at = r.end
		n, err := r.src.ReadAt(c.buf, c.off)
		return r.take(c, n, err)
	}
	if r.buf != nil {
		r.send(r.buf)
		r.buf = nil
	}
	for r.chunks > 0 && r.at < r.end {
		r.chunks--
		r.send(&chunk{done: make(chan struct{}, 1)})
	}
	if len(r.flying) == 0 {
		return io.EOF
	}
	c := r.flying[0]
	r.flying = append(r.flying[:0], r.flying[1:]...)
	<-c.done
	if c.crash != nil {
		crash := c.crash
		r.err = ErrClosed // for whoever recovers and goes on
		r.stop()
		panic(crash)
	}
	r.buf = c
	return r.take(c, len(c.buf), c.err)
}

func (r *Reader) take(c *chunk, n int, err error) error {
	switch {
	case n == len(c.buf) && (err == nil || err == io.EOF):
		r.cur = c.buf
		return nil
	case err == nil || err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}

// send gives c the next octets to read, if any are left.
func (r *Reader) send(c *chunk) {
	n := min(r.end-r.at, chunkSize)
	if n == 0 {
		return
	}
	if rest := (r.at + r.align) % (64 << 10); rest != 0 && n == chunkSize {
		n -= rest
	}
	if cap(c.buf) < int(n) {
		c.buf = make([]byte, n, chunkSize)
	}
	c.buf, c.off, c.err = c.buf[:n], r.at, nil
	r.at += n
	r.flying = append(r.flying, c)
	r.work <- c // has room for all
}

// fill reads for chunks until there are no more.
func (r *Reader) fill(work <-chan *chunk) {
	for c := range work {
		r.load(c, work)
		c.done <- struct{}{}
	}
}

// load reads one chunk. A source that panics, or ends its goroutine, must not
// end the program: its caller hears of it.
func (r *Reader) load(c *chunk, work <-chan *chunk) {
	finished := false
	defer func() {
		if finished {
			return
		}
		if c.crash = recover(); c.crash == nil {
			c.crash = errEnded // runtime.Goexit
			c.done <- struct{}{}
			go r.fill(work) // for those who wait for other chunks
		}
	}()
	n, err := r.src.ReadAt(c.buf, c.off)
	if n == len(c.buf) {
		err = nil
	} else if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	c.err = err
	finished = true
}

var errEnded = errors.New("winzip: the goroutine of a ReadAt was ended from inside")

// Close ends everything. A second Close does nothing.
func (r *Reader) Close() error {
	if r.err == nil || r.err == io.EOF {
		r.err = ErrClosed
	}
	r.stop()
	return nil
}

// stop waits for what is under way, since it may read from what the caller
// closes next, and forgets content.
func (r *Reader) stop() {
	if r.work != nil {
		close(r.work)
		r.work = nil
	}
	for _, c := range r.flying {
		<-c.done
	}
	if r.err != nil && r.err != io.EOF {
		r.cur = nil
	}
	r.flying, r.buf = nil, nil
	r.at = r.end
}
