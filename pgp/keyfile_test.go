package pgp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// rsaKey is one for all tests.
var rsaOnce = sync.OnceValues(func() (*Key, error) {
	return GenerateKey(KeyOptions{Address: "rsa@example.org", Algorithm: "rsa3072"})
})

func rsaKey(t testing.TB) *Key {
	k, err := rsaOnce()
	require.NoError(t, err)
	return k
}

func parseKey(b []byte, passphrase string) (*Key, error) {
	return ParseKey(bytes.NewReader(b), []byte(passphrase))
}

func TestParseKeyOfGnuPG(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		opens  int
		signs  bool
		cannot string
	}{
		"rsa2048": {2, true, ""}, "cv25519": {1, true, ""}, "p256": {1, true, ""},
		"p384": {1, true, ""}, "p521": {1, true, ""}, "brainpool": {1, true, ""}, "multi": {3, true, ""},
		"dsa-elgamal": {1, false, "DSA"}, "expired": {1, false, "expired on 2024-12-31"}, "offline-primary": {1, false, "elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := parseKey(fixture(t, name+".sec"), "fixture")
			require.NoError(t, err)
			pub, err := ParseCertificate(fixture(t, name+".pub"))
			require.NoError(t, err)
			require.Equal(t, pub.Fingerprint(), k.Certificate().Fingerprint())
			require.Equal(t, pub.Marshal(), k.Certificate().Marshal())
			require.Len(t, k.private.decryptionKeys(), want.opens)
			err = k.private.CheckSign(vectorTime, seam.Auto)
			require.Equal(t, want.signs, err == nil, err)
			if err != nil {
				require.ErrorContains(t, err, want.cannot)
				require.ErrorIs(t, err, keyring.ErrRefused)
			}
		})
	}
}

func TestSigningKeyIsTheSubkey(t *testing.T) {
	k, err := parseKey(fixture(t, "multi.sec"), "fixture")
	require.NoError(t, err)
	s, err := k.private.signingKey(vectorTime, seam.PostQuantum)
	require.NoError(t, err)
	require.True(t, s.IsSubkey)
	key, problem := k.private.cert.findSigner(&packet.Signature{Version: 4, IssuerKeyId: &s.KeyId, CreationTime: vectorTime})
	require.Empty(t, problem)
	require.Equal(t, s.Fingerprint, key.Fingerprint)
}

func TestPassphrases(t *testing.T) {
	locked, open := fixture(t, "cv25519.sec"), fixture(t, "unprotected.sec")
	_, err := parseKey(locked, "fixture")
	require.NoError(t, err)
	for _, wrong := range []string{"", "Fixture", "fixture "} {
		_, err := parseKey(locked, wrong)
		require.ErrorIs(t, err, ErrPassphrase, wrong)
	}
	_, err = parseKey(open, "")
	require.NoError(t, err)
	_, err = parseKey(open, "fixture")
	require.ErrorContains(t, err, "not protected by a passphrase, though one was given")
	require.NotErrorIs(t, err, ErrPassphrase)
	_, err = parseKey(fixture(t, "cv25519.pub"), "fixture")
	require.ErrorContains(t, err, "this is a public key")
	_, err = parseKey(append(bytes.Clone(locked), open...), "fixture")
	require.ErrorContains(t, err, "more than one key")
	broken := errors.New("disk")
	_, err = ParseKey(iotest.ErrReader(broken), nil)
	require.ErrorIs(t, err, broken)
	_, err = ParseKey(bytes.NewReader(make([]byte, maxKeyFile+1)), nil)
	require.ErrorAs(t, err, new(*envelope.LimitError))
}

func TestZeroKey(t *testing.T) {
	for _, k := range []*Key{nil, {}} {
		require.Nil(t, k.Certificate())
		require.Equal(t, envelope.Identity{}, k.Identity())
		require.Equal(t, envelope.Signer{}, k.Signer())
		_, err := k.Marshal(nil)
		require.Error(t, err)
	}
}

