package mail_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
)

// Whatever comes is opened, or refused for a reason that has a name. What is in
// no layer is never called encrypted, signed or protected; what is in one has an
// island of its own; and nothing that Strict takes is ambiguous.
func FuzzOpen(f *testing.F) {
	alice, bob := partyOf(f, "alice"), partyOf(f, "bob")
	for _, format := range []string{"OpenPGP", "S/MIME"} {
		f.Add(headers + sealedTo(f, format, hello, alice, bob))
		f.Add(headers + signedBy(f, format, mixed(hello, hello), alice))
	}
	f.Add(headers + plainText + "a\r\n" + cleartext(f, "text", alice) + block(f, "text", nil, bob))
	f.Add(headers + mixed(opaque(f, hello, alice), compressed(f, hello), certsOnly(f)))
	f.Add(headers + "Content-Type: message/rfc822\r\n\r\n" + headers + hello)
	f.Fuzz(func(t *testing.T, msg string) {
		o := reader(t)
		m, err := o.Open(strings.NewReader(msg))
		if err != nil {
			require.ErrorIs(t, err, envelope.ErrLimit)
			return
		}
		defer m.Close()
		paths := map[string]bool{}
		ambiguous := false
		for _, p := range m.Parts() {
			require.False(t, paths[p.Path], p.Path)
			paths[p.Path] = true
			if len(p.Within()) == 0 {
				require.False(t, p.Encrypted || p.Signed || p.Protected || p.Verified)
			}
			for _, c := range p.Children() {
				require.True(t, strings.HasPrefix(c.Path, p.Path+"."))
				require.True(t, len(c.Within()) == len(p.Within()) || c.Island() != p.Island())
			}
			for _, f := range p.Findings {
				ambiguous = ambiguous || f.Ambiguous
			}
			_, err := io.Copy(io.Discard, p.Open())
			require.NotErrorIs(t, err, envelope.ErrClosed)
			_, err = io.Copy(io.Discard, p.Raw())
			require.NoError(t, err)
		}
		for _, f := range m.Summary().Findings {
			ambiguous = ambiguous || f.Ambiguous
		}
		require.False(t, ambiguous && m.Summary().Verified)
		o.Strict = true
		strict, err := o.Open(strings.NewReader(msg))
		require.Equal(t, ambiguous, errors.As(err, new(*mail.AmbiguousError)))
		if err == nil {
			require.NoError(t, strict.Close())
		}
	})
}
