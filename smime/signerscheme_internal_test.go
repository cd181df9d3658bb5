package smime

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"io"
	"testing"
	"time"

	"filippo.io/mldsa"
	"github.com/cloudflare/circl/sign/ed448"
	"github.com/cloudflare/circl/sign/slhdsa"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// issueSPKI returns a certificate for a public key of any kind. Its own
// signature is wrong, which nothing here looks at.
func issueSPKI(t testing.TB, spki []byte) *certificate {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c, err := parseCertificate(withKey(t, issue(t, private, nil), spki))
	require.NoError(t, err)
	return c
}

// pssParameters returns RSASSA-PSS-params.
func pssParameters(h, mgf oid, salt, trailer int64) []byte {
	context := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(context(0), func(b *cryptobyte.Builder) { addAlgorithmNULL(b, h) })
		b.AddASN1(context(1), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				oidMGF1.add(b)
				addAlgorithm(b, mgf)
			})
		})
		b.AddASN1(context(2), func(b *cryptobyte.Builder) { b.AddASN1Int64(salt) })
		if trailer != 1 {
			b.AddASN1(context(3), func(b *cryptobyte.Builder) { b.AddASN1Int64(trailer) })
		}
	})
	return b.BytesOrPanic()
}

// rsaKeyFor returns a key whose certificate restricts it.
func rsaKeyFor(t testing.TB, o oid, params []byte) *privateKey {
	k := secret(t, "rsa3072").(*rsa.PrivateKey)
	return &privateKey{cert: issueSPKI(t, spkiOf(t, o, params, x509.MarshalPKCS1PublicKey(&k.PublicKey))), signer: k}
}

func pssKey(t testing.TB, params []byte) *privateKey { return rsaKeyFor(t, oidRSAPSS, params) }

func ed448Key(t testing.TB) *privateKey {
	public, private, err := ed448.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return keyFor(t, issueSPKI(t, spkiOf(t, oidEd448, nil, public)), private)
}

func mldsaKey(t testing.TB, p mldsa.Parameters) *privateKey {
	private, err := mldsa.GenerateKey(p)
	require.NoError(t, err)
	return keyFor(t, issueSPKI(t, spkiOf(t, mldsaOID(p), nil, private.PublicKey().Bytes())), private)
}

// slhSigner signs with SLH-DSA, which nothing but tests does.
type slhSigner struct{ key slhdsa.PrivateKey }

func (s slhSigner) Public() crypto.PublicKey { return s.key.PublicKey() }
func (s slhSigner) Sign(_ io.Reader, message []byte, _ crypto.SignerOpts) ([]byte, error) {
	return slhdsa.SignDeterministic(&s.key, slhdsa.NewMessage(message), nil)
}

func slhKey(t testing.TB, id slhdsa.ID, o oid) *privateKey {
	public, private, err := slhdsa.GenerateKey(rand.Reader, id)
	require.NoError(t, err)
	raw, err := public.MarshalBinary()
	require.NoError(t, err)
	return &privateKey{cert: issueSPKI(t, spkiOf(t, o, nil, raw)), signer: slhSigner{private}}
}

// hashing signs what it is given after hashing it with a digest that package
// crypto has no number for.
type hashing struct {
	crypto.Signer
	digest digestKind
}

func (s hashing) Sign(r io.Reader, message []byte, _ crypto.SignerOpts) ([]byte, error) {
	h := s.digest.new()
	h.Write(message)
	return s.Signer.Sign(r, h.Sum(nil), crypto.SHA256)
}

const (
	slh128f oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x15" // 2.16.840.1.101.3.4.3.21
	slh128s oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x14" // 2.16.840.1.101.3.4.3.20
	slhShk  oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x1b" // 2.16.840.1.101.3.4.3.27
)

