package pgp

import (
	"bytes"
	"crypto"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"github.com/cloudflare/circl/dh/x448"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// TestPostQuantumCertificates: what go-crypto makes of every pair of signing
// and sealing algorithms of RFC 9980 is sealed to under every profile, and the
// same with a classical key under all but one.
func TestPostQuantumCertificates(t *testing.T) {
	for name, c := range map[string]struct {
		signs packet.PublicKeyAlgorithm
		seals packet.PublicKeyAlgorithm
		want  packet.PublicKeyAlgorithm
	}{
		"ML-DSA-65 and ML-KEM-768":  {signs: packet.PubKeyAlgoMldsa65Ed25519, want: packet.PubKeyAlgoMlkem768X25519},
		"ML-DSA-87 and ML-KEM-1024": {signs: packet.PubKeyAlgoMldsa87Ed448, want: packet.PubKeyAlgoMlkem1024X448},
		"Ed25519 and X25519":        {signs: packet.PubKeyAlgoEd25519, want: packet.PubKeyAlgoX25519},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			born := day(2024, 1, 1)
			config := &packet.Config{V6Keys: true, Algorithm: c.signs, DefaultHash: crypto.SHA512, Time: func() time.Time { return born }}
			e, err := openpgp.NewEntity("Bob", "", "bob@example.org", config)
			require.NoError(t, err)
			var raw bytes.Buffer
			require.NoError(t, e.Serialize(&raw))
			cert, err := parseCertificate(raw.Bytes())
			require.NoError(t, err)
			require.Equal(t, seam.PGPv6, cert.Kind())
			require.Equal(t, raw.Bytes(), cert.Encoding())
			for _, p := range []seam.Profile{seam.Auto, seam.Modern, seam.Compatible, seam.PostQuantum} {
				got, err := cert.encryptionKey(born, p)
				if p == seam.PostQuantum && c.want == packet.PubKeyAlgoX25519 {
					require.ErrorContains(t, err, cert.fingerprint().String()+" has no post-quantum encryption key")
					require.ErrorAs(t, err, new(*keyring.UnusableError))
					continue
				}
				require.NoError(t, err)
				require.Equal(t, c.want, got.key.PubKeyAlgo)
			}
		})
	}
}

// renumbered is a key packet's body that claims another version or algorithm.
func renumbered(body []byte, version, algorithm byte) []byte {
	b := bytes.Clone(body)
	b[0], b[5] = version, algorithm
	return b
}

