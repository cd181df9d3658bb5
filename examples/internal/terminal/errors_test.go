package terminal_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/internal/terminal"
)

func TestFailed(t *testing.T) {
	t.Parallel()
	require.NoError(t, terminal.Failed("reading", `"a"`, nil))
	once := terminal.Failed("reading", `"a"`, &fs.PathError{Op: "open", Path: "a", Err: fs.ErrNotExist})
	require.EqualError(t, once, `reading "a": file does not exist`)
	require.ErrorIs(t, once, fs.ErrNotExist)
	wrapped := fmt.Errorf("more: %w", once)
	require.Equal(t, wrapped, terminal.Failed("writing", `"b"`, wrapped), "the file is named already")
	require.EqualError(t, terminal.Failed("writing", `"b"`, errors.New("no")), `writing "b": no`)
}

func TestCut(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"":                               "",
		strings.Repeat("x", 200):         strings.Repeat("x", 200),
		strings.Repeat("x", 201):         strings.Repeat("x", 200) + "…",
		"x" + strings.Repeat("ä", 100):   "x" + strings.Repeat("ä", 99) + "…", // no half of a character
		strings.Repeat("\x80", 201):      strings.Repeat("\x80", 196) + "…",
		strings.Repeat("x", 197) + "😀xx": strings.Repeat("x", 197) + "…",
		strings.Repeat("x", 196) + "😀x":  strings.Repeat("x", 196) + "😀…",
	} {
		require.Equal(t, want, terminal.Cut(s))
	}
	require.Equal(t, `"a\nb\u202ec"`, terminal.Quoted("a\nb\u202ec"))
}

func TestWithoutPackages(t *testing.T) {
	t.Parallel()
	require.Equal(t, "no key: it is gone: mailbox: x", terminal.WithoutPackages("mail: no key: keyring: it is gone: mailbox: x", "keyring", "mail"))
	require.Equal(t, "a: b", terminal.WithoutPackages("a: b"))
}
