package opening

import (
	"errors"
	"io"
)

// blockSize is how much is allocated at a time: what a page holds in memory
// grows with what arrives, and nothing is copied to grow it.
const blockSize = 1 << 20

// blocks is a file in memory.
type blocks struct {
	all  [][]byte // each of blockSize but the last
	size int64
}

// Write implements io.Writer.
func (b *blocks) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		last := len(b.all) - 1
		if last < 0 || len(b.all[last]) == blockSize {
			b.all = append(b.all, make([]byte, 0, blockSize))
			last++
		}
		k := min(len(p), blockSize-len(b.all[last]))
		b.all[last] = append(b.all[last], p[:k]...)
		p = p[k:]
	}
	b.size += int64(n)
	return n, nil
}

// ReadAt implements io.ReaderAt.
func (b *blocks) ReadAt(p []byte, at int64) (n int, err error) {
	if at < 0 {
		return 0, errors.New("opening: read in front of the file")
	}
	for n < len(p) && at < b.size {
		k := copy(p[n:], b.all[at/blockSize][at%blockSize:])
		n += k
		at += int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// reader returns a reader of all of it that can also be read at any place.
func (b *blocks) reader() *io.SectionReader { return io.NewSectionReader(b, 0, b.size) }
