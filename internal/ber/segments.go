package ber

import (
	"errors"
	"io"

	"golang.org/x/crypto/cryptobyte/asn1"
)

// segments is what Writer.Segments returns.
type segments struct {
	w      *Writer
	size   int
	buf    []byte // maxHeader octets for a header, then part of a segment
	closed bool
}

// Segments returns a writer that cuts what is written to it into primitive
// OCTET STRINGs of size octets each, the last one shorter, for use inside a
// constructed OCTET STRING that was opened. As much of a Write as fills whole
// segments is not copied.
//
// Close writes the last segment, if there is anything in it. It closes neither
// the opened element nor the underlying writer; a second Close is an error. The
// Writer must not be used for anything else in between.
func (w *Writer) Segments(size int) io.WriteCloser {
	if size < 1 && w.err == nil {
		w.err = errors.New("ber: segments of less than one octet")
	}
	return &segments{w: w, size: size}
}

// Write adds p to the content.
func (s *segments) Write(p []byte) (int, error) {
	if s.closed {
		return 0, errors.New("ber: write after Close")
	}
	n := 0
	for n < len(p) && s.w.err == nil {
		rest := p[n:]
		held := max(len(s.buf)-maxHeader, 0)
		if held == 0 && len(rest) >= s.size {
			if s.w.Octets(rest[:s.size]) == nil {
				n += s.size
			}
			continue
		}
		if len(s.buf) == 0 {
			s.buf = append(s.buf, make([]byte, maxHeader)...)
		}
		rest = rest[:min(len(rest), s.size-held)]
		// Grown by appending: a short message needs no whole segment.
		s.buf = append(s.buf, rest...)
		n += len(rest)
		if held+len(rest) == s.size {
			s.flush()
		}
	}
	return n, s.w.err
}

// flush writes the buffered octets as one segment, in one Write together with
// their header.
func (s *segments) flush() {
	size := len(s.buf) - maxHeader
	if size <= 0 {
		return
	}
	start := maxHeader - 1 - lengthSize(size)
	AppendHeader(s.buf[start:start], asn1.OCTET_STRING, size)
	s.w.write(s.buf[start:])
	s.buf = s.buf[:maxHeader]
}

// Close writes the last segment.
func (s *segments) Close() error {
	if s.closed {
		return errors.New("ber: second Close")
	}
	s.closed = true
	s.flush()
	s.buf = nil
	return s.w.err
}
