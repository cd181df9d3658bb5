package base64lines

import (
	"encoding/base64"
	"encoding/binary"
	"io"
)

// Lines of 76 characters are the longest that RFC 2045, Section 6.8, allows.
const (
	lineLength = 76
	lineOctets = lineLength / 4 * 3
)

// blockLines is how many lines are encoded before they are written: 32 KiB are large enough for dst and stay in the cache.
const blockLines = 420

// Writer writes base64 in lines of 76 characters that end in CR LF, the last one included. It writes nothing for no octets.
type Writer struct {
	dst io.Writer
	in  [lineOctets]byte // the begin of a line
	n   int              // how much of in
	out []byte
	err error
}

// NewWriter returns a Writer to dst. Its Close writes the last line and does not close dst.
func NewWriter(dst io.Writer) *Writer { return &Writer{dst: dst} }

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	total := len(p)
	if w.n > 0 {
		k := copy(w.in[w.n:], p)
		w.n, p = w.n+k, p[k:]
		if w.n == lineOctets {
			w.lines(w.in[:])
			w.n = 0
		}
	}
	whole := len(p) - len(p)%lineOctets
	w.lines(p[:whole])
	if w.n == 0 {
		w.n = copy(w.in[:], p[whole:])
	}
	if w.err != nil {
		return 0, w.err
	}
	return total, nil
}

// lines writes whole lines.
func (w *Writer) lines(p []byte) {
	for len(p) > 0 && w.err == nil {
		k := min(len(p), blockLines*lineOctets)
		need := k / lineOctets * (lineLength + 2)
		if cap(w.out) < need {
			w.out = make([]byte, need)
		}
		out := w.out[:need]
		for in := p[:k]; len(in) >= lineOctets; in = in[lineOctets:] {
			encodeLine((*[lineLength + 2]byte)(out), (*[lineOctets]byte)(in))
			out = out[lineLength+2:]
		}
		_, w.err = w.dst.Write(w.out[:need])
		p = p[k:]
	}
}

func encodeLine(out *[lineLength + 2]byte, in *[lineOctets]byte) {
	for i, j := 0, 0; i <= lineOctets-9 && j <= lineLength-12; i, j = i+6, j+8 {
		binary.LittleEndian.PutUint64(out[j:], Eight(binary.BigEndian.Uint64(in[i:])>>16))
	}
	const i, j = lineOctets - 3, lineLength - 4
	v := uint32(in[i])<<16 | uint32(in[i+1])<<8 | uint32(in[i+2])
	binary.LittleEndian.PutUint32(out[j:], uint32(pairs[v>>12])|uint32(pairs[v&0xFFF])<<16)
	out[lineLength], out[lineLength+1] = '\r', '\n'
}

// Close writes what is left.
func (w *Writer) Close() error {
	if w.n > 0 && w.err == nil {
		line := base64.StdEncoding.AppendEncode(w.out[:0], w.in[:w.n])
		w.n = 0
		_, w.err = w.dst.Write(append(line, '\r', '\n'))
	}
	return w.err
}
