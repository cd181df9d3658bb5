package pgp

import (
	"encoding/binary"
	"io"
)

// Parts that packets of unknown length are written in, RFC 9580, Section
// 4.2.1.4: large enough that their lengths cost nothing.
const (
	writtenPartBits = 17
	writtenPart     = 1 << writtenPartBits
)

// partWriter writes one packet in parts. Close writes the last part and does
// not close w.
type partWriter struct {
	w     io.Writer
	buf   []byte // room for a header, then what was not written so far
	begun bool
	tag   byte
}

const partHeader = 6

func newPartWriter(w io.Writer, tag byte) *partWriter {
	return &partWriter{w: w, tag: tag}
}

func (p *partWriter) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		k := copy(p.space(len(b)), b)
		n, b = n+k, b[k:]
		if err := p.add(k); err != nil {
			return n, err
		}
	}
	return n, nil
}

// space is where the next octets of the part go: at least one, and more of
// them where so many come.
func (p *partWriter) space(more int) []byte {
	p.room(more)
	return p.buf[len(p.buf):cap(p.buf)]
}

// add makes k octets that are in space a part of the packet.
func (p *partWriter) add(k int) error {
	if p.buf = p.buf[:len(p.buf)+k]; len(p.buf) < partHeader+writtenPart {
		return nil
	}
	return p.flush(224 + writtenPartBits)
}

// room makes room for a part of more octets, and at last for a whole part: what
// is short must not cost as much.
func (p *partWriter) room(more int) {
	if p.buf != nil && len(p.buf) < cap(p.buf) {
		return
	}
	const least = 256
	size := min(max(least, 4*cap(p.buf), partHeader+len(p.buf)+more), partHeader+writtenPart)
	grown := make([]byte, max(partHeader, len(p.buf)), size)
	copy(grown, p.buf)
	clear(p.buf) // may be plaintext
	p.buf = grown
}

// flush writes the buffer with a length in front.
func (p *partWriter) flush(length ...byte) error {
	at := partHeader - len(length)
	copy(p.buf[at:], length)
	if !p.begun {
		p.begun = true
		at--
		p.buf[at] = 0xC0 | p.tag
	}
	_, err := p.w.Write(p.buf[at:])
	p.buf = p.buf[:partHeader]
	return err
}

func (p *partWriter) Close() error {
	p.room(0)
	n := len(p.buf) - partHeader
	if n < 192 {
		return p.flush(byte(n))
	}
	return p.flush(binary.BigEndian.AppendUint32([]byte{255}, uint32(n))...)
}
