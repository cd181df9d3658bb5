package smime_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// FuzzInside: whatever is inside of a sealed message. In CBC, where anybody may
// have put it together, content comes out only if it is what the one signature
// that there is was over, and everything else is one error; in GCM somebody who
// knew the key wrote it.
func FuzzInside(f *testing.F) {
	who := fixed()
	sd := signedParts{by: who, content: []byte(fuzzContent)}.bytes(f)
	pressedSigned := pressed{contentType: signedOID, content: sd}.bytes()
	f.Add(mailParts{by: who, part: fuzzContent}.bytes(f), byte(0))
	f.Add(entityOf("signed-data", message(sd)), byte(0))
	f.Add(entityOf("compressed-data", info(compressedOID, pressedSigned)), byte(0))
	f.Add(message(sd), byte(0))
	f.Add(sd, byte(1))
	f.Add(message(sd), byte(1))
	f.Add(pressedSigned, byte(2))
	f.Fuzz(func(t *testing.T, plain []byte, kind byte) {
		contentType := [][]byte{nil, signedOID, compressedOID}[kind%3]
		o := envelope.Opener{Identities: who.identities(), Senders: who.senders()}
		got, r, err := open(o, bytes.NewReader(crafted{to: who, cbc: true, contentType: contentType, plain: plain}.bytes(t)))
		if err == nil {
			require.Equal(t, fuzzContent, string(got))
			require.False(t, r.Unauthenticated)
		} else {
			require.Empty(t, got)
			require.True(t, err == envelope.ErrDecrypt || errors.Is(err, envelope.ErrSignature), "%v", err)
		}
		x := crafted{to: who, contentType: contentType, plain: plain}
		if contentType != nil {
			x.attrs = tlv(0xa1, attribute(ctAttrOID, contentType))
		}
		got, r, err = open(o, bytes.NewReader(x.bytes(t)))
		if err != nil {
			require.True(t, refusal(err), "%v", err)
			require.Empty(t, got)
			return
		}
		for _, s := range r.Signatures {
			if s.Valid() {
				require.Equal(t, fuzzContent, string(got))
			}
		}
	})
}
