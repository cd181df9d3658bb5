package link_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/transport/link"
)

// broken breaks a line as mail programs do that know no better.
func broken(line string, width int, with string) string {
	var pieces []string
	for len(line) > width {
		pieces, line = append(pieces, line[:width]), line[width:]
	}
	return strings.Join(append(pieces, line), with)
}

// What mail programs and people do to a link on its way leaves it what it is.
func TestParseDamaged(t *testing.T) {
	t.Parallel()
	l := sample()
	text := l.String()
	url, words, _ := strings.Cut(text, "\n")
	page := l.OnPage("https://page.example/open.html")
	for name, damaged := range map[string]string{
		"no line end":          strings.TrimSuffix(text, "\n"),
		"CRLF":                 strings.ReplaceAll(text, "\n", "\r\n"),
		"spaces":               "  " + strings.ReplaceAll(text, "\n", "  \n  "),
		"a blank line between": url + "\n\n" + words,
		"indented in a body":   "Dear Bob,\n\n    " + text + "\nRegards\n",
		"in angle brackets":    "Your link: <" + url + ">\n" + words,
		"in a sentence":        "It is at " + url + ". It ends soon.",
		"in parentheses":       "(" + url + ")",
		"in HTML":              `<a href="` + url + `">open</a>`,
		"quoted":               "> " + strings.ReplaceAll(text, "\n", "\n> "),
		"quoted twice":         ">> > " + strings.ReplaceAll(text, "\n", "\n>>> "),
		"among other URLs":     "https://www.example.org/\nand https://www.example.org/#v2 or https://www.example.org/#v1\n" + text + "https://www.example.org",
		"twice the same":       text + "\n" + text,
		"also on a page":       "Open it here:\n" + page + "\n\nOr by a program:\n" + text,
		"on a page, broken":    broken(page, 76, "\n"),
		"on a page, quoted":    "> " + broken(page, 70, "\n> "),
		"on a page":            "<" + page + ">",
		"broken at 998":        broken(text, 998, "\r\n"),
		"broken at 76":         broken(url, 76, "\r\n") + "\r\n\r\n" + words,
		"broken at 76, words":  broken(url, 76, "\r\n") + "\r\n" + words,
		"broken and quoted":    "> " + broken(url, 72, "\n> ") + "\n> \n> " + words,
		"broken at 40":         broken(url, 40, " \n"),
		"in 401 lines":         url[:len(url)-400] + "\n" + broken(url[len(url)-400:], 1, "\n"),
		"a word below":         url + "\nRegards",
		"first of two URLs":    url + "\nhttps://www.example.org/",
	} {
		got, err := link.Parse(damaged)
		require.NoError(t, err, "%s\n%s", name, damaged)
		require.Equal(t, l, got, name)
	}
}

