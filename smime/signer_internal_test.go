package smime

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"filippo.io/mldsa"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// forge builds a SignerInfo piece by piece. What is not changed is as the
// signer writes it, and it is always signed correctly.
type forge struct {
	key                *privateKey
	version            int64
	sid                []byte
	digestAlgorithm    []byte
	signatureAlgorithm []byte
	hash               crypto.Hash       // of the signature
	opts               crypto.SignerOpts // nil: hash
	attributes         [][]byte          // nil: none at all
	unsorted           bool              // signed and written in the order given
	signedAs           []byte            // signed instead of the attributes
	value              func([]byte) []byte
	extra              []byte
}

func attribute(t testing.TB, o oid, values ...[]byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		o.add(b)
		b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
			for _, v := range values {
				b.AddBytes(v)
			}
		})
	})
	der, err := b.Bytes()
	require.NoError(t, err)
	return der
}

var (
	content       = []byte("what was signed")
	contentDigest = func() []byte { d := sha256.Sum256(content); return d[:] }()
)

func tlv(tag byte, v []byte) []byte {
	return append(ber.AppendHeader(nil, asn1.Tag(tag), len(v)), v...)
}

// newForge returns what makes a good signature with RSA or P-256.
func newForge(t testing.TB, k *privateKey) *forge {
	s := &signer{key: k}
	alg, err := s.signatureAlgorithmDER()
	require.NoError(t, err)
	var sid cryptobyte.Builder
	addIssuerAndSerial(&sid, k.cert)
	return &forge{
		key: k, version: 1, sid: sid.BytesOrPanic(), hash: s.digest().crypto(),
		digestAlgorithm: s.digestAlgorithmDER(), signatureAlgorithm: alg,
		attributes: [][]byte{
			attribute(t, oidContentType, oidData.tlv()),
			attribute(t, oidMessageDigest, tlv(4, contentDigest)),
		},
	}
}

func (f *forge) der(t testing.TB) []byte {
	attributes := slices.Clone(f.attributes)
	if !f.unsorted {
		slices.SortFunc(attributes, bytes.Compare)
	}
	signed := f.signedAs
	if signed == nil {
		signed = setOf(attributes)
	}
	digest := signed
	opts := f.opts
	if opts == nil {
		opts = f.hash
	}
	if opts.HashFunc() != 0 {
		h := f.hash.New()
		h.Write(signed)
		digest = h.Sum(nil)
	}
	value, err := f.key.signer.Sign(rand.Reader, digest, opts)
	require.NoError(t, err)
	if f.value != nil {
		value = f.value(value)
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(f.version)
		b.AddBytes(f.sid)
		b.AddBytes(f.digestAlgorithm)
		if f.attributes != nil {
			b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { addSorted(b, attributes) })
		}
		b.AddBytes(f.signatureAlgorithm)
		b.AddASN1OctetString(value)
		b.AddBytes(f.extra)
	})
	der, err := b.Bytes()
	require.NoError(t, err)
	return der
}

// judge verifies with the key's certificate as the only sender.
func (f *forge) judge(t testing.TB) seam.Signature {
	t.Helper()
	si, err := parseSignerInfo(f.der(t))
	require.NoError(t, err)
	return si.verify(oidData.tlv(), contentDigest, nil, []seam.Certificate{f.key.cert}, time.Now())
}

