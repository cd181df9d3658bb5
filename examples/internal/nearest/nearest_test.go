package nearest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/internal/nearest"
)

func TestName(t *testing.T) {
	t.Parallel()
	all := []string{"zip", "link", "smime", "openpgp", strings.Repeat("x", 33)}
	for s, want := range map[string]string{
		"zip":                   "zip",
		"zpi":                   "zip", // two letters exchanged are one mistake
		"zp":                    "zip",
		"zipp":                  "zip",
		"zap":                   "zip",
		"zpp2":                  "", // two mistakes in a short one
		"opnpgp":                "openpgp",
		"openpg":                "openpgp",
		"oepnpg":                "openpgp", // two in a long one
		"oepnp":                 "",
		"ZIP":                   "",
		"":                      "",
		strings.Repeat("x", 32): "", // longer than what anybody mistypes
	} {
		require.Equal(t, want, nearest.Name(s, all), s)
	}
	require.Empty(t, nearest.Name("zip", nil))
}
