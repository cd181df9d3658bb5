package mimeparse

import (
	"fmt"
	"io"
)

// What a message may cost whatever its caller allows.
const (
	maxHeaders = 16 << 20 // octets of all headers: they are kept; 100,000 parts with 160 octets each

	// maxFields of all headers, parameters included, for each part allowed: each
	// costs memory of its own, and can be three octets long.
	maxFields = 10

	// maxFindings of the message: a genuine one has a few of each part at most.
	maxFindings = 50_000
)

// open is a container whose end was not reached.
type open struct {
	node     *Node
	boundary []byte // nil for a message/rfc822, which ends with what it is in
	ended    bool   // its last boundary was seen: what follows is epilogue
	near     bool   // a line was seen that only begins with it
}

type parser struct {
	buffer
	limits Limits
	root   *Node
	stack  []open
	nested int // containers with a boundary in stack

	parts    int
	headers  int64 // octets of all
	fieldSum int
	findings int   // of all parts but the last
	made     *Node // the last

	body    body   // that is read
	found   hit    // the last
	header  []byte // of the part that is read
	scratch Header
	ends    lineEnds // of the lines that make the structure
}

// Parse reads a message of size octets from src, forward and once, and returns
// the tree of its parts. Memory is used for headers and the tree alone. Bad
// MIME is no error: see the Findings of each Node. An error is one of src, or a
// *LimitError.
func Parse(src io.ReaderAt, size int64, l Limits) (*Node, error) {
	return parse(src, size, l, bufferSize)
}

func parse(src io.ReaderAt, size int64, l Limits, buffered int) (*Node, error) {
	b := buffer{src: io.NewSectionReader(src, 0, size), size: size, buf: make([]byte, min(int64(buffered), size+1))}
	return b.parse(l)
}

// ParseReader is Parse for a message that can be read once, and whose end is
// that of src. The Node is of use with an io.ReaderAt that has the same octets.
func ParseReader(src io.Reader, l Limits) (*Node, error) {
	b := buffer{src: src, size: unknown, buf: make([]byte, firstRead)}
	if err := b.fill(); err != nil {
		return nil, err
	}
	if b.size == unknown {
		b.buf = append(make([]byte, 0, bufferSize), b.buf...)[:bufferSize]
	}
	return b.parse(l)
}

func (b buffer) parse(l Limits) (*Node, error) {
	p := &parser{buffer: b, limits: l}
	if err := p.message(); err != nil {
		return nil, err
	}
	return p.root, nil
}

// message reads the whole tree. There is no recursion: what is open is in p.stack.
func (p *parser) message() error {
	n, err := p.node(nil)
	if err != nil {
		return err
	}
	p.root = n
	for {
		hit, err := p.head(n)
		if err != nil {
			return err
		}
		p.classify(n)
		if p.fieldSum += len(n.Params) + len(n.DispositionParams); hit == nil {
			if n.isMessage() {
				p.stack = append(p.stack, open{node: n})
				if n, err = p.node(n); err != nil {
					return err
				}
				continue
			}
			if hit, err = p.content(n); err != nil {
				return err
			}
		} else {
			n.Body, n.End = hit.end, hit.end
		}
		if n, err = p.next(n, hit); n == nil || err != nil {
			return err
		}
	}
}

// content reads the body of n up to the boundary of something that is open.
func (p *parser) content(n *Node) (*hit, error) {
	kind := leaf
	if boundary := n.boundary(); boundary != nil {
		p.stack = append(p.stack, open{node: n, boundary: boundary})
		p.nested++
		kind = preamble
	}
	return p.scan(n, kind)
}

// next ends what the boundary in hit ends, and returns the part that begins
// behind it, nil at the end of the message.
func (p *parser) next(n *Node, h *hit) (*Node, error) {
	for h != nil {
		p.end(n, h.level, h.end)
		at := &p.stack[h.level]
		switch {
		case at.ended:
			at.node.find("boundary-after-end", true, "behind its last boundary the multipart has another one: some programs find more parts")
		case h.last:
			at.ended = true
			if len(at.node.Children) == 0 {
				at.node.find("multipart-empty", true, "the multipart ends before its first part")
			}
		default:
			return p.node(at.node)
		}
		// The epilogue belongs to nobody but the container.
		n = at.node
		var err error
		if h, err = p.scan(n, epilogue); err != nil {
			return nil, err
		}
	}
	p.end(n, -1, p.size)
	return nil, p.count()
}