func TestSignVerify(t *testing.T) {
	t.Parallel()
	ed := edKey(t)
	rsaKey := testKey(t, "rsa3072")
	for _, c := range []struct {
		name string
		key  *privateKey
		want string
	}{
		{"RSA", rsaKey, "RSA PKCS#1 v1.5, SHA-256"},
		{"PSS", rsaKey, "RSA-PSS, SHA-256"},
		{"PSS key", pssKey(t, nil), "RSA-PSS, SHA-256"},
		{"PSS key with parameters", pssKey(t, pssParameters(oidSHA384, oidSHA384, 20, 1)), "RSA-PSS, SHA-384"},
		{"Ed448", ed448Key(t), "Ed448, SHAKE256"},
		{"ML-DSA-44", mldsaKey(t, mldsa.MLDSA44()), "ML-DSA-44, SHA-512"},
		{"ML-DSA-65", mldsaKey(t, mldsa.MLDSA65()), "ML-DSA-65, SHA-512"},
		{"ML-DSA-87", mldsaKey(t, mldsa.MLDSA87()), "ML-DSA-87, SHA-512"},
		{"P-256", testKey(t, "p256"), "ECDSA, SHA-256"},
		{"P-384", testKey(t, "p384"), "ECDSA, SHA-384"},
		{"P-521", testKey(t, "p521"), "ECDSA, SHA-512"},
		{"Ed25519", keyFor(t, issue(t, ed, nil), ed), "Ed25519, SHA-512"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, now := &signer{c.key, c.name == "PSS"}, time.Now()
			if s.scheme().forbidden() != "" {
				requireNotApproved(t, s.CheckSign(now, seam.Auto))
				t.Skip("skipped: GODEBUG=fips140=only forbids it")
			}
			require.NoError(t, s.CheckSign(now, seam.PostQuantum))
			h := s.digest().new()
			h.Write(content)
			digest := h.Sum(nil)
			der, planned, err := s.signerInfo(oidSignedData.tlv(), digest, now)
			require.NoError(t, err)
			require.Equal(t, c.want, planned.Algorithm)
			si, err := parseSignerInfo(der)
			require.NoError(t, err)
			got, ok := si.digest()
			require.True(t, ok)
			require.Equal(t, s.digest(), got)
			described := si.describe()
			described.Signer = planned.Signer
			require.Equal(t, planned, described)

			senders := []seam.Certificate{testKey(t, "p384").cert, c.key.cert}
			want := planned
			want.Status, want.Sender = seam.SignatureValid, 1
			want.Capabilities, err = mailCapabilities()
			require.NoError(t, err)
			if c.name == "P-384" {
				want.Sender = 0
			}
			require.Equal(t, want, si.verify(oidSignedData.tlv(), digest, nil, senders, now))

			want.Sender = -1
			require.Equal(t, want, si.verify(oidSignedData.tlv(), digest, []*certificate{c.key.cert}, nil, now))

			none := si.verify(oidSignedData.tlv(), digest, nil, nil, now)
			require.Equal(t, seam.SignatureUnchecked, none.Status)
			require.Nil(t, none.Signer)
			require.Equal(t, seam.SignatureBad, si.verify(oidData.tlv(), digest, nil, senders, now).Status)
			digest[0] ^= 1
			require.Equal(t, seam.SignatureBad, si.verify(oidSignedData.tlv(), digest, nil, senders, now).Status)
			require.Equal(t, seam.SignatureBad, si.verify(oidSignedData.tlv(), digest[:31], nil, senders, now).Status)
			require.Equal(t, seam.SignatureBad, si.verify(oidSignedData.tlv(), nil, nil, senders, now).Status)

			// Any other bit of it makes it malformed or not valid.
			digest[0] ^= 1
			for i := 0; i < len(der); i += 7 {
				flipped := bytes.Clone(der)
				flipped[i] ^= 0x10
				si, err := parseSignerInfo(flipped)
				if err == nil {
					require.NotEqual(t, seam.SignatureValid, si.verify(oidSignedData.tlv(), digest, nil, senders, now).Status, "octet %d", i)
				}
			}
		})
	}
}