// secretPackets returns the packets of a secret key.
func secretPackets(t testing.TB, b []byte) (tags []int, bodies [][]byte) {
	raw, _, err := dearmorKey(b)
	require.NoError(t, err)
	require.NoError(t, splitKeyPackets(raw, func(tag int, body []byte) error {
		tags, bodies = append(tags, tag), append(bodies, bytes.Clone(body))
		return nil
	}))
	return tags, bodies
}

func joined(tags []int, bodies [][]byte) (raw []byte) {
	for i := range tags {
		raw = appendKeyPacket(raw, tags[i], bodies[i])
	}
	return raw
}

// TestFlippedKeyFile: no change of one bit of a secret key packet leaves a
// secret that is used, in the form of GnuPG and in ours of version 6.
func TestFlippedKeyFile(t *testing.T) {
	six, err := GenerateKey(KeyOptions{Address: "bob@example.org", Profile: envelope.Modern})
	require.NoError(t, err)
	six6, err := six.Marshal(nil)
	require.NoError(t, err)
	plain := fixture(t, "unprotected.sec")
	for name, file := range map[string][]byte{"version 4": plain, "version 6": six6} {
		tags, bodies := secretPackets(t, file)
		whole, err := parseKey(joined(tags, bodies), "")
		require.NoError(t, err)
		for i, tag := range tags {
			if tag != keyTagSecret && tag != keyTagSecretSub {
				continue
			}
			for at := range bodies[i] {
				bodies[i][at] ^= 1 << (at % 8)
				k, err := parseKey(joined(tags, bodies), "")
				bodies[i][at] ^= 1 << (at % 8)
				if err == nil { // another key than before: its subkey is not bound any more, or nothing binds at all
					fewer := len(k.private.secrets) < len(whole.private.secrets)
					other := k.Certificate().Fingerprint() != whole.Certificate().Fingerprint()
					require.True(t, fewer || other, "%s: packet %d, octet %d", name, i, at)
					if other {
						require.Error(t, k.private.CheckSign(time.Now(), seam.Auto))
					}
				}
			}
		}
	}
}

// TestFlippedLockedKey is the same where a passphrase protects the secret; each
// trial costs a key derivation, so it takes samples of what is protected.
func TestFlippedLockedKey(t *testing.T) {
	tags, bodies := secretPackets(t, fixture(t, "cv25519.sec"))
	_, err := parseKey(joined(tags, bodies), "fixture")
	require.NoError(t, err)
	n := len(bodies[0])
	for _, at := range []int{n - 1, n - 20, n - 21, n - 30, n - 50} { // digest, secret, initialisation vector
		bodies[0][at] ^= 0x10
		_, err := parseKey(joined(tags, bodies), "fixture")
		require.ErrorIs(t, err, ErrPassphrase, at)
		bodies[0][at] ^= 0x10
	}
}

// TestSwappedPublicPart: the secret of one key under the public part of
// another, as who can write to the file would leave it (Klíma and Rosa).
func TestSwappedPublicPart(t *testing.T) {
	t.Parallel()
	for _, o := range []KeyOptions{
		{}, {Algorithm: "p256"}, {Algorithm: "p521"}, {Profile: envelope.Modern}, {Profile: envelope.Modern, Algorithm: "p384"},
	} {
		o.Address = "bob@example.org"
		var files [2][]byte
		for i := range files {
			k, err := GenerateKey(o)
			require.NoError(t, err)
			files[i], err = k.Marshal(nil)
			require.NoError(t, err)
		}
		tags, bodies := secretPackets(t, files[0])
		_, others := secretPackets(t, files[1])
		for i, tag := range tags {
			if tag == keyTagSecret || tag == keyTagSecretSub {
				swapped(t, tags, bodies, i, others[i])
			}
		}
	}
	// RSA takes long to generate: here the primary key and the subkey swap.
	file, err := rsaKey(t).Marshal(nil)
	require.NoError(t, err)
	tags, bodies := secretPackets(t, file)
	sub := slices.Index(tags, keyTagSecretSub)
	swapped(t, tags, bodies, 0, bodies[sub])
	swapped(t, tags, bodies, sub, bodies[0])
}

