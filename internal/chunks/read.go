package chunks

import (
	"io"
	"sync"

	"github.com/doublekeybox/doublekeybox/internal/full"
)

// Reader decrypts. Everything that was authenticated before an error comes
// before the error, and every error is final: io.EOF after the final tag was
// right, ErrAuth, or what the source returned.
//
// After the first batch the source is read from other goroutines, by one at a
// time, also between calls: nobody else may use it before Read returned an error
// or Close returned, and Close must be called unless Read returned an error. A
// panic of the source is continued in Read. The methods may not be called
// concurrently.
type Reader struct {
	in   *input
	cur  *batch // what is being read
	done int    // octets of it that were
	err  error  // after cur
	run  *opening
}

// NewReader returns a Reader of src, which it never closes.
func NewReader(src io.Reader, s *Scheme) *Reader {
	return &Reader{in: &input{Scheme: s, src: src}}
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (n int, err error) {
	for n < len(p) && (n == 0 || r.more()) {
		b, err := r.Lend(len(p) - n)
		if err != nil {
			return 0, err
		}
		n += copy(p[n:], b)
	}
	return n, nil
}

// more reports whether there is something to lend at once.
func (r *Reader) more() bool { return r.cur != nil && r.done < r.cur.n }

// Lend returns the next octets, at least one and at most most, without a copy:
// they are the caller's until the next call. Errors are those of Read.
func (r *Reader) Lend(most int) ([]byte, error) {
	for !r.more() {
		if r.err != nil {
			r.drop()
			return nil, r.err
		}
		r.next()
	}
	s := r.in.Scheme
	n := min(s.Size-r.done%s.Size, r.cur.n-r.done, most) // to the end of the chunk
	at := s.at(r.done)
	r.done += n
	return r.cur.buf[at : at+n], nil
}

// ReadByte implements io.ByteReader.
func (r *Reader) ReadByte() (byte, error) {
	b, err := r.Lend(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// Again returns a Reader of src for another pass over what r read, and closes
// r, whose buffers it goes on with: of large chunks they are much of all memory.
func (r *Reader) Again(src io.Reader, s *Scheme) *Reader {
	r.Close()
	return &Reader{in: &input{Scheme: s, src: src, spare: r.in.spare}}
}

// next takes the next batch. An error of it is set even while octets of it are
// not read: nothing runs any more then.
func (r *Reader) next() {
	r.err = ErrClosed // stays should the source panic
	switch {
	case r.cur == nil:
		b := &batch{done: make(chan struct{}, 1)}
		r.in.first(b)
		r.in.codec().open(b)
		r.cur = b
	case r.run == nil:
		r.run = startOpening(r.in, r.cur)
		r.take()
	default:
		r.run.free <- r.cur // there is room for all
		r.take()
	}
	r.done = 0
	r.err = r.cur.err
}

func (r *Reader) take() {
	r.cur = nil
	b := <-r.run.order
	<-b.done
	if b.err != nil || b.crash != nil {
		r.run.end()
	}
	if b.crash != nil {
		panic(b.crash)
	}
	r.cur = b
}

// drop wipes the last batch.
func (r *Reader) drop() {
	if r.cur != nil {
		r.in.wipe(r.cur)
		r.cur = nil
	}
}

// Close ends the goroutines, for which it may have to wait for one Read of the
// source, and wipes what was not read. A second Close does nothing.
func (r *Reader) Close() error {
	if r.run != nil {
		r.run.end()
	}
	r.drop()
	if r.err == nil || r.err == io.EOF {
		r.err = ErrClosed
	}
	return nil
}

// input cuts the source into batches.
type input struct {
	*Scheme
	src   io.Reader
	carry [TagSize]byte // the last octets that were read: they may be the final tag
	index uint64
	ended bool
	spare [][]byte // wiped, and of no use any more in this pass
}

// wipe makes the buffer of a batch a spare one.
func (in *input) wipe(b *batch) {
	if b.buf != nil {
		clear(b.buf)
		in.spare = append(in.spare, b.buf)
		b.buf = nil
	}
}

// take returns a spare buffer, or nil.
func (in *input) take() (b []byte) {
	if n := len(in.spare) - 1; n >= 0 && len(in.spare[n]) <= in.room() {
		b, in.spare = in.spare[n], in.spare[:n]
	}
	return b
}

// first fills a batch whose buffer grows with what comes.
func (in *input) first(b *batch) {
	n := 0
	b.buf = in.take()
	for b.err == nil && n < in.room() {
		b.buf = grow(b.buf, min(max(firstBuffer, n+1), in.room()), in.room())
		var k int
		k, b.err = full.Read(in.src, b.buf[n:])
		n += k
	}
	in.cut(b, n)
}

// next fills a batch with a buffer of its whole size.
func (in *input) next(b *batch) {
	if b.buf == nil {
		b.buf = in.take()
	}
	b.buf = grow(b.buf, in.room(), in.room())
	copy(b.buf, in.carry[:])
	var n int
	n, b.err = full.Read(in.src, b.buf[TagSize:])
	in.cut(b, TagSize+n)
}

// cut decides what of the n octets in the buffer are chunks. The last of them
// belong to the next batch or are the final tag.
func (in *input) cut(b *batch, n int) {
	b.index, b.last, b.sealed = in.index, false, n-TagSize
	in.ended = b.err != nil
	switch {
	case b.err == nil:
		copy(in.carry[:], b.buf[n-TagSize:n])
		in.index += uint64(in.whole())
	case b.err != io.EOF:
		b.sealed = max(0, b.sealed) / (in.Size + TagSize) * (in.Size + TagSize)
	case n < TagSize:
		b.sealed, b.err = 0, ErrAuth
	default:
		b.last = true
	}
}

// opening is what the workers and the Reader share.
type opening struct {
	mu    sync.Mutex // held to read the source
	in    *input
	order chan *batch // in that of the content
	free  chan *batch
	wait  sync.WaitGroup
	once  sync.Once
	quit  chan struct{}
}

// startOpening starts the workers. b serves again.
func startOpening(in *input, b *batch) *opening {
	n := in.buffers()
	r := &opening{in: in, order: make(chan *batch, n), free: make(chan *batch, n), quit: make(chan struct{})}
	r.free <- b
	for range n - 1 {
		r.free <- &batch{done: make(chan struct{}, 1)}
	}
	for range max(1, min(workers(), n-1)) {
		c := in.codec()
		r.wait.Go(func() {
			for r.step(c) {
			}
		})
	}
	return r
}

// step reads and decrypts one batch and reports whether to go on.
func (r *opening) step(c *codec) bool {
	var b *batch
	finished := false
	defer func() {
		if b == nil || finished {
			return
		}
		if b.crash = recover(); b.crash == nil {
			b.crash = errEnded // runtime.Goexit
		}
		b.done <- struct{}{}
	}()
	if !r.read(&b) {
		return false
	}
	c.open(b)
	finished = true
	more := b.err == nil
	b.done <- struct{}{}
	return more
}

// read fills a batch, by one goroutine at a time.
func (r *opening) read(to **batch) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.quit:
		return false
	default:
	}
	if r.in.ended {
		return false
	}
	select {
	case *to = <-r.free:
	case <-r.quit:
		return false
	}
	b := *to
	r.in.ended = true               // stays should the source panic
	defer func() { r.order <- b }() // which there is room for, also then
	r.in.next(b)
	return true
}

// end ends the goroutines and wipes what they did.
func (r *opening) end() {
	r.once.Do(func() { close(r.quit) })
	r.wait.Wait()
	for {
		select {
		case b := <-r.order:
			r.in.wipe(b)
		case b := <-r.free:
			r.in.wipe(b)
		default:
			return
		}
	}
}
