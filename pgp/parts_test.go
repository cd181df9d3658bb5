package pgp_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// A message may come in parts of one octet, each with a length of its own, and
// be opened and inspected in time and memory of its size.
func TestTinyParts(t *testing.T) {
	for _, v2 := range []bool{false, true} {
		k := key(t, "v6")
		text := content(t, 100_000)
		head, body := outer(t, craft{v2: v2}.seal(t, k, literal(string(text))))
		msg := append(bytes.Clone(head), 0xC0|18, 224+9) // the first has 512, as it must
		msg = append(msg, body[:512]...)
		rest := body[512:]
		for _, c := range rest[:len(rest)-1] {
			msg = append(msg, 224, c)
		}
		msg = append(msg, 1, rest[len(rest)-1])
		got, _, err := open(opener(k), bytes.NewReader(msg))
		require.NoError(t, err)
		require.True(t, bytes.Equal(text, got))
		_, err = envelope.Inspect(bytes.NewReader(msg), pgp.Format())
		require.NoError(t, err)
		msg[len(msg)-1] ^= 1
		_, _, err = open(opener(k), bytes.NewReader(msg))
		require.Equal(t, envelope.ErrDecrypt, err)
	}
}
