package smime

import (
	"bytes"
	"crypto/ecdh"
	"crypto/sha256"
	"crypto/sha512"
	"slices"
	"strings"
	"testing"

	"github.com/cloudflare/circl/dh/x448"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// ecdhVectors: the vector's public key is the originator's in a
// KeyAgreeRecipientInfo, whatever octets that are, its private key ours. What
// it says is shared wraps the content key, by way of a derivation that is not
// the library's.
func ecdhVectors(t *testing.T, g *vectorGroup) func(*vector) verdict {
	curve := map[string]curve{"secp256r1": curveP256, "secp384r1": curveP384, "secp521r1": curveP521}[g.Curve]
	size := map[string]int{"secp256r1": 32, "secp384r1": 48, "secp521r1": 66}[g.Curve]
	named := map[string]oid{"secp256r1": oidP256, "secp384r1": oidP384, "secp521r1": oidP521}[g.Curve]
	require.NotZero(t, size, g.Curve)
	return func(v *vector) verdict {
		scalar := bytes.TrimLeft(v.Private, "\x00")
		private, err := curve.ecdh().NewPrivateKey(append(make([]byte, size-len(scalar)), scalar...))
		require.NoError(t, err)
		k := keyFor(t, vectorCertificate(t, publicSPKI(t, private.PublicKey())), private)
		kek := sha256.Sum256(slices.Concat(v.Shared, []byte{0, 0, 0, 1}, agreedInfo(nil, 32)))
		info := agreementInfo(t, originatorElement(t, v.Public), oidStdDHSHA256KDF, nil, kek[:])
		out := verdict{taken: opens(t, by(k), underGCM(t, testCEK, info), vectorText)}
		if v.Result == "acceptable" {
			out.why = ecdhWhy(v, named)
		}
		return out
	}
}

// ecdhWhy sorts what is acceptable.
func ecdhWhy(v *vector, curve oid) string {
	why := "ECDH " + mainFlag(v, "InvalidAsn", "UnnamedCurve", "CompressedPoint")
	switch v.Comment {
	case "indefinite length",
		"length of oid contains a leading 0", "length of oid uses long form encoding",
		"length of sequence contains a leading 0", "length of sequence uses long form encoding",
		"length of bit string contains a leading 0", "length of bit string uses long form encoding":
		why += " of BER"
	case "Replacing oid with NULL", "truncated sequence: removed last 1 elements":
		if bytes.Contains(v.Public, oidECPublicKey.tlv()) && !bytes.Contains(v.Public, curve.tlv()) {
			why += " without the curve"
		}
	}
	return why
}

// brainpoolVectors: no curve of Brainpool's is read. A message for a key of ours
// whose originator's is on one is refused, by the curve's name where that can
// be read.
func brainpoolVectors(t *testing.T, g *vectorGroup) func(*vector) verdict {
	k := testKey(t, "p256")
	k = keyFor(t, vectorCertificate(t, k.cert.x.RawSubjectPublicKeyInfo), k.private)
	return func(v *vector) verdict {
		info := agreementInfo(t, originatorElement(t, v.Public), oidStdDHSHA256KDF, nil, make([]byte, 32))
		_, err := openMessage(by(k), underGCM(t, testCEK, info))
		if v.Result == "valid" {
			require.ErrorIs(t, err, envelope.ErrFormat)
			require.ErrorContains(t, err, g.Curve)
		} else {
			// Some are on a curve that is read, where the key is wrong.
			requireRefused(t, err)
		}
		return verdict{course: notInMessages}
	}
}

// montgomeryVectors is ecdhVectors for X25519 and X448.
func montgomeryVectors(t *testing.T, g *vectorGroup) func(*vector) verdict {
	return func(v *vector) verdict {
		var k *privateKey
		var scheme oid
		var kek []byte
		o := oidX25519
		if g.Curve == "curve448" {
			o, scheme = oidX448, oidStdDHHKDFSHA512
			var public x448.Key
			x448.KeyGen(&public, (*x448.Key)(v.Private))
			k = keyFor(t, vectorCertificate(t, spkiOf(t, o, nil, public[:])), (*x448.Key)(v.Private))
			kek = plainHKDF(sha512.New, v.Shared, nil, agreedInfo(nil, 32), 32)
		} else {
			scheme = oidStdDHHKDFSHA256
			private, err := ecdh.X25519().NewPrivateKey(v.Private)
			require.NoError(t, err)
			k = keyFor(t, vectorCertificate(t, spkiOf(t, o, nil, private.PublicKey().Bytes())), private)
			kek = plainHKDF(sha256.New, v.Shared, nil, agreedInfo(nil, 32), 32)
		}
		info := agreementInfo(t, tlv(0xa1, originatorOf(t, o, nil, v.Public)), scheme, nil, kek)
		out := verdict{taken: opens(t, by(k), underGCM(t, testCEK, info), vectorText)}
		if v.Result == "acceptable" {
			out.why = "X25519 and X448 " + mainFlag(v, "ZeroSharedSecret", "LowOrderPublic", "NonCanonicalPublic", "Twist")
		}
		return out
	}
}

// mainFlag returns the first of some flags that a vector has.
func mainFlag(v *vector, flags ...string) string {
	for _, flag := range flags {
		if slices.Contains(v.Flags, flag) {
			return flag
		}
	}
	return strings.Join(v.Flags, "+")
}

// originatorElement is an OriginatorPublicKey, [1] IMPLICIT, of a
// SubjectPublicKeyInfo, which differs by its first octet only, or of a point
// with an algorithm that names no curve. What is not even a SEQUENCE stands
// there as it is.
func originatorElement(t *testing.T, public []byte) []byte {
	if len(public) == 0 || public[0] >= 2 && public[0] <= 4 {
		return tlv(0xa1, originator(t, nil, public))
	}
	element := bytes.Clone(public)
	if element[0] == 0x30 {
		element[0] = 0xa1
	}
	return element
}

// agreementInfo is a KeyAgreeRecipientInfo in which testCEK is wrapped with kek.
func agreementInfo(t *testing.T, originator []byte, scheme oid, ukm, kek []byte) []byte {
	t.Helper()
	encrypted, err := wrapKey(kek, testCEK)
	require.NoError(t, err)
	if ukm != nil {
		ukm = tlv(0xa1, tlv(4, ukm))
	}
	return tlv(0xa1, slices.Concat(
		[]byte{2, 1, 3}, tlv(0xa0, originator), ukm,
		tlv(0x30, append(scheme.tlv(), derAlgorithm(oidAES256Wrap)...)),
		tlv(0x30, tlv(0x30, append(tlv(0xa0, []byte{4, 2, 'i', 'd'}), tlv(4, encrypted)...)))))
}

// agreedInfo is the ECC-CMS-SharedInfo (RFC 5753, Section 7.2) for a key of size
// octets for AES-256 key wrap.
func agreedInfo(ukm []byte, size int) []byte {
	if ukm != nil {
		ukm = tlv(0xa0, tlv(4, ukm))
	}
	bits := 8 * size
	return tlv(0x30, slices.Concat(derAlgorithm(oidAES256Wrap), ukm,
		tlv(0xa2, []byte{4, 4, byte(bits >> 24), byte(bits >> 16), byte(bits >> 8), byte(bits)})))
}
