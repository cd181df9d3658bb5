package journal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// key is a sender's, of either format.
type key interface {
	Certificate() *keyring.Certificate
	Signer() envelope.Signer
}

func senders(t *testing.T) map[string]key {
	t.Helper()
	p, err := pgp.GenerateKey(pgp.KeyOptions{Address: "sender@example.org"})
	require.NoError(t, err)
	s, err := smime.GenerateKey(smime.KeyOptions{Address: "sender@example.org", Algorithm: "p256"})
	require.NoError(t, err)
	return map[string]key{"OpenPGP": p, "S/MIME": s}
}

func believes(t *testing.T, k key) *envelope.Opener {
	t.Helper()
	v, err := keyring.Verify(k.Certificate(), keyring.Expect(k.Certificate().Fingerprint()))
	require.NoError(t, err)
	return &envelope.Opener{Senders: []*keyring.Verified{v}}
}

func TestProof(t *testing.T) {
	t.Parallel()
	for format, k := range senders(t) {
		t.Run(format, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.jsonl")
			j, err := journal.Open(path, journal.Head{Rows: 5})
			require.NoError(t, err)
			require.NoError(t, j.Append(journal.Record{Kind: journal.Begun, Row: 1}, journal.Record{Kind: journal.Sent, Row: 1},
				journal.Record{Kind: journal.Begun, Row: 2}, journal.Record{Kind: journal.Unknown, Row: 2},
				journal.Record{Kind: journal.Begun, Row: 3}, journal.Record{Kind: journal.Deferred, Row: 3}))
			name, err := j.Sign(&envelope.Sealer{Signers: []envelope.Signer{k.Signer()}})
			require.NoError(t, err)
			require.Equal(t, "journal-7.sig", filepath.Base(name))
			again, err := j.Sign(&envelope.Sealer{Signers: []envelope.Signer{k.Signer()}})
			require.NoError(t, err)
			require.Equal(t, name, again)
			require.NoError(t, j.Append(journal.Record{Kind: journal.Bounced, Row: 1}, journal.Record{Kind: journal.Begun, Row: 4}))
			require.NoError(t, j.Close())

			v, err := journal.Verify(path, believes(t, k))
			require.NoError(t, err)
			require.EqualValues(t, 9, v.Lines)
			require.Equal(t, map[journal.Status]int64{journal.IsWaiting: 1, journal.IsSent: 1, journal.IsDeferred: 1, journal.IsDoubtful: 2}, v.Rows)
			require.EqualValues(t, 1, v.Bounced)
			require.Len(t, v.InDoubt, 2)
			require.Len(t, v.Proofs, 1)
			require.NoError(t, v.Proofs[0].Err)
			require.EqualValues(t, 7, v.Proofs[0].Line)

			// Resumed, it signs what it is then.
			j, err = journal.Resume(path)
			require.NoError(t, err)
			name, err = j.Sign(&envelope.Sealer{Signers: []envelope.Signer{k.Signer()}})
			require.NoError(t, err)
			require.Equal(t, "journal-9.sig", filepath.Base(name))
			require.NoError(t, j.Close())
			v, err = journal.Verify(path, believes(t, k))
			require.NoError(t, err)
			require.Len(t, v.Proofs, 2)
			for _, p := range v.Proofs {
				require.NoError(t, p.Err)
			}

			// Somebody else, nobody, and a journal that is shorter than it was.
			v, err = journal.Verify(path, believes(t, senders(t)[format]))
			require.NoError(t, err)
			require.ErrorIs(t, v.Proofs[0].Err, envelope.ErrSignature)
			v, err = journal.Verify(path, nil)
			require.NoError(t, err)
			require.ErrorIs(t, v.Proofs[1].Err, envelope.ErrSignature)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			lines := bytes.SplitAfter(text, []byte("\n"))
			require.NoError(t, os.WriteFile(path, bytes.Join(lines[:8], nil), 0o600))
			v, err = journal.Verify(path, believes(t, k))
			require.NoError(t, err)
			require.NoError(t, v.Proofs[0].Err)
			var damage *journal.DamageError
			require.ErrorAs(t, v.Proofs[1].Err, &damage)
			require.Equal(t, 9, damage.Line)

			// Another journal under the same signature, as good as a chain can be.
			other := filepath.Join(t.TempDir(), "journal.jsonl")
			j, err = journal.Open(other, journal.Head{Rows: 5})
			require.NoError(t, err)
			for range 6 {
				require.NoError(t, j.Append(journal.Record{Kind: journal.Ended}))
			}
			require.NoError(t, j.Close())
			forged, err := os.ReadFile(other)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, forged, 0o600))
			v, err = journal.Verify(path, believes(t, k))
			require.NoError(t, err)
			require.ErrorIs(t, v.Proofs[0].Err, envelope.ErrSignature)
		})
	}
}
