package reread

import (
	"io"
	"os"
)

// Section returns what is left of a src that can be read at any place. A pipe
// is an *os.File too, and says only when asked that it is none of these.
func Section(src io.Reader) (at io.ReaderAt, size int64, ok bool) {
	s, ok := src.(interface {
		io.ReaderAt
		io.Seeker
	})
	if !ok {
		return nil, 0, false
	}
	if f, ok := src.(*os.File); ok {
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			return nil, 0, false
		}
	}
	start, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, 0, false
	}
	end, err := s.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, 0, false
	}
	if _, err := s.Seek(start, io.SeekStart); err != nil || start < 0 {
		return nil, 0, false
	}
	size = max(end-start, 0)
	return io.NewSectionReader(s, start, size), size, true
}
