package filename_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/filename"
)

// What Safe does is held by the tests of envelope/mail's SafeName.
func TestSafe(t *testing.T) {
	require.Equal(t, "_.._.._etc_passwd", filename.Safe("../../etc/passwd"))
	require.Equal(t, "x.pdf", filename.Safe("x.pdf"))
}

func TestFold(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"a.pdf", "A.PDF", true},
		{"Größe", "GRÖSSE", false}, // no file system does that
		{"Größe", "gro\u0308ße", true},
		{"Å", "å", true},
		{"\u212b", "å", true}, // the unit of length
		{"K", "\u212a", true}, // and that of temperature
		{"ﬁle", "file", true},
		{"a.pdf", "b.pdf", false},
		{"é", "e", false},
		{"Σ", "ς", true},
	} {
		require.Equal(t, c.same, filename.Fold(c.a) == filename.Fold(c.b), "%q %q", c.a, c.b)
	}
}

func TestComposed(t *testing.T) {
	require.Equal(t, "é", filename.Composed("e\u0301"))
	require.Equal(t, "plain", filename.Composed("plain"))
}

func FuzzFold(f *testing.F) {
	f.Add("GRÖSSE.pdf")
	f.Fuzz(func(t *testing.T, name string) {
		if strings.ToValidUTF8(name, "") == name {
			require.Equal(t, filename.Fold(name), filename.Fold(filename.Composed(name)))
		}
	})
}
