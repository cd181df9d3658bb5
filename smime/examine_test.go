package smime_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// The certificates of a message come with what Examine and its like found, and
// with nothing else: Verify takes only who is believed already.
func TestExamineCertificates(t *testing.T) {
	by, text := fresh["P-256"](), []byte("text\r\n")
	formats := []envelope.Format{smime.Format()}
	require1 := func(r *envelope.Report) {
		t.Helper()
		require.Len(t, r.Signatures, 1)
		require.True(t, r.Signatures[0].Valid())
		require.Nil(t, r.Signatures[0].Sender)
		require.Len(t, r.Certificates, 1)
		require.Equal(t, by.verified.Fingerprint(), r.Certificates[0].Fingerprint())
	}
	read := func(m *envelope.Message, err error) *envelope.Report {
		t.Helper()
		require.NoError(t, err)
		defer m.Close()
		got, err := io.ReadAll(m)
		require.NoError(t, err)
		require.Equal(t, text, got)
		return m.Report()
	}
	var signed, sig bytes.Buffer
	for _, c := range []struct {
		out  *bytes.Buffer
		sign func(io.Writer, ...envelope.Signer) (*envelope.Writer, error)
	}{{&signed, envelope.Sign}, {&sig, envelope.SignDetached}} {
		w, err := c.sign(c.out, by.signers()...)
		require.NoError(t, err)
		_, err = w.Write(text)
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	require1(read((&envelope.Opener{Formats: formats}).ExamineSigned(bytes.NewReader(signed.Bytes()))))
	r, err := (&envelope.Opener{Formats: formats}).ExamineDetached(bytes.NewReader(sig.Bytes()), bytes.NewReader(text))
	require.NoError(t, err)
	require1(r)
	for _, f := range forms(by) {
		if !f.signed {
			continue
		}
		bob := fresh["P-384"]()
		m := sealed(t, f.seal, text, bob.verified)
		require1(read((&envelope.Opener{Identities: bob.identities()}).Examine(bytes.NewReader(m))))
	}
	trusting := &envelope.Opener{Senders: []*keyring.Verified{by.verified}}
	require.Empty(t, read(trusting.Verify(bytes.NewReader(signed.Bytes()))).Certificates)

	changed := bytes.Replace(signed.Bytes(), text, []byte("Text\r\n"), 1)
	require.NotEqual(t, signed.Bytes(), changed)
	_, err = trusting.Verify(bytes.NewReader(changed))
	require.ErrorIs(t, err, envelope.ErrSignature)
	text = []byte("Text\r\n")
	require.True(t, read(trusting.ExamineSigned(bytes.NewReader(changed))).Signatures[0].Bad())
}