// TestSchemes: each algorithm with its digests, beside what differs in one
// thing. Every signature is correct for what it is said to be, unless the row
// says what was signed instead.
func TestSchemes(t *testing.T) {
	t.Parallel()
	allowed(t, "SHA-1, Ed448, ML-DSA and SLH-DSA")
	const bad, valid, weak, unsupported = seam.SignatureBad, seam.SignatureValid, seam.SignatureWeak, seam.SignatureUnsupported
	rsaKey, ec := testKey(t, "rsa3072"), testKey(t, "p256")
	ed, m44, m65 := ed448Key(t), mldsaKey(t, mldsa.MLDSA44()), mldsaKey(t, mldsa.MLDSA65())
	fast, shk := slhKey(t, slhdsa.SHA2_128f, slh128f), slhKey(t, slhdsa.SHAKE_128f, slhShk)
	withNULL := func(o oid) []byte { return tlv(0x30, append(o.tlv(), 5, 0)) }
	shakeLen := func(v ...byte) []byte { return tlv(0x30, append(oidSHAKE256Len.tlv(), v...)) }
	pssAlg := func(h oid, salt int64) []byte {
		return tlv(0x30, append(oidRSAPSS.tlv(), pssParameters(h, h, salt, 1)...))
	}
	whole := crypto.Hash(0)
	shake := func(k *privateKey, d digestKind) *privateKey {
		return &privateKey{cert: k.cert, signer: hashing{k.signer, d}}
	}
	for _, c := range []struct {
		name   string
		key    *privateKey
		dalg   []byte
		salg   []byte
		opts   crypto.SignerOpts
		want   seam.SignatureStatus
		detail string
	}{
		{"RSA SHA3-224", rsaKey, derAlgorithm(oidSHA3224), withNULL(oidSHA3224WithRSA), crypto.SHA3_224, valid, ""},
		{"RSA SHA3-256", rsaKey, derAlgorithm(oidSHA3256), withNULL(oidSHA3256WithRSA), crypto.SHA3_256, valid, ""},
		{"RSA SHA3-384", rsaKey, derAlgorithm(oidSHA3384), withNULL(oidSHA3384WithRSA), crypto.SHA3_384, valid, ""},
		{"RSA SHA3-512", rsaKey, derAlgorithm(oidSHA3512), withNULL(oidSHA3512WithRSA), crypto.SHA3_512, valid, ""},
		{"RSA SHA3-256 by the key's name", rsaKey, derAlgorithm(oidSHA3256), withNULL(oidRSAEncryption), crypto.SHA3_256, valid, ""},
		{"RSA SHA-256 said to be SHA3-256", rsaKey, derAlgorithm(oidSHA3256), withNULL(oidSHA3256WithRSA), crypto.SHA256, bad, "wrong"},
		{"RSA SHA3-256, content with SHA-256", rsaKey, derAlgorithm(oidSHA256), withNULL(oidSHA3256WithRSA), crypto.SHA3_256, unsupported, "another than the content's"},
		{"RSA SHA-512/256", rsaKey, derAlgorithm(oidSHA512t256), withNULL(oidSHA512t256WithRSA), crypto.SHA512_256, valid, ""},
		{"RSA SHA-512/224", rsaKey, derAlgorithm(oidSHA512t224), withNULL(oidSHA512t224WithRSA), crypto.SHA512_224, valid, ""},
		{"RSA SHAKE256", rsaKey, derAlgorithm(oidSHAKE256), withNULL(oidRSAEncryption), crypto.SHA256, unsupported, "SHAKE"},
		{"PSS SHA3-256", rsaKey, derAlgorithm(oidSHA3256), pssAlg(oidSHA3256, 32), &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA3_256}, valid, ""},
		{"PSS SHAKE", rsaKey, derAlgorithm(oidSHAKE256), derAlgorithm(oidPSSSHAKE256), crypto.SHA256, unsupported, "RSA-PSS with SHAKE"},

		{"ECDSA SHA3-224", ec, derAlgorithm(oidSHA3224), derAlgorithm(oidECDSASHA3224), crypto.SHA3_224, valid, ""},
		{"ECDSA SHA3-256", ec, derAlgorithm(oidSHA3256), derAlgorithm(oidECDSASHA3256), crypto.SHA3_256, valid, ""},
		{"ECDSA SHA3-384", ec, derAlgorithm(oidSHA3384), derAlgorithm(oidECDSASHA3384), crypto.SHA3_384, valid, ""},
		{"ECDSA SHA3-512", ec, derAlgorithm(oidSHA3512), derAlgorithm(oidECDSASHA3512), crypto.SHA3_512, valid, ""},
		{"ECDSA SHA-256 said to be SHA3-256", ec, derAlgorithm(oidSHA3256), derAlgorithm(oidECDSASHA3256), crypto.SHA256, bad, "wrong"},
		{"ECDSA SHAKE128", shake(ec, digestSHAKE128), derAlgorithm(oidSHAKE128), derAlgorithm(oidECDSASHAKE128), whole, valid, ""},
		{"ECDSA SHAKE256", shake(ec, digestSHAKE256), derAlgorithm(oidSHAKE256), derAlgorithm(oidECDSASHAKE256), whole, valid, ""},
		{"ECDSA SHAKE128 said to be SHAKE256", shake(ec, digestSHAKE128), derAlgorithm(oidSHAKE256), derAlgorithm(oidECDSASHAKE256), whole, bad, "wrong"},
		{"ECDSA SHAKE128, content with SHAKE256", shake(ec, digestSHAKE128), derAlgorithm(oidSHAKE256), derAlgorithm(oidECDSASHAKE128), whole, unsupported, "another than the content's"},

		{"Ed448", ed, shakeLen(2, 2, 2, 0), derAlgorithm(oidEd448), whole, valid, ""},
		{"Ed448 without the length", ed, derAlgorithm(oidSHAKE256), derAlgorithm(oidEd448), whole, valid, ""},
		{"Ed448 with SHA-512", ed, derAlgorithm(oidSHA512), derAlgorithm(oidEd448), whole, valid, ""},
		{"Ed448 of another length", ed, shakeLen(2, 2, 1, 0), derAlgorithm(oidEd448), whole, unsupported, "digest that is not supported"},
		{"Ed448 of no length", ed, shakeLen(), derAlgorithm(oidEd448), whole, unsupported, "digest that is not supported"},
		{"Ed448 of a length in octets", ed, shakeLen(2, 1, 64), derAlgorithm(oidEd448), whole, unsupported, "digest that is not supported"},
		{"Ed448 with SHA-224", ed, derAlgorithm(oidSHA224), derAlgorithm(oidEd448), whole, unsupported, "too short"},
		{"Ed448 with SHA-1", ed, derAlgorithm(oidSHA1), derAlgorithm(oidEd448), whole, weak, "SHA-1"},
		{"Ed448 with NULL", ed, derAlgorithm(oidSHA512), withNULL(oidEd448), whole, unsupported, "parameters"},
		{"Ed448 said to be Ed25519", ed, derAlgorithm(oidSHA512), derAlgorithm(oidEd25519), whole, bad, "not one of the certificate's key"},
		{"Ed448ph", ed, derAlgorithm(oidSHA512), derAlgorithm(oidEd448), ed448.SignerOptions{Scheme: ed448.ED448Ph}, bad, "wrong"},
		{"Ed448 with a context", ed, derAlgorithm(oidSHA512), derAlgorithm(oidEd448), ed448.SignerOptions{Context: "x"}, bad, "wrong"},

		{"ML-DSA-44", m44, derAlgorithm(oidSHA512), derAlgorithm(oidMLDSA44), whole, valid, ""},
		{"ML-DSA-44 with SHA-256", m44, derAlgorithm(oidSHA256), derAlgorithm(oidMLDSA44), whole, valid, ""},
		{"ML-DSA-65 with SHAKE256", m65, derAlgorithm(oidSHAKE256), derAlgorithm(oidMLDSA65), whole, valid, ""},
		{"ML-DSA-65 with SHA-224", m65, derAlgorithm(oidSHA224), derAlgorithm(oidMLDSA65), whole, unsupported, "too short"},
		{"ML-DSA-65 with MD5", m65, derAlgorithm(oidMD5), derAlgorithm(oidMLDSA65), whole, weak, "MD5"},
		{"ML-DSA-65 with NULL", m65, derAlgorithm(oidSHA512), withNULL(oidMLDSA65), whole, unsupported, "parameters"},
		{"ML-DSA-65 said to be ML-DSA-44", m65, derAlgorithm(oidSHA512), derAlgorithm(oidMLDSA44), whole, bad, "not one of the certificate's key"},
		{"ML-DSA-44 with a context", m44, derAlgorithm(oidSHA512), derAlgorithm(oidMLDSA44), &mldsa.Options{Context: "x"}, bad, "wrong"},

		{"SLH-DSA-SHA2-128f", fast, derAlgorithm(oidSHA256), derAlgorithm(slh128f), whole, valid, ""},
		{"SLH-DSA-SHAKE-128f", shk, derAlgorithm(oidSHAKE128), derAlgorithm(slhShk), whole, valid, ""},
		{"SLH-DSA-128f said to be 128s", fast, derAlgorithm(oidSHA256), derAlgorithm(slh128s), whole, bad, "not one of the certificate's key"},
		{"SLH-DSA with SHA-224", fast, derAlgorithm(oidSHA224), derAlgorithm(slh128f), whole, unsupported, "too short"},
		{"SLH-DSA with NULL", fast, derAlgorithm(oidSHA256), withNULL(slh128f), whole, unsupported, "parameters"},

		{"PSS key", pssKey(t, nil), derAlgorithm(oidSHA256), pssAlg(oidSHA256, 32), &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}, valid, ""},
		{"PSS key with PKCS#1 v1.5", pssKey(t, nil), derAlgorithm(oidSHA256), withNULL(oidRSAEncryption), crypto.SHA256, bad, "not one of the certificate's key"},
		{"PSS key with its parameters", pssKey(t, pssParameters(oidSHA256, oidSHA256, 32, 1)), derAlgorithm(oidSHA256), pssAlg(oidSHA256, 32), &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}, valid, ""},
		{"PSS key with a longer salt", pssKey(t, pssParameters(oidSHA256, oidSHA256, 32, 1)), derAlgorithm(oidSHA256), pssAlg(oidSHA256, 33), &rsa.PSSOptions{SaltLength: 33, Hash: crypto.SHA256}, valid, ""},
		{"PSS key with a shorter salt", pssKey(t, pssParameters(oidSHA256, oidSHA256, 32, 1)), derAlgorithm(oidSHA256), pssAlg(oidSHA256, 31), &rsa.PSSOptions{SaltLength: 31, Hash: crypto.SHA256}, bad, "not one of the certificate's key"},
		{"PSS key with another digest", pssKey(t, pssParameters(oidSHA384, oidSHA384, 20, 1)), derAlgorithm(oidSHA256), pssAlg(oidSHA256, 32), &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}, bad, "not one of the certificate's key"},
		{"PSS key with damaged parameters", pssKey(t, []byte{5, 0}), derAlgorithm(oidSHA256), pssAlg(oidSHA256, 32), &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}, bad, "not one of the certificate's key"},
		{"OAEP key with PSS", rsaKeyFor(t, oidRSAOAEP, nil), derAlgorithm(oidSHA256), pssAlg(oidSHA256, 32), &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}, bad, "not one of the certificate's key"},
		{"OAEP key with PKCS#1 v1.5", rsaKeyFor(t, oidRSAOAEP, nil), derAlgorithm(oidSHA256), withNULL(oidRSAEncryption), crypto.SHA256, bad, "not one of the certificate's key"},

		{"DSA", rsaKey, derAlgorithm(oidSHA1), derAlgorithm(oidDSASHA1), crypto.SHA1, unsupported, "DSA, which"},
		{"DSA by the key's name", rsaKey, derAlgorithm(oidSHA256), derAlgorithm(oidDSA), crypto.SHA256, unsupported, "DSA, which"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newForge(t, testKey(t, "p256"))
			var sid cryptobyte.Builder
			addIssuerAndSerial(&sid, c.key.cert)
			f.key, f.sid = c.key, sid.BytesOrPanic()
			f.digestAlgorithm, f.signatureAlgorithm, f.hash, f.opts = c.dalg, c.salg, c.opts.HashFunc(), c.opts
			var a algorithm
			in := cryptobyte.String(c.dalg)
			require.True(t, readAlgorithm(&in, &a, asn1.SEQUENCE))
			digest := make([]byte, 64)
			if d, ok := digestOf(&a); ok {
				h := d.new()
				h.Write(content)
				digest = h.Sum(nil)
			}
			f.attributes[1] = attribute(t, oidMessageDigest, tlv(4, digest))
			der := f.der(t)
			judge := func(der []byte) seam.Signature {
				si, err := parseSignerInfo(der)
				require.NoError(t, err)
				return si.verify(oidData.tlv(), digest, nil, []seam.Certificate{c.key.cert}, time.Now())
			}
			got := judge(der)
			require.Equal(t, c.want, got.Status, got.Detail)
			require.Contains(t, got.Detail, c.detail)
			if c.want == valid || c.want == weak {
				der[len(der)-1] ^= 1
				require.Equal(t, bad, judge(der).Status, "a bit of the signature")
			}
		})
	}
}

