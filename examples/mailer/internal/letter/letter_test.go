package letter

import (
	unescape "html"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/list"
	"github.com/doublekeybox/doublekeybox/transport/link"
)

var every = []list.Delivery{list.OpenPGP, list.SMIME, list.ZIP, list.Link}

// sample is what a letter is written of; sealed: also a link is to what is
// sealed to a key.
func sample(d list.Delivery, sealed bool) Data {
	out := Data{
		Entry: list.Entry{
			Row: 1, Name: "Bob & <Example>", Address: "bob@example.org", Documents: []string{"diagnosis.pdf"},
			Delivery: d, Language: "en", Knows: "the-secret-of-bob",
		},
		Documents: []Document{{"diagnosis.pdf", 102_400}, {"b & <c>.pdf", 3}},
		From:      "Example Insurance",
	}
	if d == list.ZIP || d == list.Link && !sealed {
		out.Number = "K7Q2-M4T9-X3WA"
	}
	if d == list.Link {
		out.Link = &link.Link{
			URL: "https://store.example/b/x?X-Amz-Signature=ab%2Fcd&X-Amz-Expires=60", Size: 102_400, SHA256: [32]byte{1},
			Expires: time.Date(2026, 11, 29, 15, 4, 0, 0, time.UTC), Name: "documents.zip",
		}
		out.Page = "https://page.example/"
	}
	return out
}

// TestDefaults: each letter says what its recipient has to do, and no more than
// may be read on its way.
func TestDefaults(t *testing.T) {
	t.Parallel()
	l, err := Load("")
	require.NoError(t, err)
	require.Equal(t, []string{"de", "en"}, l.Languages())
	for _, lang := range l.Languages() {
		for _, d := range every {
			for _, sealed := range []bool{false, true} {
				data := sample(d, sealed)
				subject, text, html, err := l.Render(lang, data)
				require.NoError(t, err)
				require.Contains(t, subject, "Example Insurance")
				require.Contains(t, text, "Bob & <Example>")
				require.Contains(t, html, "Bob &amp; &lt;Example&gt;")
				locked := data.Number != ""
				for _, body := range []string{text, html} {
					require.NotContains(t, subject+body, "the-secret-of-bob")
					require.NotContains(t, body, "no value")
					require.NotContains(t, body, "\n\n\n")
					require.Equal(t, !locked, strings.Contains(body, "diagnosis.pdf"), "%s %s: %s", lang, d, body)
					require.Equal(t, locked, strings.Contains(body, "K7Q2-M4T9-X3WA"))
					require.Equal(t, locked, strings.Contains(body, "7-Zip"))
					require.Equal(t, d == list.Link, strings.Contains(body, "2026, 15:04 UTC"))
					require.Equal(t, d == list.Link, strings.Contains(body, data.Entry.Name) && strings.Contains(body, "https://page.example/#v1.") || strings.Contains(body, "https://page.example/#v1."))
				}
				for _, line := range strings.Split(text, "\n") {
					require.True(t, len([]rune(line)) <= 80 || strings.HasPrefix(line, "https://"), "%q", line)
				}
				if d != list.Link {
					continue
				}
				// What box fetch reads stands there as a whole.
				got, err := link.Parse(text)
				require.NoError(t, err)
				require.Equal(t, *data.Link, got)
				require.Contains(t, html, "0100000000")
				// And so does what somebody copies from a button.
				got, err = link.Parse(unescape.UnescapeString(html))
				require.NoError(t, err)
				require.Equal(t, *data.Link, got)
				require.Equal(t, 2, strings.Count(html, "#v1."))
			}
		}
	}
}

// TestKnown: somebody who knows the passphrase is told that, and no number.
func TestKnown(t *testing.T) {
	t.Parallel()
	l, err := Load("")
	require.NoError(t, err)
	for lang, want := range map[string]string{"en": "that we agreed on", "de": "vereinbarte"} {
		for _, d := range []list.Delivery{list.ZIP, list.Link} {
			data := sample(d, false)
			data.Number, data.Locked = "", true
			_, text, html, err := l.Render(lang, data)
			require.NoError(t, err)
			require.Contains(t, text, want)
			require.Contains(t, html, want)
			require.NotContains(t, text+html, "diagnosis")
		}
	}
}

// TestHostileHTML: nothing of a list, a name of a file or a link becomes HTML.
func TestHostileHTML(t *testing.T) {
	t.Parallel()
	l, err := Load("")
	require.NoError(t, err)
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	data := sample(list.OpenPGP, true)
	data.Entry.Name, data.From, data.Documents[0].Name = evil, evil, evil
	_, _, html, err := l.Render("en", data)
	require.NoError(t, err)
	require.NotContains(t, html, "<script")
	require.NotContains(t, html, "<img")
	data = sample(list.Link, true)
	data.Page = "javascript:alert(1)//"
	_, _, html, err = l.Render("en", data)
	require.NoError(t, err)
	require.NotContains(t, html, `"javascript:`)
}