// swapped puts the secret of other under the public part of packet i.
func swapped(t *testing.T, tags []int, bodies [][]byte, i int, other []byte) {
	t.Helper()
	_, err := parseKey(joined(tags, bodies), "")
	require.NoError(t, err)
	n, err := publicPartLen(bodies[i])
	require.NoError(t, err)
	m, err := publicPartLen(other)
	require.NoError(t, err)
	mixed := slices.Clone(bodies)
	mixed[i] = append(bytes.Clone(bodies[i][:n]), other[m:]...)
	_, err = parseKey(joined(tags, mixed), "")
	require.ErrorIs(t, err, errPair)
}

func TestProtections(t *testing.T) {
	tags, bodies := secretPackets(t, fixture(t, "cv25519.sec"))
	n, err := publicPartLen(bodies[0])
	require.NoError(t, err)
	require.EqualValues(t, usageCFB, bodies[0][n])
	for usage, says := range map[byte]string{
		usageChecksum: "by a checksum only",
		7:             "protection of the 1990s",
		252:           "protection of the 1990s",
	} {
		bodies[0][n] = usage
		_, err := parseKey(joined(tags, bodies), "fixture")
		require.ErrorContains(t, err, says)
	}
}

func TestMarshalKey(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]KeyOptions{"4": {}, "6": {Profile: envelope.Modern}} {
		o.Address = "bob@example.org"
		k, err := GenerateKey(o)
		require.NoError(t, err)
		file, err := k.Marshal([]byte("passphrase"))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(file), "-----BEGIN PGP PRIVATE KEY BLOCK-----"))
		again, err := parseKey(file, "passphrase")
		require.NoError(t, err)
		require.Equal(t, k.Certificate().Marshal(), again.Certificate().Marshal())
		require.Equal(t, len(k.private.secrets), len(again.private.secrets))
		_, err = parseKey(file, "passphrasE")
		require.ErrorIs(t, err, ErrPassphrase)
		require.NoError(t, k.private.CheckSign(time.Now(), seam.Auto), "the key that was written is still unlocked")

		tags, bodies := secretPackets(t, file)
		for i, tag := range tags {
			if tag != keyTagSecret && tag != keyTagSecretSub {
				continue
			}
			s, err := scanSecret(bodies[i], maxArgon2Memory)
			require.NoError(t, err)
			require.Equal(t, map[string]int{"4": usageCFB, "6": usageAEAD}[name], s.usage)
			require.Equal(t, map[string]int{"4": s2kIterated, "6": s2kArgon2}[name], s.s2k.mode)
		}
	}
	stub, err := parseKey(fixture(t, "offline-primary.sec"), "fixture")
	require.NoError(t, err)
	file, err := stub.Marshal(nil)
	require.NoError(t, err)
	again, err := parseKey(file, "")
	require.NoError(t, err)
	require.Len(t, again.private.stubs, 1)
	require.Len(t, again.private.secrets, 1)
}

// TestArgon2Limit: the RFC's own example takes 2 GiB, and is refused before
// anything is computed unless that is allowed.
func TestArgon2Limit(t *testing.T) {
	t.Parallel()
	k, err := GenerateKey(KeyOptions{Address: "bob@example.org", Profile: envelope.Modern})
	require.NoError(t, err)
	file, err := k.Marshal([]byte("x"))
	require.NoError(t, err)
	tags, bodies := secretPackets(t, file)
	n, err := publicPartLen(bodies[0])
	require.NoError(t, err)
	params := bodies[0][n+5:] // usage, count, cipher, AEAD, count
	require.EqualValues(t, s2kArgon2, params[0])
	params[17], params[19] = 255, 31
	_, err = parseKey(joined(tags, bodies), "x")
	require.ErrorAs(t, err, new(*envelope.LimitError))
	params[17], params[19] = 1, 19
	_, err = parseKey(joined(tags, bodies), "x")
	require.ErrorAs(t, err, new(*envelope.LimitError))
	params[19] = 18 // allowed, computed, and not the right key
	_, err = parseKey(joined(tags, bodies), "x")
	require.ErrorIs(t, err, ErrPassphrase)

	require.EqualValues(t, maxArgon2Memory, KeyLimits{}.argon2())
	require.EqualValues(t, 1<<16, KeyLimits{Argon2Memory: 64 << 20}.argon2())
	require.EqualValues(t, mostArgon2Memory, KeyLimits{Argon2Memory: 1 << 40}.argon2())
	require.EqualValues(t, maxArgon2Memory, KeyLimits{Argon2Memory: -1}.argon2())
}

