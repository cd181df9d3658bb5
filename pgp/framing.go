package pgp

import (
	"bufio"
	"fmt"
	"io"
	"math"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// Packet types, RFC 9580, Section 5, as far as messages have them.
const (
	tagPKESK        = 1
	tagSignature    = 2
	tagSKESK        = 3
	tagOnePass      = 4
	tagCompressed   = 8
	tagSED          = 9
	tagMarker       = 10
	tagLiteral      = 11
	tagSEIPD        = 18
	tagLibrePGP     = 20 // "OCB encrypted data" of draft-koch-librepgp
	tagPadding      = 21
	firstUncritical = 40 // from here on unknown packets are to be ignored, RFC 9580, Section 4.3
)

// firstPartMin is the least that a first partial length may say, RFC 9580,
// Section 4.2.1.4. Later parts may be smaller: each costs one octet for one.
const firstPartMin = 512

// readBuffer is what lies between a source and the packets: large enough for
// headers, and small enough that what reads content, in larger pieces, is not
// kept from reading past it.
const readBuffer = 4 << 10

// malformed is an error for what anybody can see to be wrong with a message.
func malformed(reason string, args ...any) error {
	return fmt.Errorf("%w: %s", envelope.ErrFormat, fmt.Sprintf(reason, args...))
}

// cut is malformed for a message that ends too early.
func cut(where string) error {
	return fmt.Errorf("%w: it is cut off %s: %w", envelope.ErrFormat, where, io.ErrUnexpectedEOF)
}

// noEOF turns the io.EOF of a reader that must not end here into cut.
func noEOF(err error, where string) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return cut(where)
	}
	return err
}

// patient gives up on a reader that returns nothing and no error for ever.
type patient struct{ r io.Reader }

