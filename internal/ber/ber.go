// Package ber reads BER as producers of CMS write it, and writes DER and
// indefinite-length BER.
//
// CMS messages may be of any size, come from anybody, and are often written in
// the indefinite-length form with their content cut into segments (RFC 5652,
// Section 5.2 and X.690, Section 8.7.3), which encoding/asn1 and cryptobyte
// refuse. [Reader] walks such a message as a stream: it uses no recursion, its
// nesting is bounded by [MaxDepth], and it allocates for octets that have
// arrived, never for a length that was merely declared. The small parts of a
// message (recipients, attributes, certificates) are handed out as DER, to be
// parsed with cryptobyte.
package ber

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	// MaxDepth is how many constructed elements may be open inside each other.
	// A signed, sealed and countersigned CMS message nests some 15 levels deep;
	// twice that leaves room for odd producers, and keeps the state of a
	// [Reader] a small array.
	MaxDepth = 32

	// maxLength bounds declared lengths, so that sums of a length and an offset
	// cannot overflow an int64.
	maxLength = 1 << 62

	// maxLengthOctets is what a length up to maxLength needs.
	maxLengthOctets = 8

	// maxHeader is the longest header: an identifier octet, the octet that
	// counts the length octets, and those.
	maxHeader = 2 + maxLengthOctets

	classMask   = 0xc0
	constructed = 0x20
	numberMask  = 0x1f
)

// ErrSyntax is wrapped by the errors about octets that are not BER, or not the
// element that the caller asked for. Input that ends too early is reported as
// an error that wraps [io.ErrUnexpectedEOF] instead.
var ErrSyntax = errors.New("ber: malformed encoding")

// LimitError reports input that exceeds a limit. It may be well-formed.
type LimitError struct {
	What string // what is limited, such as "nesting depth"
	Max  int64  // the limit: octets, except for the nesting depth
}

// Error says which limit was exceeded.
func (e *LimitError) Error() string {
	return fmt.Sprintf("ber: %s exceeds the limit of %d", e.What, e.Max)
}

// Header is the beginning of an element.
type Header struct {
	Tag    asn1.Tag // class, constructed bit and number
	Length int64    // content octets; -1 in the indefinite form
}

// Constructed reports whether the element's content is itself elements.
func (h Header) Constructed() bool { return h.Tag&constructed != 0 }

// indefinite reports whether the content ends with end-of-contents octets.
func (h Header) indefinite() bool { return h.Length < 0 }

// errShort says that a header goes on after the octets at hand.
var errShort = errors.New("ber: short header")

// Universal types by how X.690, Section 8 lets them be encoded, as sets of tag
// numbers.
const (
	// BOOLEAN, INTEGER, NULL, OBJECT IDENTIFIER, REAL, ENUMERATED,
	// RELATIVE-OID, TIME.
	primitiveOnly uint32 = 1<<1 | 1<<2 | 1<<5 | 1<<6 | 1<<9 | 1<<10 | 1<<13 | 1<<14
	// EXTERNAL, EMBEDDED PDV, SEQUENCE, SET.
	constructedOnly uint32 = 1<<8 | 1<<11 | 1<<16 | 1<<17
	// BIT STRING, OCTET STRING, ObjectDescriptor, UTF8String, and from
	// NumericString to BMPString, the two time types among them: these may be
	// cut into segments.
	segmentable uint32 = 1<<3 | 1<<4 | 1<<7 | 1<<12 | 0x7ffc0000
)

// universalIn reports whether t is a universal type in set.
func universalIn(t asn1.Tag, set uint32) bool {
	return t&classMask == 0 && set>>(t&numberMask)&1 != 0
}

// parseHeader reads the header at the beginning of b and returns its size. It
// returns errShort if b is a proper prefix of a header, and an error that wraps
// ErrSyntax for what no header begins with; end-of-contents octets are that
// too, as their meaning is up to the caller. X.690, Section 8.1.2 and 8.1.3.
func parseHeader(b []byte) (h Header, n int, err error) {
	if len(b) == 0 {
		return Header{}, 0, errShort
	}
	h.Tag = asn1.Tag(b[0])
	switch {
	case h.Tag&numberMask == numberMask:
		return Header{}, 0, fmt.Errorf("%w: tag number above 30", ErrSyntax)
	case h.Tag&^constructed == 0:
		return Header{}, 0, fmt.Errorf("%w: end-of-contents where no indefinite length is open", ErrSyntax)
	case h.Constructed() && universalIn(h.Tag, primitiveOnly):
		return Header{}, 0, fmt.Errorf("%w: constructed form of a primitive type, tag %#02x", ErrSyntax, b[0])
	case !h.Constructed() && universalIn(h.Tag, constructedOnly):
		return Header{}, 0, fmt.Errorf("%w: primitive form of a constructed type, tag %#02x", ErrSyntax, b[0])
	}
	if len(b) == 1 {
		return Header{}, 0, errShort
	}
	switch {
	case b[1] < 0x80:
		h.Length = int64(b[1])
		return h, 2, nil
	case b[1] == 0x80:
		if !h.Constructed() {
			return Header{}, 0, fmt.Errorf("%w: indefinite length of a primitive element", ErrSyntax)
		}
		h.Length = -1
		return h, 2, nil
	}
	// 0xff is reserved (Section 8.1.3.5) and is refused here with the others.
	octets := int(b[1] & 0x7f)
	if octets > maxLengthOctets {
		return Header{}, 0, fmt.Errorf("%w: length of %d octets", ErrSyntax, octets)
	}
	if len(b) < 2+octets {
		return Header{}, 0, errShort
	}
	var length uint64
	for _, c := range b[2 : 2+octets] {
		length = length<<8 | uint64(c)
	}
	if length > maxLength {
		return Header{}, 0, fmt.Errorf("%w: length above 2^62", ErrSyntax)
	}
	h.Length = int64(length)
	return h, 2 + octets, nil
}

// lengthSize returns how many octets DER takes for the length n.
func lengthSize(n int) int {
	if n < 0x80 {
		return 1
	}
	size := 1
	for ; n > 0; n >>= 8 {
		size++
	}
	return size
}

// appendLength appends the length n as DER encodes it.
func appendLength(dst []byte, n int) []byte {
	octets := lengthSize(n) - 1
	if octets == 0 {
		return append(dst, byte(n))
	}
	dst = append(dst, 0x80|byte(octets))
	for i := octets - 1; i >= 0; i-- {
		dst = append(dst, byte(n>>(8*i)))
	}
	return dst
}

// AppendHeader appends the DER header of an element with n content octets. The
// constructed bit is written as tag has it; n must not be negative.
func AppendHeader(dst []byte, tag asn1.Tag, n int) []byte {
	return appendLength(append(dst, byte(tag)), n)
}
