package list

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// open makes a list of text and opens it.
func open(t testing.TB, name, text string) *List {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	l, err := Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// all reads a list.
func all(l *List) (out []Entry, problems []*RowError, err error) {
	for e, err := range l.All() {
		var row *RowError
		switch {
		case errors.As(err, &row):
			problems = append(problems, row)
		case err != nil:
			return out, problems, err
		default:
			out = append(out, e)
		}
	}
	return out, problems, nil
}

const head = "name,address,documents,delivery,language\n"

var bob = Entry{Row: 1, Name: "Bob", Address: "bob@example.org", Documents: []string{"a.pdf"}, Delivery: ZIP, Language: "en"}

// TestForms: the same row, in every form that a list can have.
func TestForms(t *testing.T) {
	t.Parallel()
	const row = "Bob,bob@example.org,a.pdf,zip,en\n"
	const object = `{"name":"Bob","address":"bob@example.org","documents":["a.pdf"],"delivery":"zip","language":"en"}`
	for name, text := range map[string]string{
		"plain.csv":         head + row,
		"windows.csv":       strings.ReplaceAll(head+row, "\n", "\r\n"),
		"mark.csv":          "\xEF\xBB\xBF" + head + row,
		"mark quotes.csv":   "\xEF\xBB\xBF\"name\",address,documents,delivery,language\n" + row,
		"semicolons.csv":    strings.ReplaceAll(head+row, ",", ";"),
		"tabs.csv":          strings.ReplaceAll(head+row, ",", "\t"),
		"no end.csv":        strings.TrimSuffix(head+row, "\n"),
		"empty lines.csv":   head + "\n\n" + row + "\n",
		"capitals.CSV":      "Name,ADDRESS, documents ,Delivery,Language\nBob,bob@EXAMPLE.org, a.pdf , ZIP ,EN\n",
		"another order.csv": "language,delivery,documents,address,name\nen,zip,a.pdf,bob@example.org,Bob\n",
		"quotes.csv":        head + "\"Bob\",\"bob@example.org\",\"a.pdf\",\"zip\",\"en\"\n",
		"array.json":        "[" + object + "]",
		"lines.json":        object + "\n",
		"lines.jsonl":       "\n" + object,
		"mark.json":         "\xEF\xBB\xBF [\n" + object + "\n]\n",
		"string.json":       strings.Replace(object, `["a.pdf"]`, `"a.pdf"`, 1),
	} {
		got, problems, err := all(open(t, name, text))
		require.NoError(t, err, name)
		require.Empty(t, problems, name)
		require.Equal(t, []Entry{bob}, got, name)
	}
}

// TestEveryColumn: what is in a row beside what is needed.
func TestEveryColumn(t *testing.T) {
	t.Parallel()
	l := open(t, "a.csv", "name,address,documents,delivery,language,knows,Policy,street\n"+
		"Zoë,zoe@bücher.example,a.pdf|sub/b.pdf,link,de_AT,correct horse,17,\"Way 1\nTown\"\n")
	want := Entry{
		Row: 1, Name: "Zoë", Address: "zoe@xn--bcher-kva.example", Documents: []string{"a.pdf", "sub/b.pdf"}, Delivery: Link,
		Language: "de-at", Knows: "correct horse", Fields: map[string]string{"policy": "17", "street": "Way 1\nTown"},
	}
	for range 2 { // again and again
		got, problems, err := all(l)
		require.NoError(t, err)
		require.Empty(t, problems)
		require.Equal(t, []Entry{want}, got)
	}
	got, problems, err := all(open(t, "a.json", `[{"name":"Zoë","address":"zoe@bücher.example","documents":["a|b.pdf"],"delivery":"link","language":"de","policy":17.50,"street":null}]`))
	require.NoError(t, err)
	require.Empty(t, problems)
	require.Equal(t, []string{"a|b.pdf"}, got[0].Documents, "an array needs no separator")
	require.Equal(t, map[string]string{"policy": "17.50", "street": ""}, got[0].Fields, "a number stays as it is written")
}

// TestRowErrors: a row that is good, and beside it one that differs in one
// thing; which is said with its line and column.
func TestRowErrors(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", maxCell)
	many := strings.Repeat("x.pdf|", 0)
	for i := range maxDocuments {
		many += fmt.Sprintf("%d.pdf|", i)
	}
	many = strings.TrimSuffix(many, "|")
	for _, c := range []struct{ column, good, bad, what string }{
		{"name", "Bob", "", "1 to 200"},
		{"name", "Bob", " ", "1 to 200"},
		{"name", strings.Repeat("a", maxName), strings.Repeat("a", maxName+1), "1 to 200"},
		{"name", "Bob", "\"Bob\r\nBcc: eve@example.net\"", "line end"},
		{"name", "Bob", "\"Bob\nBcc: eve@example.net\"", "line end"},
		{"name", "Bob", "Bob\x00", "control character"},
		{"name", "Bob", "Bob\x1b[2J", "control character"},
		{"name", "Bob", "Bob\u202Eevil", "turns the direction"},
		{"name", "Bob", "Bob\uFFFD", "character was lost"},
		{"name", "Bob", "B\xF6b", "not UTF-8"},
		{"address", "bob@example.org", "bob", "no @"},
		{"address", "bob@example.org", "@example.org", "all of a domain"},
		{"address", "bob@example.org", "Bob <bob@example.org>", "brackets"},
		{"address", "bob@example.org", "\"bob@example.org,eve@example.net\"", "punctuation"},
		{"address", "bob@example.org", "\"bob@example.org\r\nRCPT TO:<eve@example.net>\"", "line end"},
		{"documents", "a.pdf", "", "missing"},
		{"documents", "a.pdf|b.pdf", "a.pdf||b.pdf", "missing"},
		{"documents", "a.pdf|b.pdf", "a.pdf|a.pdf", "twice"},
		{"documents", "a..pdf", "../a.pdf", "leads out"},
		{"documents", "b/a.pdf", "b/../../a.pdf", "leads out"},
		{"documents", "etc/passwd", "/etc/passwd", "leads out"},
		{"documents", "a.pdf", ".", "leads out"},
		{"documents", many, many + "|one.pdf", "1 to 100"},
		{"delivery", "zip", "", "no delivery"},
		{"delivery", "zip", "zpi", `is "zip" meant`},
		{"delivery", "openpgp", "openpg", `is "openpgp" meant`},
		{"delivery", "smime", "s/mime", `is "smime" meant`},
		{"delivery", "link", "pigeon", "take one of openpgp, smime, zip, link"},
		{"language", "en", "", "no language"},
		{"language", "en", "e", "no language"},
		{"language", "en-gb", "en-gb-x", "no language"},
		{"language", "en", "../en", "no language"},
		{"language", "zh-hans-cn", "english", "no language"},
		{"more", long, long + "a", "longer than 8192"},
		{"more", "\"a\nb\"", "\"a\vb\"", "control character"},
		{"more", "a", "\u2067a", "turns the direction"},
	} {
		row := map[string]string{"name": "Bob", "address": "bob@example.org", "documents": "a.pdf", "delivery": "zip", "language": "en", "more": ""}
		text := func(value string) string {
			row[c.column] = value
			return "name,address,documents,delivery,language,more\nEve,eve@example.org,e.pdf,zip,en,\n" +
				row["name"] + "," + row["address"] + "," + row["documents"] + "," + row["delivery"] + "," + row["language"] + "," + row["more"] + "\n"
		}
		got, problems, err := all(open(t, "good.csv", text(c.good)))
		require.NoError(t, err, "%q", c.good)
		require.Empty(t, problems, "%q", c.good)
		require.Len(t, got, 2)

		got, problems, err = all(open(t, "bad.csv", text(c.bad)))
		require.NoError(t, err, "%q", c.bad)
		require.Len(t, got, 1, "%q", c.bad)
		require.Len(t, problems, 1, "%q", c.bad)
		require.Equal(t, c.column, problems[0].Column, "%q", c.bad)
		require.Contains(t, problems[0].What, c.what, "%q", c.bad)
		require.Equal(t, []int{2, 3}, []int{problems[0].Row, problems[0].Line}, "%q", c.bad)
		require.NotContains(t, problems[0].Error(), "\n")
	}
}

// TestEveryProblem: not the first of a row, nor of the list, and in the same
// order each time.
func TestEveryProblem(t *testing.T) {
	t.Parallel()
	l := open(t, "a.csv", head+"Bob,bob,../a.pdf,zpi,\n\"B\"ob,x\nEve,eve@example.org,a.pdf,zip,en\nFay,fay@example.org,a.pdf\n")
	var first []*RowError
	for range 5 {
		got, problems, err := all(l)
		require.NoError(t, err)
		require.Len(t, got, 1)
		require.Equal(t, 3, got[0].Row)
		var where []string
		for _, p := range problems {
			where = append(where, fmt.Sprintf("%d:%d:%s", p.Row, p.Line, p.Column))
		}
		require.Equal(t, []string{"1:2:address", "1:2:documents", "1:2:delivery", "1:2:language", "2:3:", "4:5:"}, where)
		if first != nil {
			require.Equal(t, first, problems)
		}
		first = problems
	}
}

// TestLineOfBadOctets: also within a cell of several lines.
func TestLineOfBadOctets(t *testing.T) {
	t.Parallel()
	_, problems, err := all(open(t, "a.csv", "name,address,documents,delivery,language,street\nBob,bob@example.org,a.pdf,zip,en,\"a\nb\nc\xFF\"\n"))
	require.NoError(t, err)
	require.Len(t, problems, 1)
	require.Equal(t, RowError{Row: 1, Line: 4, Column: "street", What: notUTF8}, *problems[0])
	_, problems, err = all(open(t, "a.json", "[{\"name\":\"Bob\",\n\"address\":\"b\xFF\"}]"))
	require.NoError(t, err)
	require.Len(t, problems, 1)
	require.Equal(t, RowError{Row: 1, Line: 2, What: notUTF8}, *problems[0])
}

// TestHeader: each header row that no list can be read with.
func TestHeader(t *testing.T) {
	t.Parallel()
	for bad, what := range map[string]string{
		"name,adress,documents,delivery,language":          `there is no column "address": is "adress" meant for it?`,
		"name,address,documents,delivery":                  `there is no column "language"`,
		"name,address,documents,delivery,language,address": "two columns of this name",
		"name,address,documents,delivery,language,":        "a column has no name",
		"name,address,documents,delivery,language,konws":   `is "knows" meant?`,
		"name,address,documents,delivery,language,x\x01":   "no name of a column",
		"name,address,documents,delivery,language,x\xFF":   "not UTF-8",
	} {
		got, problems, err := all(open(t, "a.csv", bad+"\nBob,bob@example.org,a.pdf,zip,en,x\n"))
		require.NoError(t, err, bad)
		require.Empty(t, got, bad)
		var said []string
		for _, p := range problems {
			require.Equal(t, []int{0, 1}, []int{p.Row, p.Line})
			said = append(said, p.Error())
		}
		require.Contains(t, strings.Join(said, "\n"), what, bad)
	}
	got, problems, err := all(open(t, "a.csv", "name,address,documents,delivery,language,date,note\nBob,bob@example.org,a.pdf,zip,en,,\n"))
	require.NoError(t, err)
	require.Empty(t, problems, "names of one's own")
	require.Len(t, got, 1)
}

// TestEndsTheList: what is no problem of a row.
func TestEndsTheList(t *testing.T) {
	t.Parallel()
	const object = `{"name":"Bob","address":"bob@example.org","documents":["a.pdf"],"delivery":"zip","language":"en"}`
	row := "Bob,bob@example.org,a.pdf,zip,en\n"
	columns := strings.TrimSuffix(head, "\n")
	for i := 5; i <= maxColumns; i++ {
		columns += fmt.Sprintf(",c%d", i)
	}
	for _, c := range []struct{ name, text, what string }{
		{"a.csv", "", "empty"},
		{"a.json", " \n", "empty"},
		{"a.csv", head, "nobody"},
		{"a.json", "[]", "nobody"},
		{"a.csv", "\xFF\xFEn\x00", "UTF-16"},
		{"a.csv", "\xFE\xFF\x00n", "UTF-16"},
		{"a.csv", columns + "\n", "more than 64 columns"},
		{"a.csv", head + "\"Bob," + strings.Repeat("x\n", maxRow), "row 1, which begins on line 2, is longer than"},
		{"a.csv", head + row + "\"" + strings.Repeat("x", maxRow+ahead) + "\"," + row, "row 2, which begins on line 3, is longer than"},
		{"a.csv", strings.Repeat("x", maxRow+2*ahead), "longer than"},
		{"a.json", "[" + object + ",", "cut off in row 2"},
		{"a.json", "[" + object, "cut off in row 2"},
		{"a.json", "[" + object + "]]", "something follows"},
		{"a.json", "[" + object + "]" + object, "something follows"},
		{"a.json", "[" + object + "\n}", "near line 2"},
		{"a.json", `[{"name":"` + strings.Repeat("x", maxRow+2*ahead) + `"}]`, "row 1, near line 1, is longer than"},
		{"a.json", object + "\n" + `{"name":"` + strings.Repeat("x", maxRow+2*ahead) + `"}`, "line 2 is longer than"},
	} {
		_, problems, err := all(open(t, c.name, c.text))
		require.ErrorContains(t, err, c.what, "%.40q", c.text)
		require.Empty(t, problems)
		require.NotContains(t, err.Error(), "\n")
	}
}

// TestObjects: what is wrong with one object, with its line.
func TestObjects(t *testing.T) {
	t.Parallel()
	const good = `{"name":"Bob","address":"bob@example.org","documents":["a.pdf"],"delivery":"zip","language":"en","n":1}`
	for old, c := range map[string]struct{ bad, column, what string }{
		`"n":1`:                 {`"name":"Eve"`, "name", "two columns"},
		`"n"`:                   {`""`, "", "no name"},
		`"n":`:                  {`"adress":`, "adress", `is "address" meant`},
		`"Bob"`:                 {`1`, "name", "has to be a string"},
		`"zip"`:                 {`["zip"]`, "delivery", "has to be a string"},
		`["a.pdf"]`:             {`[1]`, "documents", "or an array of strings"},
		`"a.pdf"]`:              {`]`, "documents", "there are 0"},
		`"documents":["a.pdf"]`: {`"paper":"a.pdf"`, "documents", "it is missing"},
		`"en"`:                  {`null`, "language", "no language"},
		`1`:                     {`{"a":1}`, "n", "has to be a string"},
		`"n":1}`:                {`"n":1} {}`, "", "something follows the object"},
		`{"name"`:               {`["name"`, "", "no JSON object"},
	} {
		for _, array := range []bool{false, true} {
			text := strings.Replace(good, old, c.bad, 1)
			if array && !json.Valid([]byte(text)) {
				continue // ends the array
			}
			text = strings.Replace(good, "bob", "eve", 1) + "\n" + text + "\n"
			if array {
				text = "[" + strings.Replace(text, "}\n", "},\n", 1) + "]"
			}
			got, problems, err := all(open(t, "a.json", text))
			require.NoError(t, err, text)
			require.Len(t, got, 1, text)
			require.NotEmpty(t, problems, text)
			last := problems[len(problems)-1]
			require.Contains(t, last.What, c.what, text)
			require.Equal(t, c.column, last.Column, text)
			require.Equal(t, []int{2, 2}, []int{last.Row, last.Line}, text)
		}
	}
}

// TestDuplicates: nobody gets a document twice, whatever its name is written
// like; two people get the same one, and one person two.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	const first = "Bob,bob@example.org,sub/a.pdf|b.pdf,zip,en\n"
	for second, dup := range map[string]bool{
		"Bob,bob@example.org,c.pdf,zip,en\n":        false,
		"Eve,eve@example.org,sub/a.pdf,zip,en\n":    false,
		"Bob,bob@example.org,sub/a.pdf,zip,en\n":    true,
		"Bob,bob@EXAMPLE.org,c.pdf|b.pdf,zip,en\n":  true,
		"Bob,Bob@example.org,b.pdf,openpgp,de\n":    true,
		"Bob,bob@example.org,sub//./a.pdf,zip,en\n": true,
	} {
		got, problems, err := all(open(t, "a.csv", head+first+second))
		require.NoError(t, err)
		if !dup {
			require.Len(t, got, 2, second)
			continue
		}
		require.Len(t, problems, 1, second)
		require.Contains(t, problems[0].What, "in row 1 already")
		require.Equal(t, "documents", problems[0].Column)
	}
}