func TestGenerateKey(t *testing.T) {
	for _, o := range []KeyOptions{
		{}, {Algorithm: "curve25519"}, {Algorithm: "p256"}, {Algorithm: "p384"}, {Algorithm: "p521"},
		{Profile: envelope.Compatible}, {Profile: envelope.Modern}, {Profile: envelope.Modern, Algorithm: "p256"}, {Name: "Bob B."},
		{Profile: envelope.Modern, Algorithm: "curve448"}, {Profile: envelope.PostQuantum},
		{Profile: envelope.PostQuantum, Algorithm: "mldsa87+mlkem1024"},
	} {
		o.Address = "bob@example.org"
		k, err := GenerateKey(o)
		require.NoError(t, err)
		now := time.Now()
		c := k.private.cert
		require.Equal(t, []string{"bob@example.org"}, c.Addresses())
		six := o.Profile == envelope.Modern || o.Profile == envelope.PostQuantum
		require.Equal(t, six, c.primary.Version == 6)
		require.Equal(t, six, c.readsSEIPDv2(now))
		require.Equal(t, o.Profile == envelope.PostQuantum, c.CheckSeal(now, seam.PostQuantum) == nil)
		require.False(t, c.readsGCM(now))
		require.Len(t, k.private.decryptionKeys(), 1)
		for when, ok := range map[time.Time]bool{now: true, now.Add(DefaultLifetime - time.Minute): true, now.Add(DefaultLifetime + time.Minute): false} {
			require.Equal(t, ok, c.CheckSeal(when, seam.Auto) == nil)
			require.Equal(t, ok, k.private.CheckSign(when, seam.Auto) == nil)
		}
	}
	require.Len(t, rsaKey(t).private.decryptionKeys(), 2)
	now := time.Now()
	require.NoError(t, rsaKey(t).private.CheckSign(now, seam.Auto))
	require.NoError(t, rsaKey(t).private.cert.CheckSeal(now, seam.Auto))
	k, err := GenerateKey(KeyOptions{Address: "bob@example.org", Lifetime: Forever})
	require.NoError(t, err)
	require.NoError(t, k.private.cert.CheckSeal(now.Add(100*year), seam.Auto))
	k, err = GenerateKey(KeyOptions{Address: "bob@example.org", Lifetime: time.Hour})
	require.NoError(t, err)
	require.ErrorAs(t, k.private.cert.CheckSeal(now.Add(2*time.Hour), seam.Auto), new(*keyring.ExpiredError))

	for name, o := range map[string]KeyOptions{
		"no address":     {},
		"a name in it":   {Address: "Bob <bob@example.org>"},
		"two":            {Address: "bob@example.org, eve@example.org"},
		"brackets":       {Address: "bob@example.org", Name: "Bob <eve@example.org>"},
		"line in name":   {Address: "bob@example.org", Name: "Bob\nEve"},
		"long name":      {Address: "bob@example.org", Name: strings.Repeat("x", maxName+1)},
		"algorithm":      {Address: "bob@example.org", Algorithm: "rsa1024"},
		"classical":      {Address: "bob@example.org", Profile: envelope.PostQuantum, Algorithm: "curve25519"},
		"not classical":  {Address: "bob@example.org", Profile: envelope.Modern, Algorithm: "mldsa65+mlkem768"},
		"448 of gpg":     {Address: "bob@example.org", Algorithm: "curve448"},
		"both":           {Address: "bob@example.org", UserIDs: []string{"bob"}},
		"both names":     {Name: "Bob", UserIDs: []string{"bob"}},
		"empty user ID":  {UserIDs: []string{"bob", ""}},
		"line in ID":     {UserIDs: []string{"bob\neve"}},
		"no UTF-8":       {UserIDs: []string{"b\xf6b"}},
		"twice":          {UserIDs: []string{"bob", "eve", "bob"}},
		"long ID":        {UserIDs: []string{strings.Repeat("x", maxUserIDBytes+1)}},
		"profile":        {Address: "bob@example.org", Profile: 99},
		"short lifetime": {Address: "bob@example.org", Lifetime: time.Millisecond},
		"past":           {Address: "bob@example.org", Lifetime: -time.Hour},
		"too long":       {Address: "bob@example.org", Lifetime: 137 * year},
	} {
		_, err := GenerateKey(o)
		require.ErrorContains(t, err, "pgp: ", name)
	}
}

