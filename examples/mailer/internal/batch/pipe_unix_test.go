//go:build unix

package batch_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// pipe puts one in the place of a file.
func pipe(t *testing.T, name string) {
	t.Helper()
	require.NoError(t, os.Remove(name))
	require.NoError(t, syscall.Mkfifo(name, 0o600))
}