// TestAttributeRules turns each attribute, always with a correct signature.
func TestAttributeRules(t *testing.T) {
	allowed(t, "SHA-1")
	k := testKey(t, "p256")
	contentType := attribute(t, oidContentType, oidData.tlv())
	digest := attribute(t, oidMessageDigest, tlv(4, contentDigest))
	at := func(tag byte, s string) []byte { return attribute(t, oidSigningTime, tlv(tag, []byte(s))) }
	now := time.Now().UTC().Format("060102150405Z")
	caps := attribute(t, oidSMIMECapabilities, []byte{0x30, 0})
	sum, sum1 := sha256.Sum256(k.cert.x.Raw), sha1.Sum(k.cert.x.Raw)
	wrong := bytes.Clone(sum[:])
	wrong[31] ^= 1
	cert := func(o oid, id ...byte) []byte { return attribute(t, o, tlv(0x30, tlv(0x30, tlv(0x30, id)))) }
	goodCert := cert(oidSigningCertificateV2, tlv(4, sum[:])...)
	sha1Alg := []byte("\x30\x07\x06\x05\x2b\x0e\x03\x02\x1a")
	good := newForge(t, k)
	protect := func(digest, signature []byte, extra ...byte) []byte {
		v := append(bytes.Clone(digest), signature...)
		return attribute(t, oidAlgorithmProtection, tlv(0x30, append(v, extra...)))
	}
	as1 := func(alg []byte) []byte { return append([]byte{0xa1}, alg[1:]...) }
	goodProtection := protect(good.digestAlgorithm, as1(good.signatureAlgorithm))
	unknown := attribute(t, oidPBES2, []byte{5, 0})
	ecdsa384 := derAlgorithm(oidECDSASHA384)

	for _, c := range []struct {
		name       string
		attributes [][]byte
		want       seam.SignatureStatus
		detail     string
	}{
		{"the two that are needed", [][]byte{contentType, digest}, seam.SignatureValid, ""},
		{"all", [][]byte{contentType, digest, at(0x17, now), caps, goodCert, goodProtection}, seam.SignatureValid, ""},
		{"none", nil, seam.SignatureUnsupported, "without signed attributes"},
		{"empty", [][]byte{}, seam.SignatureBad, "contentType is missing"},

		{"no contentType", [][]byte{digest}, seam.SignatureBad, "contentType is missing"},
		{"contentType twice", [][]byte{contentType, contentType, digest}, seam.SignatureBad, "contentType is there twice"},
		{"contentType with two values", [][]byte{attribute(t, oidContentType, oidData.tlv(), oidData.tlv()), digest}, seam.SignatureBad, "contentType is malformed"},
		{"contentType without value", [][]byte{attribute(t, oidContentType), digest}, seam.SignatureBad, "contentType is malformed"},
		{"contentType of another type", [][]byte{attribute(t, oidContentType, oidSignedData.tlv()), digest}, seam.SignatureBad, "another type"},
		{"contentType an OCTET STRING", [][]byte{attribute(t, oidContentType, tlv(4, []byte(oidData))), digest}, seam.SignatureBad, "contentType is malformed"},

		{"no messageDigest", [][]byte{contentType}, seam.SignatureBad, "messageDigest is missing"},
		{"messageDigest twice", [][]byte{contentType, digest, digest}, seam.SignatureBad, "messageDigest is there twice"},
		{"messageDigest with two values", [][]byte{contentType, attribute(t, oidMessageDigest, tlv(4, contentDigest), tlv(4, contentDigest))}, seam.SignatureBad, "messageDigest is malformed"},
		{"messageDigest without value", [][]byte{contentType, attribute(t, oidMessageDigest)}, seam.SignatureBad, "messageDigest is malformed"},
		{"messageDigest of other content", [][]byte{contentType, attribute(t, oidMessageDigest, tlv(4, sum[:]))}, seam.SignatureBad, "not what was signed"},
		{"messageDigest cut", [][]byte{contentType, attribute(t, oidMessageDigest, tlv(4, contentDigest[:31]))}, seam.SignatureBad, "not what was signed"},
		{"messageDigest empty", [][]byte{contentType, attribute(t, oidMessageDigest, []byte{4, 0})}, seam.SignatureBad, "not what was signed"},
		{"messageDigest a BIT STRING", [][]byte{contentType, attribute(t, oidMessageDigest, tlv(3, append([]byte{0}, contentDigest...)))}, seam.SignatureBad, "messageDigest is malformed"},
		{"messageDigest constructed", [][]byte{contentType, attribute(t, oidMessageDigest, tlv(0x24, tlv(4, contentDigest)))}, seam.SignatureBad, "messageDigest is malformed"},

		{"signingTime", [][]byte{contentType, digest, at(0x17, now)}, seam.SignatureValid, ""},
		{"signingTime generalized", [][]byte{contentType, digest, at(0x18, "20"+now)}, seam.SignatureValid, ""},
		{"signingTime twice", [][]byte{contentType, digest, at(0x17, now), at(0x17, now)}, seam.SignatureBad, "signingTime is there twice"},
		{"signingTime no time", [][]byte{contentType, digest, at(0x17, "yesterday")}, seam.SignatureBad, "signingTime is malformed"},
		{"signingTime of month 13", [][]byte{contentType, digest, at(0x17, "251301000000Z")}, seam.SignatureBad, "signingTime is malformed"},
		{"signingTime as text", [][]byte{contentType, digest, at(0x0c, now)}, seam.SignatureBad, "signingTime is malformed"},
		{"signingTime long ago", [][]byte{contentType, digest, at(0x17, "000101000000Z")}, seam.SignatureNotInTime, "at which its certificate was not valid"},
		{"signingTime in the future", [][]byte{contentType, digest, at(0x17, "480101000000Z")}, seam.SignatureNotInTime, "future"},

		{"capabilities twice", [][]byte{contentType, digest, caps, caps}, seam.SignatureBad, "SMIMECapabilities is there twice"},
		{"capabilities with two values", [][]byte{contentType, digest, attribute(t, oidSMIMECapabilities, []byte{0x30, 0}, []byte{0x30, 0})}, seam.SignatureBad, "SMIMECapabilities is malformed"},

		{"certificate", [][]byte{contentType, digest, goodCert}, seam.SignatureValid, ""},
		{"certificate twice", [][]byte{contentType, digest, goodCert, goodCert}, seam.SignatureBad, "signingCertificateV2 is there twice"},
		{"another certificate", [][]byte{contentType, digest, cert(oidSigningCertificateV2, tlv(4, wrong)...)}, seam.SignatureBad, "another certificate"},
		{"certificate with issuer", [][]byte{contentType, digest, cert(oidSigningCertificateV2, append(tlv(4, sum[:]), 0x30, 0)...)}, seam.SignatureValid, ""},
		{"certificate by SHA-1", [][]byte{contentType, digest, cert(oidSigningCertificateV2, append(bytes.Clone(sha1Alg), tlv(4, sum1[:])...)...)}, seam.SignatureValid, ""},
		{"certificate by the wrong digest", [][]byte{contentType, digest, cert(oidSigningCertificateV2, append(bytes.Clone(sha1Alg), tlv(4, sum[:])...)...)}, seam.SignatureBad, "another certificate"},
		{"certificate of the first version", [][]byte{contentType, digest, cert(oidSigningCertificate, tlv(4, sum1[:])...)}, seam.SignatureValid, ""},
		{"another certificate of the first version", [][]byte{contentType, digest, cert(oidSigningCertificate, tlv(4, sum1[1:])...)}, seam.SignatureBad, "another certificate"},
		{"certificate, no list", [][]byte{contentType, digest, attribute(t, oidSigningCertificateV2, []byte{0x30, 2, 0x30, 0})}, seam.SignatureBad, "signingCertificateV2 is malformed"},

		{"protection", [][]byte{contentType, digest, goodProtection}, seam.SignatureValid, ""},
		{"protection with NULL", [][]byte{contentType, digest, protect([]byte("\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00"), as1(good.signatureAlgorithm))}, seam.SignatureValid, ""},
		{"protection twice", [][]byte{contentType, digest, goodProtection, goodProtection}, seam.SignatureBad, "CMSAlgorithmProtection is there twice"},
		{"protection of another digest", [][]byte{contentType, digest, protect(derAlgorithm(oidSHA384), as1(good.signatureAlgorithm))}, seam.SignatureBad, "algorithms are not those"},
		{"protection of another signature", [][]byte{contentType, digest, protect(good.digestAlgorithm, as1(ecdsa384))}, seam.SignatureBad, "algorithms are not those"},
		{"protection without signature", [][]byte{contentType, digest, protect(good.digestAlgorithm, nil)}, seam.SignatureBad, "CMSAlgorithmProtection is malformed"},
		{"protection with a MAC", [][]byte{contentType, digest, protect(good.digestAlgorithm, as1(good.signatureAlgorithm), append([]byte{0xa2}, ecdsa384[1:]...)...)}, seam.SignatureBad, "CMSAlgorithmProtection is malformed"},
		{"protection with two values", [][]byte{contentType, digest, attribute(t, oidAlgorithmProtection, []byte{0x30, 0}, []byte{0x30, 0})}, seam.SignatureBad, "CMSAlgorithmProtection is malformed"},

		{"unknown attribute", [][]byte{contentType, digest, unknown}, seam.SignatureValid, ""},
		{"unknown attribute twice", [][]byte{contentType, digest, unknown, unknown}, seam.SignatureValid, ""},
		{"no attribute", [][]byte{contentType, digest, {5, 0}}, seam.SignatureBad, "malformed signed attributes"},
		{"attribute without values", [][]byte{contentType, digest, tlv(0x30, oidPBES2.tlv())}, seam.SignatureBad, "malformed signed attributes"},
		{"attribute with a tail", [][]byte{contentType, digest, tlv(0x30, append(oidPBES2.tlv(), 0x31, 0, 5, 0))}, seam.SignatureBad, "malformed signed attributes"},
		{"as many as may be", append(slices.Repeat([][]byte{unknown}, maxAttributes-2), contentType, digest), seam.SignatureValid, ""},
		{"too many", append(slices.Repeat([][]byte{unknown}, maxAttributes-1), contentType, digest), seam.SignatureBad, "too many"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForge(t, k)
			f.attributes = c.attributes
			got := f.judge(t)
			require.Equal(t, c.want, got.Status, got.Detail)
			require.Contains(t, got.Detail, c.detail)
			require.Equal(t, c.want == seam.SignatureValid, got.Detail == "")
		})
	}
}

