package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// The demonstration opens every mail and compares; what it says is that it did.
func TestDemo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "look")
	var out, problems bytes.Buffer
	require.Zero(t, run([]string{"demo", "--people", "12", dir}, nil, &out, &problems), "%s%s", &out, &problems)
	for _, delivery := range []string{"openpgp", "smime", "zip", "link"} {
		require.Regexp(t, regexp.MustCompile(`(?m)^   `+delivery+` +3 of  3 opened, signature verified`), out.String())
	}
	mails, err := filepath.Glob(filepath.Join(dir, "mails", "*.eml"))
	require.NoError(t, err)
	require.Len(t, mails, 12)
	for _, name := range []string{"journal.jsonl", "report.html"} {
		require.FileExists(t, filepath.Join(dir, "run", name))
	}
	require.NotZero(t, run([]string{"demo", dir}, nil, &out, &problems))
	require.Contains(t, problems.String(), "exists")
	require.NotZero(t, run([]string{"demo", "--people", "0"}, nil, &out, &problems))
	require.NotZero(t, run([]string{"demo", "one", "two"}, nil, &out, &problems))
	require.Contains(t, problems.String(), "one argument too many")
}

// What a demonstration without a folder made is gone.
func TestDemoLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out, problems bytes.Buffer
	require.Zero(t, run([]string{"demo", "--people", "4", "--size", "2000", "--deliveries", "smime,zip"}, nil, &out, &problems), "%s%s", &out, &problems)
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Empty(t, left)
}
