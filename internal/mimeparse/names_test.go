package mimeparse

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNames holds the ways in which file names are written, in the wild too.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		params, want string
		codes        []string
	}{
		{`filename=a.txt`, "a.txt", nil},
		{`filename="a b.txt"`, "a b.txt", nil},
		{`filename="a\"b\\c.txt"`, `a"b\c.txt`, nil},
		{`filename="C:\dir\a.txt"`, `C:\dir\a.txt`, []string{"parameter-escape"}},
		{`filename="\\srv\a.txt"`, `\srv\a.txt`, []string{"parameter-escape"}},
		{`filename=a b (1).txt; size=3`, "a b (1).txt", []string{"parameter-unquoted"}},
		{`filename=""`, "", nil},
		{`filename="ä.txt"`, "ä.txt", nil},
		{"filename=\"\xe4\x80.txt\"", "ä€.txt", []string{"name-charset"}},
		{`filename=a;filename=b`, "a", []string{"parameter-twice!"}},

		// RFC 2231, with its own examples.
		{`filename*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A`, "This is ***fun***", nil},
		{`filename*0*=us-ascii'en'This%20is%20even%20more%20; filename*1*=%2A%2A%2Afun%2A%2A%2A%20; filename*2="isn't it!"`, "This is even more ***fun*** isn't it!", nil},
		{`filename*1=b; filename*0=a`, "ab", nil},
		{`filename*0*=utf-8''%e2; filename*1*=%82%ac`, "€", nil},
		{`filename*0=a; filename*2=c`, "a", []string{"parameter-gap!"}},
		{`filename*1=b`, "", []string{"parameter-gap!"}},
		{`filename*01=b; filename*00=a`, "ab", []string{"parameter-number!"}},
		{`filename*0=a; filename*0=b`, "a", []string{"parameter-twice!"}},
		{`filename*=utf-8''a; filename="b"`, "a", []string{"parameter-both"}},
		{`filename="b"; filename*=utf-8''a`, "a", []string{"parameter-both"}},
		{`filename*=utf-8''B%C3%BC.pdf; filename="B_.pdf"`, "Bü.pdf", nil}, // as for programs that know nothing of RFC 2231
		{`filename*=utf-8''B%C3%BC.pdf; filename="B_.exe"`, "Bü.pdf", []string{"parameter-both"}},
		{`filename*=utf-8''%4`, "%4", nil},
		{`filename*=utf-8''%zz%`, "%zz%", nil},
		{`filename*=''%e4`, "ä", nil},
		{`filename*=utf-8''%e4`, "ä", nil},
		{`filename*=iso-8859-1''%e4`, "ä", nil},
		{`filename*=iso-2022-jp''%1b$B%46%7C%1b%28B`, "日", nil},
		{`filename*=shift_jis''%93%fa`, "日", nil},
		{`filename*=utf-7''+AC8-etc`, "+AC8-etc", []string{"charset-unknown"}},
		{`filename*=x-none''%e4`, "ä", []string{"charset-unknown"}},
		{`filename*=utf-8''..%2f..%2fetc%2fpasswd`, "../../etc/passwd", nil},
		{`filename*=utf-8''a%00b%0d%0ac`, "a\x00b\r\nc", nil},

		// RFC 2047 where it is forbidden.
		{`filename="=?utf-8?q?a=C3=A4_b?="`, "aä b", []string{"encoded-word-in-parameter"}},
		{`filename="=?utf-8?B?w6Q=?= =?UTF-8?b?w6Q?="`, "ää", []string{"encoded-word-in-parameter"}},
		{`filename="=?utf-8?B?w6?==?utf-8?B?pA?="`, "ä", []string{"encoded-word-in-parameter"}},
		{`filename="=?utf-8?q?=C3?= =?utf-8?q?=A4?="`, "ä", []string{"encoded-word-in-parameter"}},
		{`filename="=?iso-8859-1?q?=E4?= =?utf-8?q?=C3=A4?="`, "ää", []string{"encoded-word-in-parameter"}},
		{`filename="=?utf-8*de?q?=C3=A4?="`, "ä", []string{"encoded-word-in-parameter"}},
		{`filename="=?utf-8?q?a?=.txt"`, "a.txt", []string{"encoded-word-in-parameter"}},
		{`filename==?utf-8?q?a?=`, "a", []string{"parameter-unquoted", "encoded-word-in-parameter"}},
		{`filename="=?utf-8?q?a"`, "=?utf-8?q?a", nil},
		{`filename="=??q?a?="`, "=??q?a?=", nil},
		{`filename="=?utf-8?x?a?="`, "=?utf-8?x?a?=", nil},
		{`filename*0="=?utf-8?q?a"; filename*1="_b?="`, "a b", []string{"encoded-word-in-parameter"}},
	} {
		n := mustParse(t, version+"Content-Disposition: attachment; "+c.params+"\n\n")
		require.Equal(t, c.want, n.Name, c.params)
		require.Equal(t, c.want, n.DispositionParams["filename"], c.params)
		require.ElementsMatch(t, c.codes, codes(n), c.params)
		require.Equal(t, "attachment", n.Disposition)

		// The name of Content-Type is the same where there is no other.
		n = mustParse(t, version+"Content-Type: application/x; "+strings.ReplaceAll(c.params, "filename", "name")+"\n\n")
		require.Equal(t, c.want, n.Name, c.params)
		require.ElementsMatch(t, c.codes, codes(n), c.params)
	}
}

