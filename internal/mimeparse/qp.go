package mimeparse

import (
	"bytes"
	"io"
)

// maxBlanks is how much white space at once may turn out to be at the end of a
// line; a line has at most 76 octets (RFC 2045, Section 6.7, rule 5), and no
// line of a mail more than 998.
const maxBlanks = 998

// qpDecoder decodes quoted-printable, in pieces. It is tolerant: an equals sign
// that begins nothing stands for itself.
type qpDecoder struct {
	held []byte // the end of what was given, which the next octets decide about

	// blank is set where more white space than is kept back was written at the
	// end of what was given: what follows of it is written too.
	blank bool

	bad bool // an equals sign that begins nothing
}

// decode appends to dst what src decodes to. last says that nothing follows.
func (d *qpDecoder) decode(dst, src []byte, last bool) []byte {
	if len(d.held) > 0 {
		// Held is white space, or an equals sign with what follows it, at the end
		// of what was read: join it with the rest of its line.
		i := bytes.IndexByte(src, '\n') + 1
		if i == 0 {
			i = len(src)
		}
		joined := append(d.held, src[:i]...)
		d.held = nil
		rest := src[i:]
		final := last && len(rest) == 0
		dst = d.lines(dst, joined, final)
		if len(rest) == 0 {
			return dst
		}
		src = rest
	}
	return d.lines(dst, src, last)
}

// lines decodes src, all of it or but for what it holds.
func (d *qpDecoder) lines(dst, src []byte, last bool) []byte {
	for len(src) > 0 {
		i := bytes.IndexByte(src, '\n')
		if i < 0 {
			if last {
				return d.end(dst, d.trim(src), nil)
			}
			return d.line(dst, d.hold(src))
		}
		line, eol := src[:i], src[i:i+1]
		src = src[i+1:]
		if n := len(line); n > 0 && line[n-1] == '\r' {
			eol = []byte("\r\n")
			line = line[:n-1]
		}
		dst = d.end(dst, d.trim(line), eol)
		d.blank = false
	}
	return dst
}

// trim takes away white space at the end of a line, which was added on the way
// (rule 3).
func (d *qpDecoder) trim(line []byte) []byte {
	n := len(bytes.TrimRight(line, " \t"))
	if len(line)-n > maxBlanks || n == 0 && d.blank {
		return line
	}
	return line[:n]
}

// end decodes a whole line: rule 5, a soft line break, takes its end away.
func (d *qpDecoder) end(dst, line, eol []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '=' {
		return d.line(dst, line[:n-1])
	}
	return append(d.line(dst, line), eol...)
}

// hold returns src without what it keeps back: white space at the end of a line
// that is not whole, and the octets of an escape.
func (d *qpDecoder) hold(src []byte) []byte {
	text := bytes.TrimSuffix(src, []byte{'\r'})
	n := len(bytes.TrimRight(text, " \t"))
	switch {
	case n == 0 && d.blank || len(text)-n > maxBlanks:
		d.blank = true
		n = len(text)
	default:
		d.blank = false
	}
	for k := 1; k <= 2 && n-k >= 0; k++ {
		if src[n-k] == '=' {
			n -= k
			break
		}
	}
	d.held = append([]byte(nil), src[n:]...)
	return src[:n]
}

// line decodes what has no line end.
func (d *qpDecoder) line(dst, src []byte) []byte {
	for {
		i := bytes.IndexByte(src, '=')
		if i < 0 {
			break
		}
		dst = append(dst, src[:i]...)
		src = src[i:]
		if len(src) < 3 || unhex(src[1]) < 0 || unhex(src[2]) < 0 {
			d.bad = true
			dst = append(dst, '=')
			src = src[1:]
			continue
		}
		dst = append(dst, byte(unhex(src[1])<<4|unhex(src[2])))
		src = src[3:]
	}
	return append(dst, src...)
}

func (d *qpDecoder) done(n *Node) {
	if d.bad {
		n.find("qp-damaged", true, "the quoted-printable body has an equals sign that begins nothing, where programs differ")
	}
}

// unhex returns the value of a hexadecimal digit, -1 for anything else. Small
// letters are not of RFC 2045, and everybody reads them.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// qpReader decodes quoted-printable.
type qpReader struct {
	src io.Reader
	d   qpDecoder
	in  []byte
	buf []byte
	out []byte
	err error
}

func (r *qpReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.out) == 0 && r.err == nil {
		if r.in == nil {
			r.in = make([]byte, decodeChunk)
		}
		var n int
		n, r.err = r.src.Read(r.in)
		r.buf = r.d.decode(r.buf[:0], r.in[:n], r.err == io.EOF)
		r.out = r.buf
	}
	if len(r.out) == 0 {
		return 0, r.err
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}
