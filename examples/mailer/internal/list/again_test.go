package list

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestChanged: rows are read again at sending, from what was looked through.
func TestChanged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.csv")
	text := head + "Bob,bob@example.org,a.pdf,zip,en\n"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	l, err := Open(path)
	require.NoError(t, err)
	defer l.Close()
	_, _, err = all(l)
	require.NoError(t, err)
	for _, other := range []string{strings.Replace(text, "bob", "eve", 1), text + "Eve,eve@example.org,a.pdf,zip,en\n", text + "\n"} {
		require.NoError(t, os.WriteFile(path, []byte(other), 0o600))
		_, _, err = all(l)
		require.ErrorIs(t, err, ErrChanged)
	}
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	_, _, err = all(l)
	require.NoError(t, err)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "a.csv"), 0o700))
	for _, name := range []string{"none.csv", "a.csv", "a.xlsx", ""} {
		_, err := Open(filepath.Join(dir, name))
		require.Error(t, err, name)
	}
}

// TestManyProblems: a list that is none at all is not repeated as problems.
func TestManyProblems(t *testing.T) {
	t.Parallel()
	for _, n := range []int{maxProblems - 1, maxProblems, maxProblems + 1} {
		text := head
		for i := range n {
			text += fmt.Sprintf("Bob,b%d,a.pdf,zip,en\n", i)
		}
		_, problems, err := all(open(t, "a.csv", text))
		require.Len(t, problems, min(n, maxProblems))
		require.Equal(t, n >= maxProblems, err != nil, "%d: %v", n, err)
	}
}

// TestStop: whoever breaks off is given nothing more.
func TestStop(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"good.csv": head + "Bob,bob@example.org,a.pdf,zip,en\nBob,bob@example.org,b.pdf,zip,en\n",
		"bad.csv":  head + "Bob,bob,a.pdf,zpi,e\nBob,bob@example.org,b.pdf,zip,en\n",
		"head.csv": "x,x,x\n",
		"bad.json": "{}\n{}\n",
		"arr.json": "[{},{}]",
	} {
		n := 0
		for range open(t, name, text).All() {
			n++
			break
		}
		require.Equal(t, 1, n, name)
	}
}

// TestMemory: a hundred thousand rows are read without being kept.
func TestMemory(t *testing.T) {
	var csv, lines, array bytes.Buffer
	csv.WriteString(head)
	array.WriteString("[")
	const rows, objects = 100_000, 12_000
	for i := range rows {
		fmt.Fprintf(&csv, "Person %d,person%d@example.org,%06d.pdf,zip,en\n", i, i, i)
		if i >= objects {
			continue
		}
		object := fmt.Sprintf(`{"name":"Person %d","address":"person%d@example.org","documents":["%06d.pdf"],"delivery":"zip","language":"en"}`, i, i, i)
		lines.WriteString(object + "\n")
		if i > 0 {
			array.WriteString(",")
		}
		array.WriteString(object)
	}
	array.WriteString("]")
	for name, text := range map[string]*bytes.Buffer{"a.csv": &csv, "a.json": &lines, "b.json": &array} {
		l := open(t, name, text.String())
		text.Reset()
		*text = bytes.Buffer{}
		var before, now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		n, most := 0, uint64(0)
		for _, err := range l.All() {
			require.NoError(t, err)
			if n++; n%12_000 == 0 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc))
			}
		}
		require.Equal(t, map[bool]int{true: rows, false: objects}[name == "a.csv"], n)
		require.Less(t, most, uint64(16<<20), "%s: what finds duplicates is 5 MB", name)
	}
}
