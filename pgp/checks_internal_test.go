package pgp

import (
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/x25519"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// rsaOf is a public key of so many bits, of which nobody has the secret.
func rsaOf(bits, e int) *packet.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return packet.NewRSAPublicKey(day(2024, 1, 1), &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: e})
}

// TestWeakRSA: RSA keys that are too short, too long, or none.
func TestWeakRSA(t *testing.T) {
	for _, c := range []struct {
		bits, e int
		says    string // "": good
	}{
		{minRSABits, 65537, ""},
		{minRSABits - 1, 65537, "2047 bits, fewer than"},
		{maxRSABits, 65537, ""},
		{maxRSABits + 1, 65537, "8193 bits, more than"},
		{minRSABits, 3, ""},
		{minRSABits, 1, "none"},
		{minRSABits, 65536, "none"},
	} {
		k := rsaOf(c.bits, c.e)
		for _, why := range []string{weakRSA(k), weakSigner(k), notForSealing(k)} {
			if c.says == "" {
				require.Empty(t, why)
			} else {
				require.Contains(t, why, c.says)
			}
		}
	}
}

// TestWeakSigner: a signature of a short key is weak, however right it is.
func TestWeakSigner(t *testing.T) {
	now := day(2024, 6, 1)
	sig := &packet.Signature{CreationTime: now}
	for bits, want := range map[int]seam.SignatureStatus{
		minKeyBits: seam.SignatureValid, minKeyBits - 1: seam.SignatureWeak, 1024: seam.SignatureWeak,
	} {
		status, detail := (&judge{now: now}).worth(rsaOf(bits, 65537), "", sig)
		require.Equal(t, want, status, "%d bits: %s", bits, detail)
	}
}

// TestUnconfirmedSigner: nothing is signed with a subkey that does not say
// itself that it belongs to the certificate: nobody would take the signature.
func TestUnconfirmedSigner(t *testing.T) {
	born, now := day(2024, 1, 1), day(2024, 6, 1)
	stranger := newSmith(t, 4, born)
	for name, c := range map[string]struct {
		back edit // of the binding; nil: as it should be
		says string
	}{
		"confirmed": {nil, ""},
		"confirmed by a stranger": {func(sig *packet.Signature) {
			sig.EmbeddedSignature = stranger.made(stranger.primary, packet.SigTypePrimaryKeyBinding, nil)
		}, "does not confirm"},
	} {
		s := newSmith(t, 4, born).userID(userIDText, certifies)
		k := s.signingKey(born)
		e := edit(signs)
		if c.back != nil {
			e = with(signs, c.back)
		}
		s.subkey(k, e)
		key := &privateKey{cert: s.certificate(), secrets: map[string]*packet.PrivateKey{string(k.Fingerprint): k}}
		err := key.CheckSign(now, seam.Auto)
		if c.says == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, c.says, name)
		}
	}
}

// TestLowOrder: nothing is sealed to a point of low order, to which the shared
// secret is nought for everybody (RFC 7748, Section 6.1).
func TestLowOrder(t *testing.T) {
	good, err := x25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	one := make([]byte, 32)
	one[0] = 1
	for name, c := range map[string]struct {
		point []byte
		good  bool
	}{
		"a key": {good.Point, true}, "nought": {make([]byte, 32), false}, "one": {one, false}, "short": {good.Point[:31], false},
	} {
		k := packet.NewX25519PublicKey(time.Now(), &x25519.PublicKey{Point: c.point})
		require.Equal(t, c.good, notForSealing(k) == "", name)
	}
}

// TestArgon2Sum: the derivations of one key file are limited together, before
// the first of them.
func TestArgon2Sum(t *testing.T) {
	k, err := GenerateKey(KeyOptions{Address: "bob@example.org", Profile: envelope.Modern})
	require.NoError(t, err)
	file, err := k.Marshal([]byte("x"))
	require.NoError(t, err)
	tags, bodies := secretPackets(t, file)
	const parameters = 5 // usage, count, cipher, AEAD, count
	for passes, limited := range map[byte]bool{maxArgon2Passes: true, 1: false} {
		for i, tag := range tags {
			if tag != keyTagSecret && tag != keyTagSecretSub {
				continue
			}
			n, err := publicPartLen(bodies[i])
			require.NoError(t, err)
			spec := bodies[i][n+parameters:]
			require.EqualValues(t, s2kArgon2, spec[0])
			spec[17], spec[19] = passes, 18 // each by itself is allowed
		}
		_, err := parseKey(joined(tags, bodies), "x")
		if limited {
			require.ErrorAs(t, err, new(*envelope.LimitError))
		} else {
			require.ErrorIs(t, err, ErrPassphrase, "computed, and not the right key")
		}
	}
}

// TestBinarySecretKey: a secret key without armor is called what it is, and
// not a damaged certificate.
func TestBinarySecretKey(t *testing.T) {
	for name, says := range map[string]string{"cv25519.pub": "", "cv25519.sec": "this is a secret key: give the public one"} {
		raw, _, err := dearmorKey(fixture(t, name))
		require.NoError(t, err)
		_, err = ParseCertificate(raw)
		if says == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, says)
		}
	}
}
