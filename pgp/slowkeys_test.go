package pgp

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// numbers is a version 4 public key of numbers with so many bits.
func numbers(algorithm packet.PublicKeyAlgorithm, bits ...int) []byte {
	body := []byte{4, 0x65, 0, 0, 0, byte(algorithm)}
	for _, n := range bits {
		b := bytes.Repeat([]byte{0xFF}, (n+7)/8)
		b[0] >>= (8 - n%8) % 8
		body = append(body, mpi(b)...)
	}
	return body
}

// TestLargeOldKeys: DSA and Elgamal keys that take seconds are none.
func TestLargeOldKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body []byte
		ok   bool
	}{
		{numbers(packet.PubKeyAlgoDSA, maxDSABits, maxDSAOrder, maxDSABits, maxDSABits), true},
		{numbers(packet.PubKeyAlgoDSA, maxDSABits+1, maxDSAOrder, maxDSABits, maxDSABits), false},
		{numbers(packet.PubKeyAlgoDSA, maxDSABits, maxDSAOrder+1, maxDSABits, maxDSABits), false},
		{numbers(packet.PubKeyAlgoDSA, maxDSABits, maxDSAOrder, maxDSABits+1, maxDSABits), false},
		{numbers(packet.PubKeyAlgoDSA, maxDSABits, maxDSAOrder, maxDSABits, maxDSABits+1), false},
		{numbers(packet.PubKeyAlgoElGamal, maxElgamalBits, maxElgamalBits, maxElgamalBits), true},
		{numbers(packet.PubKeyAlgoElGamal, maxElgamalBits+1, maxElgamalBits, maxElgamalBits), false},
		{numbers(packet.PubKeyAlgoElGamal, maxElgamalBits, maxElgamalBits+1, maxElgamalBits), false},
		{numbers(packet.PubKeyAlgoElGamal, maxElgamalBits, maxElgamalBits, maxElgamalBits+1), false},
	} {
		n, err := publicPartLen(c.body)
		if !c.ok {
			require.ErrorContains(t, err, "bits: more than")
			continue
		}
		require.NoError(t, err)
		require.Equal(t, len(c.body), n)
		require.Equal(t, binary.BigEndian.Uint16(c.body[6:]), uint16(firstBits(c.body)))
	}
	require.Equal(t, 2048, elgamalBits(numbers(packet.PubKeyAlgoElGamal, 2048, 2, 3)))
	require.Zero(t, elgamalBits(numbers(packet.PubKeyAlgoDSA, 2048, 256, 2, 3)))

	born := day(2024, 1, 1)
	s := simple(t, 4, born)
	sub := numbers(packet.PubKeyAlgoDSA, 16384, 16384, 16384, 16384)
	s.add(keyTagPublicSub, sub).add(keyTagSignature, s.sign(s.primary, sigSubkeyBinding, signs, s.hashed(), hashedKey(sub)))
	require.Len(t, s.certificate().subs, 1, "the other subkey serves")
}

// TestForgedBackSignatures: of a binding, copies in which the signature of the
// subkey is somebody's are looked at only so often where that takes long.
func TestForgedBackSignatures(t *testing.T) {
	t.Parallel()
	born := day(2024, 1, 1)
	slow, err := parseKey(fixture(t, "dsa-elgamal.sec"), "fixture")
	require.NoError(t, err)
	dsa := slow.private.cert
	build := func(sub []byte, algorithm packet.PublicKeyAlgorithm, n int) error {
		s := simple(t, 4, born)
		s.add(keyTagPublicSub, sub)
		binding := s.sign(s.primary, sigSubkeyBinding, signs, s.hashed(), hashedKey(sub))
		for i := range n {
			back := []byte{4, byte(packet.SigTypePrimaryKeyBinding), byte(algorithm), 8, 0, 6, 5, 2, 0x66, 0, 0, 0, 0, 0, 1, 1}
			back = append(append(back, mpi([]byte{1, 2, 3})...), mpi([]byte{1, byte(i), 5})...)
			s.add(keyTagSignature, unhashed(binding, 32, back...))
		}
		c, err := parseCertificate(s.raw)
		if err == nil {
			require.Len(t, c.subs, 2)
			require.False(t, c.subs[1].bindings[0].back)
		}
		return err
	}
	old := dsa.hashed[hashedHead(dsa.primary):]
	require.NoError(t, build(old, packet.PubKeyAlgoDSA, maxForged))
	require.ErrorIs(t, build(old, packet.PubKeyAlgoDSA, maxForged+1), envelope.ErrLimit)
	s := newSmith(t, 4, born)
	require.NoError(t, build(s.body(&s.signingKey(born).PublicKey), packet.PubKeyAlgoEdDSA, 2*maxForged), "which takes little")
}

