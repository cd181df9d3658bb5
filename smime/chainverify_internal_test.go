package smime

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"testing"

	"filippo.io/mldsa"
	"github.com/cloudflare/circl/sign/ed448"
	"github.com/cloudflare/circl/sign/slhdsa"
	"github.com/stretchr/testify/require"
)

// named is an AlgorithmIdentifier; params is a whole element.
func named(o oid, params []byte) []byte { return tlv(0x30, append(o.tlv(), params...)) }

// What authorities sign with, each with a twin that differs in one thing.
func TestVerifyIssued(t *testing.T) {
	allowed(t, "all algorithms")
	message := []byte("what an authority signed")
	sum256, sum512 := sha256.Sum256(message), sha512.Sum512(message)
	rsaKey := FixedRSA("rsa2048")
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	sign := func(k *rsa.PrivateKey, pss bool) []byte {
		var s []byte
		var err error
		if pss {
			s, err = rsa.SignPSS(rand.Reader, k, crypto.SHA256, sum256[:], &rsa.PSSOptions{SaltLength: 32})
		} else {
			s, err = rsa.SignPKCS1v15(nil, k, crypto.SHA256, sum256[:])
		}
		require.NoError(t, err)
		return s
	}
	ec, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	require.NoError(t, err)
	ecSignature, err := ecdsa.SignASN1(rand.Reader, ec, sum512[:])
	require.NoError(t, err)
	edPublic, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	ed448Public, ed448Key, err := ed448.GenerateKey(rand.Reader)
	require.NoError(t, err)
	mldsaKey, err := mldsa.GenerateKey(mldsa.MLDSA65())
	require.NoError(t, err)
	mldsaSignature, err := mldsaKey.Sign(rand.Reader, message, &mldsa.Options{})
	require.NoError(t, err)
	slhPublic, slhKey, err := slhdsa.GenerateKey(rand.Reader, slhdsa.SHA2_128f)
	require.NoError(t, err)
	slhSignature, err := slhdsa.SignDeterministic(&slhKey, slhdsa.NewMessage(message), nil)
	require.NoError(t, err)
	null := []byte{5, 0}
	pss256 := pssParameters(oidSHA256, oidSHA256, 32, 1)

	rsaPublic := func(only rsaUse) *publicKey { return &publicKey{kind: keyRSA, rsa: &rsaKey.PublicKey, only: only} }
	edKey := &publicKey{kind: keyEd25519, ed25519: edPublic}
	mldsaPublic := &publicKey{kind: keyMLDSA, mldsa: mldsaKey.PublicKey(), name: "ML-DSA-65"}
	for _, c := range []struct {
		name      string
		key       any
		algorithm []byte
		signature []byte
		valid     bool
	}{
		{"RSA", rsaPublic(rsaAny), named(oidSHA256WithRSA, null), sign(rsaKey, false), true},
		{"RSA, another digest", rsaPublic(rsaAny), named(oidSHA384WithRSA, null), sign(rsaKey, false), false},
		{"RSA without a digest", rsaPublic(rsaAny), named(oidRSAEncryption, null), sign(rsaKey, false), false},
		{"RSA of 1024 bits", &publicKey{kind: keyRSA, rsa: &small.PublicKey}, named(oidSHA256WithRSA, null), sign(small, false), false},
		{"RSA key for OAEP", rsaPublic(rsaOAEP), named(oidSHA256WithRSA, null), sign(rsaKey, false), false},
		{"RSA key for PSS", rsaPublic(rsaPSS), named(oidSHA256WithRSA, null), sign(rsaKey, false), false},
		{"PSS", rsaPublic(rsaAny), named(oidRSAPSS, pss256), sign(rsaKey, true), true},
		{"PSS, key for it", rsaPublic(rsaPSS), named(oidRSAPSS, pss256), sign(rsaKey, true), true},
		{"PSS without parameters: SHA-1", rsaPublic(rsaAny), named(oidRSAPSS, tlv(0x30, nil)), sign(rsaKey, true), false},
		{"ECDSA", &publicKey{kind: keyEC, ecdsa: &ec.PublicKey}, tlv(0x30, oidECDSASHA512.tlv()), ecSignature, true},
		{"ECDSA, another digest", &publicKey{kind: keyEC, ecdsa: &ec.PublicKey}, tlv(0x30, oidECDSASHA256.tlv()), ecSignature, false},
		{"ECDSA algorithm, RSA key", rsaPublic(rsaAny), tlv(0x30, oidECDSASHA512.tlv()), ecSignature, false},
		{"Ed25519", edKey, tlv(0x30, oidEd25519.tlv()), ed25519.Sign(ed, message), true},
		{"Ed25519 with parameters", edKey, named(oidEd25519, null), ed25519.Sign(ed, message), false},
		{"Ed448", &publicKey{kind: keyEd448, ed448: ed448Public}, tlv(0x30, oidEd448.tlv()), ed448.Sign(ed448Key, message, ""), true},
		{"Ed448 with a context", &publicKey{kind: keyEd448, ed448: ed448Public}, tlv(0x30, oidEd448.tlv()), ed448.Sign(ed448Key, message, "x"), false},
		{"ML-DSA", mldsaPublic, tlv(0x30, oidMLDSA65.tlv()), mldsaSignature, true},
		{"ML-DSA, another set", mldsaPublic, tlv(0x30, oidMLDSA44.tlv()), mldsaSignature, false},
		{"SLH-DSA", &publicKey{kind: keySLHDSA, slhdsa: &slhPublic}, tlv(0x30, oid("\x60\x86\x48\x01\x65\x03\x04\x03\x15").tlv()), slhSignature, true},
		{"SLH-DSA, another set", &publicKey{kind: keySLHDSA, slhdsa: &slhPublic}, tlv(0x30, oid("\x60\x86\x48\x01\x65\x03\x04\x03\x14").tlv()), slhSignature, false},
		{"no algorithm", edKey, nil, ed25519.Sign(ed, message), false},
		{"more after the algorithm", edKey, append(tlv(0x30, oidEd25519.tlv()), 0), ed25519.Sign(ed, message), false},
		{"a key that is not supported", &publicKey{}, tlv(0x30, oidEd25519.tlv()), ed25519.Sign(ed, message), false},
		{"no key", nil, tlv(0x30, oidEd25519.tlv()), ed25519.Sign(ed, message), false},
	} {
		require.Equal(t, c.valid, verifyIssued(c.key, c.algorithm, message, c.signature, false) == nil, c.name)
		if c.valid {
			require.Error(t, verifyIssued(c.key, c.algorithm, message[1:], c.signature, false), c.name)
			c.signature[len(c.signature)-1] ^= 1
			require.Error(t, verifyIssued(c.key, c.algorithm, message, c.signature, false), c.name)
		}
	}
}

// A digest that can be made to collide proves nothing of what was signed.
func TestVerifyIssuedSHA1(t *testing.T) {
	allowed(t, "SHA-1")
	message := []byte("what an authority signed")
	k := FixedRSA("rsa2048")
	h := crypto.SHA1.New()
	h.Write(message)
	signature, err := rsa.SignPKCS1v15(nil, k, crypto.SHA1, h.Sum(nil))
	require.NoError(t, err)
	algorithm := named(oidSHA1WithRSA, []byte{5, 0})
	key := &publicKey{kind: keyRSA, rsa: &k.PublicKey}
	require.Error(t, verifyIssued(key, algorithm, message, signature, false))
	require.NoError(t, verifyIssued(key, algorithm, message, signature, true), "the twin: where it is allowed")
}
