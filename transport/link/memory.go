package link

import "errors"

// Memory is a [File] in memory, for objects that are known to be small and where
// there are no files. The zero value is empty. It belongs to one goroutine.
type Memory struct {
	octets []byte
}

// Bytes returns what m holds. It is m's own until the next call.
func (m *Memory) Bytes() []byte { return m.octets }

// WriteAt puts p at octet off, which is at most at the end of what m holds.
func (m *Memory) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off > int64(len(m.octets)) {
		return 0, errors.New("link: nothing can be written behind the end of a Memory")
	}
	n := copy(m.octets[off:], p)
	m.octets = append(m.octets, p[n:]...)
	return len(p), nil
}

// Truncate cuts what m holds to size octets.
func (m *Memory) Truncate(size int64) error {
	if size < 0 || size > int64(len(m.octets)) {
		return errors.New("link: a Memory only becomes shorter")
	}
	clear(m.octets[size:])
	m.octets = m.octets[:size]
	return nil
}
