package smime

import (
	"crypto/x509"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
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
			// Of what mail cannot carry, or of another form than it has there,
			// nothing is asked for.
			if m, err := mailbox.Parse(a); err == nil {
				require.Equal(t, m.Local() == local, isFor([]string{a}, m), "%q", a)
				require.False(t, isFor([]string{"x" + a}, m))
			}
		}
	})
}

func TestIsFor(t *testing.T) {
	for _, c := range []struct {
		stated, asked string
		same          bool
	}{
		{"bob@example.org", "bob@EXAMPLE.ORG", true},
		{"bob@example.org", "Bob@example.org", false},
		{"bücher@example.org", "bücher@Example.org", true},
		{"bücher@example.org", "BÜCHER@example.org", false},
		{"bu\u0308cher@example.org", "b\u00fccher@example.org", false}, // octet for octet: RFC 9598, Section 5
		{"b\u00fccher@example.org", "bu\u0308cher@example.org", true},  // which is in normal form before it is asked for
		{"bob@xn--bcher-kva.example", "bob@b\u00fccher.example", true},
		{"bob@XN--Bcher-KVA.example", "bob@B\u00dccher.example", true},
		{"bob@xn--bcher-kva.example", "bob@bucher.example", false},
		{"bob@example.org", "@example.org", false},
		{"@example.org", "bob@example.org", false},
		{"a@b\x00.example.org", "a@b.example.org", false},
		{"bob@example.org\x00.example.net", "bob@example.org", false},
	} {
		want, err := mailbox.Parse(c.asked)
		require.NoError(t, err)
		require.Equal(t, c.same, isFor([]string{c.stated}, want), "%q %q", c.stated, c.asked)
		require.Equal(t, c.same, isFor([]string{"eve@example.net", c.stated}, want))
		require.False(t, isFor(nil, want))
	}
}
