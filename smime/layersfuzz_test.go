package smime_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

// FuzzMultipart: what comes out of a multipart/signed stands in it word for word,
// but for a CR before an LF; no line of it is a delimiter; and it is the same
// however the source is read.
func FuzzMultipart(f *testing.F) {
	who := fixed()
	for _, part := range []string{signedPart, "", "\n", "line\r\n--=-\r\n", strings.Repeat("x\r\n", 100)} {
		mail := mailParts{by: who, part: part}.bytes(f)
		f.Add(mail)
		f.Add(bytes.ReplaceAll(mail, []byte("\r\n"), []byte("\n")))
	}
	f.Fuzz(func(t *testing.T, mail []byte) {
		got, err := smime.FirstPart(bytes.NewReader(mail))
		again, err2 := smime.FirstPart(struct{ io.Reader }{bytes.NewReader(mail)})
		require.Equal(t, err == nil, err2 == nil)
		require.Equal(t, got, again)
		if err != nil {
			require.True(t, refusal(err), "%v", err)
			return
		}
		bare := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")) }
		require.True(t, bytes.Contains(bare(mail), bare(got)))
	})
}

// FuzzCompressed: what decompresses is what a signature inside was over, and
// every other input is an error that callers know.
func FuzzCompressed(f *testing.F) {
	who := fixed()
	sd := signedParts{by: who, content: []byte(fuzzContent)}.bytes(f)
	f.Add(info(compressedOID, pressed{contentType: signedOID, content: sd}.bytes()))
	f.Add(info(compressedOID, pressed{content: entityOf("signed-data", message(sd))}.bytes()))
	f.Add(info(compressedOID, pressed{content: mailParts{by: who, part: fuzzContent}.bytes(f)}.bytes()))
	f.Add(message(signedParts{by: who, contentType: compressedOID, content: pressed{content: []byte(fuzzContent)}.bytes()}.bytes(f)))
	f.Fuzz(func(t *testing.T, msg []byte) {
		got, _, err := verify(envelope.Opener{Senders: who.senders()}, bytes.NewReader(msg))
		if err != nil {
			require.True(t, refusal(err), "%v", err)
			require.Empty(t, got)
			return
		}
		require.Equal(t, fuzzContent, string(got))
		_, err = envelope.Inspect(bytes.NewReader(msg), smime.Format())
		require.NoError(t, err, "what verifies can be inspected")
	})
}
