package zipbox

import (
	"strings"
	"unicode"
)

// rows are those of the alphabet and of common keyboards.
const rows = "abcdefghijklmnopqrstuvwxyz 01234567890 qwertyuiop qwertzuiop azertyuiop asdfghjkl zxcvbnm yxcvbnm wxcvbn"

// constants are numbers that people know by heart, or look up: of the circle,
// of logarithms, of the square.
const constants = "314159265358979323846264338327950288419716939937510 271828182845904523536028747135266249775724709369995 141421356237309504880168872420969807856967187537694"

// Tenths of a bit: where a walk begins, and for each step that whoever guesses
// makes as well.
const (
	walkBegin = 60
	walkStep  = 15
)

// walk returns what text is worth in tenths of a bit to somebody who guesses walks
// over a keyboard, in whatever direction, and characters that count up or down,
// also two rows of them by turns. What jumps everywhere is worth much so.
func walk(text string) (tenths, begins int) {
	var keys []rune
	for _, r := range text {
		if r = unicode.ToLower(r); r != ' ' && r != '-' {
			keys = append(keys, r)
		}
	}
	for i := range keys {
		if i > 0 && (next(keys[i-1], keys[i]) || near(keys[i-1], keys[i])) || i > 2 && next(keys[i-2], keys[i]) && next(keys[i-3], keys[i-1]) {
			tenths += walkStep
		} else {
			tenths += walkBegin
			begins++
		}
	}
	return tenths, begins
}

// inOneGo reports whether text, in the form of those that are generated, was
// typed by somebody who counted, or walked, or wrote the same group again: of
// what was drawn that is one in a million at most.
func inOneGo(text string) bool {
	const fewBegins = 3
	groups := strings.Split(text, "-")
	distinct := map[string]bool{}
	for _, g := range groups {
		distinct[g] = true
	}
	_, begins := walk(text)
	return begins <= fewBegins || 2*len(distinct) <= len(groups)
}

// next reports whether b is a, or the character before it or behind it.
func next(a, b rune) bool { return -1 <= b-a && b-a <= 1 }

// near reports whether two keys touch on a keyboard.
func near(a, b rune) bool {
	for _, k := range [][]string{
		{"1234567890", "qwertyuiop", "asdfghjkl;", "zxcvbnm,./"},
		{"1234567890", "qwertzuiop", "asdfghjklö", "yxcvbnm,.-"},
		{"1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn,;:!"},
	} {
		x, y, there := place(k, a)
		u, v, too := place(k, b)
		if there && too && max(x-u, u-x) <= 1 && max(y-v, v-y) <= 1 {
			return true
		}
	}
	return false
}

// place returns where the key r is.
func place(keyboard []string, r rune) (column, row int, there bool) {
	for row, keys := range keyboard {
		if i := strings.IndexRune(keys, r); i >= 0 {
			return i, row, true
		}
	}
	return 0, 0, false
}
