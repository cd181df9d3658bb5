package pgp

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// believed verifies a certificate by its own fingerprint.
func believed(t testing.TB, c *keyring.Certificate) *keyring.Verified {
	v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
	require.NoError(t, err)
	return v
}

// foreign returns the signatures of a file by another key than its own.
func foreign(t testing.TB, file []byte, by *Key) (ids []string) {
	raw, _, err := dearmorKey(file)
	require.NoError(t, err)
	c, err := parseCertificate(file)
	require.NoError(t, err)
	key := by.private.cert.primary
	id := ""
	require.NoError(t, splitKeyPackets(raw, func(tag int, body []byte) error {
		if tag == keyTagUserID {
			id = string(body)
		}
		if tag != keyTagSignature || newKeyIssuer(c.hashed[hashedHead(c.primary):]).mayHaveMade(body) {
			return nil
		}
		sig, err := readKeyPacket[*packet.Signature](keyTagSignature, body)
		require.NoError(t, err)
		require.Equal(t, packet.SignatureType(sigCertFirst), sig.SigType)
		require.True(t, signedOver(key, sig, c.hashed, hashedUserID([]byte(id))))
		ids = append(ids, id)
		return nil
	}))
	return ids
}

func TestCertify(t *testing.T) {
	t.Parallel()
	for _, p := range []envelope.Profile{envelope.Compatible, envelope.Modern, envelope.PostQuantum} {
		carol, err := GenerateKey(KeyOptions{Address: "carol@example.org", Profile: p})
		require.NoError(t, err)
		bob, err := GenerateKey(KeyOptions{UserIDs: []string{"Bob <bob@example.org>", "Bob at work <bob@example.org>", "Bob <bob@example.com>", "bob"}})
		require.NoError(t, err)
		v := believed(t, bob.Certificate())
		for who, want := range map[string][]string{
			"bob@example.org":       {"Bob <bob@example.org>", "Bob at work <bob@example.org>"},
			"bob":                   {"bob"},
			"Bob <bob@example.com>": {"Bob <bob@example.com>"},
		} {
			file, err := carol.Certify(v, who)
			require.NoError(t, err)
			require.Equal(t, want, foreign(t, file, carol))
			c, err := ParseCertificate(file)
			require.NoError(t, err)
			require.Equal(t, bob.Certificate().Marshal(), c.Marshal(), "nothing of others' is kept here")
		}
		for _, who := range []string{"", "Bob", "eve@example.org", "bob@example", "<bob@example.org>", "BOB"} {
			_, err = carol.Certify(v, who)
			require.ErrorIs(t, err, keyring.ErrRefused, who)
		}
		require.Equal(t, bob.private.cert.encode(nil), bob.Certificate().Marshal(), "bob's is as it was")
	}
}

// TestCertifyRefuses: each with its twin that certifies.
func TestCertifyRefuses(t *testing.T) {
	t.Parallel()
	born := time.Now().Add(-time.Hour).Truncate(time.Second)
	v := believed(t, simple(t, 4, born).certificate().public())
	address := addrSpec(userIDText)
	with := func(edits ...edit) *Key {
		s := newSmith(t, 4, born)
		for _, e := range edits {
			s.userID("<carol@example.org>", e)
		}
		return s.forged()
	}
	_, err := with(certifies).Certify(v, address)
	require.NoError(t, err)
	_, err = with(signs).Certify(v, address)
	require.ErrorContains(t, err, "not for certifying")
	_, err = with().Certify(v, address)
	require.ErrorIs(t, err, keyring.ErrRefused)
	_, err = with(func(sig *packet.Signature) { certifies(sig); lives(time.Minute)(sig) }).Certify(v, address)
	require.ErrorAs(t, err, new(*keyring.ExpiredError))
	gone, err := with(certifies).Revoke(Retired, "")
	require.NoError(t, err)
	gone.private.cert.revocations[0].CreationTime = born
	_, err = gone.Certify(v, address)
	require.ErrorAs(t, err, new(*keyring.RevokedError))
	for _, v := range []*keyring.Verified{nil, {}} {
		_, err = with(certifies).Certify(v, address)
		require.Error(t, err)
	}
	stub, err := parseKey(fixture(t, "offline-primary.sec"), "fixture")
	require.NoError(t, err)
	_, err = stub.Certify(v, address)
	require.ErrorContains(t, err, "kept elsewhere")

	// A user ID that its owner took back is nobody's to certify.
	s := newSmith(t, 4, born).userID("<bob@example.org>", certifies).userID("<bob@example.com>", certifies)
	s.add(keyTagSignature, s.sign(s.primary, sigCertificationRevo, nil, s.hashed(), hashedUserID([]byte("<bob@example.com>"))))
	two := believed(t, s.certificate().public())
	_, err = with(certifies).Certify(two, "bob@example.org")
	require.NoError(t, err)
	_, err = with(certifies).Certify(two, "bob@example.com")
	require.ErrorIs(t, err, keyring.ErrRefused)
}

