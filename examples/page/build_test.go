package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A copy of the source somewhere else makes the same octets, and the SHA-256
// that is written down has the form that the README tells. Compiling takes long:
// it is done where the other programs are.
func TestSameOctetsElsewhere(t *testing.T) {
	peers(t)
	tc, err := findToolchain()
	require.NoError(t, err)
	require.Equal(t, runtime.Version(), tc.version)
	page, err := tc.page()
	require.NoError(t, err)
	requireClosed(t, string(page))

	root := filepath.Dir(tc.module)
	require.NotContains(t, string(page), root)
	elsewhere := t.TempDir()
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata" && !strings.HasPrefix(path, filepath.Join(root, "keyring"))):
			return filepath.SkipDir
		case d.IsDir():
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			return os.MkdirAll(filepath.Join(elsewhere, rel), 0o755)
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(elsewhere, rel), b, 0o644)
	}))
	copied := *tc
	copied.module = filepath.Join(elsewhere, "examples")
	again, err := copied.page()
	require.NoError(t, err)
	require.True(t, bytes.Equal(page, again), "the page depends on where its source lies")

	file := filepath.Join(elsewhere, "open.html")
	require.NoError(t, os.WriteFile(file, page, 0o600))
	require.NoError(t, same(file, page, tc.version))
	page[len(page)-1] ^= 1
	require.ErrorContains(t, same(file, page, tc.version), fmt.Sprintf("%x", sha256.Sum256(again)))

	b, err := os.ReadFile(sumFile(tc))
	require.NoError(t, err)
	require.Regexp(t, `^go1\.[0-9]+\.[0-9]+  [0-9a-f]{64}\n$`, string(b))
}
