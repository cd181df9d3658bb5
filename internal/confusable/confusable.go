// Package confusable finds mail addresses that a person may take for each
// other. It decides nothing: what it finds is told to people.
package confusable

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

// maxText bounds the work on a text that is no address.
const maxText = 1024

// Skeleton returns what an address looks like: two addresses with the same
// skeleton can be taken for each other. It is made for comparing and not for
// showing. Whatever is no address has one too, so that what claims to be
// somebody's can be compared with what is.
//
// It is the skeleton of Unicode Technical Standard 39, Section 4, coarsened in
// the direction of what mail programs show in small print: the domain in
// U-labels; no difference of case and of accents; one form for I, l, i, 1 and |,
// for O, o and 0, for rn and m, vv and w, cl and d.
func Skeleton(address string) string {
	if isPlain(address) {
		// Most are: nothing is decoded or taken apart, and no look-up of an
		// unknown address waits for it.
		at := strings.LastIndexByte(address, '@') + 1
		buf := append(make([]byte, 0, len(address)), address...)
		for i, c := range buf {
			if i >= at && 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			buf[i] = foldASCII(c)
		}
		return pairs(buf)
	}
	if a, err := mailbox.Parse(address); err == nil {
		address = a.Unicode()
	} else if len(address) > maxText {
		address = address[:maxText]
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(address) {
		switch {
		case r < 0x80:
			b.WriteByte(foldASCII(byte(r)))
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
			continue // accents, and what is not seen
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		default:
			b.WriteString(fold(r))
		}
	}
	return pairs([]byte(b.String()))
}

// isPlain reports whether an address is ASCII, of which no part of the domain
// stands for something else.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return len(s) <= maxText && !strings.Contains(s, "--")
}

// foldASCII returns the form of one character of ASCII.
func foldASCII(c byte) byte {
	switch {
	case c == 'I' || c == '1' || c == '|':
		return 'l'
	case c == '0':
		return 'o'
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	}
	return c
}

// fold returns the form of one other character.
func fold(r rune) string {
	if s := looksLike(r); s != "" {
		return s
	}
	r = unicode.ToLower(r)
	if s := looksLike(r); s != "" {
		return s
	}
	return string(r)
}

// pairs puts one letter in the place of two that look like it, and l in that of
// i: last, since "ci" does not look like d. It is done in place.
func pairs(s []byte) string {
	out := s[:0]
	for i := 0; i < len(s); i++ {
		c := s[i]
		if i+1 < len(s) {
			two := c
			switch string(s[i : i+2]) {
			case "rn":
				two = 'm'
			case "vv":
				two = 'w'
			case "cl":
				two = 'd'
			}
			if two != c {
				c = two
				i++
			}
		}
		if c == 'i' {
			c = 'l'
		}
		out = append(out, c)
	}
	return string(out)
}

// Near reports whether two addresses differ as a typing error makes them
// differ: one of the two parts, by one character that is missing, added, another
// one or in the place of its neighbour. Parts of less than four characters differ
// by so much without being like each other.
func Near(a, b string) bool {
	if d := len(a) - len(b); (d < -1 || d > 1) && isPlain(a) && isPlain(b) {
		return false
	}
	x, errX := mailbox.Parse(a)
	y, errY := mailbox.Parse(b)
	if errX != nil || errY != nil || x == y {
		return false
	}
	switch {
	case x.Local() == y.Local():
		return oneEdit(x.OfDomain().Unicode()[1:], y.OfDomain().Unicode()[1:])
	case x.Domain() == y.Domain():
		return oneEdit(x.Local(), y.Local())
	}
	return false
}

// oneEdit reports whether one insertion, deletion, replacement or exchange of
// neighbours makes a into b.
func oneEdit(a, b string) bool {
	const least = 4
	x, y := []rune(a), []rune(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(x) < least || len(y)-len(x) > 1 {
		return false
	}
	i := 0
	for i < len(x) && x[i] == y[i] {
		i++
	}
	if len(x) < len(y) {
		return slices.Equal(x[i:], y[i+1:])
	}
	if i == len(x) {
		return false // the same
	}
	return slices.Equal(x[i+1:], y[i+1:]) ||
		i+1 < len(x) && x[i] == y[i+1] && x[i+1] == y[i] && slices.Equal(x[i+2:], y[i+2:])
}
