package mail_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

func ringWith(t testing.TB, who ...*party) *keyring.Ring {
	t.Helper()
	ring, err := keyring.OpenRing(t.TempDir(), pgp.ParseCertificate, smime.ParseCertificate)
	require.NoError(t, err)
	for _, p := range who {
		for _, format := range []string{"OpenPGP", "S/MIME"} {
			_, err := ring.Add(p.verified(t, format), keyring.Addition{})
			require.NoError(t, err)
		}
	}
	return ring
}

// Whose key checked the signatures: the ring's for From, as it stands outside
// and, where that says nobody, as it stands inside.
func TestRingSenders(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	inside := "From: alice@example.org\r\n" + hello
	hidden := strings.Replace(headers, "alice@example.org", "hidden@example.org", 1)
	for _, c := range []struct {
		name, msg string
		checked   bool
	}{
		{"signed", headers + signedBy(t, "OpenPGP", hello, alice), true},
		{"sealed", headers + sealedTo(t, "OpenPGP", hello, alice, bob), true},
		{"of S/MIME", headers + opaque(t, hello, alice), true},
		{"sealed, From inside alone", hidden + sealedTo(t, "OpenPGP", inside, alice, bob), true},
		{"signed, From inside alone", hidden + signedBy(t, "OpenPGP", inside, alice), true},
		{"signed in the encryption, From inside alone", hidden + sealedTo(t, "OpenPGP", signedBy(t, "OpenPGP", inside, alice), nil, bob), true},
		{"no From inside", hidden + sealedTo(t, "OpenPGP", hello, alice, bob), false},
		{"From of nobody inside", hidden + sealedTo(t, "OpenPGP", strings.Replace(inside, "alice", "nobody", 1), alice, bob), false},
		{"no address", strings.Replace(headers, "alice@example.org", "alice", 1) + signedBy(t, "OpenPGP", hello, alice), false},
		{"From that cannot be parsed", strings.Replace(headers, "alice@example.org", "a <alice@example.org> b", 1) + signedBy(t, "OpenPGP", hello, alice), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := &mail.Opener{Identities: bob.identities(), Formats: []envelope.Format{pgp.Format(), smime.Format()}, Ring: ringWith(t, alice)}
			m := opened(t, o, c.msg)
			layers := m.Layers()
			sigs := layers[len(layers)-1].Report.Signatures
			require.Len(t, sigs, 1)
			require.Equal(t, c.checked, sigs[0].Valid())
			require.Equal(t, c.checked, sigs[0].Sender != nil)
		})
	}
}

// A ring that cannot be read does not say that nobody is believed.
func TestRingFails(t *testing.T) {
	alice := partyOf(t, "alice")
	dir := filepath.Join(t.TempDir(), "ring")
	ring, err := keyring.OpenRing(dir, pgp.ParseCertificate, smime.ParseCertificate)
	require.NoError(t, err)
	_, err = ring.Add(alice.verified(t, "S/MIME"), keyring.Addition{})
	require.NoError(t, err)
	o := &mail.Opener{Formats: []envelope.Format{pgp.Format(), smime.Format()}, Ring: ring}
	// Without From it is asked only for whom the signer claims to be.
	anonymous := strings.Replace(headers, "From: alice@example.org\r\n", "", 1) + signedBy(t, "S/MIME", hello, alice)
	require.Equal(t, "alice@example.org", opened(t, o, anonymous).Summary().Signer)
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.WriteFile(dir, nil, 0o600))
	for name, msg := range map[string]string{"before": headers + signedBy(t, "S/MIME", hello, alice), "after": anonymous} {
		_, err = o.Open(strings.NewReader(msg))
		require.Error(t, err, name)
		require.NotErrorIs(t, err, keyring.ErrRefused, name)
	}
	_, err = o.Open(strings.NewReader(headers + plainText + "hello"))
	require.Error(t, err)
	_, err = o.Open(strings.NewReader("To: bob@example.org\r\n" + plainText + "hello"))
	require.NoError(t, err, "nobody was asked for")
}

