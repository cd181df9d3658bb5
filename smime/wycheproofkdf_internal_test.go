package smime

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// plainHKDF is RFC 5869 with nothing but HMAC, nil for what it cannot give. All
// of Wycheproof's vectors of HKDF are held against it first, and then it says
// what the library has to derive.
func plainHKDF(h func() hash.Hash, ikm, salt, info []byte, size int) []byte {
	n := h().Size()
	if size > 255*n {
		return nil
	}
	if len(salt) == 0 {
		salt = make([]byte, n)
	}
	mac := func(key []byte, parts ...[]byte) []byte {
		m := hmac.New(h, key)
		m.Write(bytes.Join(parts, nil))
		return m.Sum(nil)
	}
	prk := mac(salt, ikm)
	var out, last []byte
	for i := 1; len(out) < size; i++ {
		last = mac(prk, last, info, []byte{byte(i)})
		out = append(out, last...)
	}
	return out[:size]
}

// digest is the one that the group's file is named after.
func (g *vectorGroup) digest(t *testing.T) crypto.Hash {
	for h, name := range map[crypto.Hash]string{crypto.SHA1: "sha1", crypto.SHA256: "sha256", crypto.SHA384: "sha384", crypto.SHA512: "sha512"} {
		if strings.Contains(g.file, name) {
			return h
		}
	}
	t.Fatalf("no digest in the name %s", g.file)
	return 0
}

// hkdfVectors: the info of every HKDF in CMS is DER that says what the key is for,
// which no vector's is, and where there is a salt, it is fixed (RFC 9709), or
// the user keying material, which is in the info again (RFC 8418, Section 2.2).
// So no message holds a vector whole. What it can hold of one:
//
//   - the input key as the secret that our key in a module agrees on, beside
//     the salt as user keying material, with the vector's digest;
//   - the input key as what was encapsulated, beside the info as user keying
//     material, with the vector's digest, if the key is so long;
//   - the input key as the content key, if it is so long, with SHA-256.
//
// plainHKDF, which gives the vector, says what these messages are sealed with.
func hkdfVectors(t *testing.T, g *vectorGroup) func(*vector) verdict {
	h := g.digest(t)
	agreed := map[crypto.Hash]oid{crypto.SHA256: oidStdDHHKDFSHA256, crypto.SHA384: oidStdDHHKDFSHA384, crypto.SHA512: oidStdDHHKDFSHA512}[h]
	kdf := map[crypto.Hash]oid{crypto.SHA256: oidHKDFSHA256, crypto.SHA384: oidHKDFSHA384, crypto.SHA512: oidHKDFSHA512}[h]
	ec := testKey(t, "p256").exchanger.(*ecdh.PrivateKey)
	cert := vectorCertificate(t, publicSPKI(t, ec.PublicKey()))
	encapsulated := CraftedKey("ML-KEM-768").in
	kemCert := vectorCertificate(t, encapsulated.cert.x.RawSubjectPublicKeyInfo)
	return func(v *vector) verdict {
		derived := plainHKDF(h.New, v.IKM, v.Salt, v.Info, v.Size)
		out := verdict{taken: derived != nil && bytes.Equal(v.OKM, derived), course: partsInMessage}

		// As many octets as the vector wants, from what Open calls.
		a := &agreement{hkdf: true, kdf: h, ukm: v.Salt, wrap: derAlgorithm(oidAES256Wrap), size: v.Size}
		key, err := a.kek(v.IKM)
		require.Equal(t, derived != nil, err == nil)
		require.Equal(t, plainHKDF(h.New, v.IKM, v.Salt, agreedInfo(v.Salt, v.Size), v.Size), key)

		module := keyFor(t, cert, agreeingModule{ec, v.IKM})
		kek := plainHKDF(h.New, v.IKM, v.Salt, agreedInfo(v.Salt, 32), 32)
		info := agreementInfo(t, tlv(0xa1, originator(t, nil, ec.PublicKey().Bytes())), agreed, v.Salt, kek)
		require.True(t, opens(t, by(module), underGCM(t, testCEK, info), vectorText))

		if len(v.IKM) == 32 {
			k := &privateKey{cert: kemCert, kem: badModule{out: bytes.Clone(v.IKM)}}
			kek = plainHKDF(h.New, v.IKM, nil, encapsulatedInfo(v.Info), 32)
			info = encapsulationInfo(t, oidMLKEM768, make([]byte, 1088), kdf, v.Info, kek)
			require.True(t, opens(t, by(k), underGCM(t, testCEK, info), vectorText))
		}
		if isContentKey(v.IKM) {
			openDerived(t, v.IKM)
		}
		return out
	}
}

// openDerived opens a message whose key is derived from the content key (RFC
// 9709).
func openDerived(t *testing.T, cek []byte) {
	t.Helper()
	kek := []byte("sixteen octets!!")
	wrapped, err := wrapKey(kek, cek)
	require.NoError(t, err)
	nonce := []byte("twelve bytes")
	inner := gcmAlgorithm(len(cek), nonce, 16)
	key := plainHKDF(sha256.New, cek, []byte("The Cryptographic Message Syntax"), inner, len(cek))
	ct := sealGCM(t, key, nonce, vectorText)
	n := len(vectorText)
	msg := sealedWith(sharedKeyInfo(16, wrapped), tlv(0x30, append(oidCEKHKDF.tlv(), inner...)), ct[:n], nil, ct[n:])
	require.True(t, opens(t, withShared(t, kek), msg, vectorText))
}

