package pgp

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What text signatures are over does not depend on how the content arrives.
func TestLineEnds(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a": "a", "\n": "\r\n", "\r\n": "\r\n", "\r": "\r", "\n\n": "\r\n\r\n", "\r\r\n": "\r\r\n",
		"a\nb\r\nc\rd\n": "a\r\nb\r\nc\rd\r\n", "\n\r\n\r": "\r\n\r\n\r", "\r\n\n": "\r\n\r\n", " \t\n": " \t\r\n",
	} {
		for i := range len(text) + 1 {
			for k := i; k <= len(text); k++ {
				signed, binary, unknown := &pending{h: sha256.New(), text: true}, &pending{h: sha256.New()}, &pending{}
				var d digests
				for _, p := range []string{text[:i], text[i:k], text[k:]} {
					d.write([]byte(p), []*pending{binary, unknown}, []*pending{signed, signed2(signed)})
				}
				sum, raw := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(text))
				require.Equal(t, sum[:], signed.h.Sum(nil), "%q", text)
				require.Equal(t, raw[:], binary.h.Sum(nil))
			}
		}
	}
	var l lineEnds
	require.Equal(t, strings.Repeat("\r\n", 1000), string(l.convert(bytes.Repeat([]byte("\n"), 1000))))
}

// signed2 is another text signature, so that the conversion is shared.
func signed2(like *pending) *pending { return &pending{h: sha256.New(), text: like.text} }

// Certificates whose signatures consist of empty subpackets would take sixteen
// times their octets: beyond a number of them a signature is passed over.
func TestSubpacketLimit(t *testing.T) {
	k := keyIssuer{version: 4}
	area := func(n int) []byte { return bytes.Repeat([]byte{1, 100}, n) }
	require.True(t, k.namedIn(area(maxSubpackets)))
	require.False(t, k.namedIn(area(maxSubpackets+1)))
}
