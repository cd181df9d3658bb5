package terminal_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/internal/terminal"
)

func TestOneLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":              "",
		"plain ü 漢":     "plain ü 漢",
		"a\nb\n":        "a; b",
		"a\r\nb":        `a\r; b`,
		"\x1b[2J":       `\x1b[2J`,
		"\u202Eevil":    `\u202eevil`,
		"\u009b31m":     `\u009b31m`,
		"tab\there\x00": `tab\there\x00`,
		"\xff":          "\uFFFD",
	} {
		require.Equal(t, want, terminal.OneLine(in), "%q", in)
	}
}

// TestTable: columns are as wide as what is seen in them, and rows stay as the
// caller has them.
func TestTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	row := []string{"漢字", "\x1b[2J"}
	require.NoError(t, terminal.Table(&b, []string{"name", "said"}, [][]string{row, {"a", "b"}}))
	require.Equal(t, "name  said\n漢字  \\x1b[2J\na     b\n", b.String())
	require.Equal(t, "\x1b[2J", row[1])
}

// FuzzJSON: a terminal obeys nothing of it, and it means what it meant.
func FuzzJSON(f *testing.F) {
	f.Add("\u009b31m\u202e\U000E0001")
	f.Fuzz(func(t *testing.T, s string) {
		b, err := json.Marshal(s)
		require.NoError(t, err)
		out := terminal.JSON(b)
		var before, after string
		require.NoError(t, json.Unmarshal(b, &before))
		require.NoError(t, json.Unmarshal(out, &after))
		require.Equal(t, before, after)
		for _, r := range string(out) {
			require.False(t, unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r), "%q", r)
		}
	})
}
