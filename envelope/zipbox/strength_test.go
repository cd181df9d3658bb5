package zipbox_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
)

func TestEstimate(t *testing.T) {
	for reason, texts := range map[string][]string{
		"a date": {
			"24.12.1980", "24/12/80", "1980-12-24", "19801224", "24121980", "12241980", "241280", "801224", "1980",
			"24. Dezember 1980", "December 24th, 1980", "24 déc. 1980", "1.12.1980", "24-Dec-80",
		},
		"number of a policy": {
			"1234567", "KV-1234567-89", "POL 2023 004711", "A123456789", "0041 79 123 45 67", "+49 (30) 1234567",
			"4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "756.1234.5678.97", "12345678901234567890",
		},
		"digits alone":     {"4711", "0815", "93847561029384"},
		"too short":        {"", "x", "Sommer!", "correct horse", "Tr0ub4dor&3", "P@ssw0rd2024!", "blue river lamp", "Max Mustermann", "k8x2p"},
		"many people":      {"Passwort123", "iloveyou", "Sommer2024!"},
		"repeats":          {"aaaaaaaaaaaaaaaaaaaaaaaaaa", "abcdefghijklmnopqrstuvwxyz", "qwertzuiop", "lamp lamp lamp lamp lamp lamp lamp lamp lamp lamp"},
		"random words":     {"aaaa-aaaa-aaaa-aaaa-aaaa", "meyer schmidt mueller"},
		"computer counts ": {"12.345.678"},
	} {
		for _, text := range texts {
			s := zipbox.Estimate(text)
			require.True(t, s.Weak(), "%q has %d bits", text, s.Bits)
			require.Contains(t, strings.Join(s.Reasons, "; "), reason, "%q", text)
		}
	}
	for _, text := range []string{
		"correct horse battery staple lamp river window paper",
		"correct-horse-battery-staple-lamp-river-window-paper",
		"CorrectHorseBatteryStapleLampRiverWindowPaper",
		"k8x2-mv9q-7tzr-4hwb-npc3",
		"x7Kq9vRt2mWz8pLc4nBd",
		"291 847 560 293 174 586 039 271 846 501",
		"Кошка лампа река окно бумага дерево стекло камень",
	} {
		s := zipbox.Estimate(text)
		require.False(t, s.Weak(), "%q has %d bits: %v", text, s.Bits, s.Reasons)
		require.Empty(t, s.Reasons)
	}
	// What is generated is strong, whatever comes out.
	for range 100 {
		for kind, bits := range map[string]int{"letters": 99, "words": 100, "digits": 99} {
			p, err := envelope.NewPassphraseOf(kind)
			require.NoError(t, err)
			require.Equal(t, zipbox.Strength{Bits: bits}, zipbox.Estimate(p.Reveal()))
		}
	}
}

// What looks long, and is what somebody who guesses tries early. Each has a twin
// that differs in what makes it guessable, and is taken.
func TestEstimateOfLongTexts(t *testing.T) {
	const strong = "correct horse battery staple lamp river window paper"
	for _, c := range []struct{ name, weak, reason, twin string }{
		{"columns of a keyboard", "1qaz2wsx3edc4rfv5tgb6zhn", "follows the keyboard", "1pvz2kqx3mdr4taf5ogc6wun"},
		{"two rows by turns", "q1w2e3r4t5z6u7i8o9", "follows the keyboard", "q7h2x3p9t4z6c8i5o1"},
		{"rows", "qwertyuiopasdfghjklzxcvbnm", "follows the keyboard", "qpwlzmxnckvbtdhjgrsfieauoy"},
		{"rows in capitals by turns", "QwErTyUiOpAsDfGhJkL", "follows the keyboard", "QlPdXtNiJvBsWfZhRkMcGy"},
		{"two counts by turns", "1a2b3c4d5e6f7g8h9i", "follows the keyboard", "7a2x3k9q5v6f1z8p4h"},
		{"digits in twos", "11223344556677889900112233", "follows the keyboard", "19473058264916573820748361"},
		{"a count of digits", "123456789012345678901234567890", "follows the keyboard", "194730582649165738207483615927"},
		{"digits of the circle's number", "31415926535897932384626433832795028", "follows the keyboard", "31495126835297932784626473832195028"},
		{"capitals by turns", "cOrReCtHoRsEbAtTeRy", "too short", strong},
		{"an account with letters", "GB82 WEST 1234 5698 7654 32", "number of a policy", strong},
		{"an account with letters at its end", "MT84MALT011000012345MTLCAST001S", "number of a policy", strong},
		{"what a passport has for machines", "C01X00T478D<<6408125F1702283", "number of a policy", strong},
		{"a date in words", "vingt-quatre décembre mille neuf cent quatre-vingts", "many people choose", strong},
		{"numbers in words", "one two three four five six seven eight nine ten", "many people choose", strong},
		{"months", "January February March April May June July August", "many people choose", strong},
		{"days of the week", "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag", "many people choose", strong},
		{"colours", "rot grün blau gelb schwarz weiß orange lila", "many people choose", strong},
		{"a line of a play", "to be or not to be that is the question", "many people choose", strong},
		{"a sentence that has all letters", "The quick brown fox jumps over the lazy dog", "many people choose", strong},
		{"another one", "Franz jagt im komplett verwahrlosten Taxi quer durch Bayern", "many people choose", "franz jagt komplett verwahrlosten taxi quer bayern lampe"},
		{"a prayer", "Vater unser im Himmel geheiligt werde dein Name", "many people choose", strong},
		{"an address", "Sabine Müller, Hauptstraße 12, 20095 Hamburg", "too short", strong},
		{"dates of a family", "24.12.1980 31.01.1982 17.05.2010 08.09.2012", "digits alone", strong},
		{"digits in groups, counted", "12345-67890-12345-67890-12345-67890", "digits alone", "52817-63094-17358-40926-83571-29460"},
		{"the same groups of digits", "52817-63094-52817-63094-52817-63094", "digits alone", "52817-63094-17358-40926-83571-29460"},
		{"letters in groups, counted", "abcd-efgh-jkmn-pqrs-tuvw", "follows the keyboard", "tcmu-ehfs-jakn-prbq-gdvw"},
		{"full-width digits", "２４．１２．１９８０", "digits alone", strong},
		{"a name and a year, decomposed", "Mu\u0308ller1985!", "too short", strong},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := zipbox.Estimate(c.weak)
			require.True(t, s.Weak(), "%d bits", s.Bits)
			require.Contains(t, strings.Join(s.Reasons, "; "), c.reason)
			twin := zipbox.Estimate(c.twin)
			require.False(t, twin.Weak(), "%d bits: %v", twin.Bits, twin.Reasons)
		})
	}
	require.Equal(t, zipbox.Estimate("Müller1985!"), zipbox.Estimate("Mu\u0308ller1985!"))
}

// A text that goes on is not weaker, and no reason repeats what it is about.
func FuzzEstimate(f *testing.F) {
	for _, s := range []string{"24.12.1980", "KV-1234567", "correct horse battery staple", "\xff", "ǅ", "İ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := zipbox.Estimate(text)
		require.GreaterOrEqual(t, s.Bits, 0)
		require.Equal(t, s.Weak(), len(s.Reasons) > 0)
		if utf8.RuneCountInString(text) > 20 {
			require.NotContains(t, (&zipbox.WeakError{Strength: s}).Error(), text)
		}
	})
}
