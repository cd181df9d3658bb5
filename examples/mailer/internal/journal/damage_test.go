package journal

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// small writes a journal of six lines, and returns them with their line feeds.
func small(t *testing.T) (path string, lines [][]byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "journal.jsonl")
	j := open10(t, path)
	for _, r := range []Record{
		{Kind: Started},
		{Kind: Begun, Row: 1, Address: "jürgen <&>\u2028@example.org", Documents: []Document{{Name: "a\x7f\"b", Size: 1}}},
		{Kind: Deferred, Row: 1, Reply: "450 4.2.0\t\nlater"},
		{Kind: Begun, Row: 1},
		{Kind: Sent, Row: 1},
	} {
		require.NoError(t, j.Append(r))
	}
	require.NoError(t, j.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines = bytes.SplitAfter(text, []byte("\n"))
	return path, lines[:len(lines)-1]
}

// read returns how many records there are before an error, if there is one.
func read(text []byte) (n int, err error) {
	for _, err := range Read(bytes.NewReader(text)) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func requireDamage(t *testing.T, line int, text []byte) {
	t.Helper()
	n, err := read(text)
	var damage *DamageError
	if !errors.As(err, &damage) || damage.Line != line || n != line-1 {
		t.Fatalf("line %d: %d records, and %v", line, n, err)
	}
}

func TestEveryFlippedBit(t *testing.T) {
	t.Parallel()
	_, lines := small(t)
	text := slices.Concat(lines...)
	n, err := read(text)
	require.NoError(t, err)
	require.Equal(t, len(lines), n)
	line := 1
	for i := range text {
		feed := text[i] == '\n'
		for bit := range 8 {
			text[i] ^= 1 << bit
			requireDamage(t, line, text)
			text[i] ^= 1 << bit
		}
		if feed {
			line++
		}
	}
}

func TestEveryLine(t *testing.T) {
	t.Parallel()
	_, lines := small(t)
	for i := range lines {
		if i < len(lines)-1 { // whoever cuts off the end is found out by the signature alone
			requireDamage(t, i+1, slices.Concat(slices.Delete(slices.Clone(lines), i, i+1)...))
			swapped := slices.Clone(lines)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			requireDamage(t, i+1, slices.Concat(swapped...))
		}
		requireDamage(t, i+2, slices.Concat(slices.Insert(slices.Clone(lines), i+1, lines[i])...))
		requireDamage(t, i+1, slices.Concat(slices.Insert(slices.Clone(lines), i, []byte("\n"))...))
		if i > 0 {
			edited := slices.Clone(lines)
			edited[i] = []byte(strings.Replace(string(lines[i]), `"n":`, `"n":1`, 1))
			requireDamage(t, i+1, slices.Concat(edited...))
		}
	}
}

// A line that its writer could have written, with the right hash, and that does
// not follow.
func TestWhatDoesNotFollow(t *testing.T) {
	t.Parallel()
	_, lines := small(t)
	last, problem := decode(bytes.TrimSuffix(lines[5], []byte("\n")), 6, mustDecode(t, lines, 5).Hash)
	require.Empty(t, problem)
	for name, c := range map[string]struct {
		change func(*Record)
		says   string
	}{
		"number":  {func(r *Record) { r.N++ }, "has the number 7"},
		"prev":    {func(r *Record) { r.Prev = zeros }, "does not follow"},
		"again":   {func(r *Record) { r.Kind = Begun }, "row 1 is begun and cannot be begun"},
		"row":     {func(r *Record) { r.Row = 11 }, "there is no row 11"},
		"kind":    {func(r *Record) { r.Kind = "resent" }, "a newer program"},
		"second":  {func(r *Record) { r.Kind = Run }, "out of place"},
		"head":    {func(r *Record) { r.Head = &Head{} }, "out of place"},
		"nothing": {func(*Record) {}, ""},
	} {
		r := last
		c.change(&r)
		line, err := r.encode(nil)
		require.NoError(t, err)
		text := slices.Concat(slices.Concat(lines[:5]...), line)
		_, err = read(text)
		if c.says == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.says, name)
		requireDamage(t, 6, text)
	}
	// The first line is a line like the others, but for saying what run it is.
	for name, first := range map[string]Record{
		"none":    {N: 1, Kind: Started, Prev: zeros},
		"no run":  {N: 1, Kind: Run, Head: &Head{Rows: 1}, Prev: zeros},
		"rows":    {N: 1, Kind: Run, Head: &Head{Run: "r", Rows: MaxRows + 1}, Prev: zeros},
		"nothing": {N: 1, Kind: Run, Head: &Head{Run: "r", Rows: MaxRows}, Prev: zeros},
	} {
		line, err := first.encode(nil)
		require.NoError(t, err)
		n, err := read(line)
		require.Equal(t, name == "nothing", err == nil && n == 1, name)
	}
}