// TestShake: a sum does not end the digest, and is that of package sha3, whose
// answers for "abc" are those that FIPS 202 is tested with.
func TestShake(t *testing.T) {
	t.Parallel()
	for d, want := range map[digestKind]string{
		digestSHAKE128: "5881092dd818bf5cf8a3ddb793fbcba74097d5c526a6d35f97b83351940f2cc8",
		digestSHAKE256: "483366601360a8771c6863080cc4114d8db44530f8f1e1ee4f94ea37e78b5739d5a15bef186a5386c75744c0527e1faa9f8726e462a12a4feb06bd8801e751e4",
	} {
		h := d.new()
		h.Write([]byte("ab"))
		h.Sum(nil)
		h.Write([]byte("c"))
		for range 2 {
			require.Equal(t, want, hex.EncodeToString(h.Sum(nil)))
			require.Equal(t, "00"+want, hex.EncodeToString(h.Sum([]byte{0})))
		}
		require.Equal(t, d.size(), h.Size())
		require.False(t, d.weak())
		h.Reset()
		require.NotEqual(t, want, hex.EncodeToString(h.Sum(nil)))
	}
}

// TestCheckSignOfRestrictedKeys: a key says before anything is written that it
// does not make the signatures that are asked for.
func TestCheckSignOfRestrictedKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		key  *privateKey
		want string
	}{
		{"PSS", pssKey(t, nil), ""},
		{"PSS with SHA-512", pssKey(t, pssParameters(oidSHA512, oidSHA512, 64, 1)), ""},
		{"PSS with SHA-1", pssKey(t, pssParameters(oidSHA1, oidSHA1, 20, 1)), "other uses"},
		{"PSS with two digests", pssKey(t, pssParameters(oidSHA256, oidSHA1, 20, 1)), "other uses"},
		{"PSS with a longer salt", pssKey(t, pssParameters(oidSHA256, oidSHA256, 33, 1)), "other uses"},
		{"OAEP", rsaKeyFor(t, oidRSAOAEP, nil), "encryption only"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := (&signer{key: c.key}).CheckSign(time.Now(), seam.Auto)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			requireUnusable(t, err, c.want)
		})
	}
}

// TestOurSigners: only RSA keys sign in another way, and only for readers that
// are said to be modern.
func TestOurSigners(t *testing.T) {
	t.Parallel()
	for profile, want := range map[seam.Profile]schemeKind{
		seam.Auto: schemeRSA, seam.Compatible: schemeRSA, seam.Modern: schemePSS, seam.PostQuantum: schemePSS,
	} {
		out, err := ourSigners(&seam.SealPlan{Profile: profile, Signers: []seam.Signer{&signer{key: testKey(t, "rsa3072")}, &signer{key: testKey(t, "p256")}}})
		require.NoError(t, err)
		require.Equal(t, want, out[0].scheme().kind)
		require.Equal(t, schemeECDSA, out[1].scheme().kind)
	}
	_, err := ourSigners(&seam.SealPlan{Signers: []seam.Signer{nil}})
	require.ErrorIs(t, err, errNotOurs)
}
