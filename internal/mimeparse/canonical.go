package mimeparse

import (
	"bytes"
	"io"
)

// maxIdle is how often in a row a source may return nothing, as in bufio.
const maxIdle = 100

// Canonical returns what r reads with every line end as CRLF: a line feed alone
// and a carriage return alone become one each, as what is signed needs (RFC
// 8551, Section 3.1.1; RFC 3156, Section 5).
func Canonical(r io.Reader) io.Reader { return &canonical{src: r} }

type canonical struct {
	src io.Reader
	in  []byte
	buf []byte
	out []byte
	cr  bool // the last octet was a carriage return, not written yet
	err error
}

func (c *canonical) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for idle := 0; len(c.out) == 0 && c.err == nil; idle++ {
		if c.in == nil {
			c.in = make([]byte, decodeChunk)
		}
		var n int
		n, c.err = c.src.Read(c.in)
		c.buf = c.convert(c.buf[:0], c.in[:n])
		if c.err != nil && c.cr {
			c.buf = append(c.buf, "\r\n"...)
			c.cr = false
		}
		c.out = c.buf
		if n == 0 && c.err == nil && idle == maxIdle {
			c.err = io.ErrNoProgress
		}
	}
	if len(c.out) == 0 {
		return 0, c.err
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

// convert appends src to dst, but for a carriage return at its end.
func (c *canonical) convert(dst, src []byte) []byte {
	if c.cr && len(src) > 0 {
		c.cr = false
		dst = append(dst, "\r\n"...)
		if src[0] == '\n' {
			src = src[1:]
		}
	}
	for {
		i := bytes.IndexByte(src, '\n')
		line := src
		if i >= 0 {
			line = src[:i]
			if i > 0 && line[i-1] == '\r' {
				line = line[:i-1]
			}
		} else if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
			c.cr = true
		}
		for {
			j := bytes.IndexByte(line, '\r')
			if j < 0 {
				break
			}
			dst = append(append(dst, line[:j]...), "\r\n"...)
			line = line[j+1:]
		}
		dst = append(dst, line...)
		if i < 0 {
			return dst
		}
		dst = append(dst, "\r\n"...)
		src = src[i+1:]
	}
}
