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
