package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSplitCleartext: what is taken out of a cleartext signature is the text
// as the library reads it.
func TestSplitCleartext(t *testing.T) {
	const sig = clearEnd + "\n\nwsBzBAABCgAGBQJ=\n-----END PGP SIGNATURE-----\n"
	for name, c := range map[string]struct{ before, text, want string }{
		"plain":                 {"", "one\ntwo\n", "one\ntwo"},
		"escaped":               {"", "- -one\n- From\n", "-one\nFrom"},
		"escaped, then nothing": {"", "- \n-  \t\nend\n", "\n\nend"},
		"blanks":                {"", "one \t\r\n \n", "one\n"},
		"lines before":          {" \n\r\n", "one\n\ntwo\n", "one\n\ntwo"},
		"long, lines before":    {"\n\n", strings.Repeat("line\n", 2000), strings.TrimSuffix(strings.Repeat("line\n", 2000), "\n")},
		"byte order mark":       {"\xEF\xBB\xBF\n", "one\n", "one"},
	} {
		t.Run(name, func(t *testing.T) {
			text, _, _ := splitCleartext([]byte(c.before + clearBegin + "\nHash: SHA512\n\n" + c.text + sig))
			require.Equal(t, c.want, string(text))
		})
	}
}