// TestSecret: what somebody knows is told in no error, whatever is wrong with it.
func TestSecret(t *testing.T) {
	t.Parallel()
	const secret = "Tr0ub4dor"
	for _, text := range []string{
		"name,address,documents,delivery,language,knows\nBob,bob,a.pdf,zip,en," + secret + "\x01\n",
		"name,address,documents,delivery,language,knows\nBob,bob@example.org,a.pdf,zip,en," + secret + "\xFF\n",
		"name,address,documents,delivery,language,knows\nBob,bob@example.org,a.pdf,zip,en,\"" + secret + "\"x\n",
		"name,address,documents,delivery,language,knows\nBob,bob@example.org,a.pdf,zip,en," + secret + ",\n",
		"name,address,documents,delivery,language,knows\nBob,bob@example.org,a.pdf,zip,en,\"" + secret + "\n",
	} {
		_, problems, err := all(open(t, "a.csv", text))
		require.NotEmpty(t, problems)
		require.NotContains(t, fmt.Sprint(problems, err), secret)
	}
	for _, value := range []string{`["` + secret + `"]`, `"` + secret + `\u0001"`, `"` + secret + `\ud800"`, `"` + secret, `"` + secret + `"}}`} {
		_, problems, err := all(open(t, "a.json", `[{"knows":`+value+`}]`))
		require.True(t, len(problems) > 0 || err != nil)
		said := fmt.Sprint(err)
		for _, p := range problems {
			said += p.Error()
		}
		require.NotContains(t, said, secret)
	}
}