// TestOtherParameters: no other parameter is decoded beyond RFC 2231.
func TestOtherParameters(t *testing.T) {
	for _, c := range []struct {
		value, kind string
		params      map[string]string
	}{
		{"", "", nil},
		{";", "", nil},
		{"a", "a", nil},
		{"TEXT/Plain", "text/plain", nil},
		{" a / b ; X = y ;", "a / b", map[string]string{"x": "y"}},
		{`a/b; x="=?utf-8?q?y?="`, "a/b", map[string]string{"x": "=?utf-8?q?y?="}},
		{`a/b; x=";"; y="a;b"`, "a/b", map[string]string{"x": ";", "y": "a;b"}},
		{`(c)a(c)/(c(d\)))b(c);(c)x(c)=(c)y(c);(c)`, "a/b", map[string]string{"x": "y"}},
		{`a/b; x*=utf-8''%C3%A4`, "a/b", map[string]string{"x": "ä"}},
		{`a/b; x*=y`, "a/b", map[string]string{"x": "y"}},
		{`a/b; *=y`, "a/b", map[string]string{"*": "y"}},
		{`a/b; x*y=z`, "a/b", map[string]string{"x*y": "z"}},
		{`a/b; x*-1=z; x*65536=z`, "a/b", map[string]string{"x*-1": "z", "x*65536": "z"}},
		{"a/b;\r\n\tx=y", "a/b", map[string]string{"x": "y"}},
	} {
		kind, params, _ := ParseParams(c.value)
		require.Equal(t, c.kind, kind, c.value)
		require.Equal(t, c.params, params, c.value)
	}
}

func vectors(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("DKB_VECTORS")
	if dir == "" {
		t.Skip("DKB_VECTORS is not set: no mails of other projects")
	}
	return dir
}

// TestNamesOfChatmail: what chatmail's own tests expect of its mails, but for
// one. In attach_filename_combined.eml it takes the plain name; RFC 2231 is
// there for the other.
func TestNamesOfChatmail(t *testing.T) {
	dir := vectors(t)
	for name, want := range map[string]string{
		"apostrophed":                 "Maßnahmen Okt. 2021.html",
		"apostrophed_cont":            "Maßnahmen März 2022.html",
		"apostrophed_cp1252":          "Auftragsbestätigung.pdf",
		"apostrophed_invalid":         "somedäüta.html.zip",
		"apostrophed_windows1251":     "программирование.HTM",
		"combined":                    "Maßnahmen Okt. 2020.ignored.html",
		"encoded_words":               "Maßnahmen Okt. 2020.html",
		"encoded_words_bad_delimiter": "foo.bar",
		"encoded_words_binary":        " § 165 Abs",
		"encoded_words_cont":          "Maßn'ah'men Okt. 2020.html",
		"encoded_words_windows1251":   "file Что нового 2020.pdf",
		"simple":                      "test.html",
	} {
		data, err := os.ReadFile(filepath.Join(dir, "chatmail", "attach_filename_"+name+".eml"))
		require.NoError(t, err)
		n := mustParse(t, string(data))
		var names []string
		for todo := []*Node{n}; len(todo) > 0; todo = append(todo[1:], todo[0].Children...) {
			if todo[0].Name != "" {
				names = append(names, todo[0].Name)
			}
		}
		require.Equal(t, []string{want}, names, name)
	}
}

// TestHostileNames: a name comes as it is, however it is written; to make a
// file's of it is for others.
func TestHostileNames(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(vectors(t), "crafted", "names", "hostile_filenames.json"))
	require.NoError(t, err)
	var names []string
	require.NoError(t, json.Unmarshal(data, &names))
	require.NotEmpty(t, names)
	for _, name := range names {
		var percent strings.Builder
		for _, c := range []byte(name) {
			percent.WriteString("%" + string("0123456789ABCDEF"[c>>4]) + string("0123456789ABCDEF"[c&15]))
		}
		n := mustParse(t, version+"Content-Disposition: attachment; filename*=UTF-8''"+percent.String()+"\n\n")
		require.Equal(t, name, n.Name)
		require.Empty(t, codes(n))
		q := strings.ReplaceAll(percent.String(), "%", "=")
		n = mustParse(t, version+"Content-Disposition: attachment; filename=\"=?utf-8?Q?"+q+"?=\"\n\n")
		require.Equal(t, name, n.Name)
	}
}