// What anybody can do without a key: the zero Opener reads, and says what it cannot.
func TestZeroOpener(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	for name, entity := range map[string]string{
		"signed": signedBy(t, "OpenPGP", hello, alice), "opaque": opaque(t, hello, alice),
		"encrypted": sealedTo(t, "OpenPGP", hello, nil, bob), "sealed": sealedTo(t, "S/MIME", hello, alice, bob),
		"inline": plainText + cleartext(t, "text", alice),
	} {
		m := opened(t, new(mail.Opener), headers+entity)
		require.Len(t, m.Layers(), 1, name)
		require.ErrorIs(t, m.Layers()[0].Err, envelope.ErrFormat, name)
		require.ErrorContains(t, m.Layers()[0].Err, "no format is known", name)
	}
	o := &mail.Opener{Formats: []envelope.Format{pgp.Format(), smime.Format()}}
	m := opened(t, o, headers+sealedTo(t, "OpenPGP", hello, nil, bob))
	require.Equal(t, "1 multipart/encrypted [encrypted !]\n", shape(m))
	require.Equal(t, envelope.ErrNotForYou, m.Err())
	require.False(t, m.Summary().Encrypted)
	m = opened(t, o, headers+signedBy(t, "OpenPGP", hello, alice))
	require.NoError(t, m.Err(), "the content is there")
	require.ErrorIs(t, m.Layers()[0].Err, envelope.ErrSignature)
	require.Equal(t, "1 multipart/signed [signed !]\n1.1 text/plain s\n", shape(m))
}

// Content whose signature is bad is shown, as what nobody signed is; content
// that is not authentic is not, whoever signed it.
func TestBadSignature(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	for _, format := range []string{"OpenPGP", "S/MIME"} {
		entity := signedBy(t, format, hello, alice)
		bad := strings.Replace(entity, "hello", "jello", 1)
		m := opened(t, reader(t), headers+bad)
		require.Equal(t, "1 multipart/signed [signed !]\n1.1 text/plain s\n", shape(m))
		require.True(t, m.Layers()[0].Report.Signatures[0].Bad())
		require.Equal(t, "jello", text(t, m, "1.1"))
		require.False(t, m.Summary().Verified)

		m = opened(t, reader(t), headers+sealedTo(t, format, bad, nil, bob))
		require.Contains(t, shape(m), "1.1 multipart/signed ep [signed !]\n1.1.1 text/plain esp\n")
		require.True(t, m.Summary().Encrypted)

		sealed := []byte(headers + sealedTo(t, format, hello, alice, bob))
		at := bytes.LastIndex(sealed, []byte("\r\n\r\n")) + 4 + 70*4
		if format == "OpenPGP" {
			at = bytes.Index(sealed, []byte("-----END PGP")) - 100
		}
		sealed[at] ^= 'A' ^ 'B'
		m = opened(t, reader(t), string(sealed))
		require.Len(t, m.Parts(), 1, "something was released")
		require.Error(t, m.Err())
		require.False(t, m.Summary().Encrypted)
	}
}

// The certificates that came beside are there for Evidence.
func TestReportCertificates(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	for _, entity := range []string{opaque(t, hello, alice), signedBy(t, "S/MIME", hello, alice), sealedTo(t, "S/MIME", hello, alice, bob)} {
		r := opened(t, reader(t), headers+entity).Layers()[0].Report
		require.NotEmpty(t, r.Certificates)
		require.Equal(t, alice.smime.Certificate().Fingerprint(), r.Certificates[0].Fingerprint())
	}
}

// Who got a signed mail can seal it anew for the next one (Davis, "Defective
// Sign & Encrypt", 2001). OpenPGP's signature names for whom it was made.
func TestForwarded(t *testing.T) {
	alice, bob, eve := partyOf(t, "alice"), partyOf(t, "bob"), partyOf(t, "eve")
	anew := func(armor string) string {
		var out bytes.Buffer
		_, err := envelope.Rewrap(&out, strings.NewReader(armor), &envelope.Opener{Identities: eve.identities()},
			&envelope.Sealer{Armor: true}, bob.verified(t, "OpenPGP"))
		require.NoError(t, err)
		return pgpMIME(out.String())
	}
	m := opened(t, reader(t), headers+anew(block(t, hello, alice, eve)))
	require.True(t, m.Layers()[0].Report.Signatures[0].Misdirected())
	require.True(t, m.Summary().Encrypted && m.Summary().Signed)
	require.False(t, m.Summary().Verified)

	m = opened(t, reader(t), headers+anew(block(t, hello, alice, eve, bob)))
	require.True(t, m.Layers()[0].Report.Signatures[0].Valid())
	require.True(t, m.Summary().Verified)
}
