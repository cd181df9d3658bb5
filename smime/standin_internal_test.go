package smime

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// withKey returns the certificate with another SubjectPublicKeyInfo. Its
// signature is wrong, which nothing here looks at.
func withKey(t testing.TB, c *certificate, spki []byte) []byte {
	t.Helper()
	p, ok := takeApart(c.x.Raw)
	require.True(t, ok)
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(p.before)
			b.AddBytes(spki)
			b.AddBytes(p.after)
		})
		b.AddBytes(p.rest)
	})
	der, err := b.Bytes()
	require.NoError(t, err)
	return der
}

// spkiOf builds a SubjectPublicKeyInfo; params are whole elements.
func spkiOf(t testing.TB, o oid, params, key []byte) []byte {
	t.Helper()
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { o.add(b); b.AddBytes(params) })
		b.AddASN1BitString(key)
	})
	der, err := b.Bytes()
	require.NoError(t, err)
	return der
}

// A certificate with a key that is never used is a certificate: it has its own
// fingerprint, and what is refused is to use it, by name.
func TestCertificateOfUnsupportedKey(t *testing.T) {
	c := testKey(t, "p256").cert
	point := c.key.ecdh.Bytes()
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	require.NoError(t, err)
	for want, spki := range map[string][]byte{
		"brainpoolP256r1":      spkiOf(t, oidECPublicKey, oid("\x2b\x24\x03\x03\x02\x08\x01\x01\x07").tlv(), point),
		"secp256k1":            spkiOf(t, oidECPublicKey, oid("\x2b\x81\x04\x00\x0a").tlv(), point),
		"P-224":                publicSPKI(t, p224.Public()),
		"spells its curve out": spkiOf(t, oidECPublicKey, tlv(0x30, tlv(2, []byte{1})), point),
		"a curve that is not":  spkiOf(t, oidECPublicKey, oid("\x2b\x81\x04\x00\x01").tlv(), point),
		"a DSA key":            spkiOf(t, oidDSA, nil, tlv(2, []byte{1})),
		"Diffie-Hellman":       spkiOf(t, oidDHPublic, tlv(0x30, nil), tlv(2, []byte{1})),
		"kind that is not":     spkiOf(t, oidSHA256, nil, point),
	} {
		der := withKey(t, c, spki)
		got, err := ParseCertificate(der)
		require.NoError(t, err, want)
		require.Equal(t, der, got.Marshal())
		require.Equal(t, c.Addresses(), got.Addresses())
		in := seam.Opaque[seam.Certificate](*got).Unwrap().(*certificate)
		require.Equal(t, spki, in.x.RawSubjectPublicKeyInfo)
		require.Nil(t, in.key.ecdsa)
		for _, err := range []error{in.CheckSeal(time.Now(), seam.Auto), in.checkSign()} {
			requireUnusable(t, err, want)
		}
		_, err = newPrivateKey(in, secret(t, "p256"))
		requireUnusable(t, err, want)
		require.Error(t, in.x.CheckSignatureFrom(in.x))
	}
	// Nothing else that is wrong with a certificate goes through with it.
	bad := spkiOf(t, oidECPublicKey, oid("\x2b\x24\x03\x03\x02\x08\x01\x01\x07").tlv(), point)
	der := withKey(t, c, bad)
	_, err = parseCertificate(der)
	require.NoError(t, err)
	for _, damaged := range [][]byte{
		der[:len(der)-1],
		append(bytes.Clone(der), 0),
		bytes.Replace(der, []byte{0xa0, 3, 2, 1, 2}, []byte{0xa0, 3, 2, 1, 7}, 1), // version 8
		withKey(t, c, spkiOf(t, oidECPublicKey, oidP256.tlv(), point[1:])),        // a curve of ours, no point
	} {
		_, err := parseCertificate(damaged)
		require.Error(t, err)
	}
}

func publicSPKI(t *testing.T, public any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	return der
}

// The certificates of public corpora that crypto/x509 refuses for their keys.
func TestVectorsUnsupportedKeys(t *testing.T) {
	t.Parallel()
	dir := vectorDir(t, "")
	for name, want := range map[string]string{
		"openssl/test/smime-certs/smec2.pem":                        "curve that is not supported",
		"openssl/test/smime-certs/smdh.pem":                         "Diffie-Hellman",
		"openssl/test/smime-certs/smdsa1.pem":                       "DSA",
		"rfc4134/DianeDSSSignByCarlInherit.cer":                     "DSA",
		"bc-test-data/PKITS/certs/DSAParametersInheritedCACert.crt": "DSA",
	} {
		b := readVector(t, dir, name)
		if block, rest := pem.Decode(b); block != nil {
			for block.Type != pemCertificate {
				block, rest = pem.Decode(rest)
			}
			b = block.Bytes
		}
		c, err := parseCertificate(b)
		require.NoError(t, err, name)
		require.Contains(t, c.key.refuseSeal(), want, name)
	}
}

// An RSA key that is for one use is refused for the other, and OAEP is written
// to a key for OAEP where v1.5 is what the readers would have.
func TestRestrictedRSAKeys(t *testing.T) {
	allowed(t, "SHA-1")
	k := secret(t, "rsa3072").(*rsa.PrivateKey)
	raw := x509.MarshalPKCS1PublicKey(&k.PublicKey)
	var written cryptobyte.Builder
	addOAEP(&written)
	s := cryptobyte.String(written.BytesOrPanic())
	var a algorithm
	require.True(t, readAlgorithm(&s, &a, asn1.SEQUENCE))
	for _, c := range []struct {
		name          string
		o             oid
		params        []byte
		noSeal, noSig string
	}{
		{"any", oidRSAEncryption, []byte{5, 0}, "", ""},
		{"OAEP", oidRSAOAEP, nil, "", "encryption only"},
		{"OAEP with SHA-256", oidRSAOAEP, a.params, "", "encryption only"},
		{"OAEP with SHA-1", oidRSAOAEP, tlv(0x30, nil), "restricts RSA-OAEP", "encryption only"},
		{"PSS", oidRSAPSS, nil, "signatures only", ""},
	} {
		in, err := parseCertificate(withKey(t, testKey(t, "rsa3072").cert, spkiOf(t, c.o, c.params, raw)))
		require.NoError(t, err)
		if c.noSeal == "" {
			require.NoError(t, in.CheckSeal(time.Now(), seam.Auto), c.name)
		} else {
			requireUnusable(t, in.CheckSeal(time.Now(), seam.Auto), c.noSeal)
		}
		if c.noSig == "" {
			require.NoError(t, in.checkSign(), c.name)
		} else {
			requireUnusable(t, in.checkSign(), c.noSig)
		}
		if c.noSeal == "" {
			_, planned, _, err := wrapFor(in, testCEK, true)
			require.NoError(t, err)
			require.Equal(t, c.name == "any", planned.Algorithm == v15Name)
		}
	}
	for _, bad := range [][]byte{raw[:len(raw)-1], tlv(0x30, tlv(2, []byte{1})), tlv(0x30, append(tlv(2, nil), tlv(2, []byte{3})...)), {5, 0}} {
		c, err := parseCertificate(withKey(t, testKey(t, "rsa3072").cert, spkiOf(t, oidRSAPSS, nil, bad)))
		require.NoError(t, err)
		require.Contains(t, c.key.refuse, "damaged")
	}
}