// TestVersionOfAlgorithm: of the post-quantum algorithms version 4 keys may
// have ML-KEM-768+X25519 only, and that in subkeys; GnuPG's own Kyber and
// LibrePGP's version 5 are neither, and the errors say so.
func TestVersionOfAlgorithm(t *testing.T) {
	born := day(2024, 1, 1)
	s := newSmith(t, 4, born)
	signer := s.body(&s.primary.PublicKey)
	kem := s.body(&s.quantumKey(born).PublicKey)
	v5 := func(algorithm byte) []byte {
		material := make([]byte, 40)
		return append(binary.BigEndian.AppendUint32([]byte{5, 0, 0, 0, 1, algorithm}, uint32(len(material))), material...)
	}
	only6 := "which RFC 9980 allows in version 6 keys only"
	for name, c := range map[string]struct {
		body []byte
		says string
	}{
		"Ed25519, version 4":    {signer, ""},
		"ML-DSA-65, version 4":  {renumbered(signer, 4, 30), "algorithm 30, " + only6},
		"ML-DSA-87, version 4":  {renumbered(signer, 4, 31), "algorithm 31, " + only6},
		"SLH-DSA, version 4":    {renumbered(signer, 4, 32), "algorithm 32, " + only6},
		"SLH-DSA-f, version 4":  {renumbered(signer, 4, 33), "algorithm 33, " + only6},
		"SLH-DSA-L, version 4":  {renumbered(signer, 4, 34), "algorithm 34, " + only6},
		"Kyber, version 4":      {renumbered(signer, 4, 8), "GnuPG's own Kyber"},
		"Kyber, version 5":      {v5(8), "GnuPG's own Kyber"},
		"Ed25519, version 5":    {v5(27), "version 5 (LibrePGP)"},
		"ML-KEM-768, version 4": {kem, "cannot sign"},
	} {
		_, err := ParseCertificate(appendKeyPacket(nil, keyTagPublic, c.body))
		if c.says == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, c.says, name)
		}
	}
	// A subkey of such a kind leaves the certificate without an encryption
	// key, and sealing to it says why; beside one that serves it is passed over.
	for name, c := range map[string]struct {
		body []byte
		says string
	}{
		"ML-KEM-768 without a binding": {kem, "is for signatures only"},
		"ML-KEM-1024 in version 4":     {renumbered(kem, 4, 36), "algorithm 36, " + only6},
		"GnuPG's Kyber":                {v5(8), "GnuPG's own Kyber"},
		"version 5":                    {v5(25), "version 5 (LibrePGP)"},
		"unknown":                      {renumbered(kem, 4, 99), "algorithm 99, which is not supported"},
	} {
		s := newSmith(t, 4, born).userID(userIDText, certifies).add(keyTagPublicSub, c.body)
		err := s.certificate().CheckSeal(born, seam.Auto)
		require.ErrorAs(t, err, new(*keyring.UnusableError), name)
		require.ErrorContains(t, err, c.says, name)
		require.NoError(t, s.subkey(s.sealingKey(born), encrypts).certificate().CheckSeal(born, seam.Auto), name)
	}
	six := newSmith(t, 6, born)
	s = newSmith(t, 4, born).userID(userIDText, certifies)
	what := six.body(&six.sealingKey(born).PublicKey)
	s.add(keyTagPublicSub, what).add(keyTagSignature, s.sign(s.primary, sigSubkeyBinding, encrypts, s.hashed(), hashedKey(what)))
	require.ErrorContains(t, s.certificate().CheckSeal(born, seam.Auto), "has a version 6 subkey, which a version 4 key cannot have")
}

// TestDigestOfPostQuantum: neither a binding of a post-quantum key nor a
// signature by one counts with a digest of less than 256 bits; an older
// binding by a longer one holds on, and a revocation revokes all the same.
func TestDigestOfPostQuantum(t *testing.T) {
	born, later := day(2019, 1, 1), day(2019, 6, 1)
	for name, c := range map[string]struct {
		quantum bool
		hash    crypto.Hash
		seals   bool
	}{
		"SHA-256":              {true, crypto.SHA256, true},
		"SHA3-256":             {true, crypto.SHA3_256, true},
		"SHA-224":              {true, crypto.SHA224, false},
		"SHA-1, before 2020":   {true, crypto.SHA1, false},
		"classical, SHA-224":   {false, crypto.SHA224, true},
		"classical, SHA-1":     {false, crypto.SHA1, true},
		"classical, SHA-256":   {false, crypto.SHA256, true},
		"post-quantum SHA-512": {true, crypto.SHA512, true},
	} {
		s := newSmith(t, 4, born).userID(userIDText, certifies)
		k := s.sealingKey(born)
		if c.quantum {
			k = s.quantumKey(born)
		}
		err := s.subkey(k, with(encrypts, hashedBy(c.hash))).certificate().CheckSeal(later, seam.Auto)
		if c.seals {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, "bound by a digest of less than 256 bits", name)
		s.add(keyTagSignature, s.binding(k, with(encrypts, at(born.Add(-1)))))
		require.NoError(t, s.certificate().CheckSeal(later, seam.Auto), "%s: an older one that is good", name)
		s.add(keyTagSignature, s.sign(s.primary, sigSubkeyRevocation, with(hashedBy(c.hash), reason(packet.KeyCompromised)), s.hashed(), hashedKey(s.body(&k.PublicKey))))
		require.ErrorAs(t, s.certificate().CheckSeal(later, seam.Auto), new(*keyring.RevokedError), name)
	}
	for _, h := range []crypto.Hash{crypto.SHA224, crypto.SHA256} {
		for _, algorithm := range []packet.PublicKeyAlgorithm{packet.PubKeyAlgoEd25519, packet.PubKeyAlgoMldsa65Ed25519} {
			status, _ := (&judge{now: later}).worth(&packet.PublicKey{PubKeyAlgo: algorithm}, "", &packet.Signature{Hash: h, CreationTime: later})
			require.Equal(t, h == crypto.SHA224 && algorithm == packet.PubKeyAlgoMldsa65Ed25519, status == seam.SignatureWeak)
		}
	}
}

