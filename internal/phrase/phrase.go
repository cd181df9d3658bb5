// Package phrase draws passphrases, and knows again what may have been drawn.
package phrase

import (
	"crypto/rand"
	"strings"
)

// kind is a way to draw: groups of characters of an alphabet, with hyphens
// between. What is drawn has 96 bits at least: whoever tries 10^12 in a second,
// with no work in between for deriving a key, needs 10^9 years.
type kind struct {
	alphabet      string
	groups, group int
	bits          int
	distinct      int // so many there are, but for once in a billion times
}

// letters returns the kind of 20 lower-case letters and digits without those
// that are taken for each other on paper: 0 and o, 1, i and l. Of 31 they are
// 99.1 bits.
func letters() kind { return kind{"abcdefghjkmnpqrstuvwxyz23456789", 5, 4, 99, 6} }

// digits returns the kind of 30 figures, for a telephone: 99.7 bits.
func digits() kind { return kind{"0123456789", 6, 5, 99, 4} }

// Ten words of 1,024 are 100 bits.
const (
	wordCount     = 10
	wordBits      = 100
	wordsDistinct = 6
)

const separator = "-"

// Letters draws one of letters, such as k8x2-mv9q-7tzr-4hwb-npc3: 99 bits.
func Letters() string { return letters().draw() }

// Digits draws one of figures, such as 29184-75602-93174-58603-92718-46501: 99
// bits.
func Digits() string { return digits().draw() }

// Words draws ten English words: 100 bits.
func Words() string {
	list := strings.Fields(words)
	drawn := make([]string, wordCount)
	for i := range drawn {
		drawn[i] = list[below(len(list))]
	}
	return strings.Join(drawn, separator)
}

func (k kind) draw() string {
	var b strings.Builder
	for i := range k.groups * k.group {
		if i > 0 && i%k.group == 0 {
			b.WriteString(separator)
		}
		b.WriteByte(k.alphabet[below(len(k.alphabet))])
	}
	return b.String()
}

// below draws a number from 0 to n-1; n is 1 to 65,536.
func below(n int) int {
	// What is beyond the last multiple of n would make the first numbers
	// likelier than the others.
	for most := 1 << 16 / n * n; ; {
		var b [2]byte
		rand.Read(b[:]) // never fails
		if v := int(b[0])<<8 | int(b[1]); v < most {
			return v % n
		}
	}
}

// Bits returns how many bits text has if it was drawn here, and 0 if it does not
// look so: nobody thinks of such a text, of which by chance a part may be a word
// or a date.
func Bits(text string) int {
	groups := strings.Split(text, separator)
	for _, k := range []kind{letters(), digits()} {
		if k.drew(groups) {
			return k.bits
		}
	}
	if len(groups) != wordCount {
		return 0
	}
	list, seen := map[string]bool{}, map[string]bool{}
	for _, w := range strings.Fields(words) {
		list[w] = true
	}
	for _, g := range groups {
		if !list[g] {
			return 0
		}
		seen[g] = true
	}
	if len(seen) < wordsDistinct {
		return 0
	}
	return wordBits
}

func (k kind) drew(groups []string) bool {
	seen := map[rune]bool{}
	for _, g := range groups {
		for _, r := range g {
			if !strings.ContainsRune(k.alphabet, r) {
				return false
			}
			seen[r] = true
		}
		if len(g) != k.group {
			return false
		}
	}
	return len(groups) == k.groups && len(seen) >= k.distinct
}
