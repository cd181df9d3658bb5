package channel

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// shop is the print shop: who alone reads the parts.
func shop(t *testing.T) (*keyring.Verified, envelope.Identity) {
	t.Helper()
	k, err := pgp.GenerateKey(pgp.KeyOptions{Address: "shop@example.org"})
	require.NoError(t, err)
	v, err := keyring.Verify(k.Certificate(), keyring.Expect(k.Certificate().Fingerprint()))
	require.NoError(t, err)
	return v, k.Identity()
}

func item(name string) Item {
	return Item{
		Number: NewNumber(), Name: name, Address: strings.ToLower(name) + "@example.org", Language: "en",
		Passphrase: envelope.NewPassphrase(), Fields: map[string]string{"street": "Way 1"},
	}
}

// open opens one part as the print shop does.
func open(t *testing.T, path string, id envelope.Identity) []byte {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	m, err := (&envelope.Opener{Identities: []envelope.Identity{id}}).Open(f)
	require.NoError(t, err)
	defer m.Close()
	b, err := io.ReadAll(m)
	require.NoError(t, err)
	return b
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// TestFile: what is delivered is in a part, which the print shop opens and from
// which nobody else learns anything.
func TestFile(t *testing.T) {
	t.Parallel()
	to, id := shop(t)
	dir := filepath.Join(t.TempDir(), "parts")
	f := &File{Dir: dir, To: []*keyring.Verified{to}}
	items := []Item{item("Bob"), item("Eve")}
	require.NoError(t, f.Deliver(t.Context(), items))
	require.NoError(t, f.Deliver(t.Context(), nil), "nothing is no part")
	require.Equal(t, []string{"passphrases-0001.csv.pgp"}, names(t, dir))

	path := filepath.Join(dir, "passphrases-0001.csv.pgp")
	rows, err := csv.NewReader(bytes.NewReader(open(t, path, id))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, [][]string{
		{"number", "name", "address", "language", "passphrase", "street"},
		{items[0].Number, "Bob", "bob@example.org", "en", items[0].Passphrase.Reveal(), "Way 1"},
		{items[1].Number, "Eve", "eve@example.org", "en", items[1].Passphrase.Reveal(), "Way 1"},
	}, rows)

	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, it := range items {
		require.NotContains(t, string(raw), it.Passphrase.Reveal())
		require.NotContains(t, string(raw), it.Address)
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077)
}

// TestFileGoesOn: after a kill numbers go on, and no part is touched, whatever it
// is called behind its number; two that are written at once have two names.
func TestFileGoesOn(t *testing.T) {
	t.Parallel()
	to, _ := shop(t)
	dir := t.TempDir()
	for _, name := range []string{"passphrases-0007.csv.p7m", "passphrases-0003.csv.pgp", "notes.txt", "passphrases-x.csv.pgp"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("old"), 0o600))
	}
	f := &File{Dir: dir, To: []*keyring.Verified{to}}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { require.NoError(t, f.Deliver(context.Background(), []Item{item("Bob")})) })
	}
	all.Wait()
	// Somebody else took the next name.
	taken := filepath.Join(dir, "passphrases-0011.csv.pgp")
	require.NoError(t, os.WriteFile(taken, []byte("old"), 0o600))
	require.NoError(t, f.Deliver(t.Context(), []Item{item("Bob")}))
	require.Equal(t, []string{
		"notes.txt", "passphrases-0003.csv.pgp", "passphrases-0007.csv.p7m", "passphrases-0008.csv.pgp", "passphrases-0009.csv.pgp",
		"passphrases-0010.csv.pgp", "passphrases-0011.csv.pgp", "passphrases-0012.csv.pgp", "passphrases-x.csv.pgp",
	}, names(t, dir))
	old, err := os.ReadFile(taken)
	require.NoError(t, err)
	require.Equal(t, "old", string(old))
}

