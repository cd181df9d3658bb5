package confusable

import (
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// TestFold: every character has a form that stays as it is, and those of ASCII
// have one of ASCII.
func TestFold(t *testing.T) {
	t.Parallel()
	alike := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if r < 0x80 {
			c := foldASCII(byte(r))
			require.Less(t, c, byte(0x80))
			require.Equal(t, c, foldASCII(c))
			continue
		}
		require.NotEmpty(t, fold(r))
		if to := looksLike(r); to != "" {
			alike++
			require.GreaterOrEqual(t, r, rune(0x80))
			for _, c := range to {
				require.Empty(t, looksLike(c))
				require.Equal(t, unicode.ToLower(c), c)
			}
		}
	}
	require.Greater(t, alike, 500)
}

func BenchmarkSkeleton(b *testing.B) {
	for name, a := range map[string]string{"ASCII": "robert.smith@example.org", "Cyrillic": "\u0438\u0432\u0430\u043D@xn--e1afmkfd.example"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Skeleton(a)
			}
		})
	}
}
