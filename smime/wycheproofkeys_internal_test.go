package smime

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// oaepVectors: the vector's ciphertext in a KeyTransRecipientInfo, its message the
// content key.
func oaepVectors(t *testing.T, g *vectorGroup) func(*vector) verdict {
	k := vectorRSA(t, g)
	return func(v *vector) verdict {
		info := ktri(t, func(b *cryptobyte.Builder) {
			addOAEPWith(b, digestOID(t, g.Sha), digestOID(t, g.MgfSha), v.Label)
		}, v.Ct)
		out := openTransported(t, k, info, v)
		if v.Result == "acceptable" {
			out.why = "OAEP block that is a small number"
		}
		return out
	}
}

// v15Vectors is the same with RSA PKCS#1 v1.5.
func v15Vectors(t *testing.T, g *vectorGroup) func(*vector) verdict {
	k := vectorRSA(t, g)
	return func(v *vector) verdict {
		info := ktri(t, func(b *cryptobyte.Builder) { addAlgorithmNULL(b, oidRSAEncryption) }, v.Ct)
		out := openTransported(t, k, info, v)
		if v.Result == "valid" && len(v.Msg) == 0 {
			// A key of no octets comes out whether the padding was right or
			// not. What can be seen is that one of the length asked for does.
			key, ok := k.unwrap(one(t, info), 32)
			require.True(t, ok)
			require.Len(t, key, 32)
			out.taken, out.why = false, "PKCS#1 v1.5 of no octets"
		}
		return out
	}
}

// vectorRSA is the private key of a group, read as key files are.
func vectorRSA(t *testing.T, g *vectorGroup) *privateKey {
	private, err := parsePKCS8(g.PrivateKeyPkcs8)
	require.NoError(t, err)
	k := private.(*rsa.PrivateKey)
	return keyFor(t, vectorCertificate(t, publicSPKI(t, k.Public())), &rememberingRSA{PrivateKey: k})
}

// rememberingRSA is a key that does not decrypt with OAEP twice what it is
// given twice: once for a message and once beside it.
type rememberingRSA struct {
	*rsa.PrivateKey
	last, out []byte
	err       error
}

func (k *rememberingRSA) Decrypt(r io.Reader, b []byte, o crypto.DecrypterOpts) ([]byte, error) {
	if _, oaep := o.(*rsa.OAEPOptions); !oaep {
		return k.PrivateKey.Decrypt(r, b, o)
	}
	if k.last == nil || !bytes.Equal(k.last, b) {
		k.last = bytes.Clone(b)
		k.out, k.err = k.PrivateKey.Decrypt(r, b, o)
	}
	return bytes.Clone(k.out), k.err
}

// openTransported opens a message for k. A content key has 16, 24 or 32 octets:
// of any other message of a vector's the one with it is refused, and what Open
// calls is asked for a key that is so long.
func openTransported(t *testing.T, k *privateKey, info []byte, v *vector) verdict {
	o := by(k)
	o.Legacy.RSA1024 = true // some have 1024 and 1536 bits
	taken := opens(t, o, underGCM(t, v.Msg, info), vectorText)
	if isContentKey(v.Msg) {
		return verdict{taken: taken}
	}
	require.False(t, taken)
	key, ok := k.unwrap(one(t, info), len(v.Msg))
	return verdict{taken: ok && bytes.Equal(key, v.Msg), course: besideMessage}
}

// wrapVectors: the vector's key as one that two parties share, its ciphertext
// in a KEKRecipientInfo.
func wrapVectors(t *testing.T, _ *vectorGroup) func(*vector) verdict {
	return func(v *vector) verdict {
		taken := opens(t, withShared(t, v.Key), underGCM(t, v.Msg, sharedKeyInfo(len(v.Key), v.Ct)), vectorText)
		if v.Result == "valid" {
			// What is written is what the vector says, too.
			wrapped, err := wrapKey(v.Key, v.Msg)
			require.NoError(t, err)
			require.Equal(t, []byte(v.Ct), wrapped)
		}
		if isContentKey(v.Msg) {
			return verdict{taken: taken}
		}
		require.False(t, taken)
		out := verdict{course: besideMessage}
		if v.Result == "acceptable" {
			out.why = "key wrap of 8 octets"
		}
		key, ok := unwrapKey(v.Key, v.Ct)
		out.taken = ok && bytes.Equal(key, v.Msg)
		return out
	}
}

// paddedWrapVectors: AES key wrap with padding (RFC 5649) is in no message: RFC 5652
// and RFC 5753 have the one without. A message that says it is refused.
func paddedWrapVectors(t *testing.T, _ *vectorGroup) func(*vector) verdict {
	return func(v *vector) verdict {
		pad := map[int]string{16: "\x08", 24: "\x1c", 32: "\x30"}[len(v.Key)] // 2.16.840.1.101.3.4.1.8, .28, .48
		info := sharedInfoWith(oidAES128Wrap[:len(oidAES128Wrap)-1]+oid(pad), v.Ct)
		_, err := openMessage(withShared(t, v.Key), underGCM(t, v.Msg, info))
		require.ErrorIs(t, err, envelope.ErrFormat)
		require.ErrorContains(t, err, refusedWrap)
		return verdict{course: notInMessages}
	}
}

// withShared returns an Opener with a key that two parties share.
func withShared(t *testing.T, key []byte) envelope.Opener {
	t.Helper()
	id, err := SharedKey([]byte("id"), key)
	require.NoError(t, err)
	return envelope.Opener{Identities: []envelope.Identity{id}}
}

// sharedKeyInfo is a KEKRecipientInfo for a key of keyLen octets.
func sharedKeyInfo(keyLen int, wrapped []byte) []byte {
	return sharedInfoWith(byKeyLen(keyLen, oidAES128Wrap, oidAES192Wrap, oidAES256Wrap), wrapped)
}

func sharedInfoWith(wrap oid, wrapped []byte) []byte {
	in := append([]byte{2, 1, 4, 0x30, 4, 4, 2, 'i', 'd'}, derAlgorithm(wrap)...)
	return tlv(0xa2, append(in, tlv(4, wrapped)...))
}
