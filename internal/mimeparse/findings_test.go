package mimeparse

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	version = "MIME-Version: 1.0\n"
	text    = "Content-Type: text/plain; charset=us-ascii\n"
	multi   = version + "Content-Type: multipart/mixed; boundary=b\n\n"
	parts   = "--b\n\none\n--b\n\ntwo\n--b--\n"
)

// findingCases has for each finding a message with it, and a twin that differs
// from it in one thing and has no finding at all.
var findingCases = []struct{ code, message, twin string }{
	// Fields that are there twice.
	{"content-type-twice!", version + text + text + "\nx", version + text + "\nx"},
	{"content-transfer-encoding-twice!", version + "Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\nQUJD", version + "Content-Transfer-Encoding: 7bit\n\nQUJD"},
	{"content-disposition-twice!", version + "Content-Disposition: inline\ncontent-disposition: attachment\n\n", version + "Content-Disposition: inline\n\n"},
	{"mime-version-twice!", version + "MIME-Version: 2.0\n\n", version + "\n"},
	{"mime-version-twice", version + version + "\n", version + "\n"},
	{"mime-version-missing", text + "\n", version + text + "\n"},

	// Boundaries.
	{"boundary-missing!", version + "Content-Type: multipart/mixed\n\n" + parts, multi + parts},
	{"boundary-missing!", version + "Content-Type: multipart/mixed; boundary=\"\"\n\n" + parts, multi + parts},
	{"boundary-missing!", version + "Content-Type: multipart/mixed; boundary=\n\n" + parts, multi + parts},
	{"parameter-twice!", version + "Content-Type: multipart/mixed; boundary=b; boundary=c\n\n" + parts, multi + parts},
	{"parameter-twice!", version + "Content-Type: multipart/mixed; boundary=b; BOUNDARY=b\n\n" + parts, multi + parts},
	{"parameter-twice!", version + "Content-Type: text/plain; charset=a; charset=b\n\n", version + "Content-Type: text/plain; charset=a\n\n"},
	{"parameter-twice", version + "Content-Type: text/plain; charset=a; charset=a\n\n", version + "Content-Type: text/plain; charset=a\n\n"},
	{"boundary-long!", bounded(strings.Repeat("b", 71)), bounded(strings.Repeat("b", 70))},
	{"boundary-long!", bounded(strings.Repeat("b", maxBoundary+1)), bounded("b")},
	{"boundary-blank!", bounded(`"b "`), bounded(`"b"`)},
	{"boundary-characters!", bounded(`"bä"`), bounded(`"ba"`)},
	{"boundary-characters!", bounded(`"b;c"`), bounded(`"b c"`)},
	{"boundary-characters", bounded(`"b@c"`), bounded(`"b?c"`)},
	{"boundary-encoded!", bounded(`"=?us-ascii?q?b?="`), bounded(`"=?us-ascii?q?b?"`)},
	{"boundary-extended!", version + "Content-Type: multipart/mixed; boundary*=us-ascii''b\n\n" + parts, multi + parts},
	{"boundary-extended!", version + "Content-Type: multipart/mixed; boundary*0=b\n\n" + parts, multi + parts},
	{"parameter-both!", version + "Content-Type: multipart/mixed; boundary*0=b; boundary=c\n\n" + parts, multi + parts},
	{"parameter-escape!", bounded(`"b\"c"`), bounded(`"b'c"`)},
	{"boundary-reused!", multi + "--b\n" + multi + parts + "--b--\n", multi + "--b\n" + strings.Replace(multi, "=b", "=c", 1) + strings.ReplaceAll(parts, "--b", "--c") + "--b--\n"},
	{"boundary-prefix!", within("b", "bc"), within("b", "cb")},
	{"boundary-prefix!", within("bc", "b"), within("bc", "cb")},
	{"boundary-prefix!", within("b", "b--"), within("b", "--b")},
	{"boundary-prefix-line!", multi + "--b\n\n--bc\n--b--\n", multi + "--b\n\n--cb\n--b--\n"},
	{"boundary-prefix-line!", multi + "--b\n\n--b--c\n--b--\n", multi + "--b\n\n-b--c\n--b--\n"},
	{"boundary-prefix-line!", multi + "--b\n\n--b\v\n--b--\n", multi + "--b\n\n--b \n\n--b--\n"},
	{"boundary-prefix-line!", multi + "--b\n\n--b" + strings.Repeat(" ", longestLine) + "\n--b--\n", multi + "--b\n\n--b" + strings.Repeat(" ", 900) + "\n\n--b--\n"},
	{"boundary-unended!", multi + "--b\n\none\n", multi + "--b\n\none\n--b--\n"},
	{"boundary-unended!", strings.Replace(within("b", "c"), "--c--\n", "", 1), within("b", "c")},
	{"boundary-never!", multi + "one\n", multi + parts},
	{"boundary-never!", strings.ReplaceAll(within("b", "c"), "--c", "--d"), within("b", "c")},
	{"multipart-empty!", multi + "--b--\n", multi + "--b\n\n--b--\n"},
	{"boundary-after-end!", multi + parts + "--b\n", multi + parts},
	{"boundary-after-end!", multi + parts + "--b--\n", multi + parts},
	{"epilogue", multi + parts + "end\n", multi + parts + "\n \n"},
	{"bare-cr!", multi + "--b\n\n\r--b\n--b--\n", multi + "--b\n\n --b\n--b--\n"},

	// Transfer encodings.
	{"encoding-of-container!", version + "Content-Transfer-Encoding: base64\nContent-Type: multipart/mixed; boundary=b\n\n" + parts, multi + parts},
	{"encoding-of-container!", version + "Content-Transfer-Encoding: quoted-printable\nContent-Type: message/rfc822\n\nU3ViamVjdDogcw==", version + "Content-Type: message/rfc822\n\nSubject: s\n\n"},
	{"encoding-of-container!", version + "Content-Transfer-Encoding: base64\nContent-Type: message/global\n\nU3ViamVjdDogcw==", version + "Content-Type: message/global\n\nSubject: s\n\n"},
	{"encoding-unknown!", version + "Content-Transfer-Encoding: x-uuencode\n\n", version + "Content-Transfer-Encoding: 8bit\n\n"},
	{"encoding-unknown!", version + "Content-Transfer-Encoding: base64;\n\n", version + "Content-Transfer-Encoding: base64\n\n"},
	{"encoding-unknown!", version + "Content-Transfer-Encoding: b ase64\n\n", version + "Content-Transfer-Encoding: base64\n\n"},
	{"encoding-unknown!", version + "Content-Transfer-Encoding: base64\u00a0\n\n", version + "Content-Transfer-Encoding: BASE64\n\n"},
	{"encoding-comment!", version + "Content-Transfer-Encoding: base64 (x)\n\n", version + "Content-Transfer-Encoding: base64\n\n"},
	{"encoding-odd", version + "Content-Transfer-Encoding: 8-bit\n\n", version + "Content-Transfer-Encoding: 8bit\n\n"},
	{"encoding-odd", version + "Content-Transfer-Encoding:\n\n", version + "Content-Transfer-Encoding: binary\n\n"},
	{"base64-stray!", based("QUJDQUJDQUJD*"), based("QUJDQUJD\nQUJD \n")},
	{"base64-stray!", based("QUJDQUJDQUJD\x00"), based("QUJDQUJDQUJD")},
	{"base64-damaged!", based("QUJDQUJ-*"), based("QUJDQUJD")},
	{"base64-padding!", based("QUI=QUI="), based("QUIxQUI=")},
	{"base64-cut!", based("QUJDQ"), based("QUJD")},
	{"base64-cut!", based("QUI=="), based("QUI=")},
	{"base64-blank", based("QUJD QUJD"), based("QUJD\nQUJD")},
	{"base64-unpadded", based("QUI"), based("QUI=")},
	{"qp-damaged!", printable("a=b=zz"), printable("a=3Db=\nzz")},
	{"qp-damaged!", printable("a=4"), printable("a=41")},

	// Octets.
	{"nul!", version + text + "\na\x00b", version + text + "\na b"},
	{"nul", version + "Content-Transfer-Encoding: binary\n\na\x00b", version + "Content-Transfer-Encoding: binary\n\na b"},
	{"bare-cr", version + "\na\rb\n", version + "\na b\n"},
	{"bare-cr", version + "\na\r", version + "\na\r\n"},
	{"mixed-line-ends", version + "\na\nb\r\n", version + "\na\nb\n"},
	{"mixed-line-ends", crlf(version) + "\r\na\nb\r\n", crlf(version) + "\r\na\r\nb\r\n"},
	{"mixed-line-ends!", crlf(version) + "Subject: a\n\r\na\r\n", crlf(version) + "Subject: a\r\n\r\na\r\n"},
	{"mixed-line-ends", version + "Subject: a\r\n\na\n", version + "Subject: a\n\na\n"},
	{"mixed-line-ends!", crlf(multi) + "--b\n\r\none\r\n--b--\r\n", crlf(multi) + "--b\r\n\r\none\r\n--b--\r\n"},
	{"mixed-line-ends!", multi + "--b\n\none\r\n--b--\n", multi + "--b\n\none\n--b--\n"},
	{"mixed-line-ends", multi + "--b\n\none\n--b--\r\n", multi + "--b\n\none\n--b--\n"},

	// Headers.
	{"header-no-colon!", version + "Subject\n\n", version + "Subject:\n\n"},
	{"header-no-colon!", version + "From x\n\n", "From x\n" + version + "\n"},
	{"header-from-line", "From x\n" + version + "\n", version + "\n"},
	{"header-from-line", ">From x\n" + version + "\n", version + "\n"},
	{"header-bad-name!", version + "Sub ject: x\n\n", version + "Sub-ject: x\n\n"},
	{"header-bad-name!", version + "Subjäct: x\n\n", version + "Subject: x\n\n"},
	{"header-bad-name!", version + ": x\n\n", version + "a: x\n\n"},
	{"header-space-before-colon!", version + "Subject : x\n\n", version + "Subject: x\n\n"},
	{"header-space-before-colon!", version + "Content-type\t: text/plain\n\n", version + "Content-type:\ttext/plain\n\n"},
	{"header-space-before-colon", version + "X-Other : x\n\n", version + "X-Other: x\n\n"},
	{"header-folded-first!", " x: y\n" + version + "\n", version + " \tx\n\n"},
	{"header-blank-line!", version + "Subject: x\n \t\n y\n\n", version + "Subject: x\n \ty\n y\n\n"},
	{"header-nul!", version + "Subject: \x00\n\n", version + "Subject: \n\n"},
	{"header-bare-cr!", version + "Subject: a\rFrom: b\n\n", version + "Subject: a\r\nFrom: b\n\n"},
	{"header-control!", version + "Subject: a\fFrom: b\n\n", version + "Subject: a\tFrom: b\n\n"},
	{"header-control!", version + "Subject: a\x1eFrom: b\n\n", version + "Subject: a\tFrom: b\n\n"},
	{"header-control", version + "Subject: \x1b$B\n\n", version + "Subject: $B\n\n"},
	{"header-bad-name!", "\uFEFF" + version + "\n", version + "\n"},
	{"header-empty!", "\n" + version + "\n", version + "\n\n"},
	{"header-unended", version, version + "\n"},
	{"header-unended!", multi + "--b\nSubject: x\n--b--\n", multi + "--b\nSubject: x\n\n--b--\n"},
	{"header-unended!", multi + "--b\n--b--\n", multi + "--b\n\n--b--\n"},

	// Values.
	{"content-type-invalid!", version + "Content-Type: multipart; boundary=b\n\n", version + "Content-Type: multipart/mixed; boundary=b\n\n" + parts},
	{"content-type-invalid!", version + "Content-Type: te xt/plain\n\n", version + "Content-Type: text/plain\n\n"},
	{"content-type-invalid!", version + "Content-Type: text/plain/x\n\n", version + "Content-Type: text/plain\n\n"},
	{"content-type-invalid!", version + "Content-Type: text/plän\n\n", version + "Content-Type: text/plain\n\n"},
	{"content-type-invalid!", version + "Content-Type:\n\n", version + "Content-Type: text/plain\n\n"},
	{"content-type-invalid", version + "Content-Type: text\n\n", version + "Content-Type: text/plain\n\n"},
	{"parameter-comment", version + "Content-Type: text/plain; charset=us-ascii (ASCII)\n\n", version + text + "\n"},
	{"parameter-comment!", version + "Content-Type: text/plain; charset=us-ascii (;x=y)\n\n", version + text + "\n"},
	{"parameter-comment!", version + "Content-Type: multipart/mixed; boundary=b(c); x=y\n\n" + parts, multi + parts},
	{"parameter-comment!", version + "Content-Type: text/(html)plain; x=y\n\n", version + "Content-Type: text/plain; x=y\n\n"},
	{"parameter-junk!", version + "Content-Type: multipart/mixed; boundary=\"b\"c\n\n" + parts, multi + parts},
	{"parameter-junk!", version + "Content-Type: multipart/mixed; boundary=b c\n\n" + parts, multi + parts},
	{"parameter-quote!", version + "Content-Type: multipart/mixed; boundary=\"b\n\n" + parts, multi + parts},
	{"parameter-unquoted", version + "Content-Type: multipart/mixed; boundary==b\n\n" + strings.ReplaceAll(parts, "--b", "--=b"), multi + parts},
	{"parameter-unquoted!", version + "Content-Type: multipart/mixed; boundary='b'\n\n" + strings.ReplaceAll(parts, "--b", "--'b'"), multi + parts},
	{"parameter-unquoted", version + "Content-Type: application/x; name=a b.c\n\n", version + "Content-Type: application/x; name=\"a b.c\"\n\n"},
	{"parameter-escape", version + "Content-Type: application/x; name=\"a\\b\"\n\n", version + "Content-Type: application/x; name=\"a\\\\b\"\n\n"},
	{"parameter-no-value", version + "Content-Type: text/plain; charset\n\n", version + "Content-Type: text/plain; charset=a\n\n"},
	{"parameter-none", version + "Content-Type: text/plain;; charset=a\n\n", version + "Content-Type: text/plain; charset=a;\n\n"},
	{"parameter-name!", version + "Content-Type: text/plain; char set=a\n\n", version + "Content-Type: text/plain; char-set=a\n\n"},
	{"parameter-name!", version + "Content-Type: text/plain; x*y=a\n\n", version + "Content-Type: text/plain; xy=a\n\n"},
	{"parameter-extended!", version + "Content-Type: text/plain; charset*=us-ascii''a\n\n", version + "Content-Type: text/plain; charset=a\n\n"},
	{"parameter-extended", version + "Content-Type: text/plain; title*=us-ascii''a\n\n", version + "Content-Type: text/plain; title=a\n\n"},
	{"parameter-charset!", version + "Content-Type: text/plain; title*=a\n\n", version + "Content-Type: text/plain; title*=''a\n\n"},
	{"parameter-gap!", version + "Content-Type: application/x; name*0=a; name*2=c\n\n", version + "Content-Type: application/x; name*0=a; name*1=c\n\n"},
	{"parameter-twice!", version + "Content-Type: application/x; name*0=a; name*0=c\n\n", version + "Content-Type: application/x; name*0=a; name*1=c\n\n"},
	{"parameter-twice!", version + "Content-Type: application/x; name*=''a; name*0=c\n\n", version + "Content-Type: application/x; name*=''a\n\n"},
	{"parameter-both", version + "Content-Type: application/x; name*=''a; name=c\n\n", version + "Content-Type: application/x; name*=''a; name=a\n\n"},
	{"parameter-charset", version + "Content-Type: application/x; name*=a\n\n", version + "Content-Type: application/x; name*=''a\n\n"},
	{"parameter-not-ascii!", version + "Content-Type: text/plain; charset=\"utf-8\u00a0\"\n\n", version + "Content-Type: text/plain; charset=\"utf-8 \"\n\n"},
	{"content-disposition-invalid", version + "Content-Disposition: =?utf-8?q?attachment?=\n\n", version + "Content-Disposition: attachment\n\n"},
	{"parameter-number!", version + "Content-Type: application/x; name*00=a\n\n", version + "Content-Type: application/x; name*0=a\n\n"},
	{"parameters!", version + "Content-Type: application/x" + manyParams(maxParams+1) + "\n\n", version + "Content-Type: application/x" + manyParams(maxParams) + "\n\n"},
	{"charset-unknown", version + "Content-Type: application/x; name*=utf-9''a\n\n", version + "Content-Type: application/x; name*=utf-8''a\n\n"},
	{"charset-not-ascii!", version + "Content-Type: text/plain; charset=UTF-7\n\n", version + "Content-Type: text/plain; charset=UTF-8\n\n"},
	{"charset-not-ascii!", version + "Content-Type: text/html; charset=utf-16le\n\n", version + "Content-Type: text/html; charset=utf-8\n\n"},
	{"name-charset", version + "Content-Type: application/x; name=\"\xe4\"\n\n", version + "Content-Type: application/x; name=\"ä\"\n\n"},
	{"encoded-word-in-parameter", version + "Content-Type: application/x; name=\"=?utf-8?q?a?=\"\n\n", version + "Content-Type: application/x; name=\"=?utf-8?x?a?=\"\n\n"},
	{"name-differs!", version + "Content-Type: application/x; name=a.pdf\nContent-Disposition: attachment; filename=a.exe\n\n", version + "Content-Type: application/x; name=a.exe\nContent-Disposition: attachment; filename=a.exe\n\n"},
	{"name-differs", version + "Content-Type: application/x; name=b.pdf\nContent-Disposition: attachment; filename=a.pdf\n\n", version + "Content-Type: application/x; name=a.pdf\nContent-Disposition: attachment; filename=a.pdf\n\n"},
}

