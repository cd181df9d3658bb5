package smime_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

// TestBase64Message: a mail's part that was saved as it came opens as it is.
func TestBase64Message(t *testing.T) {
	who := fresh["P-256"]()
	msg := crafted{to: who, plain: []byte("text")}.bytes(t)
	letters := base64.StdEncoding.EncodeToString(msg)
	o := envelope.Opener{Identities: who.identities(), Senders: who.senders()}
	var lines strings.Builder
	for i := 0; i < len(letters); i += 76 {
		lines.WriteString(letters[i:min(len(letters), i+76)] + "\r\n")
	}
	for _, text := range []string{letters, lines.String(), "\r\n\n" + lines.String() + " \n"} {
		for _, pipes := range []bool{false, true} {
			got, r, err := open(o, source([]byte(text), pipes))
			require.NoError(t, err)
			require.Equal(t, "text", string(got))
			require.True(t, r.Armored)
		}
	}
	signed := base64.StdEncoding.EncodeToString(signedMessage(t, envelope.Sealer{Signers: who.signers()}, []byte("text"), false))
	got, _, err := verify(o, strings.NewReader(signed))
	require.NoError(t, err)
	require.Equal(t, "text", string(got))
	for name, text := range map[string]string{
		"something after it":      letters + "\r\nAAAA",
		"no base64 after a while": letters[:100] + "*" + letters[101:],
		"cut off":                 letters[:len(letters)-8],
	} {
		got, _, err := open(o, strings.NewReader(text))
		require.ErrorIs(t, err, envelope.ErrFormat, name)
		require.Empty(t, got, name)
	}
	require.True(t, smime.Sniff([]byte(letters[:128])))
	for name, text := range map[string]string{
		"a mail": "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\ntext", "a word": "M", "a text": "My dear friend, how are you in these days",
		"base64 of something else": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0x30}, 60)),
	} {
		require.False(t, smime.Sniff([]byte(text)), name)
	}
}
