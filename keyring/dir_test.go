package keyring

import (
	"path/filepath"
	"testing"

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