func TestAttributesNotSorted(t *testing.T) {
	f := newForge(t, testKey(t, "p256"))
	slices.SortFunc(f.attributes, func(a, b []byte) int { return bytes.Compare(b, a) })
	f.unsorted = true
	require.Equal(t, seam.SignatureValid, f.judge(t).Status, "signed as written")
	sorted := slices.Clone(f.attributes)
	slices.Reverse(sorted)
	f.signedAs = setOf(sorted)
	require.Equal(t, seam.SignatureValid, f.judge(t).Status, "signed as DER")
	f.signedAs = append([]byte{0xa0}, f.signedAs[1:]...)
	require.Equal(t, seam.SignatureBad, f.judge(t).Status, "signed under the tag that it is written with")
	f.signedAs = content
	require.Equal(t, seam.SignatureBad, f.judge(t).Status, "signed the content")
}

func TestSignatureAlgorithms(t *testing.T) {
	allowed(t, "SHA-1")
	rsaKey, ec := testKey(t, "rsa3072"), testKey(t, "p256")
	ed := edKey(t)
	edwards := keyFor(t, issue(t, ed, nil), ed)
	digestOf := func(h crypto.Hash) []byte {
		d := h.New()
		d.Write(content)
		return d.Sum(nil)
	}
	rsaWith := func(o oid) []byte {
		var b cryptobyte.Builder
		addAlgorithmNULL(&b, o)
		return b.BytesOrPanic()
	}
	pss := func(h, mgf oid, salt, trailer int64) []byte {
		return tlv(0x30, append(oidRSAPSS.tlv(), pssParameters(h, mgf, salt, trailer)...))
	}
	pssOpts := func(h crypto.Hash, salt int) crypto.SignerOpts {
		return &rsa.PSSOptions{SaltLength: salt, Hash: h}
	}
	for _, c := range []struct {
		name   string
		key    *privateKey
		digest crypto.Hash
		dalg   []byte
		salg   []byte
		hash   crypto.Hash
		opts   crypto.SignerOpts
		want   seam.SignatureStatus
		detail string
	}{
		{"rsaEncryption", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), rsaWith(oidRSAEncryption), crypto.SHA256, nil, seam.SignatureValid, ""},
		{"digest with NULL", rsaKey, crypto.SHA256, rsaWith(oidSHA256), rsaWith(oidRSAEncryption), crypto.SHA256, nil, seam.SignatureValid, ""},
		{"SHA-256 with RSA", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), rsaWith(oidSHA256WithRSA), crypto.SHA256, nil, seam.SignatureValid, ""},
		{"SHA-224 with RSA", rsaKey, crypto.SHA224, derAlgorithm(oidSHA224), rsaWith(oidSHA224WithRSA), crypto.SHA224, nil, seam.SignatureValid, ""},
		{"SHA-384 with RSA", rsaKey, crypto.SHA384, derAlgorithm(oidSHA384), rsaWith(oidSHA384WithRSA), crypto.SHA384, nil, seam.SignatureValid, ""},
		{"SHA-512 with RSA", rsaKey, crypto.SHA512, derAlgorithm(oidSHA512), rsaWith(oidSHA512WithRSA), crypto.SHA512, nil, seam.SignatureValid, ""},
		{"SHA-1 with RSA", rsaKey, crypto.SHA1, derAlgorithm(oidSHA1), rsaWith(oidSHA1WithRSA), crypto.SHA1, nil, seam.SignatureWeak, "SHA-1"},
		{"MD5 with RSA", rsaKey, crypto.MD5, derAlgorithm(oidMD5), rsaWith(oidMD5WithRSA), crypto.MD5, nil, seam.SignatureWeak, "MD5"},
		{"SHA-1 with ECDSA", ec, crypto.SHA1, derAlgorithm(oidSHA1), derAlgorithm(oidECDSASHA1), crypto.SHA1, nil, seam.SignatureWeak, "SHA-1"},
		{"two digests", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), rsaWith(oidSHA512WithRSA), crypto.SHA512, nil, seam.SignatureUnsupported, "another than the content's"},
		{"weak digest of a strong one", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), rsaWith(oidSHA1WithRSA), crypto.SHA1, nil, seam.SignatureUnsupported, "another than the content's"},
		{"signed with another digest", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), rsaWith(oidRSAEncryption), crypto.SHA384, nil, seam.SignatureBad, "wrong"},
		{"P-256 with SHA-512", ec, crypto.SHA512, derAlgorithm(oidSHA512), derAlgorithm(oidECDSASHA512), crypto.SHA512, nil, seam.SignatureValid, ""},
		{"ECDSA, two digests", ec, crypto.SHA512, derAlgorithm(oidSHA512), derAlgorithm(oidECDSASHA256), crypto.SHA256, nil, seam.SignatureUnsupported, "another than the content's"},
		{"ECDSA by its key's name", ec, crypto.SHA256, derAlgorithm(oidSHA256), derAlgorithm(oidECPublicKey), crypto.SHA256, nil, seam.SignatureUnsupported, "algorithm that is not supported"},
		{"RSA said to be ECDSA", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), derAlgorithm(oidECDSASHA256), crypto.SHA256, nil, seam.SignatureBad, "not one of the certificate's key"},
		{"ECDSA said to be RSA", ec, crypto.SHA256, derAlgorithm(oidSHA256), rsaWith(oidRSAEncryption), crypto.SHA256, nil, seam.SignatureBad, "not one of the certificate's key"},
		{"unknown signature", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), rsaWith(oidPBES2), crypto.SHA256, nil, seam.SignatureUnsupported, "algorithm that is not supported"},
		{"unknown digest", rsaKey, crypto.SHA256, derAlgorithm(oidPBES2), rsaWith(oidRSAEncryption), crypto.SHA256, nil, seam.SignatureUnsupported, "digest that is not supported"},
		{"digest with parameters", rsaKey, crypto.SHA256, tlv(0x30, append(oidSHA256.tlv(), 4, 0)), rsaWith(oidRSAEncryption), crypto.SHA256, nil, seam.SignatureUnsupported, "digest that is not supported"},
		{"RSA with parameters", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), tlv(0x30, append(oidRSAEncryption.tlv(), 4, 0)), crypto.SHA256, nil, seam.SignatureUnsupported, "parameters"},
		{"Ed25519", edwards, crypto.SHA512, derAlgorithm(oidSHA512), derAlgorithm(oidEd25519), crypto.SHA512, crypto.Hash(0), seam.SignatureValid, ""},
		{"Ed25519 with SHA-256", edwards, crypto.SHA256, derAlgorithm(oidSHA256), derAlgorithm(oidEd25519), crypto.SHA512, crypto.Hash(0), seam.SignatureValid, ""},
		{"Ed25519ph", edwards, crypto.SHA512, derAlgorithm(oidSHA512), derAlgorithm(oidEd25519), crypto.SHA512, &ed25519.Options{Hash: crypto.SHA512}, seam.SignatureBad, "wrong"},
		{"PSS", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), pss(oidSHA256, oidSHA256, 32, 1), crypto.SHA256, pssOpts(crypto.SHA256, 32), seam.SignatureValid, ""},
		{"PSS SHA-512", rsaKey, crypto.SHA512, derAlgorithm(oidSHA512), pss(oidSHA512, oidSHA512, 64, 1), crypto.SHA512, pssOpts(crypto.SHA512, 64), seam.SignatureValid, ""},
		{"PSS of PKCS#1 v1.5", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), pss(oidSHA256, oidSHA256, 32, 1), crypto.SHA256, nil, seam.SignatureBad, "wrong"},
		{"PSS as PKCS#1 v1.5", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), rsaWith(oidRSAEncryption), crypto.SHA256, pssOpts(crypto.SHA256, 32), seam.SignatureBad, "wrong"},
		{"PSS with another salt", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), pss(oidSHA256, oidSHA256, 32, 1), crypto.SHA256, pssOpts(crypto.SHA256, 20), seam.SignatureBad, "wrong"},
		{"PSS with a short salt", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), pss(oidSHA256, oidSHA256, 20, 1), crypto.SHA256, pssOpts(crypto.SHA256, 20), seam.SignatureValid, ""},
		{"PSS with the longest salt", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), pss(oidSHA256, oidSHA256, 384-32-2, 1), crypto.SHA256, pssOpts(crypto.SHA256, 384-32-2), seam.SignatureValid, ""},
		{"PSS with a salt that cannot be", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), pss(oidSHA256, oidSHA256, 384-32-1, 1), crypto.SHA256, pssOpts(crypto.SHA256, 384-32-2), seam.SignatureBad, "wrong"},
		{"PSS with a huge salt", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), pss(oidSHA256, oidSHA256, 1<<40, 1), crypto.SHA256, pssOpts(crypto.SHA256, 32), seam.SignatureUnsupported, "salt"},
		{"PSS with a negative salt", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), pss(oidSHA256, oidSHA256, -1, 1), crypto.SHA256, pssOpts(crypto.SHA256, 32), seam.SignatureUnsupported, "salt"},
		{"PSS without a salt", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), pss(oidSHA256, oidSHA256, 0, 1), crypto.SHA256, pssOpts(crypto.SHA256, 32), seam.SignatureUnsupported, "salt"},
		{"PSS with SHA-1", rsaKey, crypto.SHA1, derAlgorithm(oidSHA1), tlv(0x30, append(oidRSAPSS.tlv(), 0x30, 0)), crypto.SHA1, pssOpts(crypto.SHA1, 20), seam.SignatureWeak, "SHA-1"},
		{"PSS with another mask", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), pss(oidSHA256, oidSHA1, 32, 1), crypto.SHA256, pssOpts(crypto.SHA256, 32), seam.SignatureUnsupported, "PSS"},
		{"PSS with another digest", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), pss(oidSHA512, oidSHA256, 32, 1), crypto.SHA256, pssOpts(crypto.SHA256, 32), seam.SignatureUnsupported, "PSS"},
		{"PSS with another trailer", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), pss(oidSHA256, oidSHA256, 32, 2), crypto.SHA256, pssOpts(crypto.SHA256, 32), seam.SignatureUnsupported, "PSS"},
		{"PSS without parameters", rsaKey, crypto.SHA256, derAlgorithm(oidSHA256), derAlgorithm(oidRSAPSS), crypto.SHA256, pssOpts(crypto.SHA256, 32), seam.SignatureUnsupported, "PSS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForge(t, c.key)
			digest := digestOf(c.digest)
			f.digestAlgorithm, f.signatureAlgorithm, f.hash, f.opts = c.dalg, c.salg, c.hash, c.opts
			f.attributes[1] = attribute(t, oidMessageDigest, tlv(4, digest))
			si, err := parseSignerInfo(f.der(t))
			require.NoError(t, err)
			got := si.verify(oidData.tlv(), digest, nil, []seam.Certificate{c.key.cert}, time.Now())
			require.Equal(t, c.want, got.Status, got.Detail)
			require.Contains(t, got.Detail, c.detail)
		})
	}
}

