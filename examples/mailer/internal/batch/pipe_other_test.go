//go:build !unix

package batch_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// pipe puts nothing in the place of a file: there are no pipes with a name.
func pipe(t *testing.T, name string) {
	t.Helper()
	require.NoError(t, os.Remove(name))
}