// write makes a folder of templates.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

// TestOwn: a folder of one's own is what there is then.
func TestOwn(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"fr/subject.txt": "\uFEFFBonjour {{.Entry.Name}}\n", "fr/body.txt": "{{size 1500}} {{date .Link.Expires}} {{.Entry.Fields.policy}}",
		"de-AT/subject.txt": "Servus", "de-AT/body.txt": "{{size 1500}}", "de-AT/body.html": "<p>{{.Entry.Name}}</p>",
		"README.md": "not a language", ".git/config": "", "fr/.DS_Store": "",
	})
	l, err := Load(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"de-at", "fr"}, l.Languages())
	data := sample(list.Link, true)
	data.Entry.Fields = map[string]string{"policy": "17"}
	subject, text, html, err := l.Render("fr-ca", data)
	require.NoError(t, err)
	require.Equal(t, []string{"Bonjour Bob & <Example>", "1.5 kB 2026-11-29 17", ""}, []string{subject, text, html})
	_, text, html, err = l.Render("de-at", data)
	require.NoError(t, err)
	require.Equal(t, []string{"1,5 kB", "<p>Bob &amp; &lt;Example&gt;</p>"}, []string{text, html})

	for _, lang := range []string{"de", "en", "", "../fr"} {
		_, _, _, err = l.Render(lang, data)
		var e *LanguageError
		require.ErrorAs(t, err, &e, lang)
		require.Equal(t, []string{"de-at", "fr"}, e.Have)
	}
}

// TestLoadRefuses: each folder that is none of templates, with file and line.
func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		what  string
	}{
		"nothing":               {map[string]string{"README": ""}, "no folder with templates"},
		"no body":               {map[string]string{"en/subject.txt": "x"}, "are needed"},
		"no subject":            {map[string]string{"en/body.txt": "x"}, "are needed"},
		"HTML alone":            {map[string]string{"en/body.html": "x"}, "are needed"},
		"another file":          {map[string]string{"en/subject.txt": "x", "en/body.txt": "x", "en/body.htm": "x"}, "body.htm: only"},
		"a folder":              {map[string]string{"en/subject.txt": "x", "en/body.txt/x": "x"}, "body.txt"},
		"a mistake":             {map[string]string{"en/subject.txt": "x", "en/body.txt": "a\nb\n{{if}}"}, "en/body.txt:3"},
		"another in HTML":       {map[string]string{"en/subject.txt": "x", "en/body.txt": "x", "en/body.html": "\n{{nothing}}"}, "en/body.html:2"},
		"a function that reads": {map[string]string{"en/subject.txt": "x", "en/body.txt": "{{readFile `/etc/passwd`}}"}, "not defined"},
		"too large":             {map[string]string{"en/subject.txt": "x", "en/body.txt": strings.Repeat("x", maxTemplate+1)}, "larger than"},
	} {
		_, err := Load(write(t, c.files))
		require.ErrorContains(t, err, c.what, name)
		require.NotContains(t, err.Error(), "\n", name)
		require.True(t, strings.HasPrefix(err.Error(), "letter: "), err.Error())
	}
	_, err := Load(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Load(write(t, map[string]string{"en/subject.txt": "x", "en/body.txt": strings.Repeat("x", maxTemplate)}))
	require.NoError(t, err)
}

// TestRenderRefuses: each template that is one and whose letter is none, with
// file and line.
func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ subject, body, html, what string }{
		"a field that is not":  {"x", "\n{{.Nothing}}", "", "en/body.txt:2"},
		"a column that is not": {"x", "\n\n{{.Entry.Fields.policy}}", "", "en/body.txt:3"},
		"in HTML":              {"x", "x", "\n{{.Entry.Fields.policy}}", "en/body.html:2"},
		"no link":              {"x", "{{.Link.Size}}", "", "en/body.txt:1"},
		"no subject":           {" \n", "x", "", "en/subject.txt: a subject is one line"},
		"a subject of two":     {"{{.Entry.Fields.lines}}", "x", "", "en/subject.txt: a subject is one line"},
		"a long subject":       {strings.Repeat("ü", maxSubject+1), "x", "", "en/subject.txt: a subject is one line"},
		"without an end":       {"x", "{{range 1000000000}}xxxxxxxxxx{{end}}", "", "longer than"},
		"without an end, HTML": {"x", "x", "{{range 1000000000}}xxxxxxxxxx{{end}}", "longer than"},
		"within itself":        {"x", `{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`, "", "exceeded maximum template depth"},
		"a context of no kind": {"x", "x", "<a href='{{if .From}}\"{{end}}>", "en/body.html"},
	} {
		files := map[string]string{"en/subject.txt": c.subject, "en/body.txt": c.body}
		if c.html != "" {
			files["en/body.html"] = c.html
		}
		l, err := Load(write(t, files))
		require.NoError(t, err, name)
		data := sample(list.OpenPGP, true)
		data.Entry.Fields = map[string]string{"lines": "a\nBcc: eve@example.net"}
		subject, text, html, err := l.Render("en", data)
		require.ErrorContains(t, err, c.what, name)
		require.Empty(t, subject+text+html)
		require.NotContains(t, err.Error(), "the-secret-of-bob")
	}
	l, err := Load(write(t, map[string]string{"en/subject.txt": strings.Repeat("ü", maxSubject), "en/body.txt": "{{range 100}}x{{end}}"}))
	require.NoError(t, err)
	_, _, _, err = l.Render("en", sample(list.OpenPGP, true))
	require.NoError(t, err)
}

