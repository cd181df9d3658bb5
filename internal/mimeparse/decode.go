package mimeparse

import (
	"encoding/base64"
	"io"
)

// Decoded returns the body with its transfer encoding undone. It can be read
// once; call Decoded again to read it again. Damage that is found in the wild
// is tolerated, and is a finding: what is not of the alphabet of base64 is
// skipped. A body that is not base64 at all is an error that wraps
// [ErrEncoding]. The body of a multipart, and that of an encoding that is
// unknown, comes as it is.
func (n *Node) Decoded(src io.ReaderAt) io.Reader {
	raw := n.RawBody(src)
	switch {
	case n.boundary() != nil || n.isMessage():
		return raw
	case n.damaged:
		return failing{}
	case n.Encoding == "base64":
		return &base64Reader{src: raw}
	case n.Encoding == "quoted-printable":
		return &qpReader{src: raw}
	}
	return raw
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, ErrEncoding }

// decodeChunk is how much is read of a body at once.
const decodeChunk = 32 << 10

// base64Reader decodes as base64Size counts.
type base64Reader struct {
	src    io.Reader
	in     []byte
	digits []byte // not decoded yet; fewer than four between reads, unless padded
	padded bool
	out    []byte // decoded, not read yet
	buf    []byte
	err    error
}

func (r *base64Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.out) == 0 && r.err == nil {
		r.next()
	}
	if len(r.out) == 0 {
		return 0, r.err
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

func (r *base64Reader) next() {
	if r.in == nil {
		r.in = make([]byte, decodeChunk)
	}
	n, err := r.src.Read(r.in)
	r.err = err
	r.buf = r.buf[:0]
	for _, c := range r.in[:n] {
		switch classes[c] {
		case digit:
			if r.padded {
				r.group(true)
			}
			r.digits = append(r.digits, c)
		case padding:
			r.padded = true
		}
	}
	r.group(r.padded || err != nil)
	r.out = r.buf
}

// group decodes whole groups, and what is left too at the end of a run.
func (r *base64Reader) group(end bool) {
	whole := len(r.digits) &^ 3
	if end && len(r.digits)-whole > 1 {
		whole = len(r.digits)
	}
	at := len(r.buf)
	r.buf = append(r.buf, make([]byte, base64.RawStdEncoding.DecodedLen(whole))...)
	n, _ := base64.RawStdEncoding.Decode(r.buf[at:], r.digits[:whole]) // digits alone: it cannot fail
	r.buf = r.buf[:at+n]
	if end {
		whole = len(r.digits)
	}
	r.digits = r.digits[:copy(r.digits, r.digits[whole:])]
	if end {
		r.padded = false
	}
}
