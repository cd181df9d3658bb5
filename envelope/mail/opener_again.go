package mail

import (
	"errors"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/ahead"
	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
)

// again is a stream that can be read from its start again, so that no copy of
// it is made by whoever needs it twice.
type again struct {
	open func() io.Reader
	r    io.Reader
	n    int64
}

// rereadable returns a stream of what open returns. A reader that can be closed
// is: in the end by Close.
func rereadable(open func() io.Reader) *again { return &again{open: open, r: open()} }

// Read implements io.Reader.
func (a *again) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	a.n += int64(max(n, 0))
	return n, err
}

var errSeek = errors.New("mail: internal error: a part is read from its start alone")

// Seek goes to the start, or says where it is.
func (a *again) Seek(offset int64, whence int) (int64, error) {
	switch {
	case whence == io.SeekCurrent && offset == 0:
		return a.n, nil
	case whence != io.SeekStart || offset != 0:
		return 0, errSeek
	}
	a.Close()
	a.r, a.n = a.open(), 0
	return 0, nil
}

// Close ends what reads ahead.
func (a *again) Close() error {
	if c, ok := a.r.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// readAhead returns what opens the decoded body of n, of which the octets are
// read and checked in a goroutine, and decoded in another. Its readers have to be
// closed.
func readAhead(n *mimeparse.Node, src io.ReaderAt) func() io.Reader {
	return func() io.Reader {
		next := ahead.New(n.RawBody(src))
		return decoding{n.Decode(next), next}
	}
}

// decoding is a reader that ends what it reads from when it is closed.
type decoding struct {
	io.Reader
	io.Closer
}
