package journal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// An older copy of a journal is a whole chain. What went out since it was made is
// not sent again: a signature beside it is over a line that it lacks.
func TestOlderCopy(t *testing.T) {
	t.Parallel()
	k, err := pgp.GenerateKey(pgp.KeyOptions{Address: "sender@example.org"})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	head := journal.Head{Rows: 5}
	j, err := journal.Open(path, head)
	require.NoError(t, err)
	require.NoError(t, j.Append(journal.Record{Kind: journal.Begun, Row: 1}, journal.Record{Kind: journal.Sent, Row: 1}))
	_, err = j.Sign(&envelope.Sealer{Signers: []envelope.Signer{k.Signer()}})
	require.NoError(t, err)
	require.NoError(t, j.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for n := range 5 {
		text := bytes.Join(lines[:min(n, 3)], nil)
		if n == 4 { // torn
			text = whole[:len(whole)-1-len(lines[2])/2]
		}
		require.NoError(t, os.WriteFile(path, text, 0o600))
		v, errVerify := journal.Verify(path, believes(t, k))
		require.NoError(t, errVerify)
		require.Len(t, v.Proofs, 1)
		for name, open := range map[string]func() (*journal.Journal, error){
			"Resume": func() (*journal.Journal, error) { return journal.Resume(path) },
			"Open":   func() (*journal.Journal, error) { return journal.Open(path, head) },
		} {
			j, err := open()
			if n == 3 {
				require.NoError(t, err, name)
				require.NoError(t, j.Close())
				require.NoError(t, v.Proofs[0].Err)
				require.EqualValues(t, 3, v.Signed())
				continue
			}
			var damage *journal.DamageError
			require.ErrorAs(t, err, &damage, "%s, %d lines", name, n)
			require.Equal(t, 3, damage.Line)
			require.Contains(t, damage.Problem, "older copy")
			require.ErrorAs(t, v.Proofs[0].Err, &damage)
			require.Zero(t, v.Signed())
		}
		left, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, left, "nothing is changed in what is refused")
	}
}

// What was read at a resume is written again before anybody acts on it: the
// system may show what an fsync that failed did not write.
func TestResumeWritesAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j, err := journal.Open(path, journal.Head{Rows: 5})
	require.NoError(t, err)
	require.NoError(t, j.Append(journal.Record{Kind: journal.Begun, Row: 1}, journal.Record{Kind: journal.Sent, Row: 1}))
	require.NoError(t, j.Close())
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	long := time.Unix(1_000_000_000, 0)
	require.NoError(t, os.Chtimes(path, long, long))
	j, err = journal.Resume(path)
	require.NoError(t, err)
	require.NoError(t, j.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, info.ModTime().After(long), "it was not written")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
}