// A text in which each line looks like the begin of a link that goes on below is
// not joined without end: what is whole in it is found all the same.
func TestParseJoinsLittle(t *testing.T) {
	t.Parallel()
	l := sample()
	for _, c := range []struct {
		lines  int
		link   string
		joined bool
	}{
		{10, broken(l.Line(), 76, "\n"), true},
		{500, broken(l.Line(), 76, "\n"), false},
		{500, l.Line(), true},
	} {
		got, err := link.Parse(strings.Repeat("xhttps://example.org/aa\n", c.lines) + "\n" + c.link + "\n")
		if !c.joined {
			require.ErrorIs(t, err, link.ErrFormat)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, l, got)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	l := sample()
	url, _, _ := strings.Cut(l.String(), "\n")
	other := l
	other.Size++
	for name, c := range map[string]struct{ text, says string }{
		"nothing":             {"", "none is in the text"},
		"another URL":         {"https://www.example.org/#v1", "none is in the text"},
		"only the words":      {strings.SplitN(l.String(), "\n", 2)[1], "none is in the text"},
		"what was pre-signed": {signed, "what is behind the # is missing"},
		"without TLS":         {strings.Replace(l.String(), "https", "http", 1), "none is in the text"},
		"two":                 {l.String() + other.String(), "the text holds two different ones"},
		"two, one damaged":    {l.String() + "\n" + url[:len(url)-1], "cut or changed"},
		"a word behind it":    {url + "x", "cut or changed"},
		"cut by one":          {url[:len(url)-1], "cut or changed"},
		"cut by a field":      {url[:strings.LastIndex(url, ".")], "cut or changed"},
		"of another version":  {strings.Replace(url, "#v1.", "#v2.", 1), "what is behind the # is missing"},
		"too long":            {strings.Repeat("\n", 1<<20-len(url)+1) + url, "more than 1048576 octets"},
		"in 402 lines":        {url[:len(url)-401] + "\n" + broken(url[len(url)-401:], 1, "\n"), "cut or changed"},
	} {
		got, err := link.Parse(c.text)
		require.ErrorIs(t, err, link.ErrFormat, name)
		require.ErrorContains(t, err, c.says, name)
		require.Equal(t, link.Link{}, got, name)
		require.NotContains(t, err.Error(), "aeeed9bb", name)
	}
	got, err := link.Parse(strings.Repeat("\n", 1<<20-len(url)) + url)
	require.NoError(t, err)
	require.Equal(t, l, got)
}

// One character more, less or other is noticed wherever it is.
func TestOneCharacter(t *testing.T) {
	t.Parallel()
	l := sample()
	url, _, _ := strings.Cut(l.String(), "\n")
	for i := range url {
		for _, edited := range []string{url[:i] + url[i+1:], url[:i] + "0" + url[i:], url[:i] + "7" + url[i+1:], url[:i] + "." + url[i+1:]} {
			if got, err := link.Parse(edited); err == nil {
				require.Equal(t, l, got, edited)
			}
		}
	}
	fragment := l.Fragment()
	for i := range fragment {
		for _, edited := range []string{fragment[:i] + fragment[i+1:], fragment[:i] + "0" + fragment[i:], fragment[:i] + "A" + fragment[i+1:]} {
			if edited != fragment {
				_, err := link.ParseFragment(edited)
				require.ErrorIs(t, err, link.ErrFormat, edited)
			}
		}
	}
	require.Regexp(t, regexp.MustCompile(`^v1\.[-A-Za-z0-9_]+\.12345\.[-A-Za-z0-9_]{43}\.1795960800\.documents\.zip\.[-A-Za-z0-9_]{8}$`), fragment)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return "https://h/" + strings.Repeat("a", n-len("https://h/")) }
	for name, c := range map[string]struct {
		edit func(l *link.Link)
		says string
	}{
		"as it is":               {func(*link.Link) {}, ""},
		"the least size":         {func(l *link.Link) { l.Size = 1 }, ""},
		"no size":                {func(l *link.Link) { l.Size = 0 }, "the size is 0"},
		"less":                   {func(l *link.Link) { l.Size = -1 }, "the size is -1"},
		"the largest size":       {func(l *link.Link) { l.Size = link.MaxSize }, ""},
		"larger":                 {func(l *link.Link) { l.Size = link.MaxSize + 1 }, "the size is 5368709121"},
		"no hash":                {func(l *link.Link) { l.SHA256 = [32]byte{} }, "the SHA-256 is missing"},
		"no expiry":              {func(l *link.Link) { l.Expires = time.Time{} }, "the time of expiry"},
		"1970":                   {func(l *link.Link) { l.Expires = time.Unix(0, 0) }, "the time of expiry"},
		"half a second":          {func(l *link.Link) { l.Expires = l.Expires.Add(1) }, "the time of expiry"},
		"9999":                   {func(l *link.Link) { l.Expires = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) }, ""},
		"10000":                  {func(l *link.Link) { l.Expires = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "the time of expiry"},
		"no URL":                 {func(l *link.Link) { l.URL = "" }, "does not begin with https://"},
		"http":                   {func(l *link.Link) { l.URL = "http://h/a" }, "does not begin with https://"},
		"HTTPS":                  {func(l *link.Link) { l.URL = "HTTPS://h/a" }, "does not begin with https://"},
		"no host":                {func(l *link.Link) { l.URL = "https:///a" }, "names no server"},
		"only a port":            {func(l *link.Link) { l.URL = "https://:443/a" }, "names no server"},
		"only a host":            {func(l *link.Link) { l.URL = "https://h" }, ""},
		"IPv6":                   {func(l *link.Link) { l.URL = "https://[::1]:9/a" }, ""},
		"a name":                 {func(l *link.Link) { l.URL = "https://bob@h/a" }, "holds a name or a password"},
		"an @ in the path":       {func(l *link.Link) { l.URL = "https://h/@a" }, ""},
		"a fragment":             {func(l *link.Link) { l.URL = "https://h/a#b" }, "holds a fragment"},
		"an empty fragment":      {func(l *link.Link) { l.URL = "https://h/a#" }, "holds a fragment"},
		"a space":                {func(l *link.Link) { l.URL = "https://h/a b" }, "at octet 11"},
		"a line":                 {func(l *link.Link) { l.URL = "https://h/a\nb" }, "at octet 11"},
		"a quotation mark":       {func(l *link.Link) { l.URL = `https://h/a"b` }, "at octet 11"},
		"a bracket":              {func(l *link.Link) { l.URL = "https://h/a<b" }, "at octet 11"},
		"another alphabet":       {func(l *link.Link) { l.URL = "https://h/ä" }, "at octet 10"},
		"an escape that is none": {func(l *link.Link) { l.URL = "https://h/%zz" }, "the URL cannot be read"},
		"the longest":            {func(l *link.Link) { l.URL = long(8000) }, ""},
		"one longer":             {func(l *link.Link) { l.URL = long(8001) }, "the URL has 8001 octets"},
	} {
		l := sample()
		c.edit(&l)
		err := l.Check()
		if c.says != "" {
			require.ErrorIs(t, err, link.ErrFormat, name)
			require.ErrorContains(t, err, c.says, name)
			continue
		}
		require.NoError(t, err, name)
		for _, form := range []string{l.String(), l.OnPage("https://page.example/")} {
			got, err := link.Parse(form)
			require.NoError(t, err, name)
			require.Equal(t, l.Expires.Unix(), got.Expires.Unix(), name)
			got.Expires = l.Expires
			require.Equal(t, l, got, name)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "documents.zip", "documents", "a", "a-b.7z", strings.Repeat("a", 60) + ".zip", "com.zip", "com10.zip", "console"} {
		l := sample()
		l.Name = name
		require.NoError(t, l.Check(), name)
		got, err := link.ParseFragment(l.Fragment())
		require.NoError(t, err, name)
		require.Equal(t, l, got)
	}
	for _, name := range []string{
		".", "..", ".zip", "a.", "a.b.c", "-a", "a/b", `a\b`, "../a", "a b", "A.zip", "ä.zip", "a\x00", "a:b", "a_b",
		"con", "nul.zip", "com1.zip", "lpt9", strings.Repeat("a", 61) + ".zip",
	} {
		l := sample()
		l.Name = name
		require.ErrorIs(t, l.Check(), link.ErrFormat, name)
		_, err := link.ParseFragment(l.Fragment())
		require.ErrorIs(t, err, link.ErrFormat, name)
	}
}

// What is logged of a link reads nothing.
func TestObject(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		signed:                 "https://drop.s3.eu-central-1.amazonaws.com/outgoing/mzxw6ytboi2gk3tfon2ca5dpeb2gk43u",
		"https://h/a%2Fb?c=d":  "https://h/a%2Fb",
		"https://h":            "https://h",
		"https://u:p@h/a?b":    "https://h/a",
		"":                     "",
		"https://h/%zz?secret": "",
	} {
		l := sample()
		l.URL = url
		require.Equal(t, want, l.Object(), url)
	}
}

