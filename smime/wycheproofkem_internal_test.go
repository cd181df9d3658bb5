package smime

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// kemVectors: the vector's ciphertext in a KEMRecipientInfo, its private key, read
// as a key file's, ours. What it says is encapsulated wraps the content key, by
// way of a derivation that is not the library's. For a ciphertext that nobody
// made that is the secret of FIPS 203, Section 6.3 (implicit rejection): it must
// be that one, and no other opens the message.
func kemVectors(t *testing.T, g *vectorGroup) func(*vector) verdict {
	set := map[string]oid{"ML-KEM-768": oidMLKEM768, "ML-KEM-1024": oidMLKEM1024}[g.ParameterSet]
	require.NotEmpty(t, set, g.ParameterSet)
	return func(v *vector) verdict {
		private := tlv(0x80, v.Seed)
		if v.Seed == nil {
			private = tlv(4, v.DK)
		}
		read, err := parsePKCS8(tlv(0x30, slices.Concat([]byte{2, 1, 0}, derAlgorithm(set), tlv(4, private))))
		if err != nil {
			return verdict{course: asKeyFile}
		}
		d := read.(crypto.Decapsulator)
		public := []byte(v.Ek)
		if public == nil {
			public = d.Encapsulator().Bytes()
		}
		k := keyFor(t, vectorCertificate(t, spkiOf(t, set, nil, public)), d)
		kek := plainHKDF(sha256.New, v.K, nil, encapsulatedInfo(nil), 32)
		taken := opens(t, by(k), underGCM(t, testCEK, encapsulationInfo(t, set, v.C, oidHKDFSHA256, nil, kek)), vectorText)
		if taken {
			other := bytes.Clone(v.K)
			other[v.TcID%len(other)] ^= 1
			kek = plainHKDF(sha256.New, other, nil, encapsulatedInfo(nil), 32)
			_, err := openMessage(by(k), underGCM(t, testCEK, encapsulationInfo(t, set, v.C, oidHKDFSHA256, nil, kek)))
			require.True(t, err == envelope.ErrDecrypt)
		}
		return verdict{taken: taken}
	}
}

// encapsulationInfo is a KEMRecipientInfo in which testCEK is wrapped with kek.
func encapsulationInfo(t *testing.T, kem oid, ciphertext []byte, kdf oid, ukm, kek []byte) []byte {
	t.Helper()
	encrypted, err := wrapKey(kek, testCEK)
	require.NoError(t, err)
	return kemBuilder{
		ori: oidORIKEM, kem: kem, ciphertext: ciphertext, kdf: kdf, kekLength: 32, ukm: ukm,
		wrap: derAlgorithm(oidAES256Wrap), encrypted: encrypted,
	}.der(t)
}

// encapsulatedInfo is the CMSORIforKEMOtherInfo (RFC 9629, Section 5) for
// AES-256 key wrap.
func encapsulatedInfo(ukm []byte) []byte {
	if ukm != nil {
		ukm = tlv(0xa0, tlv(4, ukm))
	}
	return tlv(0x30, slices.Concat(derAlgorithm(oidAES256Wrap), []byte{2, 1, 32}, ukm))
}
