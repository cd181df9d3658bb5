package pgp

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// TestIntroducedByFlood: a file repeats one certification, each time with
// something else where nothing protects it, so often and no more.
func TestIntroducedByFlood(t *testing.T) {
	t.Parallel()
	bob, carol := simple(t, 4, day(2024, 1, 1)), introducer(t, 4, certifies)
	sig := carol.sign(carol.primary, sigCertLast, at(day(2024, 6, 1)), bob.hashed(), hashedUserID([]byte(userIDText)))
	cert, by := bob.certificate().public(), verified(t, carol.certificate())
	verify := func(n int, more []byte) error {
		file := simpleHead(bob)
		file = append(bytes.Clone(file), more...)
		for i := range n {
			file = appendKeyPacket(file, keyTagSignature, unhashed(sig, 100, byte(i), byte(i>>8)))
		}
		_, err := keyring.Verify(cert, introducedBy("bob@example.org", file, func() time.Time { return day(2026, 1, 1) }, by))
		return err
	}
	require.NoError(t, verify(maxOpinions, nil))
	require.ErrorIs(t, verify(maxOpinions+1, nil), envelope.ErrLimit)
	wrong := bytes.Clone(sig)
	wrong[bytes.LastIndex(wrong, sig[len(sig)-66:])] ^= 1 // the octets that repeat the digest
	cheap := appendKeyPacket(nil, keyTagSignature, wrong)
	require.NoError(t, verify(maxOpinions, bytes.Repeat(cheap, 3)), "forgeries that are seen to be some")
}

// TestUserIDIsOf: capitals of the domain are the same letters, what only looks
// like one of ASCII is another.
func TestUserIDIsOf(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"bob@example.org", "bob@EXAMPLE.ORG", true},
		{"bob@example.org", "Bob@example.org", false},
		{"bob@\u017Fk.example", "bob@sk.example", false},
		{"bob@s\u212A.example", "bob@sk.example", false},
		{"bob@m\u00FCnchen.example", "bob@m\u00FCNCHEN.example", true},
		{"bob@m\u00FCnchen.example", "bob@m\u00DCnchen.example", true},
		{"bob@m\u00FCnchen.example", "bob@xn--mnchen-3ya.example", true},
		{"bob@m\u00FCnchen.example", "bob@munchen.example", false},
		{"bob@example.org.", "bob@example.org", false},
		{"@example.org", "@example.org", false},
		{"example.org", "@example.org", false},
	} {
		want, err := mailbox.Parse(c.b)
		require.NoError(t, err)
		u := &userID{id: []byte(c.a)}
		require.Equal(t, c.same, u.isOf(want), "%q %q", c.a, c.b)
	}
}
