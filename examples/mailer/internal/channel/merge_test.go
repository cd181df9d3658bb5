package channel

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func table(t *testing.T, items ...Item) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, WriteTable(&b, items))
	return b.String()
}

func readers(texts ...string) (out []io.Reader) {
	for _, s := range texts {
		out = append(out, strings.NewReader(s))
	}
	return out
}

// TestMerge: of what several programs told the print shop, those rows are left
// whose mails went out.
func TestMerge(t *testing.T) {
	t.Parallel()
	bob, eve, again := item("Bob"), item("Eve"), item("Bob")
	parts := []string{table(t, bob, eve), table(t, again)}
	count, err := ReadNumbers(strings.NewReader("# sent\n" + eve.Number + "\r\n\n  " + again.Number + "\n"))
	require.NoError(t, err)
	var out bytes.Buffer
	m, err := Merge(&out, count, readers(parts...)...)
	require.NoError(t, err)
	require.Equal(t, &Merged{Rows: 2, Left: 1}, m)
	rows, err := csv.NewReader(&out).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 3)
	require.Equal(t, []string{eve.Number, again.Number}, []string{rows[1][0], rows[2][0]})
	require.Equal(t, again.Passphrase.Reveal(), rows[2][4])
	require.Equal(t, "Way 1", rows[2][5])
}

// TestMergeMissing: a mail that went out and whose passphrase nobody prints.
func TestMergeMissing(t *testing.T) {
	t.Parallel()
	bob, lost := item("Bob"), item("Eve")
	m, err := Merge(io.Discard, Numbers{bob.Number: false, lost.Number: false}, readers(table(t, bob))...)
	require.NoError(t, err)
	require.Equal(t, &Merged{Rows: 1, Missing: []string{lost.Number}, Lacking: 1}, m)
}

// TestMergeRefuses: whatever is no table, with no word of what is in it.
func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	bob, eve := item("Bob"), item("Eve")
	other := item("Fay")
	other.Fields = map[string]string{"city": "Town"}
	good := table(t, bob, eve)
	broken := errors.New("broken")
	for name, parts := range map[string][]io.Reader{
		"given twice":            readers(good, good),
		"empty":                  readers(""),
		"another header":         readers(strings.Replace(good, "passphrase", "password", 1)),
		"a column less":          readers("number,name\r\n"),
		"quotes":                 readers(strings.Replace(good, "Bob", "B\"ob", 1)),
		"a cell more":            readers(strings.Replace(good, "Bob", "Bob,x", 1)),
		"no number":              readers(strings.Replace(good, bob.Number, "1", 1)),
		"other columns":          readers(good, table(t, other)),
		"one that does not read": {iotest.ErrReader(broken)},
	} {
		m, err := Merge(io.Discard, Numbers{bob.Number: false, other.Number: false}, parts...)
		require.Error(t, err, name)
		require.Nil(t, m)
		require.NotContains(t, err.Error(), bob.Passphrase.Reveal())
		require.NotContains(t, err.Error(), "Bob")
		require.NotContains(t, err.Error(), "\n")
	}
	_, err := Merge(io.Discard, Numbers{}, iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
	_, err = Merge(io.Discard, Numbers{bob.Number: false}, readers(good)...)
	require.NoError(t, err)
}

func TestReadNumbersRefuses(t *testing.T) {
	t.Parallel()
	_, err := ReadNumbers(strings.NewReader("K7Q2-M4T9-X3WA\nK7Q2-M4T9\n"))
	require.ErrorContains(t, err, "line 2")
	_, err = ReadNumbers(strings.NewReader(strings.Repeat("x", 1<<20)))
	require.Error(t, err)
	n, err := ReadNumbers(strings.NewReader("K7Q2-M4T9-X3WA"))
	require.NoError(t, err)
	require.Equal(t, Numbers{"K7Q2-M4T9-X3WA": false}, n)
}

// FuzzMerge: whatever a part is, what comes out is a table again, with rows that
// were asked for and no others.
func FuzzMerge(f *testing.F) {
	f.Add("number,name,address,language,passphrase,street\r\nK7Q2-M4T9-X3WA,Bob,bob@example.org,en,x,Way 1\r\n")
	f.Add("number,name,address,language,passphrase\nK7Q2-M4T9-X3WA,\"B\"\"ob\",,,\n")
	f.Fuzz(func(t *testing.T, text string) {
		var out bytes.Buffer
		m, err := Merge(&out, Numbers{"K7Q2-M4T9-X3WA": false}, strings.NewReader(text))
		if err != nil {
			require.Nil(t, m)
			return
		}
		require.Equal(t, 1, m.Rows+m.Lacking)
		if m.Rows == 0 {
			require.Empty(t, out.String())
			return
		}
		rows, err := csv.NewReader(&out).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 2)
		require.Equal(t, "K7Q2-M4T9-X3WA", rows[1][0])
	})
}
