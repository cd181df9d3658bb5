package reread

import (
	"io"

	"github.com/doublekeybox/doublekeybox/internal/chunkmac"
)

// Pin reads the size octets of src once and remembers a MAC of every chunk.
// What src has behind them is no part of the Source. src must stay readable
// until Close and is not closed. Errors are src's, io.ErrUnexpectedEOF where
// there is less, and those of the random source.
func Pin(src io.ReaderAt, size int64) (*Source, error) {
	return NewPinning(src, size).Source()
}

// Pinning is [Pin] for who has something to do with the octets while they are
// read for the first time. It belongs to one goroutine.
type Pinning struct {
	src  io.ReaderAt
	size int64
	macs *chunkmac.List
	off  int64  // of the next chunk
	buf  []byte // the chunk before that
	rest []byte // what was not returned of it
	err  error  // final
}

var _ io.Reader = (*Pinning)(nil)

// NewPinning returns a Pinning of the size octets of src.
func NewPinning(src io.ReaderAt, size int64) *Pinning {
	return &Pinning{src: src, size: max(size, 0)}
}

// Read returns octets of src in their order, io.EOF behind the last, and
// otherwise the errors of Pin, which are final.
func (g *Pinning) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(g.rest) == 0 && !g.next() {
		return 0, g.err
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

// next reads the next chunk. It returns whether there is one.
func (g *Pinning) next() bool {
	if g.macs == nil && g.err == nil {
		g.buf = make([]byte, min(g.size, ChunkSize))
		g.macs, g.err = chunkmac.New()
	}
	if g.err == nil && g.off == g.size {
		g.err = io.EOF
	}
	if g.err != nil {
		return false
	}
	p := g.buf[:min(g.size-g.off, ChunkSize)]
	n, err := g.src.ReadAt(p, g.off)
	switch {
	case n == len(p): // with io.EOF or not
		g.macs.Add(p)
		g.off += int64(n)
		g.rest = p
		return true
	case err == nil || err == io.EOF || n < 0 || n > len(p):
		err = io.ErrUnexpectedEOF
	}
	g.err = err
	return false
}

// Source reads what was not read yet, and returns all of it.
func (g *Pinning) Source() (*Source, error) {
	g.rest = nil
	for g.next() {
	}
	if g.err != io.EOF {
		return nil, g.err
	}
	g.buf, g.rest = nil, nil
	return &Source{size: g.size, src: g.src, macs: g.macs}, nil
}
