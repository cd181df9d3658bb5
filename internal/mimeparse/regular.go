package mimeparse

import (
	"bytes"
	"encoding/binary"
)

// regular takes from s the lines that base64 mostly has, each as long as the
// first and of nothing but digits, and returns what is behind them. What piece
// would find in them is known at once.
func (b *body) regular(s []byte) []byte {
	first := bytes.IndexByte(s, '\n') + 1
	if first == 0 {
		return s
	}
	length := bytes.IndexByte(s[first:], '\n') + 1
	digits := length - len("\n")
	if digits > 0 && s[first+digits-1] == '\r' {
		digits--
	}
	if digits < 8 {
		return s
	}
	b.piece(s[:first]) // what the line is that began before
	if b.base64.padded {
		return s[first:]
	}
	s = s[first:]
	crlf := length-digits == len("\r\n")
	lines := int64(0)
	for ; len(s) >= length && s[length-1] == '\n' && (s[length-2] == '\r') == crlf && allDigits(s[:digits]); s = s[length:] {
		lines++
	}
	if lines == 0 {
		return s
	}
	b.base64.digits += lines * int64(digits)
	b.crlf = b.crlf || crlf
	b.lf = b.lf || !crlf
	b.last = [2]byte{digitA, '\n'}
	if crlf {
		b.last[0] = '\r'
	}
	return s
}

// digitA is any digit.
const digitA = 'A'

// The same octet eight times.
const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// allDigits reports whether the eight octets or more of s are digits of base64,
// eight at a time: an octet without its highest bit is at least c if that bit
// is set once 0x80-c was added, and no carry reaches the octet above.
func allDigits(s []byte) bool {
	good := uint64(highs)
	for i := 0; i+8 < len(s); i += 8 {
		good &= digitsIn(binary.LittleEndian.Uint64(s[i:]))
	}
	return good&digitsIn(binary.LittleEndian.Uint64(s[len(s)-8:])) == highs
}

// digitsIn returns an octet with its highest bit set for each that is a digit,
// if none of x has that bit itself; and otherwise not for all.
func digitsIn(x uint64) uint64 {
	small := x | 0x20*ones // letters, and nothing else becomes one
	letter := (small + (0x80-'a')*ones) &^ (small + (0x80-'z'-1)*ones)
	number := (x + (0x80-'/')*ones) &^ (x + (0x80-'9'-1)*ones) // and '/', which is before 0
	plus := ^(x ^ '+'*ones + 0x7f*ones)
	return (letter | number | plus) &^ x & highs
}
