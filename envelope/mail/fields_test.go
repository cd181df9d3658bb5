package mail

import (
	"mime"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
)

// scripts are texts that have to come out as they went in.
func scripts() []string {
	return []string{
		"", "a", "Hello", "John Q. Public", `quotes " and \ backslash`, "comma, semicolon; <angle> (comment)", "a@b.example",
		" edge", "edge ", "two  blanks", " ", "=?utf-8?q?a?=", "a =?b", strings.Repeat("a", maxWord), strings.Repeat("a", maxWord+1),
		strings.Repeat("word ", 300) + "end", strings.Repeat("x", 3000), "Gr\u00FC\u00DFe aus K\u00F6ln", "\u4F60\u597D", strings.Repeat("\u4F60\u597D", 100),
		"\u05E9\u05DC\u05D5\u05DD \u05E2\u05D5\u05DC\u05DD", "\u0645\u0631\u062D\u0628\u0627", "\u0417\u0434\u0440\u0430\u0432\u0441\u0442\u0432\u0443\u0439", strings.Repeat("\U0001F600", 50), "a" + strings.Repeat("\U0001F600", 50), "\u0E17\u0E33",
		"?=", "_", "=5F", "a_b=c?d", strings.Repeat("\u00E9\u00E9\u00E9 ", 80) + ".",
		strings.Repeat("a\u0301", 60), "\uFFFD",
	}
}

var encodedWord = regexp.MustCompile(`=\?[^? ]+\?[^? ]+\?[^ ]*\?=`)

// requireFolded checks what RFC 5322 and RFC 2047 ask of every field: short
// lines, no blanks at their ends, short encoded words of whole characters.
func requireFolded(t testing.TB, f field) {
	t.Helper()
	var b strings.Builder
	require.NoError(t, writeFields(&b, f))
	text, ok := strings.CutSuffix(b.String(), "\r\n")
	require.True(t, ok)
	for i, line := range strings.Split(text, "\r\n") {
		require.LessOrEqual(t, len(line), maxLine)
		require.Equal(t, strings.TrimRight(line, " "), line, "%q", text)
		require.False(t, strings.ContainsAny(line, "\r\n\t"))
		require.Equal(t, i > 0, strings.HasPrefix(line, " "), "%q", text)
		require.NotEmpty(t, strings.TrimSpace(line))
		words := encodedWord.FindAllString(line, -1)
		if len(words) > 0 {
			require.LessOrEqual(t, len(line), 76, "RFC 2047, Section 2: %q", line)
		}
		for _, w := range words {
			require.LessOrEqual(t, len(w), 75)
			got, err := new(mime.WordDecoder).Decode(w)
			require.NoError(t, err)
			require.True(t, utf8.ValidString(got), "%q splits a character", w)
		}
	}
	require.Equal(t, unfold(f.value), unfold(fold(f.name, unfold(f.value))))
}

// TestSubject: a subject in any script is read back by the standard library.
func TestSubject(t *testing.T) {
	t.Parallel()
	for _, s := range scripts() {
		requireSubject(t, s)
	}
}

func requireSubject(t testing.TB, s string) {
	f := field{"Subject", fold("Subject", text(s))}
	requireFolded(t, f)
	var b strings.Builder
	require.NoError(t, writeFields(&b, f))
	m, err := mail.ReadMessage(strings.NewReader(b.String() + "\r\n"))
	require.NoError(t, err)
	got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, s, got)
	require.Len(t, m.Header, 1)
	require.Equal(t, isPrintable(s), isPrintable(s) && isPrintable(unfold(f.value)))
}

// TestNames: names in any script are read back, and no encoded word stands in
// quotes (RFC 2047, Section 5).
func TestNames(t *testing.T) {
	t.Parallel()
	var all []address
	for _, s := range scripts() {
		c := &checker{}
		a := c.address("To", mail.Address{Name: s, Address: "b\u00FC@b\u00FCcher.example"})
		require.NoError(t, c.err())
		requireNames(t, a)
		all = append(all, a)
	}
	requireNames(t, all...)
}

