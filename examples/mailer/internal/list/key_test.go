package list

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestKey: a row that names a certificate, and what of it is refused. Each is
// the first with one cell changed.
func TestKey(t *testing.T) {
	t.Parallel()
	four, six := strings.Repeat("0123456789", 4), strings.Repeat("01234567", 8)
	for _, c := range []struct {
		delivery, key, fingerprint string
		column, problem            string
	}{
		{"openpgp", "bob.asc", four, "", ""},
		{"openpgp", "a/bob.asc", six, "", ""},
		{"smime", "bob.pem", six, "", ""},
		{"link", " bob.pem ", " " + six + " ", "", ""},
		{"openpgp", "", "", "", ""},
		{"openpgp", "", four, "key", "no file"},
		{"openpgp", "bob.asc", "", "fingerprint", "it is missing"},
		{"zip", "bob.asc", four, "key", "opened by a passphrase"},
		{"openpgp", "../bob.asc", four, "key", "leads out"},
		{"openpgp", "/bob.asc", four, "key", "leads out"},
		{"openpgp", "a/../../bob.asc", four, "key", "leads out"},
		{"openpgp", ".", four, "key", "leads out"},
	} {
		row := strings.Join([]string{"Bob", "bob@example.org", "a.pdf", c.delivery, "en", c.key, c.fingerprint}, ",")
		got, problems, err := all(open(t, "people.csv", "name,address,documents,delivery,language,key,fingerprint\n"+row+"\n"))
		require.NoError(t, err)
		if c.problem != "" {
			require.Empty(t, got, row)
			require.Len(t, problems, 1, row)
			require.Equal(t, c.column, problems[0].Column, row)
			require.Contains(t, problems[0].What, c.problem, row)
			continue
		}
		require.Empty(t, problems, row)
		want := bob
		want.Delivery = Delivery(c.delivery)
		want.Key = Key{strings.TrimSpace(c.key), strings.TrimSpace(c.fingerprint)}
		require.Equal(t, []Entry{want}, got, row)
	}
}