// TestGnuPGImports: what is generated by default is what gpg takes, unlocks
// and exports again as the same key.
func TestGnuPGImports(t *testing.T) {
	t.Parallel()
	gpg, err := exec.LookPath("gpg")
	if err != nil {
		t.Skip("gpg is not installed")
	}
	home := t.TempDir()
	run := func(in []byte, args ...string) []byte {
		t.Helper()
		cmd := exec.Command(gpg, append([]string{"--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "fixture"}, args...)...)
		cmd.Stdin = bytes.NewReader(in)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		require.NoError(t, err, errs.String())
		return out
	}
	require.NoError(t, os.Chmod(home, 0o700))
	t.Cleanup(func() { exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() })
	require.NoError(t, os.WriteFile(filepath.Join(home, "gpg-agent.conf"), []byte("s2k-count 65536\n"), 0o600))
	curve, err := GenerateKey(KeyOptions{Address: "curve@example.org"})
	require.NoError(t, err)
	for address, k := range map[string]*Key{"curve@example.org": curve, "rsa@example.org": rsaKey(t)} {
		file, err := k.Marshal([]byte("fixture"))
		require.NoError(t, err)
		run(file, "--import")
		got, err := ParseCertificate(run(nil, "--armor", "--export", address))
		require.NoError(t, err)
		require.Equal(t, k.Certificate().Fingerprint(), got.Fingerprint())
		sec, err := parseKey(run(nil, "--armor", "--export-secret-keys", address), "fixture")
		require.NoError(t, err)
		require.Len(t, sec.private.secrets, 2)
	}
}

func TestRevocationCertificate(t *testing.T) {
	for _, p := range []envelope.Profile{envelope.Compatible, envelope.Modern} {
		k, err := GenerateKey(KeyOptions{Address: "bob@example.org", Profile: p})
		require.NoError(t, err)
		text, err := k.Revocation()
		require.NoError(t, err)
		raw, _, err := dearmorKey(text)
		require.NoError(t, err)
		c, err := parseCertificate(append(k.Certificate().Marshal(), raw...))
		require.NoError(t, err)
		require.ErrorAs(t, c.Refuse(), new(*keyring.RevokedError))
		require.NoError(t, k.private.cert.Refuse(), "making one revokes nothing")
		other, err := GenerateKey(KeyOptions{Address: "bob@example.org", Profile: p})
		require.NoError(t, err)
		c, err = parseCertificate(append(other.Certificate().Marshal(), raw...))
		require.NoError(t, err)
		require.NoError(t, c.Refuse(), "somebody else's revocation")
	}
	stub, err := parseKey(fixture(t, "offline-primary.sec"), "fixture")
	require.NoError(t, err)
	_, err = stub.Revocation()
	require.ErrorContains(t, err, "kept elsewhere")
	_, err = new(Key).Revocation()
	require.Error(t, err)
}

// TestHugeRSA: keys that are not used are refused before they cost anything.
func TestHugeRSA(t *testing.T) {
	body := func(bits int) []byte {
		b := binary.BigEndian.AppendUint16([]byte{4, 0, 0, 0, 0, 1}, uint16(bits))
		b = append(b, make([]byte, (bits+7)/8)...)
		b[8] = 0xff
		return append(b, 0, 2, 3)
	}
	require.NoError(t, hugeRSA(body(maxRSABits)))
	require.ErrorAs(t, hugeRSA(body(maxRSABits+1)), new(*envelope.LimitError))
	_, err := publicPartLen(body(maxMPIBits))
	require.NoError(t, err)
	_, err = publicPartLen(body(maxMPIBits + 1))
	require.Error(t, err)
}
