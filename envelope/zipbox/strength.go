package zipbox

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doublekeybox/doublekeybox/internal/filename"
	"github.com/doublekeybox/doublekeybox/internal/phrase"
)

// enoughBits is what a passphrase needs here. A graphics card tries 2^23 a
// second, 1,000 rounds of PBKDF2 for each: a thousand of them take 2,000 years
// for half of 2^70.
const enoughBits = 70

// longNumber is how many digits numbers have that stand on letters: those of
// accounts have 24 and some letters (IBAN).
const longNumber = 25

// Strength is what [Estimate] thinks of a passphrase.
type Strength struct {
	Bits    int      // the most that somebody who knows how people choose needs to try, as a power of two
	Reasons []string // why it is that few, each one line; without a word of the passphrase
}

// Weak reports whether it can be guessed, where 1,000 rounds of PBKDF2 are all
// that is in the way.
func (s Strength) Weak() bool { return s.Bits < enoughBits }

// mostChanges is how often people go from letters to digits and back. What does it
// more often was drawn, and what looks like a short word in it is none.
const mostChanges = 5

// What people think of when they are asked for something that only they and a
// business know.
const (
	reasonDate   = "it is a date, such as one of birth: there are fewer than 50,000 days on which somebody who lives was born"
	reasonNumber = "it looks like the number of a policy, a customer or a telephone: such numbers are given in order, stand on every letter, and a computer counts through all of them in minutes"
	reasonDigits = "it has digits alone: each makes guessing only ten times as long"
	reasonCommon = "it is made of what many people choose"
	reasonRepeat = "it repeats itself, or follows the keyboard or the alphabet"
	reasonShort  = "it is too short: eight random words are enough, or let one be generated"
)

// Estimate estimates how long somebody would guess who tries first what people
// choose. It errs to the safe side: what may be a word counts as one of 2,000, and
// numbers are taken for such as are given in order. No estimate knows where a
// passphrase comes from: only one that a computer drew at random is known to be
// strong.
func Estimate(passphrase string) Strength {
	text := filename.Composed(passphrase)
	if bits := phrase.Bits(text); bits > 0 && !inOneGo(text) {
		return Strength{Bits: bits}
	}
	c := tally{seen: map[string]bool{}}
	runs := split(text)
	if days(runs) {
		return Strength{16, []string{reasonDate}}
	}
	letters, digits, changes := shape(runs)
	switch {
	case letters == 0 && digits > 0 && digits <= longNumber:
		return Strength{min(digits*332/100, enoughBits-1), []string{reasonDigits, reasonNumber}}
	case letters > 0 && digits >= 4 && letters <= 6 && changes <= 2 && digits <= longNumber && !hasWord(runs), document(text):
		return Strength{min(digits*332/100+letters, enoughBits-1), []string{reasonNumber}}
	}
	c.sentence, c.mixed = sentence(runs), changes > mostChanges
	for _, r := range runs {
		c.add(r)
	}
	if w, _ := walk(text); w < c.tenths {
		c.tenths, c.repeats = w, true
	}
	s := Strength{Bits: c.tenths / 10}
	if !s.Weak() {
		return s
	}
	if letters == 0 {
		s.Reasons = append(s.Reasons, reasonDigits)
	}
	if c.common {
		s.Reasons = append(s.Reasons, reasonCommon)
	}
	if c.repeats {
		s.Reasons = append(s.Reasons, reasonRepeat)
	}
	s.Reasons = append(s.Reasons, reasonShort)
	return s
}

// run is a stretch of letters, of digits, or of anything else.
type run struct {
	text string
	kind byte // 'a', '0' or '.'
}

func kindOf(r rune) byte {
	switch {
	case unicode.IsLetter(r):
		return 'a'
	case unicode.IsDigit(r):
		return '0'
	}
	return '.'
}

// split takes text apart where the kind changes, and where a capital begins
// another word: "CorrectHorse" are two, and cOrReCt is none the less one.
func split(text string) (runs []run) {
	const shortest = 3 // letters of a word before a capital
	var last rune
	for _, r := range text {
		kind, n := kindOf(r), len(runs)
		if n == 0 || runs[n-1].kind != kind || kind == 'a' && unicode.IsUpper(r) && unicode.IsLower(last) && utf8.RuneCountInString(runs[n-1].text) >= shortest {
			runs = append(runs, run{kind: kind})
			n++
		}
		runs[n-1].text += string(unicode.ToLower(r))
		last = r
	}
	return runs
}

// shape counts letters and digits, and how often one follows the other.
func shape(runs []run) (letters, digits, changes int) {
	var last byte
	for _, r := range runs {
		n := utf8.RuneCountInString(r.text)
		switch r.kind {
		case 'a':
			letters += n
		case '0':
			digits += n
		default:
			continue
		}
		if last != 0 && last != r.kind {
			changes++
		}
		last = r.kind
	}
	return letters, digits, changes
}

// hasWord reports whether one of the runs is longer than what stands before a
// number to say which kind it is of.
func hasWord(runs []run) bool {
	for _, r := range runs {
		if r.kind == 'a' && utf8.RuneCountInString(r.text) > 4 && word(r.text) {
			return true
		}
	}
	return false
}

