//go:build unix

package journal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
)

// What has no end is no journal: nobody waits for it.
func TestDevice(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	require.NoError(t, os.Symlink("/dev/null", path))
	_, err := journal.Open(path, journal.Head{Rows: 1})
	require.ErrorIs(t, err, fs.ErrInvalid)
	_, err = journal.Resume(path)
	require.ErrorIs(t, err, fs.ErrInvalid)
	require.NoError(t, os.Remove(path))
	j, err := journal.Open(path, journal.Head{Rows: 1})
	require.NoError(t, err)
	require.NoError(t, j.Close())
}