func requireNames(t testing.TB, as ...address) {
	f := addressField("To", as, true)
	requireFolded(t, f)
	for _, q := range regexp.MustCompile(`"(\\.|[^"\\])*"`).FindAllString(f.value, -1) {
		require.NotContains(t, q, "=?")
	}
	got, err := mail.ParseAddressList(unfold(f.value))
	require.NoError(t, err, f.value)
	require.Len(t, got, len(as))
	for i, a := range as {
		require.Equal(t, a.name, got[i].Name)
		require.Equal(t, a.String(), got[i].Address)
	}
	bare, err := mail.ParseAddressList(unfold(addressField("To", as, false).value))
	require.NoError(t, err)
	for _, a := range bare {
		require.Empty(t, a.Name)
	}
}

// fileNames are names that attachments come with.
func fileNames() []string {
	return []string{
		"a", "a.pdf", "my file.pdf", `a"b'c%d*e;f=g.txt`, "B\u00FCcher.pdf", "\u5408\u540C.pdf", strings.Repeat("a", 255), strings.Repeat("\u5408", 255),
		strings.Repeat("a", maxParam), strings.Repeat("a", maxParam+1), strings.Repeat(`"`, 200), "=?utf-8?q?a?=", " a ", "\U0001F600.png",
	}
}

// TestFileNames: every name is read back by the standard library and by us,
// with nothing odd about it.
func TestFileNames(t *testing.T) {
	t.Parallel()
	for _, s := range fileNames() {
		requireFileName(t, s)
	}
}

func requireFileName(t testing.TB, s string) {
	c := &checker{}
	as := c.attachments([]Attachment{{Name: s, MediaType: "text/x-a; charset=koi8-r", Body: strings.NewReader("")}})
	require.NoError(t, c.err())
	for _, f := range as[0].entity().fields() {
		requireFolded(t, f)
		want := map[string]string{"Content-Type": "name", "Content-Disposition": "filename"}[f.name]
		if want == "" {
			continue
		}
		_, params, err := mime.ParseMediaType(unfold(f.value))
		require.NoError(t, err, f.value)
		require.Equal(t, s, params[want], f.value)
		_, params, findings := mimeparse.ParseParams(unfold(f.value))
		require.Equal(t, s, params[want], f.value)
		require.Empty(t, findings, f.value)
		if f.name == "Content-Type" {
			require.Equal(t, "koi8-r", params["charset"])
		}
	}
}

// TestOneName: a name is there once, since programs differ in which of two
// they take.
func TestOneName(t *testing.T) {
	t.Parallel()
	e := attachment{name: "B\u00FCcher.pdf", kind: "application/pdf"}.entity()
	require.Equal(t, field{"Content-Disposition", "attachment; filename*=utf-8''B%C3%BCcher.pdf"}, e.rest[1])
}

// TestIDs: message IDs of all lengths that can be on a line.
func TestIDs(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 900) + "@" + strings.Repeat("b", 94)
	require.Len(t, long, maxLine-3)
	c := &checker{}
	c.messageID("References", long)
	require.NoError(t, c.err())
	f := idField("References", "a@b", long, "c@d", long, "e@f")
	requireFolded(t, f)
	requireFolded(t, idField("Message-ID", long))
	require.Equal(t, "<a@b> <"+long+"> <c@d> <"+long+"> <e@f>", unfold(f.value))
	c.messageID("References", "a"+long)
	require.ErrorContains(t, c.err(), "cannot be on one line")
}

// FuzzFields: whatever a draft may hold is read back.
func FuzzFields(f *testing.F) {
	for _, s := range append(scripts(), fileNames()...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := &checker{}
		if c.oneLine("Subject", s); c.err() == nil {
			requireSubject(t, s)
		}
		c = &checker{}
		if a := c.address("To", mail.Address{Name: s, Address: "bob@example.org"}); c.err() == nil {
			requireNames(t, a)
		}
		c = &checker{}
		if c.fileName("attachment", s); c.err() == nil && s != "" {
			requireFileName(t, s)
		}
		for line := range strings.SplitSeq(s, "\n") {
			require.NotContains(t, text(line), "\n")
		}
	})
}
