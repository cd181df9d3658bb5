package phrase

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBelow(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 31, 1024, 65535, 65536} {
		for range 100 {
			v := below(n)
			require.True(t, 0 <= v && v < n, "%d of %d", v, n)
		}
	}
	// 30,000 draws: 10,000 of each third are expected, with a deviation of 82.
	// The first third would be drawn half of the time if what is beyond the last
	// multiple was taken too.
	var count [3]int
	for range 30_000 {
		count[below(3<<14)>>14]++
	}
	for _, n := range count {
		require.InDelta(t, 10_000, n, 820)
	}
}

func TestDraw(t *testing.T) {
	for _, c := range []struct {
		name    string
		draw    func() string
		form    string
		bits    int
		choices float64
	}{
		{"letters", Letters, `^[a-hjkmnp-z2-9]{4}(-[a-hjkmnp-z2-9]{4}){4}$`, 99, math.Pow(31, 20)},
		{"digits", Digits, `^[0-9]{5}(-[0-9]{5}){5}$`, 99, math.Pow(10, 30)},
		{"words", Words, `^[a-z]{4,7}(-[a-z]{4,7}){9}$`, 100, math.Pow(1024, 10)},
	} {
		require.Equal(t, c.bits, int(math.Log2(c.choices)), c.name)
		require.GreaterOrEqual(t, c.bits, 96, c.name)
		seen, form := map[string]bool{}, regexp.MustCompile(c.form)
		parts := map[string]int{}
		for range 300 {
			text := c.draw()
			require.Regexp(t, form, text)
			require.False(t, seen[text])
			seen[text] = true
			require.Equal(t, c.bits, Bits(text), text)
			for _, p := range strings.Split(text, "-") {
				parts[p]++
			}
		}
		require.Greater(t, len(parts), 800, c.name) // 3,000 draws of 1,024 leave 55 out
	}
}

func TestBits(t *testing.T) {
	const ten = "ability-baby-cabbage-daring-eager-fabric-gadget-habit-icon-jacket"
	for text, bits := range map[string]int{
		"k8x2-mv9q-7tzr-4hwb-npc3":                  99,
		"k8x2-mv9q-7tzr-4hwb-npc":                   0, // one less
		"k8x2-mv9q-7tzr-4hwb-npc3-aaaa":             0,
		"k8x2-mv9q-7tzr-4hwb-npc1":                  0, // taken for another
		"K8x2-mv9q-7tzr-4hwb-npc3":                  0,
		"k8x2 mv9q 7tzr 4hwb npc3":                  0,
		"aaaa-aaaa-aaaa-aaaa-aaaa":                  0,
		"abab-cdcd-eeee-aaaa-bbbb":                  0, // of five
		"abab-cdcd-efef-aaaa-bbbb":                  99,
		"29184-75602-93174-58603-92718-46501":       99,
		"29184-75602-93174-58603-92718-4650":        0,
		"29184-75602-93174-58603-92718":             0,
		"291847-56029-31745-86039-27184-6501":       0,
		"29184 75602 93174 58603 92718 46501":       0,
		"00000-00000-00000-00000-00000-00000":       0,
		"00000-11111-22222-00000-11111-22222":       0, // of three
		strings.Replace(ten, "jacket", "jaguar", 1): 100,
		"":  0,
		"-": 0,
		"ability-baby-daring-eager-fabric-gadget-habit": 0, // seven
		ten + "-jaguar": 0, // eleven
		strings.Replace(ten, "jacket", "jakett", 1):              0,
		strings.ReplaceAll(ten, "-", " "):                        0,
		strings.Repeat("baby-", 9) + "baby":                      0,
		"baby-baby-baby-baby-baby-daring-icon-eager-copy-fabric": 100,
		"baby-baby-baby-baby-baby-daring-icon-eager-copy-copy":   0, // of five
	} {
		require.Equal(t, bits, Bits(text), text)
	}
	require.Equal(t, 100, Bits(ten))
}

// TestList holds that the words can be told from each other by whoever reads or
// hears some letters wrongly.
func TestList(t *testing.T) {
	list := strings.Fields(words)
	require.Len(t, list, 1024)
	starts, looks := map[string]string{}, map[string]string{}
	// What is taken for another letter, or two for one, in print.
	alike := strings.NewReplacer("rn", "m", "nn", "m", "cl", "d", "vv", "w", "ii", "u", "l", "i", "j", "i", "q", "g", "y", "v")
	for i, w := range list {
		require.Regexp(t, `^[a-z]{4,7}$`, w)
		require.Empty(t, starts[w[:4]], w)
		starts[w[:4]] = w
		require.Empty(t, looks[alike.Replace(w)], w)
		looks[alike.Replace(w)] = w
		for _, v := range list[:i] {
			if v >= w || strings.HasPrefix(w, v) || near(v, w) {
				t.Errorf("%s and %s", v, w)
			}
		}
	}
	require.True(t, near("wild", "wind") && near("form", "from") && near("ball", "balls") && near("bals", "balls"))
	require.False(t, near("wild", "wins") || near("wild", "wild") || near("ball", "bals "))
}

// near reports whether one letter that is missing or another one, or two that
// are swapped, make b of a.
func near(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch {
	case len(b) == len(a)+1:
		return a[i:] == b[i+1:]
	case len(a) != len(b) || i == len(a):
		return false
	case a[i+1:] == b[i+1:]:
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

func FuzzBits(f *testing.F) {
	for _, s := range []string{Letters(), Digits(), Words(), "", "-", "\xff"} {
		f.Add(s)
	}
	// Only what is of one of the three forms has any.
	form := regexp.MustCompile(`^(([a-hjkmnp-z2-9]{4}-){4}[a-hjkmnp-z2-9]{4}|([0-9]{5}-){5}[0-9]{5}|([a-z]{4,7}-){9}[a-z]{4,7})$`)
	f.Fuzz(func(t *testing.T, text string) {
		if Bits(text) > 0 && !form.MatchString(text) {
			t.Fatal(text)
		}
	})
}