// FuzzParse: what is taken for a link is one in all forms, which are read as the
// same; and whatever is refused is refused by the same error.
func FuzzParse(f *testing.F) {
	l := sample()
	f.Add(l.String())
	f.Add(l.OnPage("https://page.example/open.html"))
	f.Add("> " + broken(l.String(), 76, "\n> "))
	f.Add(signed)
	f.Add("https://h/#v1..1." + strings.Repeat("A", 43) + ".1..AAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := link.Parse(text)
		if err != nil {
			require.ErrorIs(t, err, link.ErrFormat)
			require.Equal(t, link.Link{}, l)
			return
		}
		same(t, l)
	})
}

// FuzzParseFragment: a fragment has one spelling.
func FuzzParseFragment(f *testing.F) {
	f.Add(sample().Fragment())
	f.Add("#" + sample().Fragment())
	f.Add("v1.aHR0cHM6Ly9o.1." + strings.Repeat("A", 43) + ".1..AAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := link.ParseFragment(text)
		if err != nil {
			require.ErrorIs(t, err, link.ErrFormat)
			return
		}
		require.Equal(t, strings.TrimPrefix(text, "#"), l.Fragment())
		same(t, l)
	})
}

// same holds that l is read from its forms as it is.
func same(t *testing.T, l link.Link) {
	t.Helper()
	require.NoError(t, l.Check())
	for _, form := range []string{l.String(), l.OnPage("https://page.example/open.html#old")} {
		again, err := link.Parse(form)
		require.NoError(t, err)
		require.Equal(t, l, again)
	}
	again, err := link.ParseFragment(l.Fragment())
	require.NoError(t, err)
	require.Equal(t, l, again)
}
