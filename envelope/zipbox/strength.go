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

// What people think of when they are asked for something that only they and a
// business know.
const (
	reasonDate   = "it is a date, such as one of birth: there are fewer than 50,000 days on which somebody who lives was born"
	reasonNumber = "it looks like the number of a policy, a customer or a telephone: such numbers are given in order, stand on every letter, and a computer counts through all of them in minutes"
	reasonDigits = "it has digits alone: each makes guessing only ten times as long"
	reasonCommon = "it is made of what many people choose"
	reasonRepeat = "it repeats itself, or follows the keyboard or the alphabet"
	reasonShort  = "it is too short: eight random words, or 20 random letters and digits, are enough"
)

// Estimate estimates how long somebody would guess who tries first what people
// choose. It errs to the safe side: what may be a word counts as one of 2,000, and
// numbers are taken for such as are given in order. No estimate knows where a
// passphrase comes from: only one that a computer drew at random is known to be
// strong.
func Estimate(passphrase string) Strength {
	text := filename.Composed(passphrase)
	if bits := phrase.Bits(text); bits > 0 {
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
	case letters > 0 && digits >= 4 && letters <= 6 && changes <= 2 && digits <= longNumber && !hasWord(runs):
		return Strength{min(digits*332/100+letters, enoughBits-1), []string{reasonNumber}}
	}
	for _, r := range runs {
		c.add(r)
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
// another word.
func split(text string) (runs []run) {
	var last rune
	for _, r := range text {
		kind, n := kindOf(r), len(runs)
		if n == 0 || runs[n-1].kind != kind || kind == 'a' && unicode.IsUpper(r) && unicode.IsLower(last) {
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
	common, repeats bool
}

func (c *tally) add(r run) {
	n := utf8.RuneCountInString(r.text)
	if c.seen[r.text] {
		// The same once more, or the separator that stands everywhere.
		c.repeats = c.repeats || r.kind != '.'
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
	case r.kind == '0':
		c.tenths += 33 * n
	case contains(common, r.text):
		c.common = true
		c.tenths += 50
	case word(r.text):
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
	return strings.Contains(rows, s) || strings.Contains(rows, string(b))
}

// rows are those of the alphabet and of common keyboards.
const rows = "abcdefghijklmnopqrstuvwxyz 01234567890 qwertyuiop qwertzuiop azertyuiop asdfghjkl zxcvbnm yxcvbnm wxcvbn"

// word reports whether s may be read aloud: at least three letters, vowels among
// them, and no more than four consonants in a row.
func word(s string) bool {
	n, row, vowels := 0, 0, 0
	for _, r := range s {
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

// contains reports whether word is one of a list.
func contains(list, word string) bool {
	return word != "" && strings.Contains(" "+list+" ", " "+word+" ")
}

// Months and what stands beside their figures, in the languages of the people
// who are sent such letters most.
const (
	months = "jan january januar janvier enero gennaio feb february februar février fév febrero febbraio mar march märz mars marzo apr april avril abril aprile " +
		"may mai mayo maggio jun june juni juin junio giugno jul july juli juillet julio luglio aug august août agosto " +
		"sep sept september septembre septiembre settembre oct okt october oktober octobre octubre ottobre " +
		"nov november novembre noviembre dec dez december dezember décembre déc diciembre dicembre"
	ordinals = "st nd rd th de di of"
)

// common are words that lists of stolen passwords begin with, and what people
// add to them.
const common = "password passwort pass pwd secret geheim love liebe hello hallo welcome willkommen admin master dragon monkey shadow " +
	"football fussball baseball soccer summer sommer winter spring herbst autumn sunshine princess prinzessin schatz letmein login access " +
	"superman batman michael thomas daniel andreas stefan peter maria anna berlin hamburg wien zürich london test user insurance versicherung " +
	"policy police kunde customer geburtstag birthday mama papa mein my the ist is und and ich iloveyou changeme default january januar"
