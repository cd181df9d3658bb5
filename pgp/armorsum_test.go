package pgp_test

import (
	"bytes"
	"io"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// The checksum of armor is read as RFC 9580, Section 6.1 demands: where it is
// wrong, no checksum at all or missing the armor is read, in every place where
// armor is, and a report says that it is wrong.
func TestArmorChecksum(t *testing.T) {
	k := key(t, "curve25519")
	bob := verified(t, k)
	text := []byte("text")
	sealed, _ := seal(t, &envelope.Sealer{Armor: true}, text, bob)
	signed, sig := inline(t, true, text, k), detached(t, true, text, k)
	cert, err := pgp.MarshalArmored(k.Certificate())
	require.NoError(t, err)
	secret, err := k.Marshal(nil)
	require.NoError(t, err)
	o := opener(k)
	o.Senders = []*keyring.Verified{bob}

	line := regexp.MustCompile(`\n=[A-Za-z0-9+/]{4}\n`)
	const wrong = "the armor's checksum is wrong"
	for name, to := range map[string]string{"right": "", "missing": "\n", "wrong": "\n=AAAA\n", "short": "\n=AAA\n", "empty": "\n=\n", "no base64": "\n=?\n"} {
		with := func(b []byte) io.Reader {
			require.Len(t, line.FindAll(b, -1), 1)
			if to != "" {
				b = line.ReplaceAll(b, []byte(to))
			}
			return bytes.NewReader(b)
		}
		found := func(r *envelope.Report, err error) {
			t.Helper()
			require.NoError(t, err, name)
			require.Equal(t, name != "right" && name != "missing", bytes.Contains([]byte(join(r.Findings)), []byte(wrong)), name)
		}
		got, r, err := open(o, with(sealed))
		found(r, err)
		require.Equal(t, text, got)
		found(envelope.Inspect(with(sealed), pgp.Format()))
		found(envelope.Inspect(with(signed), pgp.Format()))
		found(envelope.Inspect(with(sig), pgp.Format()))
		m, err := o.Verify(with(signed))
		require.NoError(t, err)
		got, err = io.ReadAll(m)
		found(m.Report(), err)
		require.Equal(t, text, got)
		found(o.VerifyDetached(with(sig), bytes.NewReader(text)))
		b, _ := io.ReadAll(with(cert))
		c, err := pgp.ParseCertificate(b)
		require.NoError(t, err, name)
		require.Equal(t, k.Certificate().Fingerprint(), c.Fingerprint())
		_, err = pgp.ParseKey(with(secret), nil)
		require.NoError(t, err, name)
	}
}

func join(list []string) (s string) {
	for _, l := range list {
		s += l + "\n"
	}
	return s
}