// TestSecretsOfRow: no template gets at what somebody knows, nor at names that an
// archive hides.
func TestSecretsOfRow(t *testing.T) {
	t.Parallel()
	const greedy = "{{printf `%+v` .}} {{.Entry.Knows}} {{.Entry.Documents}} {{.Documents}}"
	l, err := Load(write(t, map[string]string{"en/subject.txt": "x", "en/body.txt": greedy, "en/body.html": greedy}))
	require.NoError(t, err)
	for _, d := range every {
		data := sample(d, false)
		_, text, html, err := l.Render("en", data)
		require.NoError(t, err)
		require.NotContains(t, text+html, "the-secret-of-bob")
		require.Equal(t, data.Number == "", strings.Contains(text+html, "diagnosis"))
		require.Equal(t, "the-secret-of-bob", data.Entry.Knows, "the caller's is as it was")
	}
}

// TestConcurrently: one Letters for all who seal.
func TestConcurrently(t *testing.T) {
	t.Parallel()
	l, err := Load("")
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				_, _, _, err := l.Render([]string{"en", "de"}[i%2], sample(every[i%4], false))
				require.NoError(t, err)
			}
		})
	}
	all.Wait()
}

func TestForms(t *testing.T) {
	t.Parallel()
	en, de, other := forms["en"], forms["de"], forms["fr"]
	for octets, want := range map[int64][3]string{
		0:         {"0 bytes", "0 Byte", "0 bytes"},
		1:         {"1 bytes", "1 Byte", "1 bytes"},
		999:       {"999 bytes", "999 Byte", "999 bytes"},
		1000:      {"1.0 kB", "1,0 kB", "1.0 kB"},
		99_949:    {"99.9 kB", "99,9 kB", "99.9 kB"},
		99_951:    {"100 kB", "100 kB", "100 kB"},
		999_499:   {"999 kB", "999 kB", "999 kB"},
		999_500:   {"1.0 MB", "1,0 MB", "1.0 MB"},
		5 << 30:   {"5.4 GB", "5,4 GB", "5.4 GB"},
		1<<63 - 1: {"9223372 TB", "9223372 TB", "9223372 TB"},
	} {
		require.Equal(t, want, [3]string{en.size(octets), de.size(octets), other.size(octets)})
	}
	at := time.Date(2026, 3, 1, 23, 4, 59, 0, time.FixedZone("", -2*3600))
	require.Equal(t, []string{"2 March 2026, 01:04 UTC", "2. März 2026, 01:04 UTC", "2026-03-02, 01:04 UTC"}, []string{en.datetime(at), de.datetime(at), other.datetime(at)})
	for i := range 12 {
		month := time.Date(2026, time.Month(i+1), 1, 0, 0, 0, 0, time.UTC)
		require.Contains(t, en.date(month), month.Month().String())
	}
}

// FuzzTemplate: whatever a template is, rendering it ends in an error or in a
// letter of bounded size that tells no secret.
func FuzzTemplate(f *testing.F) {
	f.Add("{{.Entry.Name}}", "<p>{{.Entry.Name}}</p>")
	f.Add("{{with .Entry}}{{.Knows}}{{end}}", "<a href='{{.Page}}'>{{printf `%v` .}}</a>")
	f.Add("{{range .Documents}}{{size .Size}}{{end}}", "<script>{{.}}</script>")
	dir := f.TempDir()
	require.NoError(f, os.Mkdir(filepath.Join(dir, "en"), 0o700))
	require.NoError(f, os.WriteFile(filepath.Join(dir, "en", "subject.txt"), []byte("x"), 0o600))
	f.Fuzz(func(t *testing.T, body, html string) {
		if strings.Contains(body+html, "range") && strings.ContainsAny(body+html, "0123456789") {
			t.Skip("who writes templates can let them count for years")
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, "en", "body.txt"), []byte(body), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "en", "body.html"), []byte(html), 0o600))
		l, err := Load(dir)
		if err != nil {
			return
		}
		_, text, out, err := l.Render("en", sample(list.ZIP, false))
		if err != nil {
			require.Empty(t, text+out)
			return
		}
		require.LessOrEqual(t, max(len(text), len(out)), maxBody)
		if !strings.Contains(body+html, "secret") {
			require.NotContains(t, text+out, "the-secret-of-bob")
		}
	})
}
