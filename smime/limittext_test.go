package smime_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

// A limit that a field of envelope.Limits raises says so; of the others nobody
// is told to raise what cannot be raised.
func TestLimitTexts(t *testing.T) {
	const raise = "raise the limit"
	text := func(err error) string {
		t.Helper()
		require.ErrorIs(t, err, envelope.ErrLimit)
		var l *envelope.LimitError
		require.ErrorAs(t, err, &l)
		require.Contains(t, err.Error(), l.What)
		require.NotContains(t, err.Error(), "\n")
		return err.Error()
	}
	_, err := smime.ParseCertificates(make([]byte, 8<<20))
	require.NotContains(t, text(err), raise)
	who := fresh["P-256"]()
	o := envelope.Opener{Identities: who.identities(), Limits: envelope.Limits{Recipients: 1}}
	two := fresh["P-256"]()
	msg := sealed(t, envelope.Sealer{Profile: envelope.Modern}, []byte("content"), who.verified, two.verified)
	_, err = o.Open(bytes.NewReader(msg))
	require.Contains(t, text(err), raise)
	o.Limits.Recipients = 2 // raised, it opens
	_, err = o.Open(bytes.NewReader(msg))
	require.NoError(t, err)

	deep := append([]byte{0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03, 0xa0, 0x80}, bytes.Repeat([]byte{0x30, 0x80}, 100)...)
	deep = append(deep[:15:15], append([]byte{0x30, 0x80, 2, 1, 0, 0x31, 0x80}, deep[15:]...)...)
	_, err = o.Open(bytes.NewReader(deep))
	require.NotContains(t, text(err), raise)
}
