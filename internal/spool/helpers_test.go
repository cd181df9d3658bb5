package spool_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/doublekeybox/doublekeybox/internal/spool"
	"github.com/stretchr/testify/require"
)

const chunk = spool.ChunkSize

func random(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

// stream hides everything of a reader but Read.
type stream struct{ io.Reader }

// file returns a regular file that holds b.
func file(t testing.TB, b []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "source")
	require.NoError(t, os.WriteFile(name, b, 0o600))
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// again runs a pass after the first and returns what it released.
func again(t testing.TB, s *spool.Source) ([]byte, error) {
	t.Helper()
	r, err := s.Again()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(stream{r})
}

func requireEqual(t testing.TB, want, got []byte, where ...any) {
	t.Helper()
	require.Equal(t, len(want), len(got), where...)
	require.True(t, bytes.Equal(want, got), where...)
}
