package storage_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/storage"
)

func TestValidName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "0", "index", "a.", "a-b.c", strings.Repeat("a", 64)} {
		require.True(t, storage.ValidName(name), name)
	}
	for _, name := range []string{"", ".", "..", "-", ".a", "-a", "A", "a/b", `a\b`, "a~", "a b", "a\n", "a\x00", "ä", "a:b", "\u212a", strings.Repeat("a", 65)} {
		require.False(t, storage.ValidName(name), "%q", name)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	put := func(name string, n int) map[string][]byte { return map[string][]byte{name: make([]byte, n)} }
	for _, c := range []struct {
		line string
		put  map[string][]byte
		drop []string
		want string
	}{
		{"1\n", put("a", 1), []string{"b"}, ""},
		{"", put("a", 0), nil, ""},
		{"\n", nil, nil, ""},
		{"1", nil, nil, "not one line"},
		{"1\n2\n", nil, nil, "not one line"},
		{"\n\n", nil, nil, "not one line"},
		{"1\n2", nil, nil, "not one line"},
		{"1\n", put("../a", 1), nil, "can be called"},
		{"1\n", nil, []string{"../a"}, "can be called"},
		{"1\n", put("a", 1), []string{"b", "a"}, "at once"},
	} {
		err := storage.Check([]byte(c.line), c.put, c.drop)
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, c.want)
	}
}
