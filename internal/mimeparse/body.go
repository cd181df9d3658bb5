package mimeparse

import (
	"bytes"
)

// What a body is of.
const (
	leaf     = iota
	preamble // of a multipart, before its first boundary
	epilogue // behind its last
)

// body looks at a body as it goes by.
type body struct {
	node  *Node
	kind  int
	start int64
	least int64 // no boundary's line end begins before
	fed   int64

	last [2]byte // the octets before fed
	crlf bool    // line ends that were seen
	lf   bool
	cr   bool
	text bool // anything but white space was seen

	base64 base64Size
	qp     qpDecoder
	size   int64  // decoded, of quoted-printable
	out    []byte // a piece of that
}

// begin makes of b the body of n that begins at an offset.
func (b *body) begin(n *Node, kind int, at int64) *body {
	*b = body{node: n, kind: kind, start: at, least: at, fed: at, out: b.out[:0]}
	return b
}

// to feeds everything before the offset.
func (b *body) to(from *buffer, offset int64) {
	if offset <= b.fed {
		return
	}
	b.feed(from.buf[b.fed-from.base : offset-from.base])
	b.fed = offset
}

func (b *body) feed(s []byte) {
	if b.node.Encoding == "base64" && b.kind == leaf {
		s = b.regular(s)
		if len(s) == 0 {
			return
		}
	}
	b.piece(s)
}

// piece is feed for what can be anything.
func (b *body) piece(s []byte) {
	b.lineEnds(s)
	if b.node.Encoding != "base64" && b.kind == leaf && bytes.IndexByte(s, 0) >= 0 {
		b.node.find("nul", b.node.Encoding != "binary", "the body has a zero octet, where a line ends for some programs")
	}
	switch {
	case b.kind == epilogue:
		b.text = b.text || len(bytes.TrimSpace(s)) > 0
	case b.kind == preamble:
	case b.node.Encoding == "base64":
		b.base64.feed(s) // a zero octet is none of base64
	case b.node.Encoding == "quoted-printable":
		b.out = b.qp.decode(b.out[:0], s, false)
		b.size += int64(len(b.out))
	}
	if len(s) > 1 {
		b.last = [2]byte{s[len(s)-2], s[len(s)-1]}
	} else {
		b.last = [2]byte{b.last[1], s[0]}
	}
}

// lineEnds notes which line ends s has.
func (b *body) lineEnds(s []byte) {
	crs, lfs := bytes.Count(s, []byte{'\r'}), bytes.Count(s, []byte{'\n'})
	crlfs := 0
	if crs > 0 {
		crlfs = countCRLF(s, lfs)
	}
	if b.last[1] == '\r' {
		if s[0] == '\n' {
			crlfs++
			crs++
		} else {
			b.cr = true
		}
	}
	if s[len(s)-1] == '\r' {
		crs-- // the next octet says what it is
	}
	b.crlf = b.crlf || crlfs > 0
	b.lf = b.lf || lfs > crlfs
	if crs > crlfs {
		b.cr = true
	}
	if !b.cr {
		return
	}
	// A line that begins with dashes for a program that ends lines at a
	// carriage return may be a boundary for it.
	edge := append(b.last[:], s[:min(2, len(s))]...)
	if bytes.Contains(s, []byte("\r--")) || bytes.Contains(edge, []byte("\r--")) {
		b.node.find("bare-cr", true, "two dashes follow a carriage return alone: a line begins there for some programs, and may be a boundary")
	}
}

// countCRLF returns how many of the line feeds in s follow a carriage return.
func countCRLF(s []byte, lfs int) int {
	// Most bodies of any size have lines of one length, as base64 has: it is
	// enough to look where their ends must be. If as many are there as s has
	// line feeds, they are all.
	first := bytes.IndexByte(s, '\n')
	second := first + 1 + bytes.IndexByte(s[first+1:], '\n')
	n := 0
	if first > 0 && second > first {
		for i := first; i < len(s) && s[i] == '\n' && s[i-1] == '\r'; i += second - first {
			n++
		}
	}
	if n == lfs {
		return n
	}
	return bytes.Count(s, []byte("\r\n"))
}

// done says what was found, when the body was read.
func (b *body) done() {
	if b.last[1] == '\r' && b.fed > b.start {
		b.cr = true
	}
	if b.cr {
		b.node.find("bare-cr", false, "the body has a carriage return alone, which ends a line for some programs")
	}
	if b.crlf && b.lf {
		b.node.find("mixed-line-ends", false, "some lines of the body end with CRLF, others with LF")
	}
	switch {
	case b.kind == epilogue:
		if b.text {
			b.node.find("epilogue", false, "behind its last boundary the multipart has text, which belongs to no part")
		}
	case b.kind == preamble:
	case b.node.Encoding == "base64":
		b.node.Size = b.base64.done(b.node)
	case b.node.Encoding == "quoted-printable":
		b.out = b.qp.decode(b.out[:0], nil, true)
		b.node.Size = b.size + int64(len(b.out))
		b.qp.done(b.node)
	default:
		b.node.Size = b.fed - b.start
	}
}