func TestParseSignerInfoRefuses(t *testing.T) {
	k := testKey(t, "p256")
	ski := []byte{0x80, 1, 7}
	for _, c := range []struct {
		name   string
		change func(*forge)
		good   bool
	}{
		{"as written", func(*forge) {}, true},
		{"version 3", func(f *forge) { f.version = 3 }, true},
		{"version 0", func(f *forge) { f.version = 0 }, false},
		{"version 2", func(f *forge) { f.version = 2 }, false},
		{"key identifier", func(f *forge) { f.sid = ski }, true},
		{"empty key identifier", func(f *forge) { f.sid = []byte{0x80, 0} }, false},
		{"no identifier", func(f *forge) { f.sid = nil }, false},
		{"unsigned attributes", func(f *forge) { f.extra = []byte{0xa1, 2, 0x30, 0} }, true},
		{"something else", func(f *forge) { f.extra = []byte{0xa2, 0} }, false},
		{"no digest algorithm", func(f *forge) { f.digestAlgorithm = nil }, false},
		{"no signature algorithm", func(f *forge) { f.signatureAlgorithm = nil }, false},
		{"empty signature", func(f *forge) { f.value = func([]byte) []byte { return nil } }, true}, // parsed, and wrong
		{"signature as long as may be", func(f *forge) { f.value = func([]byte) []byte { return make([]byte, maxSignature) } }, true},
		{"signature too long", func(f *forge) { f.value = func([]byte) []byte { return make([]byte, maxSignature+1) } }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForge(t, k)
			c.change(f)
			der := f.der(t)
			si, err := parseSignerInfo(der)
			if !c.good {
				require.ErrorIs(t, err, errSignerInfo)
				require.Nil(t, si)
				return
			}
			require.NoError(t, err)
			if f.value != nil {
				require.Equal(t, seam.SignatureBad, f.judge(t).Status)
			}
			for _, bad := range [][]byte{nil, der[:len(der)-1], append(bytes.Clone(der), 0)} {
				_, err := parseSignerInfo(bad)
				require.ErrorIs(t, err, errSignerInfo)
			}
		})
	}
}
