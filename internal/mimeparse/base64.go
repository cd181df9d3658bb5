package mimeparse

import "bytes"

// Classes of octets in a base64 body, one bit each.
const (
	digit = 1 << iota
	lineEnd
	blank
	padding
	stray
)

var classes = func() (t [256]byte) {
	for i := range t {
		t[i] = stray
	}
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		t[c] = digit
	}
	t['\r'], t['\n'], t[' '], t['\t'], t['='] = lineEnd, lineEnd, blank, blank, padding
	return t
}()

// classesIn returns the classes of all octets in s.
func classesIn(s []byte) (all byte) {
	for ; len(s) >= 8; s = s[8:] {
		all |= classes[s[0]] | classes[s[1]] | classes[s[2]] | classes[s[3]] |
			classes[s[4]] | classes[s[5]] | classes[s[6]] | classes[s[7]]
	}
	for _, c := range s {
		all |= classes[c]
	}
	return all
}

// base64Size counts what a base64 body decodes to, as package base64lines has it:
// what is not of the alphabet is skipped (RFC 2045, Section 6.8), and padding
// ends a group but not the body.
type base64Size struct {
	digits int64 // since the last padding
	octets int64 // before that
	strays int64
	padded bool // the last that counts was padding
	again  bool // digits behind padding
	short  bool // a group of one digit, or one whose padding is not what it lacks
	pads   int64
	blanks bool
}

const base64Chunk = 4096

func (b *base64Size) feed(s []byte) {
	for len(s) > 0 {
		chunk := s[:min(len(s), base64Chunk)]
		s = s[len(chunk):]
		if all := classesIn(chunk); all&^(digit|lineEnd) == 0 && !b.padded {
			b.digits += int64(len(chunk) - bytes.Count(chunk, []byte{'\r'}) - bytes.Count(chunk, []byte{'\n'}))
			continue
		}
		for _, c := range chunk {
			b.one(c)
		}
	}
}

func (b *base64Size) one(c byte) {
	switch classes[c] {
	case digit:
		if b.padded {
			b.group()
			b.again = true
		}
		b.digits++
	case padding:
		b.padded = true
		b.pads++
	case blank:
		b.blanks = true
	case stray:
		b.strays++
	}
}

// group ends a group that was padded, or is the last.
func (b *base64Size) group() {
	left := b.digits % 4
	b.octets += b.digits/4*3 + max(0, left-1)
	if left == 1 || b.padded && (left+b.pads)%4 != 0 {
		b.short = true
	}
	b.digits, b.pads, b.padded = 0, 0, false
}

// done returns the number of octets, and says what is odd about the body.
func (b *base64Size) done(n *Node) int64 {
	digits := b.octets/3*4 + b.digits
	unpadded := !b.padded && b.digits%4 > 1
	b.group()
	if b.strays > 0 {
		n.find("base64-stray", true, "the base64 body has characters that are none of base64, which some programs skip and some end at")
	}
	if b.again {
		n.find("base64-padding", true, "the base64 body goes on behind its padding, where some programs end")
	}
	if b.short {
		n.find("base64-cut", true, "a group of the base64 body is too short or has too much padding")
	}
	if b.blanks {
		n.find("base64-blank", false, "the base64 body has white space in its lines, which some programs refuse")
	}
	if unpadded {
		n.find("base64-unpadded", false, "the base64 body lacks its padding")
	}
	// One in eight: no genuine body was ever damaged so, a text that is labelled
	// base64 by mistake has more.
	if b.strays*8 > digits {
		n.damaged = true
		n.find("base64-damaged", true, "the body is stated to be base64 and is not")
		return 0
	}
	return b.octets
}