// TestLowOrder448: the points of low order are those of which circl says so.
func TestLowOrder448(t *testing.T) {
	var secret, public, shared x448.Key
	secret[3] = 7
	slow := func(p []byte) bool {
		copy(public[:], p)
		return !x448.Shared(&shared, &secret, &public)
	}
	low := 0
	for _, base := range []byte{0x00, 0xFF} {
		for _, first := range []byte{0, 1, 2, 0xFD, 0xFE, 0xFF} {
			for _, middle := range []byte{0, 1, 0xFE, 0xFF} {
				for _, upper := range []byte{0, 0xFF} {
					p := bytes.Repeat([]byte{base}, 28)
					p = append(p, bytes.Repeat([]byte{upper}, 28)...)
					p[0], p[28] = first, middle
					require.Equal(t, slow(p), lowOrder448(p), "%x", p)
					if lowOrder448(p) {
						low++
					}
				}
			}
		}
	}
	require.Equal(t, 5, low)
	require.True(t, lowOrder448(make([]byte, 55)))
}

// TestWeakComposite: nothing is sealed to a composite key whose classical half
// is a point of low order.
func TestWeakComposite(t *testing.T) {
	born := day(2024, 1, 1)
	s := newSmith(t, 6, born)
	k := s.quantumKey(born)
	good := s.body(&k.PublicKey)
	bad := bytes.Clone(good)
	clear(bad[10 : 10+32])
	for name, c := range map[string]struct {
		body []byte
		says string
	}{"good": {good, ""}, "low": {bad, "point of low order"}} {
		s := newSmith(t, 6, born).direct(certifies).add(keyTagPublicSub, c.body)
		s.add(keyTagSignature, s.sign(s.primary, sigSubkeyBinding, encrypts, s.hashed(), hashedKey(c.body)))
		err := s.certificate().CheckSeal(born, seam.Auto)
		if c.says == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, c.says, name)
		}
	}
}

// TestPostQuantumVectors: the samples of RFC 9980 under the profile that asks
// for them, and keys with material of a kind that nobody knows.
func TestPostQuantumVectors(t *testing.T) {
	root := os.Getenv("DKB_VECTORS")
	if root == "" {
		t.Skip("set DKB_VECTORS to the folder of test vectors")
	}
	want := map[string]packet.PublicKeyAlgorithm{
		"openpgp-pqc/v4-eddsa-sample-pk.asc":         packet.PubKeyAlgoMlkem768X25519,
		"openpgp-pqc/v6-eddsa-sample-pk.asc":         packet.PubKeyAlgoMlkem768X25519,
		"openpgp-pqc/v6-mldsa-65-sample-pk.asc":      packet.PubKeyAlgoMlkem768X25519,
		"openpgp-pqc/v6-mldsa-87-sample-pk.asc":      packet.PubKeyAlgoMlkem1024X448,
		"openpgp-pqc/v6-slhdsa-128s-sample-pk.asc":   packet.PubKeyAlgoMlkem768X25519,
		"rpgp/mock_pq/unknown_algo_mpi.pub.asc":      0,
		"rpgp/mock_pq/ecdh_opaque_small.pub.asc":     0,
		"rnp/test_forged_keys/ecc-p256-pub.pgp":      0,
		"rnp/RFC9580/A.3.transferable-pubkey-v6.asc": 0,
	}
	for name, algorithm := range want {
		b, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		c, err := parseCertificate(b)
		require.NoError(t, err, name)
		e, err := c.encryptionKey(vectorTime, seam.Profile(envelope.PostQuantum))
		if algorithm == 0 {
			require.ErrorAs(t, err, new(*keyring.UnusableError), name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, algorithm, e.key.PubKeyAlgo, name)
	}
}
