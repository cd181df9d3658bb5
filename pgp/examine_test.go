package pgp_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// What Examine says of a signature is what Open and Verify decide by.
func TestExamine(t *testing.T) {
	bob, other := key(t, "v6"), key(t, "other")
	text := []byte("text\r\n")
	read := func(m *envelope.Message, err error) *envelope.Report {
		t.Helper()
		require.NoError(t, err)
		defer m.Close()
		got, err := io.ReadAll(m)
		require.NoError(t, err)
		require.Equal(t, text, got)
		return m.Report()
	}
	stranger := envelope.Opener{Identities: []envelope.Identity{bob.Identity()}}
	friend := stranger
	friend.Senders = []*keyring.Verified{verified(t, other)}

	t.Run("sealed", func(t *testing.T) {
		msg, _ := seal(t, &envelope.Sealer{Signers: []envelope.Signer{other.Signer()}}, text, verified(t, bob))
		r := read(stranger.Examine(bytes.NewReader(msg)))
		require.Len(t, r.Signatures, 1)
		require.False(t, r.Signatures[0].Valid() || r.Signatures[0].Bad())
		require.Equal(t, []string{bob.Certificate().Fingerprint().String()}, r.Signatures[0].Intended)
		r = read(friend.Examine(bytes.NewReader(msg)))
		require.True(t, r.Signatures[0].Valid())
		require.NotNil(t, r.Signatures[0].Sender)

		_, err := (&envelope.Opener{Senders: friend.Senders}).Examine(bytes.NewReader(msg))
		require.ErrorContains(t, err, "no identity")
		msg[len(msg)-1] ^= 1
		m, err := friend.Examine(bytes.NewReader(msg))
		if err == nil {
			_, err = io.Copy(io.Discard, m)
			m.Close()
		}
		require.ErrorIs(t, err, envelope.ErrDecrypt)
	})
	t.Run("signed", func(t *testing.T) {
		msg := inline(t, false, text, other)
		r := read((&envelope.Opener{Formats: []envelope.Format{formatOf()}}).ExamineSigned(bytes.NewReader(msg)))
		require.False(t, r.Signatures[0].Valid() || r.Signatures[0].Bad())
		require.Empty(t, r.Signatures[0].Intended)
		require.True(t, read(friend.ExamineSigned(bytes.NewReader(msg))).Signatures[0].Valid())

		at := bytes.Index(msg, text)
		require.Positive(t, at)
		msg[at], text = 'T', []byte("Text\r\n")
		defer func() { text = []byte("text\r\n") }()
		_, err := friend.Verify(bytes.NewReader(msg))
		require.ErrorIs(t, err, envelope.ErrSignature)
		require.True(t, read(friend.ExamineSigned(bytes.NewReader(msg))).Signatures[0].Bad())
	})
	t.Run("detached", func(t *testing.T) {
		sig := detached(t, true, text, other)
		for _, c := range []struct {
			content    []byte
			opener     *envelope.Opener
			valid, bad bool
		}{
			{text, &friend, true, false},
			{text, &stranger, false, false},
			{[]byte("Text\r\n"), &friend, false, true},
		} {
			r, err := c.opener.ExamineDetached(bytes.NewReader(sig), bytes.NewReader(c.content))
			require.NoError(t, err)
			require.Equal(t, c.valid, r.Signatures[0].Valid())
			require.Equal(t, c.bad, r.Signatures[0].Bad())
		}
		_, err := friend.ExamineDetached(nil, bytes.NewReader(text))
		require.Error(t, err)
	})
}
