package armor

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
)

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// pairs holds the two digits of each value of 12 bits, the first in the lower octet: base64 costs half as much as one digit
// at a time.
var pairs = func() (t [1 << 12]uint16) {
	for i := range t {
		t[i] = uint16(digits[i>>6]) | uint16(digits[i&63])<<8
	}
	return t
}()

// appendLines appends src in lines to dst. All lines but the last are whole, and each has its end.
func appendLines(dst, src []byte) []byte {
	dst = slices.Grow(dst, len(src)/lineOctets*(lineLength+1)+lineLength+1)
	n := len(dst)
	to := dst[:cap(dst)]
	for ; len(src) >= lineOctets; src = src[lineOctets:] {
		in, out := (*[lineOctets]byte)(src), (*[lineLength + 1]byte)(to[n:])
		for i, j := 0, 0; i <= lineOctets-6 && j <= lineLength-8; i, j = i+6, j+8 {
			v := uint64(binary.BigEndian.Uint32(in[i:]))<<16 | uint64(binary.BigEndian.Uint16(in[i+4:]))
			w := uint64(pairs[v>>36&0xFFF]) | uint64(pairs[v>>24&0xFFF])<<16 |
				uint64(pairs[v>>12&0xFFF])<<32 | uint64(pairs[v&0xFFF])<<48
			binary.LittleEndian.PutUint64(out[j:], w)
		}
		out[lineLength] = '\n'
		n += lineLength + 1
	}
	dst = to[:n]
	if len(src) > 0 {
		dst = append(base64.StdEncoding.AppendEncode(dst, src), '\n')
	}
	return dst
}

// Classes of characters in the body; below 64: a base64 digit.
const (
	space = 64 + iota
	end   // of a line
	pad
	dash
	other
)

var class = func() (t [256]byte) {
	for i := range t {
		t[i] = other
	}
	for i := range digits {
		t[digits[i]] = byte(i)
	}
	t[' '], t['\t'], t['\r'] = space, space, space
	t['\n'], t['='], t['-'] = end, pad, dash
	return t
}()

// noDigit marks in sextets what is no base64 digit.
const noDigit = 1 << 31

// sextets holds what each character contributes to a group of 24 bits, at each of its four places.
var sextets = func() (t [4][256]uint32) {
	for i, c := range class {
		for k := range t {
			t[k][i] = noDigit
			if c < 64 {
				t[k][i] = uint32(c) << (18 - 6*k)
			}
		}
	}
	return t
}()

// decodeGroups decodes eight digits at a time of text to out, and returns how many characters it took and how many octets
// that made. It stops before the first eight that have anything else among them, and before either slice ends.
func decodeGroups(out, text []byte) (n, used int) {
	for len(text)-used >= 8 && len(out)-n >= 8 {
		in := (*[8]byte)(text[used:])
		x := sextets[0][in[0]] | sextets[1][in[1]] | sextets[2][in[2]] | sextets[3][in[3]]
		y := sextets[0][in[4]] | sextets[1][in[5]] | sextets[2][in[6]] | sextets[3][in[7]]
		if (x|y)&noDigit != 0 {
			break
		}
		binary.BigEndian.PutUint64(out[n:], uint64(x)<<40|uint64(y)<<16)
		used, n = used+8, n+6
	}
	return n, used
}
