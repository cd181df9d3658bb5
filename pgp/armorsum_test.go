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

// The checksum is written for what readers of version 4 read, and only for
// that, RFC 9580, Section 6.1: for nothing that has a part of version 6.
func TestArmorChecksumWritten(t *testing.T) {
	old, new := key(t, "curve25519"), key(t, "v6")
	sealed := func(to *pgp.Key, s envelope.Sealer) []byte {
		s.Armor = true
		b, _ := seal(t, &s, []byte("text"), verified(t, to))
		return b
	}
	cert := func(k *pgp.Key) []byte {
		b, err := pgp.MarshalArmored(k.Certificate())
		require.NoError(t, err)
		return b
	}
	secret := func(k *pgp.Key) []byte {
		b, err := k.Marshal(nil)
		require.NoError(t, err)
		return b
	}
	text := []byte("text")
	line := regexp.MustCompile(`\n=[A-Za-z0-9+/]{4}\n-----END`)
	for name, b := range map[string][]byte{
		"certificate": cert(old), "key": secret(old), "sealed": sealed(old, envelope.Sealer{}),
		"sealed by version 6": sealed(old, envelope.Sealer{Signers: []envelope.Signer{new.Signer()}}),
		"detached":            detached(t, true, text, old), "signed": inline(t, true, text, old), "two": detached(t, true, text, old, old),
	} {
		require.Len(t, line.FindAll(b, -1), 1, "%s: %s", name, b)
	}
	for name, b := range map[string][]byte{
		"certificate": cert(new), "key": secret(new), "sealed": sealed(new, envelope.Sealer{}),
		"sealed by version 4": sealed(new, envelope.Sealer{Signers: []envelope.Signer{old.Signer()}}),
		"detached":            detached(t, true, text, new), "signed": inline(t, true, text, new), "two": detached(t, true, text, old, new),
	} {
		require.Empty(t, line.FindAll(b, -1), "%s: %s", name, b)
	}
}

// A signature of version 3, which PGP 2 to 5 made, is one that is not
// supported, and the report says so; a good one beside it counts.
func TestVersion3(t *testing.T) {
	k := key(t, "curve25519")
	o := &envelope.Opener{Senders: []*keyring.Verified{verified(t, k)}}
	text := []byte("text")
	v3 := pkt(2, []byte{3, 5, 0, 0x40, 0, 0, 0}, make([]byte, 8), []byte{1, 8, 0xAB, 0xCD, 0, 8, 0xFF})
	good := detached(t, false, text, k)
	r, err := o.VerifyDetached(bytes.NewReader(append(v3, good...)), bytes.NewReader(text))
	require.NoError(t, err)
	require.Len(t, r.Signatures, 2)
	require.Contains(t, r.Signatures[0].Problem(), "it is of version 3")
	require.True(t, r.Signatures[1].Valid())
	_, err = o.VerifyDetached(bytes.NewReader(v3), bytes.NewReader(text))
	require.ErrorIs(t, err, envelope.ErrSignature)
	require.ErrorContains(t, err, "version 3")
	_, err = o.VerifyDetached(bytes.NewReader(pkt(2, []byte{4, 5, 0, 0x40, 0, 0, 0}, make([]byte, 8))), bytes.NewReader(text))
	require.ErrorContains(t, err, "malformed")
}