// end closes at end the part n and every container above the level.
func (p *parser) end(n *Node, level int, end int64) {
	n.End = max(n.Body, end)
	for i := len(p.stack) - 1; i > level; i-- {
		o := p.stack[i]
		o.node.End = end
		if o.boundary != nil {
			p.nested--
			p.unended(o, level >= 0)
		}
	}
	p.stack = p.stack[:level+1]
}

func (p *parser) unended(o open, within bool) {
	switch {
	case len(o.node.Children) == 0 && !o.ended:
		o.node.find("boundary-never", true, "the boundary that the multipart states is not in it")
	case !o.ended && within:
		o.node.find("boundary-unended", true, "the multipart has no last boundary: the one around it ends it")
	case !o.ended:
		o.node.find("boundary-unended", true, "the multipart has no last boundary: the message ends within it")
	}
}

// node makes a part that begins here.
func (p *parser) node(parent *Node) (*Node, error) {
	if len(p.stack) >= p.limits.Depth {
		return nil, &LimitError{What: "parts in each other", Max: int64(p.limits.Depth)}
	}
	if p.parts++; p.parts > p.limits.Parts {
		return nil, &LimitError{What: "parts", Max: int64(p.limits.Parts)}
	}
	if p.made != nil {
		p.findings += len(p.made.Findings)
	}
	n := &Node{Start: p.pos(), Parent: parent}
	p.made = n
	if parent != nil {
		parent.Children = append(parent.Children, n)
	}
	return n, p.count()
}

// count holds what was found to its limits.
func (p *parser) count() error {
	if most := maxFields * int64(p.limits.Parts); int64(p.fieldSum) > most {
		return &LimitError{What: "header fields and parameters", Max: most}
	}
	if p.findings > maxFindings {
		return &LimitError{What: "oddities", Max: maxFindings, Fixed: true}
	}
	return nil
}

// head reads the header of n. It returns the boundary that ends the header
// before its empty line, nil where nothing does.
func (p *parser) head(n *Node) (*hit, error) {
	p.header = p.header[:0]
	h, err := p.headerLines(n)
	if err != nil {
		return nil, err
	}
	n.Body = p.pos()
	if h != nil {
		n.Body = h.start
		h.end = h.start // the line end before it is the last field's
		n.find("header-unended", true, "the header is ended by a boundary in place of an empty line")
	}
	p.headers += int64(len(p.header))
	if p.headers > maxHeaders {
		return nil, &LimitError{What: "octets in all headers", Max: maxHeaders, Fixed: true}
	}
	n.Header = p.fields(n, append([]byte(nil), p.header...))
	p.fieldSum += len(n.Header)
	return h, nil
}

// headerLines reads into p.header up to the empty line, and over it.
func (p *parser) headerLines(n *Node) (*hit, error) {
	for begins := true; ; {
		if begins {
			h, err := p.boundaryHere()
			if h != nil || err != nil {
				return h, err
			}
		}
		if err := p.ensure(2); err != nil {
			return nil, err
		}
		line, whole := p.line()
		if len(line) == 0 {
			if len(p.header) > 0 {
				n.find("header-unended", false, "the message ends in its header")
			}
			return nil, nil
		}
		p.r += len(line)
		if whole {
			p.structure(n, line, p.headerTail())
		}
		if begins && whole && len(trimEOL(line)) == 0 {
			if n.Parent == nil && len(p.header) == 0 {
				n.find("header-empty", true, "the message begins with an empty line: some programs look for its header behind it")
			}
			return nil, nil
		}
		if int64(len(p.header)+len(line)) > p.limits.HeaderBytes {
			return nil, &LimitError{What: "octets in a header", Max: p.limits.HeaderBytes}
		}
		p.header = append(p.header, line...)
		begins = whole
	}
}

// headerTail returns the octet before the line that is read, which is its own
// if the line came in pieces.
func (p *parser) headerTail() byte {
	if len(p.header) == 0 {
		return 0
	}
	return p.header[len(p.header)-1]
}

// Whole returns header and body, octet by octet as they were received, without
// the line end that belongs to the boundary behind them.
func (n *Node) Whole(src io.ReaderAt) *io.SectionReader {
	return io.NewSectionReader(src, n.Start, n.End-n.Start)
}

// RawBody returns the body as it was received.
func (n *Node) RawBody(src io.ReaderAt) *io.SectionReader {
	return io.NewSectionReader(src, n.Body, n.End-n.Body)
}

// readError wraps an error of the source.
func readError(err error) error {
	return fmt.Errorf("mimeparse: reading the message: %w", err)
}
