package keyring

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/storage"
	"github.com/doublekeybox/doublekeybox/internal/storetest"
)

func TestDirStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Suite[Commit]{
		Open: func(t *testing.T) func() (storetest.Store[Commit], error) {
			dir := filepath.Join(t.TempDir(), "ring")
			return func() (storetest.Store[Commit], error) { return openDir(dir) }
		},
		Conflict: ErrConflict,
	})
}

// A plan that is read is one that could have been written, whatever a killed
// program or a disk left of it.
func FuzzDirPlan(f *testing.F) {
	whole := plan{size: 1234, put: []string{"a.1"}, replace: []string{"index"}, drop: []string{"b", "c"}}
	lineless := plan{put: []string{"a"}, lineless: true}
	for _, text := range []string{whole.text(), lineless.text(), lineless.text() + planMade, whole.text() + planMade} {
		for i := range len(text) + 1 {
			f.Add(text[:i])
		}
	}
	f.Add("ring 1\nput ../log\nend\n")
	f.Add("ring -1\nend\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, made := parsePlan(text)
		if p == nil {
			require.False(t, made)
			return
		}
		again, _ := parsePlan(p.text())
		require.Equal(t, p, again)
		require.Equal(t, made && p.lineless, made)
		for _, name := range append(append(p.put, p.replace...), p.drop...) {
			require.True(t, storage.ValidName(name), name)
		}
	})
}

// No part of a plan is taken for a plan.
func TestDirPlanCut(t *testing.T) {
	t.Parallel()
	p := plan{size: 1234, put: []string{"a.1"}, replace: []string{"index"}, drop: []string{"b", "c"}, lineless: true}
	text := p.text() + planMade
	for i := range len(text) + 1 {
		got, made := parsePlan(text[:i])
		require.Equal(t, i == len(text), made, text[:i])
		require.Equal(t, i >= len(p.text()), got != nil, text[:i])
	}
}

// A line without an end is no line, and goes with the next commit.
func TestDirTail(t *testing.T) {
	t.Parallel()
	for _, tail := range []string{"", "x", "a much longer line than the one that comes", strings.Repeat("x", 10000)} {
		dir := filepath.Join(t.TempDir(), "ring")
		s, err := openDir(dir)
		require.NoError(t, err)
		defer s.Close()
		for _, before := range []string{"", "1\n"} {
			log := filepath.Join(dir, dirLog)
			require.NoError(t, os.WriteFile(log, []byte(before+tail), 0o600))
			b, err := s.Log(0)
			require.NoError(t, err)
			require.Equal(t, before, string(b))
			b, err = s.Log(int64(len(before)))
			require.NoError(t, err)
			require.Empty(t, b)
			require.NoError(t, s.Commit(int64(len(before)), Commit{Append: []byte("2\n")}))
			b, err = os.ReadFile(log)
			require.NoError(t, err)
			require.Equal(t, before+"2\n", string(b))
		}
	}
}
