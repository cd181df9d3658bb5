package spool_test

import (
	"bytes"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/spool"
)

func TestOnce(t *testing.T) {
	data := bytes.Repeat([]byte("abc"), 1<<20)
	for name, src := range map[string]io.Reader{"seekable": bytes.NewReader(data), "pipe": io.MultiReader(bytes.NewReader(data))} {
		dir := t.TempDir()
		s := spool.New(src, spool.Options{Memory: 1, Dir: dir})
		head := make([]byte, 1<<20)
		_, err := io.ReadFull(s, head)
		require.NoError(t, err)
		s.Once()
		s.Once()
		rest, err := io.ReadAll(s)
		require.NoError(t, err)
		require.Equal(t, data, append(head, rest...), name)
		_, err = s.Again()
		require.Error(t, err, "nothing was kept")
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left)
		require.NoError(t, s.Close())
		s.Once()
	}
	// The twin: without Once there is another pass.
	s := spool.New(bytes.NewReader(data), spool.Options{})
	_, err := io.Copy(io.Discard, s)
	require.NoError(t, err)
	_, err = s.Again()
	require.NoError(t, err)
	require.NoError(t, s.Close())
	// The limit counts after Once too.
	s = spool.New(bytes.NewReader(data), spool.Options{Max: int64(len(data)) - 1})
	s.Once()
	_, err = io.Copy(io.Discard, s)
	var limit *spool.LimitError
	require.ErrorAs(t, err, &limit)
}
