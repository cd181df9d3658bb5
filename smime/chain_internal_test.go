package smime

import (
	"crypto/x509"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzAddresses: whatever a subjectAltName holds, an address that comes out of
// it has one @, a domain in ASCII and nothing that a line of text could not
// show; and ChainTo takes each for itself and for nothing else.
func FuzzAddresses(f *testing.F) {
	for _, s := range []string{"bücher@example.org", "a@example.org", "a@b\x00.example", "@", "ü@ü"} {
		x := &x509.Certificate{}
		utf8Names(s)(x)
		f.Add(x.ExtraExtensions[0].Value)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		x := &x509.Certificate{}
		utf8Names()(x)
		x.Extensions = x.ExtraExtensions
		x.Extensions[0].Value = der
		for _, a := range addressesOf(x) {
			require.Equal(t, 1, strings.Count(a, "@"), "%q", a)
			require.NotContains(t, a, "\x00")
			require.NotContains(t, a, "\n")
			local, domain, _ := strings.Cut(a, "@")
			require.True(t, isASCII(domain), "%q", a)
			require.False(t, isASCII(local), "%q", a)
			m, err := parseMailbox(a)
			require.NoError(t, err)
			require.Equal(t, local, m.local)
		}
	})
}

func TestParseMailbox(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"bob@example.org", "bob@EXAMPLE.ORG", true},
		{"bob@example.org", "Bob@example.org", false},
		{"bücher@example.org", "bücher@Example.org", true},
		{"bücher@example.org", "BÜCHER@example.org", false},
		{"b\u00fccher@example.org", "bu\u0308cher@example.org", false}, // octet for octet: RFC 9598, Section 5
	} {
		a, err := parseMailbox(c.a)
		require.NoError(t, err)
		b, err := parseMailbox(c.b)
		require.NoError(t, err)
		require.Equal(t, c.same, a == b, "%q %q", c.a, c.b)
	}
	for _, bad := range []string{"", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\x00", "bob@bücher.example", "a@b.", ".a@b", "a@b\xff", "\xff@b"} {
		_, err := parseMailbox(bad)
		require.Error(t, err, "%q", bad)
	}
}