// bounded is a multipart with the boundary parameter as written.
func bounded(parameter string) string {
	b := strings.NewReplacer(`\"`, `"`, `"`, "").Replace(parameter)
	return version + "Content-Type: multipart/mixed; boundary=" + parameter + "\n\n" + strings.ReplaceAll(parts, "--b", "--"+strings.TrimSpace(b))
}

// within is a multipart in another one.
func within(outer, inner string) string {
	return version + "Content-Type: multipart/mixed; boundary=" + outer + "\n\n--" + outer + "\nContent-Type: multipart/mixed; boundary=" + inner +
		"\n\n" + strings.ReplaceAll(parts, "--b", "--"+inner) + "--" + outer + "--\n"
}

func based(body string) string { return version + "Content-Transfer-Encoding: base64\n\n" + body }

func printable(body string) string {
	return version + "Content-Transfer-Encoding: quoted-printable\n\n" + body
}

func manyParams(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("; p" + strings.Repeat("x", i%40) + string(rune('a'+i/40)) + "=v")
	}
	return b.String()
}

func TestFindings(t *testing.T) {
	for _, c := range findingCases {
		t.Run(c.code, func(t *testing.T) {
			n := mustParse(t, c.message)
			require.Contains(t, codes(n), c.code)
			for todo := []*Node{n}; len(todo) > 0; todo = append(todo[1:], todo[0].Children...) {
				for _, f := range todo[0].Findings {
					require.NotContains(t, f.Text, "\n")
					require.Less(t, len(f.Text), 500)
				}
			}
			twin := codes(mustParse(t, c.twin))
			require.NotContains(t, twin, c.code)
			require.False(t, slices.ContainsFunc(twin, func(s string) bool { return strings.HasSuffix(s, "!") }), "%v", twin)
		})
	}
}

// TestEveryFindingIsShown: findingCases has every code that there is.
func TestEveryFindingIsShown(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	call := regexp.MustCompile(`\.find\("([a-z0-9-]+)"`)
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range call.FindAllSubmatch(source, -1) {
			found++
			require.True(t, slices.ContainsFunc(findingCases, func(c struct{ code, message, twin string }) bool {
				return strings.TrimSuffix(c.code, "!") == string(m[1])
			}), "%s", m[1])
		}
	}
	require.Greater(t, found, 60)
}
