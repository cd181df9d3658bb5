package ringsql_test

import (
	"context"
	"database/sql"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/storetest"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/transport/ringsql"
)

func TestStore(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	storetest.Run(t, storetest.Suite[keyring.Commit]{
		Open: func(t *testing.T) func() (storetest.Store[keyring.Commit], error) {
			ring := strings.ToLower(t.Name()[len("TestStore/"):]) // several in one database
			return func() (storetest.Store[keyring.Commit], error) {
				return ringsql.Open(context.Background(), db, ring)
			}
		},
		Conflict: keyring.ErrConflict,
	})
}

// Rings of one database know nothing of each other.
func TestRingsApart(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	a, err := ringsql.Open(t.Context(), db, "a")
	require.NoError(t, err)
	b, err := ringsql.Open(t.Context(), db, "b")
	require.NoError(t, err)
	require.NoError(t, a.Commit(0, keyring.Commit{Append: []byte("1\n"), Put: map[string][]byte{"x": []byte("a")}}))
	log, err := b.Log(0)
	require.NoError(t, err)
	require.Empty(t, log)
	_, err = b.Record("x")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, b.Commit(0, keyring.Commit{Append: []byte("2\n"), Drop: []string{"x"}}))
	body, err := a.Record("x")
	require.NoError(t, err)
	require.Equal(t, "a", string(body))
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	for _, ring := range []string{"", "A", "a'b", "a b", "-a", strings.Repeat("a", 65), "a\x00"} {
		_, err := ringsql.Open(t.Context(), db, ring)
		require.ErrorContains(t, err, "no ring can be called", ring)
	}
	_, err := ringsql.Open(t.Context(), db, strings.Repeat("a", 64))
	require.NoError(t, err)
	require.NoError(t, ringsql.Create(t.Context(), db), "once more")

	_, err = db.Exec(`DROP TABLE doublekeybox_record, doublekeybox_log, doublekeybox_ring`)
	require.NoError(t, err)
	_, err = ringsql.Open(t.Context(), db, "a")
	require.ErrorContains(t, err, "doublekeybox_ring")
	require.ErrorContains(t, err, "ringsql: the ring a")
	_, err = db.Exec(ringsql.Schema)
	require.NoError(t, err)
	_, err = ringsql.Open(t.Context(), db, "a")
	require.NoError(t, err)
}

// What somebody took out of the tables is missed.
func TestDamaged(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	for _, c := range []struct{ ring, do, want string }{
		{"whole", `SELECT 1`, ""},
		{"first", `DELETE FROM doublekeybox_log WHERE ring = 'first' AND start = 0`, "no line at 0"},
		{"middle", `DELETE FROM doublekeybox_log WHERE ring = 'middle' AND start = 2`, "no line at 2"},
		{"last", `DELETE FROM doublekeybox_log WHERE ring = 'last' AND start = 4`, "no line at 4"},
		{"longer", `UPDATE doublekeybox_log SET line = '\x32320a' WHERE ring = 'longer' AND start = 2`, "no line at"},
		{"shorter", `UPDATE doublekeybox_ring SET size = 4 WHERE ring = 'shorter'`, "no line at"},
		{"gone", `DELETE FROM doublekeybox_log WHERE ring = 'gone'; DELETE FROM doublekeybox_ring WHERE ring = 'gone'`, "removed while it was open"},
	} {
		s, err := ringsql.Open(t.Context(), db, c.ring)
		require.NoError(t, err)
		for i, line := range []string{"1\n", "2\n", "3\n"} {
			require.NoError(t, s.Commit(int64(2*i), keyring.Commit{Append: []byte(line)}))
		}
		for do := range strings.SplitSeq(c.do, "; ") {
			_, err = db.Exec(do)
			require.NoError(t, err)
		}
		log, err := s.Log(0)
		if c.want == "" {
			require.NoError(t, err)
			require.Equal(t, "1\n2\n3\n", string(log))
			continue
		}
		require.ErrorContains(t, err, c.want, c.ring)
	}
}

// A role that may only read looks up, and changes nothing.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	db, url := open(t)
	s, err := ringsql.Open(t.Context(), db, "a")
	require.NoError(t, err)
	require.NoError(t, s.Commit(0, keyring.Commit{Append: []byte("1\n"), Put: map[string][]byte{"x": []byte("x")}}))
	reader := connect(t, url+"?default_transaction_read_only=on")
	r, err := ringsql.Open(t.Context(), reader, "a")
	require.NoError(t, err)
	log, err := r.Log(0)
	require.NoError(t, err)
	require.Equal(t, "1\n", string(log))
	_, err = r.Record("x")
	require.NoError(t, err)
	require.ErrorContains(t, r.Commit(2, keyring.Commit{Append: []byte("2\n")}), "read-only")
	_, err = ringsql.Open(t.Context(), reader, "b")
	require.ErrorContains(t, err, "read-only")
}

// The isolation that a database has by default does not matter.
func TestIsolation(t *testing.T) {
	t.Parallel()
	_, url := open(t)
	for _, level := range []string{"serializable", "repeatable%20read", "read%20committed"} {
		db := connect(t, url+"?default_transaction_isolation="+level)
		s, err := ringsql.Open(t.Context(), db, "a"+level[:3])
		require.NoError(t, err)
		const workers, each = 4, 5
		done := make(chan error, workers)
		for w := range workers {
			go func() { done <- storetest.Work(s, string(rune('a'+w)), each, keyring.ErrConflict, nil, nil) }()
		}
		for range workers {
			require.NoError(t, <-done)
		}
		got, err := storetest.Check(s)
		require.NoError(t, err)
		require.Len(t, got, workers)
	}
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("pgx", "postgres://nobody@127.0.0.1:1/none?connect_timeout=5")
	require.NoError(t, err)
	defer db.Close()
	_, err = ringsql.Open(t.Context(), db, "a")
	require.ErrorContains(t, err, "ringsql: the ring a")
	require.ErrorContains(t, ringsql.Create(t.Context(), db), "ringsql: the tables")
}
