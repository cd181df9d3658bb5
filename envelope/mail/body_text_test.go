package mail

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// textOf is the content of a part of text, by the standard library.
func textOf(t testing.TB, e *entity) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, e.writeTo(&b))
	var r io.Reader = &b
	switch encoding := e.rest[0]; encoding.value {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	default:
		require.Equal(t, field{"Content-Transfer-Encoding", "7bit"}, encoding)
	}
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(got)
}

// TestText: what is written of a text, by what it holds. Each that is quoted has
// a twin beside it that goes as it is.
func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, out string }{
		{"", ""},
		{"a", "a\r\n"},
		{"a\n", "a\r\n"},
		{"a\r\n", "a\r\n"},
		{"a\rb\nc\r\nd", "a\r\nb\r\nc\r\nd\r\n"},
		{"\n\n", "\r\n\r\n"},
		{"\n\r", "\r\n\r\n"},
		{"a b", "a b\r\n"},
		{"a ", "a=20\r\n"},
		{"a \nb", "a=20\r\nb\r\n"},
		{"a\tb", "a=09b\r\n"},
		{"--", "--\r\n"},
		{"-- \nAlice", "--=20\r\nAlice\r\n"},
		{"from a", "from a\r\n"},
		{"From a", "=46rom a\r\n"},
		{"a From b", "a From b\r\n"},
		{"Fromage", "Fromage\r\n"},
		{"a.", "a.\r\n"},
		{".", "=2E\r\n"},
		{".a", "=2Ea\r\n"},
		{"--_a", "--_a\r\n"},
		{"--=_a", "--=3D_a\r\n"},
		{"a=b", "a=b\r\n"},
		{"\u00FC=", "=C3=BC=3D\r\n"},
		{"       b", "       b\r\n"},
		{"        b", "       =20b\r\n"},
		{strings.Repeat("a", 78), strings.Repeat("a", 78) + "\r\n"},
		{strings.Repeat("a", 79), strings.Repeat("a", 75) + "=\r\naaaa\r\n"},
		{strings.Repeat("a", 75) + ".\u00FC", strings.Repeat("a", 75) + "=\r\n=2E=C3=BC\r\n"},
		{strings.Repeat("a", 75) + "From \u00FC", strings.Repeat("a", 75) + "=\r\n=46rom =C3=BC\r\n"},
	} {
		var b strings.Builder
		require.NoError(t, textEntity("text/plain", c.in, nil).writeTo(&b))
		require.Equal(t, c.out, b.String(), "%q", c.in)
	}
}

// FuzzText: a text is read back with its lines ended by CR LF, and nothing in
// what is written of it is changed on the way.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a", " \n\t\n", "From \n.\n--=_", strings.Repeat("\u00FC", 100), strings.Repeat("a ", 100), "\r\r\n\n\r", strings.Repeat("x", 74) + " \n", strings.Repeat("x", 76) + "\u00FC", strings.Repeat(".", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := &checker{}
		if c.lines("Text", s); c.err() != nil {
			return
		}
		e := textEntity("text/plain", s, nil)
		var b strings.Builder
		require.NoError(t, e.writeTo(&b))
		for line := range strings.SplitSeq(b.String(), "\r\n") {
			require.LessOrEqual(t, len(line), 78)
			require.True(t, isPrintable(line), "%q", line)
			require.Equal(t, strings.TrimRight(line, " "), line)
			require.False(t, strings.HasPrefix(line, ".") || strings.HasPrefix(line, "From ") || strings.HasPrefix(line, "--=_"), "%q", line)
		}
		require.Equal(t, canonical(s), textOf(t, textEntity("text/plain", s, nil)))
		want := strings.ReplaceAll(strings.ReplaceAll(canonical(s), "\r\n", "\n"), "\r", "\n")
		got := strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
		require.Equal(t, strings.TrimSuffix(want, "\n"), strings.TrimSuffix(got, "\n"))
	})
}
