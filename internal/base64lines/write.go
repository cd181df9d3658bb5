package base64lines

import (
	"encoding/base64"
	"encoding/binary"
	"io"
)

// The lines of MIME are the longest that RFC 2045, Section 6.8, allows; those of PEM are RFC 7468, Section 2.
const (
	mimeLength = 76
	mimeOctets = mimeLength / 4 * 3
	mimeEnd    = "\r\n"
	mimeLine   = mimeLength + len(mimeEnd)

	pemLength = 64
	pemOctets = pemLength / 4 * 3
	pemEnd    = "\n"
	pemLine   = pemLength + len(pemEnd)
)

// blockLines is how many lines are encoded before they are written: 32 KiB are large enough for dst and stay in the cache.
const blockLines = 420

// Writer writes base64 in lines of one length, each with its end, the last one included. It writes nothing for no octets.
type Writer struct {
	dst    io.Writer
	octets int // in a line
	line   int // how long a line is with its end
	end    string
	encode func(out, in []byte) // whole lines

	in  [mimeOctets]byte // the begin of a line
	n   int              // how much of in
	out []byte
	err error
}

// NewWriter returns a Writer to dst of lines of 76 characters that end in CR LF. Its Close writes the last line and does not
// close dst.
func NewWriter(dst io.Writer) *Writer {
	return &Writer{dst: dst, octets: mimeOctets, line: mimeLine, end: mimeEnd, encode: encodeMIME}
}

// NewPEMWriter is NewWriter with lines of 64 characters that end in LF.
func NewPEMWriter(dst io.Writer) *Writer {
	return &Writer{dst: dst, octets: pemOctets, line: pemLine, end: pemEnd, encode: encodePEM}
}

// Write implements io.Writer. What is less than a line waits for more, or for Close.
func (w *Writer) Write(p []byte) (int, error) {
	total := len(p)
	if w.n > 0 {
		k := copy(w.in[w.n:w.octets], p)
		w.n, p = w.n+k, p[k:]
		if w.n == w.octets {
			w.lines(w.in[:w.octets])
			w.n = 0
		}
	}
	whole := len(p) - len(p)%w.octets
	w.lines(p[:whole])
	w.n += copy(w.in[w.n:w.octets], p[whole:])
	if w.err != nil {
		return 0, w.err
	}
	return total, nil
}

// lines writes whole lines.
func (w *Writer) lines(p []byte) {
	for len(p) > 0 && w.err == nil {
		k := min(len(p), blockLines*w.octets)
		need := k / w.octets * w.line
		if cap(w.out) < need {
			w.out = make([]byte, need)
		}
		w.out = w.out[:need]
		w.encode(w.out, p[:k])
		w.write()
		p = p[k:]
	}
}

// write writes out.
func (w *Writer) write() {
	var n int
	if n, w.err = w.dst.Write(w.out); w.err == nil && n != len(w.out) {
		w.err = io.ErrShortWrite
	}
}

// encodeMIME encodes whole lines. The arrays have constant lengths, so that there is no check of a bound in a line.
func encodeMIME(to, from []byte) {
	for len(from) >= mimeOctets && len(to) >= mimeLine {
		out, in := (*[mimeLine]byte)(to), (*[mimeOctets]byte)(from)
		for i, j := 0, 0; i <= mimeOctets-9 && j <= mimeLength-12; i, j = i+6, j+8 {
			binary.LittleEndian.PutUint64(out[j:], Eight(binary.BigEndian.Uint64(in[i:])>>16))
		}
		const i, j = mimeOctets - 3, mimeLength - 4
		v := uint32(in[i])<<16 | uint32(in[i+1])<<8 | uint32(in[i+2])
		binary.LittleEndian.PutUint32(out[j:], uint32(pairs[v>>12])|uint32(pairs[v&0xFFF])<<16)
		out[mimeLength], out[mimeLength+1] = mimeEnd[0], mimeEnd[1]
		to, from = to[mimeLine:], from[mimeOctets:]
	}
}

func encodePEM(to, from []byte) {
	for len(from) >= pemOctets && len(to) >= pemLine {
		out, in := (*[pemLine]byte)(to), (*[pemOctets]byte)(from)
		for i, j := 0, 0; i <= pemOctets-6 && j <= pemLength-8; i, j = i+6, j+8 {
			v := uint64(binary.BigEndian.Uint32(in[i:]))<<16 | uint64(binary.BigEndian.Uint16(in[i+4:]))
			binary.LittleEndian.PutUint64(out[j:], Eight(v))
		}
		out[pemLength] = pemEnd[0]
		to, from = to[pemLine:], from[pemOctets:]
	}
}

// Close writes what is left.
func (w *Writer) Close() error {
	if w.n > 0 && w.err == nil {
		w.out = append(base64.StdEncoding.AppendEncode(w.out[:0], w.in[:w.n]), w.end...)
		w.n = 0
		w.write()
	}
	return w.err
}
