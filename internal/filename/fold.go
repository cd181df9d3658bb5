package filename

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fold returns what two names have in common that some file system takes for
// one: case and composed characters are no difference (Windows, macOS). It is
// made for comparing and not for showing.
func Fold(name string) string {
	// Case first and last: some characters have the other case only composed.
	return norm.NFKC.String(strings.Map(simple, norm.NFKC.String(strings.Map(simple, name))))
}

// simple is the least of the characters that differ in case alone.
func simple(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

// Composed returns text in Unicode's normal form C: what was typed on another
// keyboard, or on another system, is the same then.
func Composed(text string) string { return norm.NFC.String(text) }
