package mail_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope/mail"
)

func TestSafeName(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, c := range []struct{ name, want string }{
		{"", ""},
		{"receipt.pdf", "receipt.pdf"},
		{"Lohn 03/2024.pdf", "Lohn 03_2024.pdf"},
		{"Größe 東京 привет.pdf", "Größe 東京 привет.pdf"},
		{"../../etc/passwd", "_.._.._etc_passwd"},
		{`..\..\x.dll`, "_.._.._x.dll"},
		{`C:\x.exe`, "C__x.exe"},
		{"x.txt:ads", "x.txt_ads"},
		{"...", "unnamed"},
		{"   ", "unnamed"},
		{".bashrc", "_.bashrc"},
		{"-rf", "_-rf"},
		{"~root", "_~root"},
		{"x.pdf. . ", "x.pdf"},
		{"con", "_con"},
		{"cont", "cont"},
		{"NUL .pdf", "_NUL .pdf"},
		{"nul.tar.gz", "_nul.tar.gz"},
		{"COM1.log", "_COM1.log"},
		{"com¹.log", "_com¹.log"},
		{"COM10.log", "COM10.log"},
		{"Desktop.ini", "_Desktop.ini"},
		{"a\u202egpj.exe", "agpj.exe"},
		{"x\u200b.exe", "x.exe"},
		{"a\r\nX-Injected: 1.txt", "a__X-Injected_ 1.txt"},
		{"a\u2028b\u00a0c\u3000d", "ab c d"},
		{"\uff0e\uff0e\uff0fx", "___x"},
		{"\xff\xfe.txt", "__.txt"},
		{long + ".pdf", strings.Repeat("x", 195) + ".pdf"},
		{long, strings.Repeat("x", 199)},
		{strings.Repeat("é", 150) + ".pdf", strings.Repeat("é", 97) + ".pdf"},
		{"." + strings.Repeat("x", 250), "_." + strings.Repeat("x", 198)},
		{"aux" + strings.Repeat(" ", 250) + "y", "_aux"},
		{"x." + long, "x." + strings.Repeat("x", 197)}, // no extension is that long
	} {
		require.Equal(t, c.want, mail.SafeName(c.name), "%q", c.name)
	}
}

// Hostile names that others collected.
func TestSafeNameHostile(t *testing.T) {
	dir := os.Getenv("DKB_VECTORS")
	if dir == "" {
		t.Skip("DKB_VECTORS is not set: no hostile names that others collected")
	}
	text, err := os.ReadFile(filepath.Join(dir, "crafted/names/hostile_filenames.json"))
	require.NoError(t, err)
	var names []string
	require.NoError(t, json.Unmarshal(text, &names))
	require.Len(t, names, 53)
	root := t.TempDir()
	for _, name := range names {
		safe := mail.SafeName(name)
		checkSafe(t, name, safe)
		if safe == "" {
			continue // the empty one
		}
		require.NoError(t, os.WriteFile(filepath.Join(root, safe), nil, 0o600), "%q", name)
		entries, err := os.ReadDir(root)
		require.NoError(t, err)
		require.Len(t, entries, 1, "%q", name)
		require.NoError(t, os.Remove(filepath.Join(root, safe)))
	}
}

func checkSafe(t *testing.T, name, safe string) {
	t.Helper()
	if name == "" {
		require.Empty(t, safe)
		return
	}
	require.NotEmpty(t, safe, "%q", name)
	require.True(t, filepath.IsLocal(safe), "%q", safe)
	require.Equal(t, filepath.Base(safe), safe, "%q", name)
	require.True(t, utf8.ValidString(safe), "%q", safe)
	require.LessOrEqual(t, len(safe), 200, "%q", safe)
	require.False(t, strings.ContainsAny(safe, `/\:*?"<>|`), "%q", safe)
	require.False(t, strings.HasPrefix(safe, ".") || strings.HasPrefix(safe, "-"), "%q", safe)
	require.Equal(t, strings.Trim(safe, " "), safe)
	require.False(t, strings.HasSuffix(safe, "."), "%q", safe)
	for _, r := range safe {
		require.False(t, unicode.IsControl(r) || unicode.Is(unicode.Cf, r), "%q", safe)
	}
	require.Equal(t, safe, mail.SafeName(safe), "%q", name)
}

func FuzzSafeName(f *testing.F) {
	for _, s := range []string{"a.pdf", "../x", "con.txt", "\u202e", strings.Repeat("é.", 150), "NUL  .x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) { checkSafe(t, name, mail.SafeName(name)) })
}
