package pgp

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// TestRewrapBeforeVerify: a session whose content nobody authenticated, or that
// was closed, is given to nobody: its key may be a random one.
func TestRewrapBeforeVerify(t *testing.T) {
	text := []byte("horse")
	p := &seam.SealPlan{Passphrases: [][]byte{text}, Profile: seam.Compatible}
	var msg, out bytes.Buffer
	w, err := format{}.Seal(&msg, p)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	limits := seam.Limits{Recipients: 10, PrivateTrial: 10, Signatures: 1, HeaderBytes: 1 << 20}
	open := func(text []byte) *session {
		s, err := format{}.Open(bytes.NewReader(msg.Bytes()), &seam.OpenPlan{Passphrases: [][]byte{text}, Limits: limits})
		require.NoError(t, err)
		return s.(*session)
	}
	refused := func(s *session) {
		_, err := s.Rewrap(&out, bytes.NewReader(msg.Bytes()), p)
		require.Error(t, err)
		require.Zero(t, out.Len())
	}
	s := open(text)
	refused(s)
	wrong := open([]byte("cart"))
	require.Equal(t, envelope.ErrDecrypt, wrong.Verify())
	refused(wrong)
	require.NoError(t, s.Verify())
	_, err = s.Rewrap(io.Discard, bytes.NewReader(msg.Bytes()), p)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	refused(s)
}
