package armor

import (
	"encoding/base64"
	"encoding/binary"
	"slices"

	"github.com/doublekeybox/doublekeybox/internal/base64lines"
)

// appendLines appends src in lines to dst. All lines but the last are whole, and each has its end.
func appendLines(dst, src []byte) []byte {
	dst = slices.Grow(dst, len(src)/lineOctets*(lineLength+1)+lineLength+1)
	n := len(dst)
	to := dst[:cap(dst)]
	for ; len(src) >= lineOctets; src = src[lineOctets:] {
		in, out := (*[lineOctets]byte)(src), (*[lineLength + 1]byte)(to[n:])
		for i, j := 0, 0; i <= lineOctets-6 && j <= lineLength-8; i, j = i+6, j+8 {
			v := uint64(binary.BigEndian.Uint32(in[i:]))<<16 | uint64(binary.BigEndian.Uint16(in[i+4:]))
			binary.LittleEndian.PutUint64(out[j:], base64lines.Eight(v))
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
	for i := range base64lines.Digits {
		t[base64lines.Digits[i]] = byte(i)
	}
	t[' '], t['\t'], t['\r'] = space, space, space
	t['\n'], t['='], t['-'] = end, pad, dash
	return t
}()
