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
