package confusable

import (
	"slices"
	"strings"
	"unicode"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

// Odd says what of an address is as only who wants to deceive writes it, "" for
// nothing: a part of its domain, or what stands before the @, that mixes
// scripts, or a part of the domain whose every letter looks like one of ASCII
// and is none. It is one clause, for people.
//
// It is the "highly restrictive" level of Unicode Technical Standard 39,
// Section 5.2: the scripts of Japanese, of Korean and of Chinese may each stand
// with Latin, all others alone.
func Odd(address string) string {
	a, err := mailbox.Parse(address)
	if err != nil {
		return ""
	}
	if s := mixed(a.Local()); s != "" {
		return "what stands before its @ mixes " + s + " letters"
	}
	domain := a.OfDomain().Unicode()[1:]
	for label := range strings.SplitSeq(domain, ".") {
		if s := mixed(label); s != "" {
			return "its domain mixes " + s + " letters"
		}
		if allAlike(label) {
			return "its domain is written in " + strings.Join(scripts(label), " and ") + " letters, which all look like Latin ones"
		}
	}
	return ""
}

// mixed names the scripts of a text that do not belong together.
func mixed(s string) string {
	found := scripts(s)
	if len(found) < 2 {
		return ""
	}
	for _, together := range [...][]string{
		{"Latin", "Han", "Hiragana", "Katakana"},
		{"Latin", "Han", "Bopomofo"},
		{"Latin", "Han", "Hangul"},
	} {
		if !slices.ContainsFunc(found, func(s string) bool { return !slices.Contains(together, s) }) {
			return ""
		}
	}
	return strings.Join(found, " and ")
}

// scripts returns the scripts of the letters of s, sorted by name.
func scripts(s string) (found []string) {
	for _, r := range s {
		if n := script(r); n != "" && !slices.Contains(found, n) {
			found = append(found, n)
		}
	}
	slices.Sort(found)
	return found
}

// script returns the name of the script of a letter, "" for what several share.
func script(r rune) string {
	switch {
	case r < 0x80:
		if unicode.IsLetter(r) {
			return "Latin"
		}
		return ""
	case unicode.In(r, unicode.Common, unicode.Inherited):
		return ""
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return ""
}

// allAlike reports whether a text has letters, none of which is Latin and each
// of which looks like one or two that are.
func allAlike(s string) bool {
	letters := 0
	for _, r := range s {
		switch n := script(r); {
		case n == "Latin" || n != "" && looksLike(r) == "":
			return false
		case n != "":
			letters++
		}
	}
	return letters > 0
}
