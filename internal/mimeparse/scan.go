package mimeparse

import (
	"bytes"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/full"
)

const (
	bufferSize = 256 << 10

	// firstRead is what is read of a source of unknown size before the whole
	// buffer is made: most parts of most mails are shorter.
	firstRead = 16 << 10

	// unknown is a size that is not known yet.
	unknown = -1

	// maxBoundary is the longest boundary that is looked for: RFC 2046, Section
	// 5.1.1, allows 70, and no line of a mail is longer than 998 octets.
	maxBoundary = 998

	// maxPadding is how much white space may stand behind a boundary in its line.
	maxPadding = 998

	longestLine = len("--") + maxBoundary + len("--") + maxPadding + len("\r\n")
)

// buffer reads a source forward. buf[:n] are the octets from base on, and r is
// where the parser stands in them. The two octets before r are kept.
type buffer struct {
	src     io.Reader
	size    int64 // of the source; unknown until its end was read, if that is not stated
	base    int64
	buf     []byte
	r, n    int
	pending *body // wants every octet that leaves the buffer
}

func (b *buffer) pos() int64 { return b.base + int64(b.r) }

func (b *buffer) eof() bool { return b.base+int64(b.n) == b.size }

// ensure has more than want octets behind r, unless the source ends before:
// then eof knows.
func (b *buffer) ensure(want int) error {
	if b.n-b.r > want || b.eof() {
		return nil
	}
	return b.fill()
}

// fill drops what is before r, but for two octets, and fills the buffer.
func (b *buffer) fill() error {
	keep := max(0, b.r-2)
	if b.pending != nil {
		b.pending.to(b, b.base+int64(keep))
	}
	copy(b.buf, b.buf[keep:b.n])
	b.base += int64(keep)
	b.r -= keep
	b.n -= keep
	free := b.buf[b.n:]
	if b.size != unknown {
		free = free[:min(int64(len(free)), b.size-b.base-int64(b.n))]
	}
	n, err := full.Read(b.src, free)
	b.n += n
	switch {
	case err == nil, err == io.EOF && n == len(free) && b.size != unknown:
		return nil
	case err == io.EOF && b.size == unknown:
		b.size = b.base + int64(b.n)
		return nil
	case err == io.EOF:
		err = io.ErrUnexpectedEOF // the source is shorter than its size
	}
	return readError(err)
}

// line returns what is in the buffer of the line at r, and whether that is all
// of it, its end included.
func (b *buffer) line() (line []byte, whole bool) {
	if b.r == b.n {
		return nil, false
	}
	if i := bytes.IndexByte(b.buf[b.r:b.n], '\n'); i >= 0 {
		return b.buf[b.r : b.r+i+1], true
	}
	return b.buf[b.r:b.n], false
}

// hit is a line that is the boundary of something open.
type hit struct {
	level int   // in the parser's stack
	last  bool  // it is the one that ends the multipart
	start int64 // of the line
	end   int64 // of what is before it: the line end belongs to the boundary
}

// scan reads what is before the next boundary, and that line. It returns nil at
// the end of the source. It stands at the beginning of a line.
func (p *parser) scan(n *Node, kind int) (*hit, error) {
	b := p.body.begin(n, kind, p.pos())
	if kind == epilogue {
		// Without one, the line end behind the last boundary belongs to the
		// boundary that follows: RFC 2046, Section 5.1.1, close-delimiter.
		b.least -= int64(p.lineEndBefore())
	}
	p.pending = b
	defer func() { p.pending = nil }()
	for begins := true; ; {
		if begins && p.nested > 0 {
			h, err := p.boundaryHere()
			if err != nil {
				return nil, err
			}
			if h != nil {
				h.end = max(h.end, b.least)
				b.to(&p.buffer, h.end)
				b.done()
				return h, nil
			}
		}
		if i := p.nextDashes(); i >= 0 {
			p.r += i + 1
			begins = true
			continue
		}
		if p.eof() {
			p.r = p.n
			b.to(&p.buffer, p.size)
			b.done()
			return nil, nil
		}
		// The last two octets may be of a line end and the first dash.
		p.r = max(p.r, p.n-2)
		begins = false
		if err := p.fill(); err != nil {
			return nil, err
		}
	}
}

