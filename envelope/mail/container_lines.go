package mail

import (
	"bytes"
	"io"
)

// lineEnds ends every line by CR LF, as mail does and armor does not. There is
// no CR in what it is given.
type lineEnds struct {
	dst io.Writer
	buf []byte
}

// lineEndsBlock is how much is gathered for one Write.
const lineEndsBlock = 32 << 10

// Write implements io.Writer.
func (l *lineEnds) Write(p []byte) (int, error) {
	if l.buf == nil {
		l.buf = make([]byte, 0, lineEndsBlock)
	}
	total := len(p)
	for len(p) > 0 {
		// So much that it has room with its line end.
		n := min(len(p), cap(l.buf)-len(l.buf)-2)
		if n <= 0 {
			if err := l.flush(); err != nil {
				return total - len(p), err
			}
			continue
		}
		if i := bytes.IndexByte(p[:n], '\n'); i >= 0 {
			l.buf = append(append(l.buf, p[:i]...), '\r', '\n')
			p = p[i+1:]
			continue
		}
		l.buf = append(l.buf, p[:n]...)
		p = p[n:]
	}
	return total, nil
}

func (l *lineEnds) flush() error {
	_, err := l.dst.Write(l.buf)
	l.buf = l.buf[:0]
	return err
}

// Close writes what is left.
func (l *lineEnds) Close() error { return l.flush() }