func (p patient) Read(b []byte) (int, error) {
	for range 100 {
		if n, err := p.r.Read(b); n > 0 || err != nil || len(b) == 0 {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// byteReader is what packet bodies are read from, and are: decompressors then
// take not one octet more than is theirs.
type byteReader interface {
	io.Reader
	io.ByteReader
}

// lender is a byteReader that decrypts, and lends what is in its buffers: at
// least one octet and at most most, until its next call. Content then goes to
// whoever takes it without a copy in between.
type lender interface {
	byteReader
	Lend(most int) ([]byte, error)
}

// packets reads a sequence of packets, one body after the other, and holds
// nothing of them.
type packets struct {
	r    byteReader
	last *body
	back int // type of last if next has to return it again; else 0
}

func newPackets(r io.Reader) *packets {
	return &packets{r: bufio.NewReaderSize(patient{r}, readBuffer)}
}

// peek returns the type of the packet that next will return.
func (p *packets) peek() (tag int, err error) {
	p.back, _, err = p.next()
	return p.back, err
}

// next returns the type and body of the next packet; what is left of the last
// one is skipped. io.EOF: there is none, and the source ended where a packet may end.
func (p *packets) next() (tag int, b *body, err error) {
	if tag := p.back; tag != 0 {
		p.back = 0
		return tag, p.last, nil
	}
	if p.last != nil {
		if _, err := io.Copy(io.Discard, p.last); err != nil {
			return 0, nil, err
		}
	}
	c, err := p.r.ReadByte()
	if err != nil {
		return 0, nil, err // io.EOF included
	}
	b = &body{r: p.r}
	switch {
	case c&0x80 == 0:
		return 0, nil, malformed("octet %#02x begins no packet", c)
	case c&0x40 == 0: // the old format, RFC 9580, Section 4.2.2
		tag = int(c >> 2 & 15)
		err = b.oldLength(c & 3)
	default:
		tag = int(c & 63)
		err = b.length()
	}
	if err != nil {
		return 0, nil, noEOF(err, "in a packet header")
	}
	switch {
	case tag == 0:
		return 0, nil, malformed("packet type 0 is reserved")
	case (b.more || b.toEnd) && !streamed(tag):
		return 0, nil, malformed("packet type %d does not state its length", tag)
	case b.more && b.left < firstPartMin:
		return 0, nil, malformed("a first part of %d octets, %d is the least", b.left, firstPartMin)
	}
	p.last = b
	return tag, b, nil
}

// streamed reports whether a packet may have a length that is not known when
// it begins, RFC 9580, Section 4.2.1.4.
func streamed(tag int) bool {
	switch tag {
	case tagCompressed, tagSED, tagLiteral, tagSEIPD, tagLibrePGP:
		return true
	}
	return false
}

// body is the body of one packet, across its parts.
type body struct {
	r     byteReader
	left  int64  // octets left of this part
	more  bool   // another part follows
	toEnd bool   // it has no length and ends with the source
	again []byte // was read to look at it, and comes once more
	err   error  // comes after what Read returned last
}

// length reads a new-format length, RFC 9580, Section 4.2.1.
func (b *body) length() error {
	c, err := b.r.ReadByte()
	if err != nil {
		return err
	}
	b.more = false
	switch {
	case c < 192:
		b.left = int64(c)
	case c < 224:
		d, err := b.r.ReadByte()
		if err != nil {
			return err
		}
		b.left = int64(c-192)<<8 + int64(d) + 192
	case c < 255:
		b.left, b.more = 1<<(c&31), true
	default:
		b.left, err = number(b.r, 4)
	}
	return err
}

// oldLength reads an old-format length, RFC 9580, Section 4.2.2. GnuPG writes
// compressed packets of the fourth kind, without a length.
func (b *body) oldLength(kind byte) (err error) {
	if kind == 3 {
		b.toEnd = true
		return nil
	}
	b.left, err = number(b.r, 1<<kind)
	return err
}

// number reads n octets, most significant first.
func number(r io.ByteReader, n int) (v int64, err error) {
	for range n {
		c, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		v = v<<8 | int64(c)
	}
	return v, nil
}

// ready makes sure that there is something left to read, else io.EOF.
func (b *body) ready() error {
	for b.left == 0 && !b.toEnd {
		if !b.more {
			return io.EOF
		}
		if err := b.length(); err != nil {
			return noEOF(err, "in a partial length")
		}
	}
	return nil
}

// smallRead is how much Read gathers from parts that are smaller: nobody writes them but to make work of every octet.
const smallRead = firstPartMin

// Read returns io.EOF at the end of the body, and never together with octets.
func (b *body) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(b.again) > 0 {
		n := copy(p, b.again)
		b.again = b.again[n:]
		return n, nil
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err = b.part(p)
	for err == nil && b.left == 0 && b.more && n < min(len(p), smallRead) {
		var k int
		k, err = b.part(p[n:])
		n += k
	}
	if n > 0 {
		b.err, err = err, nil
	}
	return n, err
}

// part reads from one part.
func (b *body) part(p []byte) (int, error) {
	if err := b.ready(); err != nil {
		return 0, err
	}
	if b.toEnd {
		return b.r.Read(p)
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	if n > 0 {
		return n, nil
	}
	return 0, noEOF(err, "in a packet")
}

// lend returns what comes next, until the next call: of a lender what it lends,
// else what Read returns, in *own. Errors are those of Read.
func (b *body) lend(own *[]byte) ([]byte, error) {
	l, ok := b.r.(lender)
	if !ok || len(b.again) > 0 || b.err != nil {
		return b.copied(own)
	}
	if err := b.ready(); err != nil {
		return nil, err
	}
	if b.toEnd {
		return l.Lend(slice)
	}
	if b.more && b.left < smallRead {
		return b.copied(own)
	}
	p, err := l.Lend(int(min(b.left, math.MaxInt32)))
	b.left -= int64(len(p))
	return p, noEOF(err, "in a packet")
}

// copied is lend where there is nothing to lend.
func (b *body) copied(own *[]byte) ([]byte, error) {
	if size := min(slice, max(readBuffer, 4*len(*own))); size > len(*own) {
		*own = make([]byte, size) // what is short does not pay for what is long
	}
	n, err := b.Read(*own)
	return (*own)[:n], err
}

// ReadByte implements io.ByteReader.
func (b *body) ReadByte() (byte, error) {
	if len(b.again) > 0 {
		c := b.again[0]
		b.again = b.again[1:]
		return c, nil
	}
	if b.err != nil {
		return 0, b.err
	}
	if err := b.ready(); err != nil {
		return 0, err
	}
	c, err := b.r.ReadByte()
	if b.toEnd {
		return c, err
	}
	if err != nil {
		return 0, noEOF(err, "in a packet")
	}
	b.left--
	return c, nil
}

// bytes reads the whole body, which may have most octets; memory grows as they
// arrive, whatever the header says.
func (b *body) bytes(most int64, what string) ([]byte, error) {
	p, err := io.ReadAll(io.LimitReader(b, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(p)) > most {
		return nil, &envelope.LimitError{What: what, Max: int64(most), Fixed: true}
	}
	return p, nil
}

// octets reads the next n octets of the body.
func (b *body) octets(n int) ([]byte, error) {
	p := make([]byte, n)
	if _, err := io.ReadFull(b, p); err != nil {
		return nil, short(err)
	}
	return p, nil
}

// short tells a packet that is too short for what it should hold from a
// message that ends in it: only the latter is cut off.
func short(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return malformed("a packet is too short")
	}
	return err
}