// nextDashes returns where the next line end is that two dashes follow, -1 if
// there is none in the buffer. Only such a line can be a boundary, and to look
// for all three octets at once is nearly as fast as to look for one.
func (p *parser) nextDashes() int {
	if p.nested == 0 {
		return -1
	}
	return bytes.Index(p.buf[p.r:p.n], []byte("\n--"))
}

// boundaryHere reads the line at r if it is the boundary of something open: of
// the innermost for which it is. Where it only begins as one, it stays unread:
// RFC 2046, Section 5.1.1, has such a line be a boundary, and most programs do
// not.
func (p *parser) boundaryHere() (*hit, error) {
	if p.nested == 0 {
		return nil, nil
	}
	if err := p.ensure(longestLine); err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(p.buf[p.r:p.n], []byte("--")) {
		return nil, nil
	}
	line, whole := p.line()
	whole = (whole || p.eof()) && len(line) <= longestLine
	line = line[:min(len(line), longestLine)]
	text := trimEOL(line[2:])
	near := false
	for i := len(p.stack) - 1; i >= 0; i-- {
		o := &p.stack[i]
		if o.boundary == nil || len(text) < len(o.boundary) || string(text[:len(o.boundary)]) != string(o.boundary) {
			continue
		}
		if last, ok := isEnd(text[len(o.boundary):]); ok && whole {
			p.found = hit{level: i, last: last, start: p.pos(), end: p.pos() - int64(p.lineEndBefore())}
			p.boundaryEnds(o.node, line)
			p.r += len(line)
			return &p.found, nil
		}
		near = near || !o.near
	}
	if near {
		p.nearly(text)
	}
	return nil, nil
}

// isEnd reports whether rest can stand behind a boundary in its line, and
// whether the boundary is the last one then. RFC 2046, Section 5.1.1: white
// space may follow, which was added on the way.
func isEnd(rest []byte) (last, ok bool) {
	rest, last = bytes.CutPrefix(rest, []byte("--"))
	return last, len(bytes.Trim(rest, " \t")) == 0
}

// nearly notes a line that begins with a boundary and is none.
func (p *parser) nearly(text []byte) {
	for i := range p.stack {
		o := &p.stack[i]
		if o.boundary != nil && bytes.HasPrefix(text, o.boundary) {
			o.near = true
			o.node.find("boundary-prefix-line", true, "a line begins with the boundary and goes on: it is a boundary for some programs")
		}
	}
}

// lineEndBefore returns the length of the line end before r.
func (b *buffer) lineEndBefore() int {
	switch {
	case b.r == 0 || b.buf[b.r-1] != '\n':
		return 0
	case b.r == 1 || b.buf[b.r-2] != '\r':
		return 1
	}
	return 2
}

// trimEOL returns line without its end.
func trimEOL(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
		if n > 1 && line[n-2] == '\r' {
			line = line[:n-2]
		}
	}
	return line
}

// lineEnds is which line ends the lines have that make the structure.
type lineEnds struct{ crlf, lf, first bool } // first: the first is CRLF

// structure looks at the end of a line of a header or a boundary. In a message
// that begins with CRLF a program that takes only that for a line end does not
// see the lines that end with LF alone. In one that begins with LF it sees
// nothing: there is no such program, and openssl writes such messages.
func (p *parser) structure(n *Node, line []byte, before byte) {
	if len(line) == 0 || line[len(line)-1] != '\n' {
		return
	}
	if len(line) > 1 {
		before = line[len(line)-2]
	}
	crlf := before == '\r'
	if !p.ends.crlf && !p.ends.lf {
		p.ends.first = crlf
	}
	p.ends.crlf = p.ends.crlf || crlf
	p.ends.lf = p.ends.lf || !crlf
	if p.ends.crlf && p.ends.lf {
		n.find("mixed-line-ends", p.ends.first, "some lines of headers and boundaries end with CRLF, others with LF")
	}
}

// boundaryEnds looks at the line ends before and behind a boundary.
func (p *parser) boundaryEnds(n *Node, line []byte) {
	k := p.lineEndBefore()
	if k > 0 {
		p.structure(n, p.buf[p.r-k:p.r], 0)
	}
	p.structure(n, line, 0)
	if own := len(line) - len(trimEOL(line)); k == 2 && (own == 1 || own == 0 && p.ends.lf) {
		n.find("mixed-line-ends", true, "CRLF stands before a boundary where others have LF: the CR is of the part before it for some programs")
	}
}
