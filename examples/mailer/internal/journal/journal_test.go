package journal

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// head is of a run of ten rows.
func head() Head {
	return Head{Run: "run-1", List: strings.Repeat("ab", 32), Config: strings.Repeat("cd", 32), Rows: 10}
}

func open10(t *testing.T, path string) *Journal {
	t.Helper()
	j, err := Open(path, head())
	require.NoError(t, err)
	t.Cleanup(func() { j.Close() })
	return j
}

func kinds(t *testing.T, path string) (kinds []Kind) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	for r, err := range Read(f) {
		require.NoError(t, err)
		require.EqualValues(t, len(kinds)+1, r.N)
		kinds = append(kinds, r.Kind)
	}
	return kinds
}

func TestResume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "journal.jsonl")
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	_, err := Resume(path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	j := open10(t, path)
	require.NoError(t, j.Append(Record{Kind: Started}))
	require.NoError(t, j.Append(Record{Kind: Begun, Row: 1, Address: "a@example.org"}))
	require.NoError(t, j.Append(Record{Kind: Sent, Row: 1}, Record{Kind: Begun, Row: 2, Address: "b@example.org"}))
	require.NoError(t, j.Append(Record{Kind: Begun, Row: 3}, Record{Kind: Deferred, Row: 3, Reply: "450 later"}))
	require.Equal(t, State{Status: IsBegun, Attempts: 1}, j.State(2))
	_, err = Resume(path)
	require.ErrorIs(t, err, ErrLocked)
	_, err = Open(path, head())
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, j.Close())
	require.ErrorIs(t, j.Append(Record{Kind: Ended}), fs.ErrClosed)

	j, err = Resume(path)
	require.NoError(t, err)
	require.Equal(t, head(), j.Head())
	require.Equal(t, State{Status: IsSent, Attempts: 1}, j.State(1))
	require.Equal(t, State{Status: IsDoubtful, Attempts: 1}, j.State(2))
	require.Equal(t, State{Status: IsDeferred, Attempts: 1}, j.State(3))
	require.Equal(t, State{}, j.State(4))
	require.Equal(t, State{}, j.State(11))
	require.Equal(t, State{}, j.State(-5000))
	doubt := j.InDoubt()
	require.Len(t, doubt, 1)
	require.Equal(t, "b@example.org", doubt[0].Address)
	require.NoError(t, j.Append(Record{Kind: Settled, Row: 2, As: Waiting}))
	require.Empty(t, j.InDoubt())
	require.NoError(t, j.Close())
	require.Equal(t, []Kind{Run, Started, Begun, Sent, Begun, Begun, Deferred, Settled}, kinds(t, path))

	j = open10(t, path)
	require.True(t, j.State(2).Open())
	require.NoError(t, j.Close())
}

func TestResumeWithAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	require.NoError(t, open10(t, path).Close())
	for what, change := range map[string]func(*Head){
		"list":           func(h *Head) { h.List = strings.Repeat("ef", 32) },
		"configuration":  func(h *Head) { h.Config = "" },
		"run":            func(h *Head) { h.Run = "run-2" },
		"number of rows": func(h *Head) { h.Rows++ },
	} {
		h := head()
		change(&h)
		_, err := Open(path, h)
		var mismatch *MismatchError
		require.ErrorAs(t, err, &mismatch)
		require.Equal(t, what, mismatch.What)
	}
	h := head()
	h.Run = "" // whatever it is called
	j, err := Open(path, h)
	require.NoError(t, err)
	require.Equal(t, "run-1", j.Head().Run)
	require.NoError(t, j.Close())
}

// Every way through the states, and every one that is none.
func TestStates(t *testing.T) {
	all := []Record{{Kind: Begun}, {Kind: Sent}, {Kind: Deferred}, {Kind: Failed}, {Kind: Unknown}, {Kind: Settled, As: Sent}, {Kind: Settled, As: Waiting}, {Kind: Bounced}}
	for _, c := range []struct {
		before []Record
		may    []bool // in the order of all
	}{
		{nil, []bool{true, false, true, true, false, false, false, false}},
		{all[:1], []bool{false, true, true, true, true, true, true, true}},
		{all[:2], []bool{false, false, false, false, false, false, false, true}},
		{[]Record{all[0], all[2]}, []bool{true, false, true, true, false, false, false, true}},
		{[]Record{all[0], all[3]}, []bool{false, false, false, false, false, false, false, true}},
		{[]Record{all[0], all[4]}, []bool{false, false, false, false, false, true, true, true}},
		{[]Record{all[0], {Kind: Started}}, []bool{false, false, false, false, false, true, true, true}},
		{[]Record{all[0], all[4], all[5]}, []bool{false, false, false, false, false, false, false, true}},
		{[]Record{all[0], all[4], all[6]}, []bool{true, false, true, true, false, false, false, true}},
	} {
		for i, r := range all {
			table := newTable(10)
			for _, b := range c.before {
				b.Row = 10
				require.NoError(t, table.apply(&b))
			}
			r.Row = 10
			err := table.apply(&r)
			if c.may[i] {
				require.NoError(t, err, "%v, then %v", c.before, r.Kind)
				continue
			}
			var state *StateError
			require.ErrorAs(t, err, &state, "%v, then %v", c.before, r.Kind)
		}
	}
}

// What is refused leaves nothing behind, of the records before it either.
func TestRefusedAsAWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j := open10(t, path)
	for _, bad := range []Record{
		{Kind: Begun, Row: 1}, // twice
		{Kind: Begun, Row: 0},
		{Kind: Begun, Row: 11},
		{Kind: Begun, Row: -1},
		{Kind: Run, Head: &Head{}},
		{Kind: Started, Head: &Head{}},
		{Kind: "begins", Row: 2},
		{Kind: Settled, Row: 2, As: Failed},
		{Kind: Begun, Row: 2, Address: strings.Repeat("a", maxLine)},
	} {
		require.Error(t, j.Append(Record{Kind: Begun, Row: 1}, bad))
		require.Equal(t, State{}, j.State(1))
		require.Empty(t, j.InDoubt())
	}
	require.NoError(t, j.Append(Record{Kind: Begun, Row: 10}))
	require.NoError(t, j.Append())
	require.NoError(t, j.Close())
	require.Equal(t, []Kind{Run, Begun}, kinds(t, path))
}
