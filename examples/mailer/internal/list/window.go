package list

import (
	"bytes"
	"errors"
	"io"
)

// window is a source of which one row at a time is looked at: it knows on which
// line that begins, and ends where a row is too long, so that nothing that
// reads from it can be made to keep more.
type window struct {
	r    io.Reader
	buf  []byte // what was read since the begin of the row
	base int64  // the offset of buf
	line int    // newlines before base
	free bool   // whoever reads keeps to lines by itself
}

var errLong = errors.New("too long")

// ahead is what readers take beyond the row that they are asked for.
const ahead = 4 << 10

// Read implements io.Reader.
func (w *window) Read(p []byte) (int, error) {
	if w.free {
		return w.r.Read(p)
	}
	if len(w.buf) >= maxRow+ahead {
		return 0, errLong
	}
	n, err := w.r.Read(p[:min(len(p), ahead)])
	w.buf = append(w.buf, p[:n]...)
	return n, err
}

// advance says that the next row begins at offset.
func (w *window) advance(offset int64) {
	n := min(int(offset-w.base), len(w.buf))
	w.line += bytes.Count(w.buf[:n], []byte("\n"))
	w.buf = append(w.buf[:0], w.buf[n:]...)
	w.base += int64(n)
}

// lineAt returns the line of offset, from 1.
func (w *window) lineAt(offset int64) int {
	n := max(0, min(int(offset-w.base), len(w.buf)))
	return w.line + bytes.Count(w.buf[:n], []byte("\n")) + 1
}
