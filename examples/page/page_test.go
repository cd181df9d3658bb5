package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sample is a page around a program that is none.
func sample(t *testing.T) string {
	t.Helper()
	b, err := assemble(parts{wasm: []byte("\x00asm"), glue: "class Go {}\n", licences: "A & B <c>"})
	require.NoError(t, err)
	return string(b)
}

// between returns what stands between each begin and the next end.
func between(page, begin, end string) (all []string) {
	for {
		_, rest, ok := strings.Cut(page, begin)
		if !ok {
			return all
		}
		content, rest, _ := strings.Cut(rest, end)
		all = append(all, content)
		page = rest
	}
}

func policyOf(t *testing.T, page string) string {
	t.Helper()
	all := between(page, `<meta http-equiv="Content-Security-Policy" content="`, `">`)
	require.Len(t, all, 1)
	return html.UnescapeString(all[0])
}

// requireClosed holds a page to what its policy promises.
func requireClosed(t *testing.T, page string) {
	t.Helper()
	policy := policyOf(t, page)
	scripts, styles := between(page, "<script>", "</script>"), between(page, "<style>", "</style>")
	require.Len(t, scripts, 1)
	require.Len(t, styles, 1)
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	require.Equal(t, "default-src 'none'; script-src "+hash(scripts[0])+" 'wasm-unsafe-eval'; style-src "+hash(styles[0])+
		"; img-src data:; worker-src blob:; connect-src https:; base-uri 'none'; form-action 'none'", policy)
	// The policy stands in front of everything that it is for.
	require.Less(t, strings.Index(page, "Content-Security-Policy"), strings.Index(page, "<style>"))

	require.NotRegexp(t, `(?i)<(img|iframe|object|embed|video|audio|base|link rel="(?:style|pre|dns|manifest))`, page)
	require.NotRegexp(t, `(?i)\ssrc=|\son[a-z]+="|\sstyle="|javascript:`, page)
	code := scripts[0]
	for _, never := range []string{"innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "localStorage", "sessionStorage",
		"indexedDB", "document.cookie", "serviceWorker", "sendBeacon", "XMLHttpRequest", "WebSocket", "EventSource", "console.", "history.", "window.open", "import("} {
		require.NotContains(t, code, never)
	}
	require.Equal(t, 1, strings.Count(code, "fetch("), "one request, for the object")
	// What is addressed is nothing but an issue of Go's, in a comment of its glue.
	for _, line := range strings.Split(page, "\n") {
		if i := strings.Index(line, "://"); i >= 0 && !strings.HasPrefix(strings.TrimSpace(line), "H4sI") {
			require.Regexp(t, `^[^"']*// .*https://github\.com/golang/go/issues/[0-9]+\)?$`, line)
		}
	}
}

func TestPageIsClosed(t *testing.T) {
	page := sample(t)
	requireClosed(t, page)
	require.Contains(t, page, "A &amp; B &lt;c&gt;")
	require.NotContains(t, page, "{{")
	b, err := base64.StdEncoding.DecodeString(between(page, `id="program">`, "</script>")[0])
	require.NoError(t, err)
	require.Equal(t, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff", string(b[:10]), "neither a name nor a time (RFC 1952, Section 2.3)")
}

func TestScriptsThatEndThemselves(t *testing.T) {
	for _, glue := range []string{"'</script>'", "'</SCRIPT '", "'<!-- '"} {
		_, err := assemble(parts{glue: glue})
		require.ErrorContains(t, err, "what would end it")
	}
	_, err := assemble(parts{glue: "'<script'"})
	require.NoError(t, err)
}

func TestLineEnds(t *testing.T) {
	require.Equal(t, "a\nb\n", unix("a\r\nb\n"))
	require.NotContains(t, sample(t), "\r")
}

// Both languages say everything, also every error.
func TestTexts(t *testing.T) {
	en, de, ok := strings.Cut(textsJS, "\tde: {")
	require.True(t, ok)
	keys := regexp.MustCompile(`(?m)^\t{2,3}(\w+): [^{]`)
	names := func(s string) (all []string) {
		for _, m := range keys.FindAllStringSubmatch(s, -1) {
			all = append(all, m[1])
		}
		return all
	}
	require.Equal(t, names(en), names(de))
	has := map[string]bool{}
	for _, n := range names(en) {
		has[n] = true
	}
	used := regexp.MustCompile(`data-text="(\w+)"|\btext\.(\w+)`).FindAllStringSubmatch(pageHTML+pageJS, -1)
	require.NotEmpty(t, used)
	for _, m := range used {
		if name := m[1] + m[2]; name != "errors" {
			require.True(t, has[name], name)
		}
	}
	source, err := os.ReadFile("internal/opening/errors.go")
	require.NoError(t, err)
	codes := regexp.MustCompile(`Code\s+= "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	codes = append(codes, regexp.MustCompile(`Failure\("(\w+)"`).FindAllStringSubmatch(pageJS, -1)...)
	require.Greater(t, len(codes), 18)
	for _, m := range codes {
		require.True(t, has[m[1]], m[1])
	}
}

// Every field has a label, and every part that speaks a role.
func TestNames(t *testing.T) {
	for _, input := range regexp.MustCompile(`<input id="(\w+)" type="(?:password|file|text)"`).FindAllStringSubmatch(pageHTML, -1) {
		require.Contains(t, pageHTML, `<label for="`+input[1]+`"`)
	}
	require.NotRegexp(t, `<input[^>]*\sname=`, pageHTML, "what has a name stands in the address of a form that is submitted without a script")
	for _, role := range []string{`role="status"`, `role="alert"`} {
		require.Contains(t, pageHTML, role)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"-o"}, {"x"}, {"-o", "a", "x"}, {"-wrong"}} {
		var out, errs bytes.Buffer
		require.Error(t, run(args, &out, &errs))
		require.Empty(t, out.String())
	}
}

func TestCheckSum(t *testing.T) {
	dir := t.TempDir()
	tc := &toolchain{version: "go1.2.3", module: dir}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "page"), 0o755))
	require.Error(t, checkSum(tc, "aa", new(bytes.Buffer)))
	for _, c := range []struct{ file, says, err string }{
		{"go1.2.3  aa\n", "", ""},
		{"go1.2.3  ab\n", "", "-record"},
		{"go1.2.4  ab\n", "not compared", ""},
		{"aa\n", "", "does not hold"},
	} {
		require.NoError(t, os.WriteFile(sumFile(tc), []byte(c.file), 0o600))
		var out bytes.Buffer
		err := checkSum(tc, "aa", &out)
		if c.err != "" {
			require.ErrorContains(t, err, c.err)
			continue
		}
		require.NoError(t, err)
		require.Contains(t, out.String(), c.says)
	}
}

// The README names the page that this source makes, as far as SHA256 does.
func TestREADME(t *testing.T) {
	t.Parallel()
	sum, err := os.ReadFile("SHA256")
	require.NoError(t, err)
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	fields := strings.Fields(string(sum))
	require.Len(t, fields, 2)
	require.True(t, strings.Contains(string(text), fields[1]), "the README does not name %s", fields[1])
	require.True(t, strings.Contains(string(text), "built with "+fields[0]), "the README does not name %s", fields[0])
}