// TestGnuPGTakesCertification: gpg counts the certification as good.
func TestGnuPGTakesCertification(t *testing.T) {
	t.Parallel()
	gpg, err := exec.LookPath("gpg")
	if err != nil {
		t.Skip("gpg is not installed")
	}
	home, err := os.MkdirTemp("", "dkb")
	require.NoError(t, err)
	t.Cleanup(func() {
		exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		os.RemoveAll(home)
	})
	carol, err := GenerateKey(KeyOptions{Address: "carol@example.org"})
	require.NoError(t, err)
	bob, err := GenerateKey(KeyOptions{Address: "bob@example.org"})
	require.NoError(t, err)
	file, err := carol.Certify(believed(t, bob.Certificate()), "bob@example.org")
	require.NoError(t, err)
	public, err := MarshalArmored(carol.Certificate())
	require.NoError(t, err)
	for _, in := range [][]byte{public, file} {
		cmd := exec.Command(gpg, "--homedir", home, "--batch", "--quiet", "--import")
		cmd.Stdin = bytes.NewReader(in)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	out, err := exec.Command(gpg, "--homedir", home, "--batch", "--with-colons", "--check-sigs", "bob@example.org").Output()
	require.NoError(t, err)
	require.Regexp(t, `(?m)^sig:!:.*carol@example.org`, string(out))
}

func TestKeyCertificate(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"cv25519", "rsa2048", "p256", "multi"} {
		c, err := KeyCertificate(fixture(t, name+".sec"))
		require.NoError(t, err)
		want, err := ParseCertificate(fixture(t, name+".pub"))
		require.NoError(t, err)
		require.Equal(t, want.Marshal(), c.Marshal())
		_, err = KeyCertificate(fixture(t, name+".pub"))
		require.ErrorContains(t, err, "public key")
	}
	_, err := KeyCertificate(nil)
	require.Error(t, err)
	_, err = KeyCertificate(make([]byte, maxKeyFile+1))
	require.ErrorAs(t, err, new(*envelope.LimitError))
}

func TestKeyMerge(t *testing.T) {
	t.Parallel()
	k, err := GenerateKey(KeyOptions{Address: "bob@example.org"})
	require.NoError(t, err)
	gone, err := k.Revoke(NoReason, "")
	require.NoError(t, err)
	both, err := k.Merge(gone.Certificate())
	require.NoError(t, err)
	require.Error(t, both.private.cert.Refuse())
	require.NoError(t, k.private.cert.Refuse())
	again, err := both.Merge(k.Certificate())
	require.NoError(t, err)
	require.Error(t, again.private.cert.Refuse(), "an old copy takes nothing back")
	require.Len(t, again.private.secrets, 2)
	other, err := GenerateKey(KeyOptions{Address: "bob@example.org"})
	require.NoError(t, err)
	_, err = k.Merge(other.Certificate())
	require.ErrorAs(t, err, new(*keyring.MismatchError))
	_, err = k.Merge(nil)
	require.Error(t, err)
	_, err = new(Key).Merge(k.Certificate())
	require.Error(t, err)
}
