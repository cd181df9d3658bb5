package mimeparse

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/base64lines"
)

// Each octet in each place is a digit or is none, whatever is beside it.
func TestAllDigits(t *testing.T) {
	for _, around := range []string{"A", "z", "+", "/", "9", "0"} {
		for length := 8; length < 26; length++ {
			s := []byte(strings.Repeat(around, length))
			require.True(t, allDigits(s))
			for at := range s {
				for c := range 256 {
					s[at] = byte(c)
					require.Equal(t, strings.IndexByte(base64lines.Digits, byte(c)) >= 0, allDigits(s), "%q", s)
				}
				s[at] = around[0]
			}
		}
	}
	for c := range 256 { // beside an octet that is none too
		for d := range 256 {
			both := strings.IndexByte(base64lines.Digits, byte(c)) >= 0 && strings.IndexByte(base64lines.Digits, byte(d)) >= 0
			require.Equal(t, both, allDigits([]byte{'A', 'A', byte(c), byte(d), 'A', 'A', 'A', 'A'}))
		}
	}
}

// A body of regular lines with anything in one of them is what it is without
// the short cut that those take.
func TestRegular(t *testing.T) {
	for _, end := range []string{"\n", "\r\n"} {
		for _, line := range []string{"QUJDREVG", "QUJDREVGR", strings.Repeat("QUJD", 19)} {
			regular := strings.Repeat(line+end, 4)
			for at := 0; at <= len(regular); at++ {
				for _, in := range []string{"", "=", "==", "\r", "\n", "\r\n", " ", "*", "\x00", "\x80", "\r--", "Q", "Q=\n"} {
					body := regular[:at] + in + regular[at:]
					fast, slow := bodyOf(body, len(body)), bodyOf(body, 1)
					require.Equal(t, slow, fast, "%q", body)
				}
			}
		}
	}
}

// bodyOf is what is found in a base64 body that comes in pieces of a length.
func bodyOf(s string, piece int) *Node {
	b := new(parser).body.begin(&Node{Encoding: "base64"}, leaf, 0)
	for rest := []byte(s); len(rest) > 0; rest = rest[piece:] {
		piece = min(piece, len(rest))
		b.feed(rest[:piece])
		b.fed += int64(piece)
	}
	b.done()
	return b.node
}
