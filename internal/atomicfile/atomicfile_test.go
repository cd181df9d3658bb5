package atomicfile_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/atomicfile"
)

// names lists what is in dir: temporary files are files too.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestNothingBeforeCommit(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	f, err := atomicfile.Create(path, atomicfile.Options{})
	require.NoError(t, err)
	defer f.Discard()
	_, err = f.Write([]byte("whole"))
	require.NoError(t, err)
	require.NoFileExists(t, path)
	read := make([]byte, 3)
	_, err = f.ReadAt(read, 2)
	require.NoError(t, err)
	require.Equal(t, "ole", string(read))
	require.NoError(t, f.Commit())
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "whole", string(got))
	require.Equal(t, []string{"out"}, names(t, dir))

	// Afterwards nothing changes it any more.
	f.Discard()
	_, err = f.Write([]byte("more"))
	require.ErrorIs(t, err, atomicfile.ErrDone)
	_, err = f.ReadAt(read, 2)
	require.ErrorIs(t, err, atomicfile.ErrDone)
	require.ErrorIs(t, f.Commit(), atomicfile.ErrDone)
	require.FileExists(t, path)
}

func TestDiscardLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	f, err := atomicfile.Create(filepath.Join(dir, "out"), atomicfile.Options{})
	require.NoError(t, err)
	_, err = f.Write(bytes.Repeat([]byte("x"), 1<<20))
	require.NoError(t, err)
	f.Discard()
	f.Discard()
	require.Empty(t, names(t, dir))
	require.ErrorIs(t, f.Commit(), atomicfile.ErrDone)
	require.Empty(t, names(t, dir))
}

func TestExistingFile(t *testing.T) {
	for _, c := range []struct {
		name    string
		replace bool
		when    string // the other file appears "before" Create or "during" the writing
		want    string
	}{
		{"before, refused", false, "before", "old"},
		{"before, replaced", true, "before", "new"},
		{"during, refused", false, "during", "old"},
		{"during, replaced", true, "during", "new"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "out")
			old := func(when string) {
				if c.when == when {
					require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
				}
			}
			old("before")
			f, err := atomicfile.Create(path, atomicfile.Options{Replace: c.replace})
			if err == nil {
				_, err = f.Write([]byte("new"))
				require.NoError(t, err)
				old("during")
				err = f.Commit()
			}
			if c.replace {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, fs.ErrExist)
				require.ErrorContains(t, err, path)
			}
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, c.want, string(got))
			require.Equal(t, []string{"out"}, names(t, dir))
		})
	}
}

// Of many that write the same new file exactly one succeeds, and the file is
// that one's.
func TestOneWinner(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	const n = 16
	var wg sync.WaitGroup
	wins := make(chan byte, n)
	files := make([]*atomicfile.File, n)
	for i := range files {
		f, err := atomicfile.Create(path, atomicfile.Options{})
		require.NoError(t, err)
		_, err = f.Write([]byte{byte(i)})
		require.NoError(t, err)
		files[i] = f
	}
	for i, f := range files {
		wg.Go(func() {
			if f.Commit() == nil {
				wins <- byte(i)
			}
		})
	}
	wg.Wait()
	require.Len(t, wins, 1)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, []byte{<-wins}, got)
	require.Equal(t, []string{"out"}, names(t, dir))
}

func TestBadTargets(t *testing.T) {
	dir := t.TempDir()
	_, err := atomicfile.Create("", atomicfile.Options{})
	require.ErrorIs(t, err, fs.ErrInvalid)
	_, err = atomicfile.Create(dir, atomicfile.Options{Replace: true})
	require.ErrorContains(t, err, "is a directory")
	missing := filepath.Join(dir, "no", "out")
	_, err = atomicfile.Create(missing, atomicfile.Options{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, missing)
	require.NotContains(t, err.Error(), ".tmp")
	require.NoError(t, atomicfile.WriteFile(filepath.Join(dir, "out"), nil, atomicfile.Options{}))
	require.Equal(t, []string{"out"}, names(t, dir))
}

func TestSecret(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no mode bits")
	}
	dir := t.TempDir()
	for name, want := range map[string]fs.FileMode{"secret": 0, "public": 0o044} {
		path := filepath.Join(dir, name)
		require.NoError(t, atomicfile.WriteFile(path, []byte("k"), atomicfile.Options{Secret: name == "secret"}))
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, want, info.Mode().Perm()&0o044, name)
	}
}

func TestCommitAll(t *testing.T) {
	for _, c := range []struct {
		name    string
		blocked string // a file that appears before the commit
		want    []string
	}{
		{"both", "", []string{"a", "b"}},
		{"the first exists", "a", []string{"a"}},
		{"the second exists", "b", []string{"b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			var files []*atomicfile.File
			for _, n := range []string{"a", "b"} {
				f, err := atomicfile.Create(filepath.Join(dir, n), atomicfile.Options{})
				require.NoError(t, err)
				_, err = f.Write([]byte("new"))
				require.NoError(t, err)
				files = append(files, f)
			}
			if c.blocked != "" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, c.blocked), []byte("old"), 0o600))
			}
			err := atomicfile.CommitAll(files...)
			require.Equal(t, c.want, names(t, dir))
			if c.blocked == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, fs.ErrExist)
			got, err := os.ReadFile(filepath.Join(dir, c.blocked))
			require.NoError(t, err)
			require.Equal(t, "old", string(got))
		})
	}
}