// TestFileFails: where it returns an error there is no part, nor a piece of one,
// and no error tells a passphrase.
func TestFileFails(t *testing.T) {
	t.Parallel()
	to, _ := shop(t)
	it := item("Bob")
	opens, err := envelope.OpenPassphrase("for opening")
	require.NoError(t, err)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx   context.Context
		to    []*keyring.Verified
		items []Item
		time  time.Time
	}{
		"nobody to seal to": {to: nil, items: []Item{it}},
		"nobody verified":   {to: []*keyring.Verified{{}}, items: []Item{it}},
		"nobody at all":     {to: []*keyring.Verified{nil}, items: []Item{it}},
		"before the key":    {to: []*keyring.Verified{to}, items: []Item{it}, time: time.Unix(1000, 0)},
		"no passphrase":     {to: []*keyring.Verified{to}, items: []Item{it, {Number: NewNumber()}}},
		"zero passphrase":   {to: []*keyring.Verified{to}, items: []Item{{Number: NewNumber(), Passphrase: &envelope.Passphrase{}}}},
		"another's":         {to: []*keyring.Verified{to}, items: []Item{{Number: NewNumber(), Passphrase: opens}}},
		"too many":          {to: []*keyring.Verified{to}, items: make([]Item, maxPart+1)},
		"given up":          {ctx: gone, to: []*keyring.Verified{to}, items: []Item{it}},
	} {
		dir := t.TempDir()
		f := &File{Dir: dir, To: c.to}
		if !c.time.IsZero() {
			f.Time = func() time.Time { return c.time }
		}
		if c.ctx == nil {
			c.ctx = t.Context()
		}
		err := f.Deliver(c.ctx, c.items)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), it.Passphrase.Reveal())
		require.Empty(t, names(t, dir), name)
	}
	// The twin of all of them.
	dir := t.TempDir()
	require.NoError(t, (&File{Dir: dir, To: []*keyring.Verified{to}}).Deliver(t.Context(), []Item{it}))
	require.Len(t, names(t, dir), 1)

	// A folder that is none.
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	err = (&File{Dir: file, To: []*keyring.Verified{to}}).Deliver(t.Context(), []Item{it})
	var p *fs.PathError
	require.ErrorAs(t, err, &p)
}

// TestTable: a spreadsheet runs nothing of what a customer calls themselves, and
// no passphrase is changed for that.
func TestTable(t *testing.T) {
	t.Parallel()
	weak, err := envelope.WeakPassphrase("=1+1, \"quoted\"")
	require.NoError(t, err)
	it := Item{Number: NewNumber(), Name: "=cmd|'/c calc'!A0", Address: "+bob@example.org", Language: "en", Passphrase: weak, Fields: map[string]string{"a": "@x", "b": "-1"}}
	var b bytes.Buffer
	require.NoError(t, WriteTable(&b, []Item{it, item("Bob")}))
	rows, err := csv.NewReader(&b).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"number", "name", "address", "language", "passphrase", "a", "b", "street"}, rows[0])
	require.Equal(t, []string{it.Number, "'=cmd|'/c calc'!A0", "'+bob@example.org", "en", "=1+1, \"quoted\"", "'@x", "'-1", ""}, rows[1])
	require.Equal(t, "Way 1", rows[2][7])
}

// TestFormulas: nothing that a list says is run by a spreadsheet, whatever it
// takes for the end of a cell.
func TestFormulas(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"":                  "",
		"Bob":               "Bob",
		"Anne-Marie @ home": "Anne-Marie @ home",
		"Way 1; flat 2":     "Way 1; flat 2",
		"=1":                "'=1",
		"  =1":              "  '=1",
		"Bob;=cmd|x!A0":     "Bob;'=cmd|x!A0",
		"Bob; @x":           "Bob; '@x",
		"Bob\t+1":           "Bob\t'+1",
		"Way 1\n-2":         "Way 1\n'-2",
		"\uFF1D1":           "'\uFF1D1",
	} {
		require.Equal(t, want, plain(s), "%q", s)
	}
}

// TestNumber: numbers differ, are no passphrases, and are known again.
func TestNumber(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 10_000 {
		n := NewNumber()
		require.Regexp(t, `^[A-HJKMNP-Z2-9]{4}(-[A-HJKMNP-Z2-9]{4}){2}$`, n)
		require.False(t, seen[n])
		seen[n] = true
		require.True(t, isNumber(n))
	}
	for _, bad := range []string{"", "K7Q2-M4T9-X3W", "K7Q2-M4T9-X3WAA", "K7Q2-M4T9-X3WO", "k7q2-m4t9-x3wa", "K7Q2 M4T9-X3WA", "K7Q2-M4T9-X3\n2"} {
		require.False(t, isNumber(bad), "%q", bad)
	}
}