// TestElgamalWork: a key file takes so long at the most.
func TestElgamalWork(t *testing.T) {
	t.Parallel()
	s := newSmith(t, 4, day(2024, 1, 1)).userID(userIDText, certifies)
	packets := map[string][]byte{}
	for _, bits := range []int{maxElgamalBits, maxElgamalBits - 1, 2} {
		sub := numbers(packet.PubKeyAlgoElGamal, bits, 2, 2)
		s.add(keyTagPublicSub, sub).add(keyTagSignature, s.sign(s.primary, sigSubkeyBinding, encrypts, s.hashed(), hashedKey(sub)))
		packets[string(sub)] = append(bytes.Clone(sub), usagePlain)
	}
	k := &privateKey{cert: s.certificate()}
	require.Len(t, k.cert.subs, 3)
	require.ErrorContains(t, k.unlock(packets, nil, maxArgon2Memory), "bits of all Elgamal keys")
	delete(packets, string(k.cert.subs[2].body))
	err := k.unlock(packets, nil, maxArgon2Memory)
	require.ErrorContains(t, err, "damaged", "it came to the first")
}

// TestSlowSignatures: an owner has so many signatures made with keys of a slow
// kind, and with others as many as there may be packets.
func TestSlowSignatures(t *testing.T) {
	t.Parallel()
	born := day(2024, 1, 1)
	old, err := parseKey(fixture(t, "dsa-elgamal.sec"), "fixture")
	require.NoError(t, err)
	slow := old.private.secrets[string(old.private.cert.primary.Fingerprint)]
	build := func(k *packet.PrivateKey, n int) error {
		s := simple(t, 4, born)
		sub := s.body(&k.PublicKey)
		back := s.made(k, packet.SigTypePrimaryKeyBinding, nil, s.hashed(), hashedKey(sub))
		s.add(keyTagPublicSub, sub)
		for i := range n {
			s.add(keyTagSignature, s.sign(s.primary, sigSubkeyBinding, func(sig *packet.Signature) {
				signs(sig)
				sig.EmbeddedSignature, sig.CreationTime = back, born.AddDate(0, 0, i)
			}, s.hashed(), hashedKey(sub)))
		}
		c, err := parseCertificate(s.raw)
		if err == nil {
			require.Len(t, c.subs[1].bindings, n)
			require.True(t, c.subs[1].bindings[n-1].back)
		}
		return err
	}
	require.NoError(t, build(slow, maxSlowSigs))
	require.ErrorIs(t, build(slow, maxSlowSigs+1), envelope.ErrLimit)
	s := newSmith(t, 4, born)
	require.NoError(t, build(s.signingKey(born), maxSlowSigs+1), "a kind that takes little")

	s.raw = appendKeyPacket(nil, keyTagPublic, s.body(&slow.PublicKey))
	check := &checker{primary: &slow.PublicKey, hashed: hashedKey(s.body(&slow.PublicKey))}
	sig := s.sign(slow, sigDirectKey, nil, check.hashed)
	for i := range maxSlowSigs + 1 {
		_, err = check.verify(sig, nil)
		require.Equal(t, i == maxSlowSigs, err != nil)
	}
}