// agreeingModule is a hardware module that always agrees on the same.
type agreeingModule struct {
	*ecdh.PrivateKey
	secret []byte
}

func (m agreeingModule) ECDH(*ecdh.PublicKey) ([]byte, error) { return bytes.Clone(m.secret), nil }

// pbkdf2Vectors: password, salt and count in a PasswordRecipientInfo. The key of
// its cipher has 16, 24 or 32 octets, and PBKDF2 gives the same first octets
// however many are asked for (RFC 8018, Section 5.2): the vector's first ones
// are the key, and all of them come from what derives the keys of key files.
func pbkdf2Vectors(t *testing.T, g *vectorGroup) func(*vector) verdict {
	h := g.digest(t)
	prf := derAlgorithm(map[crypto.Hash]oid{crypto.SHA1: oidHMACSHA1, crypto.SHA256: oidHMACSHA256, crypto.SHA512: oidHMACSHA512}[h])
	return func(v *vector) verdict {
		var params cryptobyte.Builder
		params.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(v.Salt)
			b.AddASN1Int64(int64(v.IterationCount))
			b.AddBytes(prf)
		})
		key, err := deriveByPBKDF2(params.BytesOrPanic(), v.Password, v.DkLen, &iterationBudget{})
		all := err == nil && bytes.Equal(v.DK, key)
		if len(v.Password) == 0 {
			_, err := envelope.OpenPassphrase("")
			require.Error(t, err)
			return verdict{taken: all, course: besideMessage}
		}
		p, err := envelope.OpenPassphrase(string(v.Password))
		require.NoError(t, err)
		n := len(v.DK) / 8 * 8
		if n > 32 {
			n = 32
		}
		iv := make([]byte, 16)
		encrypted, err := wrapPWRI(v.DK[:n], iv, testCEK)
		require.NoError(t, err)
		info := passwordBuilder{
			kdf: oidPBKDF2, wrap: oidPWRIKEK, cipher: byKeyLen(n, oidAES128CBC, oidAES192CBC, oidAES256CBC),
			salt: v.Salt, iv: iv, iterations: int64(v.IterationCount), prf: prf, encrypted: encrypted,
		}.der(t)
		o := envelope.Opener{Passphrases: []*envelope.Passphrase{p}, Formats: []envelope.Format{Format()}}
		got, err := openMessage(o, underGCM(t, testCEK, info))
		if v.IterationCount > maxIterations {
			require.ErrorIs(t, err, envelope.ErrLimit)
			require.False(t, all)
			return verdict{why: "PBKDF2 with 2^24 iterations"}
		}
		require.True(t, err == nil || err == envelope.ErrDecrypt, "%v", err)
		return verdict{taken: all && err == nil && bytes.Equal(vectorText, got)}
	}
}

// pbes2Vectors: the vector as an EncryptedPrivateKeyInfo, whole. What comes out
// is no private key, and where key files are read that is the error of a wrong
// passphrase, so that the outcome is taken from what is called there.
func pbes2Vectors(t *testing.T, g *vectorGroup) func(*vector) verdict {
	h := g.digest(t)
	prf := map[crypto.Hash]oid{crypto.SHA1: oidHMACSHA1, crypto.SHA256: oidHMACSHA256, crypto.SHA512: oidHMACSHA512}[h]
	cipher := oidAES256CBC
	if strings.HasSuffix(g.file, "_128") {
		cipher = oidAES128CBC
	}
	return func(v *vector) verdict {
		var b cryptobyte.Builder
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(v.Salt)
			b.AddASN1Int64(int64(v.IterationCount))
			b.AddBytes(derAlgorithm(prf))
		})
		kdf := tlv(0x30, append(oidPBKDF2.tlv(), b.BytesOrPanic()...))
		file := func(iv []byte) []byte {
			enc := tlv(0x30, append(cipher.tlv(), tlv(4, iv)...))
			algorithm := tlv(0x30, append(oidPBES2.tlv(), tlv(0x30, append(kdf, enc...))...))
			return tlv(0x30, append(algorithm, tlv(4, v.Ct)...))
		}
		got, err := decryptPBES2(file(v.IV), v.Password, &iterationBudget{})
		if n := len(v.Msg); n < 15 {
			// All vectors are valid. This is one with its first octet of
			// padding turned, while the last one says how many there are.
			iv := bytes.Clone(v.IV)
			iv[n] ^= 1
			_, err := decryptPBES2(file(iv), v.Password, &iterationBudget{})
			require.True(t, err == ErrPassphrase, "%v", err)
		}
		return verdict{taken: err == nil && bytes.Equal(v.Msg, got), course: asKeyFile}
	}
}
