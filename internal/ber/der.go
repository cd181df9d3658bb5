package ber

import (
	"bytes"
	"math"

	"golang.org/x/crypto/cryptobyte/asn1"
)

// slack is by how much a half-finished result may exceed its limit, because the
// length octets reserved for open elements may be more than they need.
const slack = MaxDepth * maxHeader

// ToDER is [Reader.DER] of raw, which must be one element and nothing more. It
// does not modify raw.
func ToDER(raw []byte, max int64) ([]byte, error) {
	r := NewBytesReader(raw)
	der, err := r.DER(max)
	if err != nil {
		return nil, err
	}
	if err := r.End(); err != nil {
		return nil, err
	}
	return der, nil
}

// IsDER reports whether raw is one element that [ToDER] returns unchanged.
func IsDER(raw []byte) bool {
	der, err := ToDER(raw, int64(len(raw)))
	return err == nil && bytes.Equal(der, raw)
}

// DER returns the next element encoded again: all lengths definite and minimal,
// and the segments of universal strings joined into primitive ones. A result of
// more than max octets is a [*LimitError].
//
// Every header inside the element is followed, within [MaxDepth]. Checked and
// made canonical are the contents of the universal types BOOLEAN, NULL and BIT
// STRING; an OBJECT IDENTIFIER must have at most 64 octets and minimal arcs,
// and an INTEGER must have 1 to 2,050 octets. All else is kept as it is, which
// needs knowledge of the ASN.1 module to be judged: the order of a SET, default
// values, and strings under an IMPLICIT tag, which look like other constructed
// elements (see [Reader.Octets] for those).
//
// max bounds the memory. The time is linear in what is read, which may be more:
// segments may be empty.
func (r *Reader) DER(max int64) ([]byte, error) {
	h, n, err := r.expect()
	if err != nil {
		return nil, err
	}
	d := &derEncoder{r: r, most: min(max, math.MaxInt-slack) + slack, max: max}
	outer := r.depth
	for {
		if err := d.element(h, n); err != nil {
			return nil, err
		}
		for r.depth > outer {
			var end bool
			if h, n, end, err = r.nextHeader(); err != nil {
				return nil, err
			}
			if !end {
				break
			}
			r.pop(n)
			d.leave()
		}
		if r.depth == outer {
			break
		}
	}
	if int64(len(d.out)) > max {
		return nil, d.tooLarge()
	}
	return d.out, nil
}

// derEncoder is the state of DER. Its open elements are those that the Reader
// has entered since it began.
type derEncoder struct {
	r         *Reader
	max, most int64 // of the result, and while it is being made
	out       []byte

	open  [MaxDepth]derFrame // those with a header in out
	depth int                // how many of them

	// A universal string that is being joined is the last of open.
	join   asn1.Tag // its primitive tag; 0 for none
	joined int      // how many constructed elements of it are entered
}

// derFrame is an element whose length is not known yet.
type derFrame struct {
	start int // of its header in out
	room  int // length octets that were reserved
}

// element encodes the beginning of an element, and all of it if it is
// primitive.
func (d *derEncoder) element(h Header, n int) error {
	if d.join != 0 {
		return d.segment(h, n)
	}
	if !h.Constructed() {
		return d.primitive(h, n)
	}
	if err := d.r.push(h, n); err != nil {
		return err
	}
	tag := h.Tag
	if universalIn(tag, segmentable) {
		tag &^= constructed
		d.join, d.joined = tag, 1
	}
	// An input that is DER already gets its lengths right at once.
	room := 1
	if !h.indefinite() {
		room = lengthSize(int(min(h.Length, math.MaxInt32)))
	}
	d.open[d.depth] = derFrame{start: len(d.out), room: room}
	d.depth++
	d.out = append(d.out, byte(tag))
	d.out = append(d.out, make([]byte, room)...)
	if d.join == asn1.BIT_STRING {
		d.out = append(d.out, 0) // the count of unused bits
	}
	return d.check(0)
}

// primitive encodes a primitive element.
func (d *derEncoder) primitive(h Header, n int) error {
	if err := d.check(h.Length); err != nil {
		return err
	}
	if err := checkSize(h); err != nil {
		return d.r.fail(err)
	}
	d.r.consume(n)
	d.out = AppendHeader(d.out, h.Tag, int(h.Length)) // at most d.most
	start := len(d.out)
	out, err := d.r.take(d.out, h.Length)
	if err != nil {
		return err
	}
	d.out = out
	if err := canonical(h.Tag, d.out[start:]); err != nil {
		return d.r.fail(err)
	}
	return nil
}

// segment encodes an element inside a universal string. The segments of a BIT
// STRING are BIT STRINGs, those of every other string are OCTET STRINGs (X.690,
// Section 8.6, 8.7.3 and 8.23).
func (d *derEncoder) segment(h Header, n int) error {
	want := asn1.OCTET_STRING
	if d.join == asn1.BIT_STRING {
		want = asn1.BIT_STRING
	}
	if h.Tag&^constructed != want {
		return d.r.unexpected(h, want)
	}
	if h.Constructed() {
		d.joined++
		return d.r.push(h, n)
	}
	if err := d.check(h.Length); err != nil {
		return err
	}
	d.r.consume(n)
	if d.join != asn1.BIT_STRING {
		out, err := d.r.take(d.out, h.Length)
		if err != nil {
			return err
		}
		d.out = out
		return nil
	}
	return d.bits(h.Length)
}

// bits appends a segment of a BIT STRING with n content octets. Only the last
// segment may have unused bits (X.690, Section 8.6); their count is kept in the
// first octet of the whole.
func (d *derEncoder) bits(n int64) error {
	top := d.open[d.depth-1]
	unused := top.start + 1 + top.room
	if d.out[unused] != 0 {
		return d.r.syntax("BIT STRING goes on after unused bits")
	}
	start := len(d.out)
	out, err := d.r.take(d.out, n)
	if err != nil {
		return err
	}
	if err := canonicalBits(out[start:]); err != nil {
		return d.r.fail(err)
	}
	out[unused] = out[start]
	d.out = append(out[:start], out[start+1:]...)
	return nil
}

// leave ends the element that the Reader has just left. It may add a few octets
// for its length, which the next check sees.
func (d *derEncoder) leave() {
	if d.join != 0 {
		d.joined--
		if d.joined > 0 {
			return
		}
		d.join = 0
	}
	d.depth--
	f := d.open[d.depth]
	from := f.start + 1 + f.room
	size := len(d.out) - from
	// Octets move at most once for each element around them, so at most
	// MaxDepth times, and only where an indefinite or not minimal length was.
	to := f.start + 1 + lengthSize(size)
	if to > from {
		d.out = append(d.out, make([]byte, to-from)...)
	}
	copy(d.out[to:], d.out[from:from+size])
	d.out = d.out[:to+size]
	appendLength(d.out[:f.start+1], size)
}

// check fails if n more octets, beside a header, exceed the limit.
func (d *derEncoder) check(n int64) error {
	if n > d.most-int64(len(d.out)) {
		return d.tooLarge()
	}
	return nil
}

func (d *derEncoder) tooLarge() error {
	return d.r.fail(&LimitError{What: "element", Max: d.max})
}
