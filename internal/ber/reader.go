package ber

import (
	"errors"
	"fmt"
	"io"
	"math"

	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	// readerBuffer is how much a Reader reads ahead: enough that segments of
	// the usual 4 to 16 KiB cost no system call each.
	readerBuffer = 64 << 10

	// firstBuffer is what it reads ahead at first: a message of 1 KiB should
	// not pay for more.
	firstBuffer = 4 << 10

	// maxEmptyReads is how often a source may return nothing and no error, as
	// in package bufio.
	maxEmptyReads = 100
)

// errBusy is a mistake of the program, not of the input.
var errBusy = errors.New("ber: an octet string is being read; read it to its end first")

// frame is a constructed element that was entered, or the whole input.
type frame struct {
	limit      int64 // offset where the innermost definite length ends
	indefinite bool  // ends with end-of-contents octets, before limit
}

// Reader reads elements from a stream.
//
// The first error of the input or the source is kept: every method but Offset
// returns it from then on. A Reader must not be used by several goroutines at
// the same time. The zero value is not usable; see [NewReader].
type Reader struct {
	src        io.Reader // nil: buf is all there is
	buf        []byte    // never written to if src is nil
	start, end int       // the octets of buf that were not consumed
	srcErr     error     // what src returned beside its last octets

	off    int64 // octets consumed
	err    error // sticky
	octets bool  // an Octets has not been read to its end

	depth  int // index of the current frame; 0 is the whole input
	frames [MaxDepth + 1]frame
}

// NewReader returns a Reader of src, which reads ahead up to 64 KiB. It never
// closes src.
func NewReader(src io.Reader) *Reader {
	r := &Reader{src: src}
	r.frames[0].limit = math.MaxInt64
	return r
}

// NewBytesReader returns a Reader of raw. It has no buffer of its own, so it
// costs little; raw is not modified, and must not be while it is in use.
func NewBytesReader(raw []byte) *Reader {
	r := &Reader{buf: raw, end: len(raw)}
	r.frames[0].limit = math.MaxInt64
	return r
}

// Offset returns the number of octets consumed so far, headers and
// end-of-contents octets included.
func (r *Reader) Offset() int64 { return r.off }

// Peek returns the header of the next element of the current container without
// consuming it. At the end of the container, more is false: the definite
// length is used up, the end-of-contents octets are next, or, at the top
// level, the source ended.
func (r *Reader) Peek() (h Header, more bool, err error) {
	h, _, end, err := r.header()
	return h, !end && err == nil, err
}

// Enter descends into the next element, which must be constructed and have the
// class and number of tag, of which the constructed bit is ignored.
func (r *Reader) Enter(tag asn1.Tag) error {
	h, n, err := r.expect()
	if err != nil {
		return err
	}
	if h.Tag != tag|constructed {
		return r.unexpected(h, tag|constructed)
	}
	return r.push(h, n)
}

// Leave ascends from the element that was last entered, at the end of which it
// must be: elements that are left over are an error that wraps [ErrSyntax].
func (r *Reader) Leave() error {
	_, n, end, err := r.header()
	if err != nil {
		return err
	}
	if r.depth == 0 {
		return errors.New("ber: Leave without Enter")
	}
	if !end {
		return r.syntax("element after the last that was expected")
	}
	r.pop(n)
	return nil
}

// End checks that the input ends here, at the top level. Anything more is an
// error that wraps [ErrSyntax].
func (r *Reader) End() error {
	if err := r.ready(); err != nil {
		return err
	}
	if r.depth > 0 {
		return errors.New("ber: End inside an element")
	}
	if r.start < r.end {
		return r.syntax("data after the end")
	}
	switch err := r.fill(); err {
	case nil:
		return r.syntax("data after the end")
	case io.EOF:
		return nil
	default:
		return r.fail(err)
	}
}

// Primitive returns the content of the next element, which must be primitive
// and have the tag. Content of more than max octets is a [*LimitError], before
// any of it is read. Universal types are checked as [Reader.DER] does, which
// also reads strings that are cut into segments.
func (r *Reader) Primitive(tag asn1.Tag, max int64) ([]byte, error) {
	h, n, err := r.expect()
	if err != nil {
		return nil, err
	}
	if h.Tag != tag || h.Constructed() {
		return nil, r.unexpected(h, tag)
	}
	if h.Length > max {
		return nil, r.fail(&LimitError{What: "element", Max: max})
	}
	if err := checkSize(h); err != nil {
		return nil, r.fail(err)
	}
	r.consume(n)
	content, err := r.take([]byte{}, h.Length)
	if err != nil {
		return nil, err
	}
	if err := canonical(tag, content); err != nil {
		return nil, r.fail(err)
	}
	return content, nil
}

