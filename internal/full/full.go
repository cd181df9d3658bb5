// Package full reads buffers full from sources of which nothing is believed.
package full

import (
	"errors"
	"io"
)

// maxEmptyReads is how often in a row a source may return neither bytes nor an error, as in bufio.
const maxEmptyReads = 100

// ErrRead is a source that breaks the contract of io.Reader, which must not become a slice out of range.
var ErrRead = errors.New("full: source's Read returned an impossible count")

// Read reads until b is full or r fails, and returns r's error as it is. io.ReadFull would turn the end of the source into
// io.ErrUnexpectedEOF, and thereby make it equal to a source that was cut off and says so. A hundred Reads in a row that
// return nothing are io.ErrNoProgress.
func Read(r io.Reader, b []byte) (n int, err error) {
	empty := 0
	for n < len(b) && err == nil {
		var m int
		m, err = r.Read(b[n:])
		if m < 0 || m > len(b)-n {
			return n, ErrRead
		}
		n += m
		if m > 0 {
			empty = 0
		} else if empty++; err == nil && empty >= maxEmptyReads {
			err = io.ErrNoProgress
		}
	}
	return n, err
}