// FuzzList: whatever a list is, reading it ends, twice in the same way, and a row
// that is taken has what a mail needs: one line for each header field, and names
// within the folder.
func FuzzList(f *testing.F) {
	f.Add(true, []byte(head+"Bob,bob@example.org,a.pdf|b.pdf,zip,en\n"))
	f.Add(true, []byte("name;address;documents;delivery;language;knows\n\"B\"\"ob\";bob@example.org;a;link;de;x\n"))
	f.Add(false, []byte(`[{"name":"Bob","address":"bob@example.org","documents":["a.pdf"],"delivery":"zip","language":"en"}]`))
	f.Add(false, []byte("{\"name\":\"Bob\"}\n\n[]"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, csv bool, text []byte) {
		path := filepath.Join(dir, fmt.Sprint(csv, ".json"))
		if csv {
			path = filepath.Join(dir, "a.csv")
		}
		require.NoError(t, os.WriteFile(path, text, 0o600))
		l, err := Open(path)
		require.NoError(t, err)
		defer l.Close()
		got, problems, err := all(l)
		again, problemsAgain, errAgain := all(l)
		require.Equal(t, got, again)
		require.Equal(t, problems, problemsAgain)
		require.Equal(t, err, errAgain)
		last := 0
		for _, e := range got {
			require.Greater(t, e.Row, last)
			last = e.Row
			require.NotContains(t, e.Name+e.Address+e.Language+string(e.Delivery)+e.Knows, "\n")
			require.NotContains(t, e.Name+e.Address+e.Language+string(e.Delivery)+e.Knows, "\r")
			require.Contains(t, e.Address, "@")
			require.NotEmpty(t, e.Documents)
			for _, d := range e.Documents {
				require.True(t, filepath.IsLocal(d), "%q", d)
			}
		}
	})
}

// FuzzCSV: what encoding/csv writes of good cells comes back as it was.
func FuzzCSV(f *testing.F) {
	f.Add("Bob", "a.pdf", "x\ny", ";")
	f.Add("Zoë \"Z\"", "b, c.pdf", "\"", "\t")
	f.Fuzz(func(t *testing.T, name, document, more, comma string) {
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if comma == ";" || comma == "\t" {
			w.Comma = rune(comma[0])
		}
		require.NoError(t, w.Write([]string{"name", "address", "documents", "delivery", "language", "more"}))
		require.NoError(t, w.Write([]string{name, "bob@example.org", document, "zip", "en", more}))
		w.Flush()
		got, problems, err := all(open(t, "a.csv", b.String()))
		if err != nil || len(problems) > 0 {
			return
		}
		require.Len(t, got, 1)
		require.Equal(t, strings.TrimSpace(name), got[0].Name)
		require.Equal(t, strings.ReplaceAll(more, "\r\n", "\n"), got[0].Fields["more"])
	})
}
