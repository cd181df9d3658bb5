package mail

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
)

const (
	// maxInline is the longest text that is searched for OpenPGP: mail programs
	// that wrote it into the text put attachments beside it.
	maxInline = 16 << 20

	// inlineLine is as much of a line as is looked at: the marks are shorter.
	inlineLine = 1024
)

// The lines that begin and end OpenPGP in a text: RFC 9580, Sections 6.2 and 7.
const (
	beginMessage   = "-----BEGIN PGP MESSAGE-----"
	endMessage     = "-----END PGP MESSAGE-----"
	beginCleartext = "-----BEGIN PGP SIGNED MESSAGE-----"
	beginSignature = "-----BEGIN PGP SIGNATURE-----"
	endSignature   = "-----END PGP SIGNATURE-----"
)

// piece is a stretch of a text: a block of OpenPGP, or what is between blocks.
type piece struct {
	kind       string // kindEncrypted, kindSigned; "" for text
	start, end int64
	blank      bool // text of nothing but white space
}

// inline splits a text in which OpenPGP stands. Each block is an island, and so
// is each text between: nothing says that what is around a block is by who wrote
// what is in it. A block is never protected, since no header field is, and
// another can be put in its place.
func (r *reading) inline(p *Part) error {
	if p.Size > maxInline {
		return nil
	}
	pieces, err := splitInline(p.open())
	if failed := p.src.failed(); failed != nil {
		return failed
	}
	if err != nil || len(pieces) == 0 {
		return nil // what cannot be decoded is shown by nobody
	}
	if few := fewBlocks(pieces); len(few) < len(pieces) {
		pieces = few
		p.find("too-many-layers", fmt.Sprintf("the text has more than %d blocks of OpenPGP: what follows them was not looked at", maxChecked), false)
	}
	blocks, texts := 0, 0
	for _, x := range pieces {
		switch {
		case x.kind != "":
			blocks++
		case !x.blank:
			texts++
		}
	}
	if r.parts += 2*blocks + texts; r.parts > r.limits.Parts {
		return limit("parts in one message", r.limits.Parts)
	}
	if p.depth+2 > r.limits.Depth {
		return limit("parts in each other", r.limits.Depth)
	}
	if r.checked >= maxChecked {
		r.seen(p) // which says so: then the text stays one
		return nil
	}
	text, err := r.decodedOnce(p)
	if err != nil {
		return err
	}
	p.find("inline-pgp", "OpenPGP stands in the text: each block says something of itself alone, and nothing around it is protected", false)
	for _, x := range pieces {
		if x.blank {
			continue
		}
		if err := r.piece(p, text, x, p.spine && blocks == 1 && texts == 0); err != nil {
			return err
		}
	}
	return nil
}

// fewBlocks returns pieces with all that follows the first maxChecked blocks as
// one text: no more are looked at.
func fewBlocks(pieces []piece) []piece {
	blocks := 0
	for i, x := range pieces {
		if x.kind == "" {
			continue
		}
		if blocks++; blocks > maxChecked {
			return append(pieces[:i:i], piece{start: x.start, end: pieces[len(pieces)-1].end})
		}
	}
	return pieces
}

// at is a text that can be read from anywhere.
type at struct {
	src   *source
	start int64
}

// decodedOnce returns the text of p, of which there may be thousands of pieces:
// to decode it up to each of them costs the square of its length. What is in no
// encoding is read where it stands.
func (r *reading) decodedOnce(p *Part) (at, error) {
	if _, ok := p.open().(*io.SectionReader); ok {
		return at{p.src, p.node.Body}, nil
	}
	kept, err := r.hold(p.open(), maxInline, nil, false)
	if failed := p.src.failed(); failed != nil {
		return at{}, failed
	}
	return at{kept, 0}, err
}

// piece makes x a part in p, of which text is the content. whole is set for what
// is all of the message.
func (r *reading) piece(p *Part, text at, x piece, whole bool) error {
	q := r.text(p, len(p.children)+1, x.end-x.start, func() io.Reader {
		return io.NewSectionReader(text.src, text.start+x.start, x.end-x.start)
	})
	q.src = text.src
	p.children = append(p.children, q)
	if x.kind == "" || !r.seen(q) {
		return nil
	}
	l, err := r.layer(q, x.kind, formatPGP)
	if err != nil {
		return err
	}
	l.Errant = !whole
	may := r.mayOpen(q, l)
	l.Errant = true // it can be the whole text, and says nothing of the header
	if !may {
		return nil
	}
	begin := opening((*envelope.Opener).Examine)
	if x.kind == kindSigned {
		begin = (*envelope.Opener).ExamineSigned
	}
	kept, err := r.unwrap(q, l, begin, q.open, false)
	if err != nil || kept == nil {
		return r.unopened(q, l, q.open, err)
	}
	r.settle(l)
	// Not a tree: a text, whatever it looks like.
	r.content(r.text(q, 1, kept.Size(), func() io.Reader { return io.NewSectionReader(kept, 0, kept.Size()) }), l)
	return nil
}

// text makes a part that is a text in around.
func (r *reading) text(around *Part, nth int, size int64, open func() io.Reader) *Part {
	p := r.within(around, nth)
	p.MediaType, p.Size, p.src = "text/plain", size, around.src
	p.open, p.raw = open, open
	r.island(p)
	return p
}

// splitInline finds the blocks in a text; none: nil. A block that does not end
// is text.
func splitInline(r io.Reader) (pieces []piece, err error) {
	br := bufio.NewReaderSize(r, inlineLine)
	var at, done int64 // where this line begins; what is in a piece already
	var begun int64    // where the block begins
	var want []string  // the lines that the block has still to have
	kind, blank, found := "", true, false
	text := func(to int64) {
		if to > done {
			pieces = append(pieces, piece{start: done, end: to, blank: blank})
		}
	}
	for whole := true; ; {
		line, err := br.ReadSlice('\n')
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return nil, err
		}
		mark := ""
		if whole && err != bufio.ErrBufferFull && bytes.HasPrefix(line, []byte("-----")) {
			mark = string(bytes.TrimRight(line, " \t\r\n"))
		}
		switch {
		case mark == beginMessage || mark == beginCleartext:
			blank = blank && len(want) == 0 // else the block before did not end
			kind, begun, want = kindEncrypted, at, []string{endMessage}
			if mark == beginCleartext {
				kind, want = kindSigned, []string{beginSignature, endSignature}
			}
		case len(want) > 0 && mark == want[0]:
			if want = want[1:]; len(want) == 0 {
				text(begun)
				done = at + int64(len(line))
				pieces = append(pieces, piece{kind: kind, start: begun, end: done})
				blank, found = true, true
			}
		case len(want) == 0 && len(bytes.TrimSpace(line)) > 0:
			blank = false
		}
		at += int64(len(line))
		whole = err != bufio.ErrBufferFull
		if err == io.EOF {
			break
		}
	}
	if !found {
		return nil, nil
	}
	blank = blank && len(want) == 0
	text(at)
	return pieces, nil
}