func mustDecode(t *testing.T, lines [][]byte, n int) Record {
	t.Helper()
	prev := zeros
	var r Record
	for i := range n {
		var problem string
		r, problem = decode(bytes.TrimSuffix(lines[i], []byte("\n")), uint64(i+1), prev)
		require.Empty(t, problem)
		prev = r.Hash
	}
	return r
}

func TestLongLine(t *testing.T) {
	t.Parallel()
	_, lines := small(t)
	long := bytes.Repeat([]byte("x"), 3*maxLine)
	n, err := read(slices.Concat(slices.Concat(lines...), long))
	require.NoError(t, err) // without an end it was torn
	require.Equal(t, len(lines), n)
	requireDamage(t, len(lines)+1, slices.Concat(slices.Concat(lines...), long, []byte("\n")))
}

// A line that was being written is cut off, wherever that stopped, and what it
// would have said did not happen.
func TestTornLine(t *testing.T) {
	t.Parallel()
	path, lines := small(t)
	whole := slices.Concat(lines[:4]...)
	for cut := range lines[4] {
		require.NoError(t, os.WriteFile(path, append(slices.Clone(whole), lines[4][:cut]...), 0o600))
		j, err := Resume(path)
		require.NoError(t, err)
		require.Equal(t, State{Status: IsDeferred, Attempts: 1}, j.State(1))
		require.NoError(t, j.Append(Record{Kind: Ended}))
		require.NoError(t, j.Close())
		require.Equal(t, []Kind{Run, Started, Begun, Deferred, Ended}, kinds(t, path))
	}
	require.NoError(t, os.WriteFile(path, append(slices.Clone(whole), lines[4]...), 0o600))
	j, err := Resume(path)
	require.NoError(t, err)
	require.Equal(t, State{Status: IsDoubtful, Attempts: 2}, j.State(1))
	require.NoError(t, j.Close())
	// With a line feed it is damage.
	torn := slices.Concat(whole, lines[4][:40], []byte("\n"))
	require.NoError(t, os.WriteFile(path, torn, 0o600))
	_, err = Resume(path)
	var damage *DamageError
	require.ErrorAs(t, err, &damage)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, torn, after)
}

// A journal whose first line was not finished is none yet.
func TestTornHead(t *testing.T) {
	t.Parallel()
	path, lines := small(t)
	for _, cut := range []int{0, 1, len(lines[0]) - 1} {
		require.NoError(t, os.WriteFile(path, lines[0][:cut], 0o600))
		_, err := Resume(path)
		require.ErrorIs(t, err, os.ErrNotExist)
		require.NoError(t, os.WriteFile(path, lines[0][:cut], 0o600))
		require.NoError(t, open10(t, path).Close())
		require.Equal(t, []Kind{Run}, kinds(t, path))
	}
}

// byHand is the shell script of the documentation, which needs nothing of ours.
func byHand(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	script := regexp.MustCompile(`(?s)//\tprev=.*?done <journal.jsonl\n`).Find(doc)
	require.NotEmpty(t, script)
	return strings.ReplaceAll(string(script), "//\t", "")
}

func TestByHand(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"sh", "jq", "sha256sum", "sed", "cut"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("skipped: %v", err)
		}
	}
	path, lines := small(t)
	script := byHand(t)
	run := func() string {
		cmd := exec.Command("sh", "-c", script)
		cmd.Dir = filepath.Dir(path)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	require.Empty(t, run())
	lines[2] = bytes.Replace(lines[2], []byte("Begun"), []byte("begun"), 1)
	lines[2] = bytes.Replace(lines[2], []byte("example.org"), []byte("example.com"), 1)
	require.NoError(t, os.WriteFile(path, slices.Concat(lines...), 0o600))
	require.Contains(t, run(), "damaged: ")
	require.NoError(t, os.WriteFile(path, slices.Concat(lines[0], lines[1], slices.Concat(lines[3:]...)), 0o600))
	require.Contains(t, run(), "no chain: ")
}

func FuzzRead(f *testing.F) {
	head := Head{Run: "r", Rows: 3}
	text, prev := []byte(nil), zeros
	for i, r := range []Record{{Kind: Run, Head: &head}, {Kind: Begun, Row: 3}, {Kind: Sent, Row: 3}} {
		r.N, r.Prev = uint64(i+1), prev
		text, _ = r.encode(text)
		prev = r.Hash
		f.Add(text)
	}
	f.Add([]byte("{}\n"))
	f.Add(text[:len(text)-1])
	// Whatever is read without an error is whole lines, each a record, and at most
	// one that has no end.
	f.Fuzz(func(t *testing.T, text []byte) {
		if n, err := read(text); err == nil && n != bytes.Count(text, []byte("\n")) {
			t.Fatalf("%d records of %q", n, text)
		}
	})
}