// ready returns the error that stops the Reader, if any.
func (r *Reader) ready() error {
	if r.err != nil {
		return r.err
	}
	if r.octets {
		return errBusy
	}
	return nil
}

// header parses the header that comes next and returns its size, consuming
// nothing. At the end of the container, end is true and n is the size of the
// end-of-contents octets: 2 or 0. The element lies within its container as far
// as declared lengths tell, which is what keeps every frame within the one
// around it.
func (r *Reader) header() (h Header, n int, end bool, err error) {
	if err := r.ready(); err != nil {
		return Header{}, 0, false, err
	}
	return r.nextHeader()
}

// nextHeader is header for those who already know that the Reader is ready.
func (r *Reader) nextHeader() (h Header, n int, end bool, err error) {
	f := r.frames[r.depth]
	room := f.limit - r.off
	if room == 0 && !f.indefinite {
		return Header{}, 0, true, nil
	}
	for {
		b := r.buf[r.start:r.end]
		if int64(len(b)) > room {
			b = b[:room]
		}
		if f.indefinite && len(b) > 0 && b[0] == 0 {
			err = errShort
			if len(b) > 1 {
				if b[1] != 0 {
					return Header{}, 0, false, r.syntax("end-of-contents with a length")
				}
				return Header{}, 2, true, nil
			}
		} else {
			h, n, err = parseHeader(b)
		}
		switch {
		case err == nil:
			if h.Length > room-int64(n) {
				return Header{}, 0, false, r.syntax("element overruns its container")
			}
			return h, n, false, nil
		case err != errShort:
			return Header{}, 0, false, r.fail(fmt.Errorf("%w, at octet %d", err, r.off))
		case int64(len(b)) == room:
			return Header{}, 0, false, r.syntax("element overruns its container")
		}
		if err := r.fill(); err != nil {
			if err == io.EOF && r.depth == 0 && len(b) == 0 {
				return Header{}, 0, true, nil
			}
			return Header{}, 0, false, r.fail(err)
		}
	}
}

// expect is header where the container must not have ended.
func (r *Reader) expect() (Header, int, error) {
	h, n, end, err := r.header()
	if err != nil {
		return Header{}, 0, err
	}
	if end {
		if r.depth == 0 {
			return Header{}, 0, r.fail(io.EOF)
		}
		return Header{}, 0, r.syntax("missing element")
	}
	return h, n, nil
}

// push consumes the header of a constructed element, which nextHeader has
// returned, and descends into it.
func (r *Reader) push(h Header, n int) error {
	if r.depth == MaxDepth {
		return r.fail(&LimitError{What: "nesting depth", Max: MaxDepth})
	}
	r.consume(n)
	limit := r.frames[r.depth].limit
	if !h.indefinite() {
		limit = r.off + h.Length // within the old limit: see nextHeader
	}
	r.depth++
	r.frames[r.depth] = frame{limit: limit, indefinite: h.indefinite()}
	return nil
}

// pop consumes the n end-of-contents octets that nextHeader has found and
// ascends.
func (r *Reader) pop(n int) {
	r.consume(n)
	r.depth--
}

// fail makes err the sticky error. The end of the source is unexpected
// wherever it fails anything.
func (r *Reader) fail(err error) error {
	if err == io.EOF {
		err = fmt.Errorf("ber: cut off after %d octets: %w", r.off+int64(r.end-r.start), io.ErrUnexpectedEOF)
	}
	r.err = err
	return err
}

func (r *Reader) syntax(what string) error {
	return r.fail(fmt.Errorf("%w: %s, at octet %d", ErrSyntax, what, r.off))
}

func (r *Reader) unexpected(h Header, want asn1.Tag) error {
	return r.fail(fmt.Errorf("%w: tag %#02x instead of %#02x, at octet %d", ErrSyntax, uint8(h.Tag), uint8(want), r.off))
}