// days reports whether there is nothing but a day in runs: in figures, with or
// without anything between, or with the month as a word, in whatever order.
func days(runs []run) bool {
	var figures []string
	month := false
	for _, r := range runs {
		switch {
		case r.kind == '0':
			figures = append(figures, r.text)
		case r.kind != 'a' || contains(ordinals, r.text):
		case !month && contains(months, r.text):
			month = true
		default:
			return false
		}
	}
	all := strings.Join(figures, "")
	switch {
	case month:
		return len(all) >= 2 && len(all) <= 6
	case len(all) < 6 || len(all) > 8:
		return len(all) == 4 && len(figures) == 1 && year(all)
	case len(all) == 6:
		return dayMonth(all[:2], all[2:4]) || dayMonth(all[4:], all[2:4])
	case len(all) == 8:
		return year(all[4:]) && dayMonth(all[:2], all[2:4]) || year(all[:4]) && dayMonth(all[4:6], all[6:])
	}
	return len(figures) == 3 // 1.12.1980
}

func year(s string) bool { return strings.HasPrefix(s, "19") || strings.HasPrefix(s, "20") }

// dayMonth reports whether a and b are a day and a month, in either order.
func dayMonth(a, b string) bool {
	is := func(s, most string) bool { return "01" <= s && s <= most }
	return is(a, "31") && is(b, "12") || is(a, "12") && is(b, "31")
}

// tally adds up what the runs are worth, in tenths of a bit.
type tally struct {
	tenths          int
	seen            map[string]bool
	sentence, mixed bool
	common, repeats bool
}

func (c *tally) add(r run) {
	n := utf8.RuneCountInString(r.text)
	if c.seen[r.text] {
		// The same once more, or the separator that stands everywhere.
		c.repeats = c.repeats || r.kind != '.'
		if n == 1 && r.kind != '.' {
			c.tenths += 15 // which comes by chance, too
		}
		return
	}
	c.seen[r.text] = true
	switch {
	case sequence(r.text):
		c.repeats = true
		c.tenths += 40
	case r.kind == '.':
		c.tenths += 20 + 10*min(n-1, 4)
	case r.kind == '0' && n == 4 && year(r.text):
		c.tenths += 66
	case r.kind == '0' && n == 2 && r.text <= "31":
		c.tenths += 45 // most often a day or a month
	case r.kind == '0':
		c.tenths += 33 * n
	case n > 1 && contains(small, r.text):
		c.common = true
		c.tenths += 30
	case contains(common, r.text), contains(inOrder, r.text), contains(months, r.text):
		c.common = true
		c.tenths += 50
	case c.sentence && word(r.text):
		c.common = true
		c.tenths += 80 // grammar, and the rest of the sentence, say much of it
	case word(r.text) && (n > 4 || !c.mixed):
		// One of 2,000, whatever it is: people do not draw from a dictionary.
		c.tenths += 110
	default:
		c.tenths += 46 * n
	}
}

// sequence reports whether s is one character again and again, or a stretch of
// the alphabet, of the digits or of a keyboard, forwards or backwards.
func sequence(s string) bool {
	if utf8.RuneCountInString(s) < 3 {
		return false
	}
	if strings.Count(s, s[:1]) == len(s) {
		return true
	}
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return strings.Contains(rows, s) || strings.Contains(rows, string(b)) || utf8.RuneCountInString(s) > 4 && strings.Contains(constants, s)
}

// word reports whether s may be read aloud: at least three letters, vowels among
// them, and no more than four consonants in a row, where two or three letters
// that stand for one sound are one.
func word(s string) bool {
	n, row, vowels := 0, 0, 0
	sounds := strings.NewReplacer("sch", "s", "ch", "c", "ck", "k", "ng", "n", "st", "s", "th", "t", "ph", "f", "tz", "z").Replace(s)
	for _, r := range sounds {
		n++
		if r > unicode.MaxASCII || strings.ContainsRune("aeiouy", r) {
			vowels++
			row = 0
			continue
		}
		if row++; row > 4 {
			return false
		}
	}
	return n >= 3 && vowels > 0
}

// sentence reports whether small words hold the others together: then somebody
// thought of it, said it or read it.
func sentence(runs []run) bool {
	found := 0
	for _, r := range runs {
		if r.kind == 'a' && contains(small, r.text) {
			found++
		}
	}
	return found > 1
}

// document reports whether text is what stands on a card: the number of an
// account with letters in it (IBAN, ISO 13616-1, which its own check tells), or a
// line for machines of a passport (ICAO 9303, where "<" fills up).
func document(text string) bool {
	const shortest, longest = 15, 34
	if strings.Contains(text, "<<") {
		return true
	}
	n, rest := 0, 0
	text = strings.ToUpper(strings.NewReplacer(" ", "", "-", "", ".", "").Replace(text))
	if len(text) < shortest || len(text) > longest {
		return false
	}
	for _, c := range []byte(text[4:] + text[:4]) {
		switch {
		case '0' <= c && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
			n++
		case 'A' <= c && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1 && n > 2
}
