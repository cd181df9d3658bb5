package smime_test

import (
	"bytes"
	"encoding/asn1"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// The kit's messages are made and changed as trees of DER elements, by code
// that shares nothing with the library's.

// element is one element of a message: with kids if it is constructed.
type element struct {
	tag        byte
	kids       []*element
	body       []byte
	raw        []byte // written instead of everything else, if not nil
	indefinite bool
}

func prim(tag byte, body ...byte) *element       { return &element{tag: tag, body: body} }
func cons(tag byte, kids ...*element) *element   { return &element{tag: tag | 0x20, kids: kids} }
func sequence(kids ...*element) *element         { return cons(0x30, kids...) }
func setOf(kids ...*element) *element            { return cons(0x31, kids...) }
func explicit(n byte, kids ...*element) *element { return cons(0xa0|n, kids...) }
func octetString(b []byte) *element              { return prim(4, b...) }
func bitString(b []byte) *element                { return prim(3, append([]byte{0}, b...)...) }
func number[T int | int64](n T) *element         { return readDER(must(asn1.Marshal(n))) }
func nothing() *element                          { return prim(5) }
func literal(der []byte) *element                { return &element{raw: der} }
func algorithmOf(o string, params ...*element) *element {
	return sequence(append([]*element{object(o)}, params...)...)
}

// object is an OBJECT IDENTIFIER, given with dots.
func object(dotted string) *element {
	var o asn1.ObjectIdentifier
	for _, arc := range strings.Split(dotted, ".") {
		o = append(o, must(strconv.Atoi(arc)))
	}
	return readDER(must(asn1.Marshal(o)))
}

// readDER takes one element apart, down to the primitive ones.
func readDER(der []byte) *element {
	out := readAll(der)
	if len(out) != 1 {
		panic("not one element")
	}
	return out[0]
}

func readAll(der []byte) (out []*element) {
	for s := cryptobyte.String(der); !s.Empty(); {
		var whole, body cryptobyte.String
		tag := s[0]
		// High tag numbers and lengths that are not DER's are not met here.
		if !s.ReadAnyASN1Element(&whole, nil) {
			panic("no DER")
		}
		body = whole
		if !body.ReadAnyASN1(&body, nil) {
			panic("no DER")
		}
		e := &element{tag: tag}
		if tag&0x20 != 0 {
			e.kids = readAll(body)
		} else {
			e.body = slices.Clone(body)
		}
		out = append(out, e)
	}
	return out
}

func (e *element) bytes() []byte {
	if e.raw != nil {
		return e.raw
	}
	if e.indefinite {
		return slices.Concat([]byte{e.tag, 0x80}, e.content(), []byte{0, 0})
	}
	return tlv(e.tag, e.content())
}

func (e *element) content() []byte {
	if e.tag&0x20 == 0 {
		return e.body
	}
	var out []byte
	for _, k := range e.kids {
		out = append(out, k.bytes()...)
	}
	return out
}

func (e *element) clone() *element {
	c := *e
	c.body, c.raw, c.kids = bytes.Clone(e.body), bytes.Clone(e.raw), nil
	for _, k := range e.kids {
		c.kids = append(c.kids, k.clone())
	}
	return &c
}

// at is the element that the path of indices leads to; -1 is the last one.
func (e *element) at(path ...int) *element {
	for _, i := range path {
		if i < 0 {
			i += len(e.kids)
		}
		e = e.kids[i]
	}
	return e
}

func (e *element) put(i int, k *element)    { e.kids[i] = k }
func (e *element) remove(i int)             { e.kids = slices.Delete(e.kids, i, i+1) }
func (e *element) insert(i int, k *element) { e.kids = slices.Insert(e.kids, i, k) }
func (e *element) add(k *element)           { e.kids = append(e.kids, k) }
func (e *element) flip(i int) {
	if i < 0 {
		i += len(e.body)
	}
	e.body[i] ^= 1
}
func (e *element) set(body ...byte) { e.body = body }

// derOrder sorts the elements of a SET OF (X.690, Section 11.6).
func derOrder(kids []*element) []*element {
	kids = slices.Clone(kids)
	slices.SortStableFunc(kids, func(a, b *element) int { return bytes.Compare(a.bytes(), b.bytes()) })
	return kids
}
