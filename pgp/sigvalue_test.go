package pgp_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// A signature packet that holds more than its signature is not one, and one
// that holds less neither; cut right it is.
func TestSignatureValueFillsPacket(t *testing.T) {
	t.Parallel()
	text := []byte("what is signed")
	for _, kind := range []string{"curve25519", "v6", "p256", "rsa3072"} {
		k := key(t, kind)
		var out bytes.Buffer
		w, err := envelope.SignDetached(&out, k.Signer())
		require.NoError(t, err)
		_, err = w.Write(text)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		n, more, next := length(out.Bytes(), 1)
		require.False(t, more)
		body := out.Bytes()[next : next+n]
		require.Len(t, out.Bytes(), next+n)
		o := &envelope.Opener{Senders: []*keyring.Verified{verified(t, k)}}
		check := func(body ...[]byte) error {
			_, err := o.VerifyDetached(bytes.NewReader(pkt(2, body...)), bytes.NewReader(text))
			return err
		}
		require.NoError(t, check(body), kind)
		require.ErrorIs(t, check(body, []byte{0}), envelope.ErrSignature, kind)
		require.ErrorIs(t, check(body, body[len(body)-34:]), envelope.ErrSignature, kind)
		require.ErrorIs(t, check(body[:len(body)-1]), envelope.ErrSignature, kind)
	}
}
