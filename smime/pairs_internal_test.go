package smime

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"filippo.io/mldsa"
	"github.com/cloudflare/circl/dh/x448"
	"github.com/cloudflare/circl/kem/mlkem/mlkem512"
	"github.com/cloudflare/circl/sign/ed448"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// The two certificates of a pair say what each key is for, and the second is
// issued by the first.
func TestGenerateKeys(t *testing.T) {
	allowed(t, "X25519")
	for _, c := range []struct {
		algorithm    string
		signs, opens keyKind
		usage        x509.KeyUsage
	}{
		{"ed25519+x25519", keyEd25519, keyX25519, x509.KeyUsageKeyAgreement},
		{"mldsa65+mlkem768", keyMLDSA, keyMLKEM, x509.KeyUsageKeyEncipherment},
		{"mldsa87+mlkem1024", keyMLDSA, keyMLKEM, x509.KeyUsageKeyEncipherment},
	} {
		keys, err := GenerateKeys(KeyOptions{Address: "bob@example.org", Algorithm: c.algorithm})
		require.NoError(t, err)
		require.Len(t, keys, 2)
		s, o := keys[0].in, keys[1].in
		require.Equal(t, []any{c.signs, c.opens}, []any{s.cert.key.kind, o.cert.key.kind})
		require.Equal(t, x509.KeyUsageDigitalSignature|x509.KeyUsageCertSign, s.cert.x.KeyUsage)
		require.Equal(t, c.usage, o.cert.x.KeyUsage)
		require.True(t, s.cert.x.IsCA && s.cert.x.MaxPathLenZero)
		require.False(t, o.cert.x.IsCA)
		require.Equal(t, s.cert.x.SubjectKeyId, o.cert.x.AuthorityKeyId)
		require.NoError(t, s.cert.checkSign())
		require.Error(t, o.cert.checkSign())
		require.Empty(t, o.cert.key.refuseSeal())
		require.Error(t, s.cert.CheckSeal(s.cert.x.NotBefore, 0))
		for _, k := range keys {
			x := k.in.cert.x
			require.Equal(t, []string{"bob@example.org"}, k.in.cert.Addresses())
			if m := s.cert.key.mldsa; m != nil {
				require.NoError(t, mldsa.Verify(m, x.RawTBSCertificate, x.Signature, nil))
			} else {
				require.NoError(t, x.CheckSignatureFrom(s.cert.x))
			}
		}
		// One file holds both, and each comes back with its own certificate.
		for _, passphrase := range [][]byte{nil, []byte("passphrase")} {
			file, err := marshalKeys(keys, passphrase, cheap)
			require.NoError(t, err)
			again, err := ParseKeys(bytes.NewReader(file), passphrase)
			require.NoError(t, err)
			require.Len(t, again, 2)
			for i := range keys {
				require.Equal(t, keys[i].Certificate().Fingerprint(), again[i].Certificate().Fingerprint())
			}
			_, err = ParseKey(bytes.NewReader(file), passphrase)
			require.ErrorContains(t, err, "ParseKeys")
		}
	}
	for _, algorithm := range []string{"ed25519", "mldsa44", "mldsa65", "mldsa87"} {
		k, err := GenerateKey(KeyOptions{Address: "bob@example.org", Algorithm: algorithm})
		require.NoError(t, err)
		require.Equal(t, x509.KeyUsageDigitalSignature, k.in.cert.x.KeyUsage)
		require.False(t, k.in.cert.x.IsCA)
		require.NoError(t, k.in.cert.checkSign())
		require.Error(t, k.in.cert.CheckSeal(k.in.cert.x.NotBefore, 0))
	}
	for algorithm, want := range map[string]string{
		"x25519": "make a pair", "mlkem768": "make a pair", "mlkem1024": "make a pair", "mlkem512": "no algorithm",
		"mldsa65+": "no algorithm", "+mlkem768": "no algorithm", "mldsa65+mlkem768+x25519": "no algorithm",
		"ed25519+mlkem768": "no algorithm", "mldsa65+mlkem1024": "no algorithm", "x25519+ed25519": "make a pair",
	} {
		_, err := GenerateKeys(KeyOptions{Address: "bob@example.org", Algorithm: algorithm})
		require.ErrorContains(t, err, want, algorithm)
	}
	_, err := GenerateKey(KeyOptions{Address: "bob@example.org", Algorithm: "ed25519+x25519"})
	require.ErrorContains(t, err, "use GenerateKeys")
}

// OpenSSL builds the path of a pair.
func TestOpenSSLReadsPair(t *testing.T) {
	allowed(t, "X25519")
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("skipped: there is no openssl")
	}
	keys, err := GenerateKeys(KeyOptions{Address: "bob@example.org", Algorithm: "ed25519+x25519"})
	require.NoError(t, err)
	dir := t.TempDir()
	for i, name := range []string{"signs.pem", "opens.pem"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), block(pemCertificate, keys[i].Certificate().Marshal()), 0o600))
	}
	cmd := exec.Command(openssl, "verify", "-x509_strict", "-CAfile", "signs.pem", "opens.pem")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// forms are the ways to write a key: the seed, the expanded key, and both.
func forms(t testing.TB, o oid, seed, expanded []byte) [][]byte {
	t.Helper()
	build := func(f func(*cryptobyte.Builder)) []byte {
		der, err := privateKeyInfo(o, f)
		require.NoError(t, err)
		return der
	}
	return [][]byte{
		build(func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(seed) })
		}),
		build(func(b *cryptobyte.Builder) { b.AddASN1OctetString(expanded) }),
		build(func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1OctetString(seed); b.AddASN1OctetString(expanded) })
		}),
	}
}

// Of a key in two halves neither may be wrong, nor may what is left of it.
func TestPKCS8Forms(t *testing.T) {
	allowed(t, "an expanded key")
	for _, set := range []kemSet{mlkem512Set, mlkem768Set, mlkem1024Set} {
		seed := bytes.Repeat([]byte{7}, kemSeed)
		_, k := set.scheme().DeriveKeyPair(seed)
		expanded, err := k.MarshalBinary()
		require.NoError(t, err)
		var publics [][]byte
		for _, der := range forms(t, kemOID(set), seed, expanded) {
			k, err := parsePKCS8(der)
			require.NoError(t, err)
			public, err := publicInfo(k)
			require.NoError(t, err)
			publics = append(publics, public)
			again, err := marshalPKCS8(k)
			require.NoError(t, err)
			_, err = parsePKCS8(again)
			require.NoError(t, err)
		}
		require.Equal(t, publics[0], publics[1])
		require.Equal(t, publics[0], publics[2])
		// One octet of each part: of the seed, the secret vector, the public
		// key and its hash. z, the last 32 octets, depends on nothing.
		n := len(expanded)
		for _, at := range []int{0, n - 33, n - 64, n/2 + 100} {
			bad := slices.Clone(expanded)
			bad[at] ^= 1
			for _, der := range forms(t, kemOID(set), seed, bad)[1:] {
				_, err := parsePKCS8(der)
				require.ErrorIs(t, err, errKEMKey, "%s at %d", set, at)
			}
		}
		bad := slices.Clone(seed)
		bad[0] ^= 1
		_, err = parsePKCS8(forms(t, kemOID(set), bad, expanded)[2])
		require.ErrorIs(t, err, errKEMKey)
		for _, bad := range [][]byte{seed[1:], append(slices.Clone(seed), 0), {}} {
			f := forms(t, kemOID(set), bad, expanded)
			for _, der := range [][]byte{f[0], f[2]} {
				_, err := parsePKCS8(der)
				require.ErrorIs(t, err, errPKCS8)
			}
		}
	}
	for _, p := range []mldsa.Parameters{mldsa.MLDSA44(), mldsa.MLDSA65(), mldsa.MLDSA87()} {
		seed := bytes.Repeat([]byte{7}, mldsa.PrivateKeySize)
		_, k := mldsaScheme(p).DeriveKey(seed)
		expanded, err := k.MarshalBinary()
		require.NoError(t, err)
		f := forms(t, mldsaOID(p), seed, expanded)
		for _, der := range [][]byte{f[0], f[2]} {
			k, err := parsePKCS8(der)
			require.NoError(t, err)
			again, err := marshalPKCS8(k)
			require.NoError(t, err)
			require.Equal(t, f[0], again)
		}
		_, err = parsePKCS8(f[1])
		require.ErrorContains(t, err, "without its seed")
		expanded[len(expanded)-1] ^= 1
		_, err = parsePKCS8(forms(t, mldsaOID(p), seed, expanded)[2])
		require.ErrorIs(t, err, errMLDSAKey)
	}
}

// What is on Curve448 is written as it was read: RFC 8410, Section 7.
func TestPKCS8Curve448(t *testing.T) {
	allowed(t, "Curve448")
	_, signs, err := ed448.GenerateKey(rand.Reader)
	require.NoError(t, err)
	var opens x448.Key
	rand.Read(opens[:])
	for _, private := range []any{signs, &opens} {
		der, err := marshalPKCS8(private)
		require.NoError(t, err)
		got, err := parsePKCS8(der)
		require.NoError(t, err)
		require.Equal(t, private, got)
		_, err = parsePKCS8(der[:len(der)-1])
		require.ErrorIs(t, err, errPKCS8)
	}
	for _, o := range []oid{oidX448, oidEd448} {
		for _, n := range []int{0, 55, 58, 100} {
			der, err := privateKeyInfo(o, func(b *cryptobyte.Builder) { b.AddASN1OctetString(make([]byte, n)) })
			require.NoError(t, err)
			_, err = parsePKCS8(der)
			require.ErrorIs(t, err, errPKCS8)
		}
	}
}

// What is not read is refused by its name.
func TestPKCS8RefusesByName(t *testing.T) {
	ec := func(params ...byte) []byte {
		var b cryptobyte.Builder
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(0)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { oidECPublicKey.add(b); b.AddBytes(params) })
			b.AddASN1OctetString([]byte{0x30, 0})
		})
		der, err := b.Bytes()
		require.NoError(t, err)
		return der
	}
	brainpool := oid("\x2b\x24\x03\x03\x02\x08\x01\x01")
	plain := func(o oid) []byte {
		der, err := privateKeyInfo(o, func(b *cryptobyte.Builder) { b.AddASN1OctetString([]byte{1}) })
		require.NoError(t, err)
		return der
	}
	for want, der := range map[string][]byte{
		"brainpoolP256r1":         ec((brainpool + "\x07").tlv()...),
		"brainpoolP384t1":         ec((brainpool + "\x0c").tlv()...),
		"brainpoolP512t1":         ec((brainpool + "\x0e").tlv()...),
		"a curve that is not":     ec((brainpool + "\x0f").tlv()...),
		"secp256k1":               ec(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a),
		"P-224":                   ec(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x21),
		"P-192":                   ec(oid("\x2a\x86\x48\xce\x3d\x03\x01\x01").tlv()...),
		"spells its curve out":    ec(0x30, 0x03, 0x02, 0x01, 0x01),
		"does not name":           ec(0x05, 0x00),
		"curve that is damaged":   ec(0x02, 0x01, 0x01),
		"SLH-DSA":                 plain("\x60\x86\x48\x01\x65\x03\x04\x03\x14"),
		"kind that is not":        plain(oidSHA256),
		"malformed, or of a kind": ec(oidP256.tlv()...),
	} {
		_, err := parsePKCS8(der)
		require.ErrorContains(t, err, want)
	}
	der, err := x509.MarshalECPrivateKey(secret(t, "p256").(*ecdsa.PrivateKey))
	require.NoError(t, err)
	_, err = parseSEC1(der)
	require.NoError(t, err)
	_, err = parseSEC1(bytes.Replace(der, oidP256.tlv(), (brainpool + "\x07\x01").tlv()[:len(oidP256.tlv())], 1))
	require.Error(t, err)
}

// Every key that this package makes belongs to its own certificate alone.
func TestHoldsEveryKind(t *testing.T) {
	allowed(t, "Curve448")
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	_, e448, err := ed448.GenerateKey(rand.Reader)
	require.NoError(t, err)
	dsa, err := mldsa.GenerateKey(mldsa.MLDSA44())
	require.NoError(t, err)
	k768, err := mlkem.GenerateKey768()
	require.NoError(t, err)
	k1024, err := mlkem.GenerateKey1024()
	require.NoError(t, err)
	_, p512, err := mlkem512.GenerateKeyPair(rand.Reader)
	require.NoError(t, err)
	x4 := new(x448.Key)
	rand.Read(x4[:])
	privates := []any{
		secret(t, "rsa3072"), secret(t, "p256").(*ecdsa.PrivateKey), x, ed, e448, dsa, k768, k1024,
		&kemKey{set: mlkem512Set, private: p512}, x4,
	}
	for i, private := range privates {
		var spki []byte
		switch k := private.(type) {
		case *x448.Key:
			var public x448.Key
			x448.KeyGen(&public, k)
			spki, err = subjectPublicKeyInfo(oidX448, public[:])
		case ed448.PrivateKey:
			spki, err = subjectPublicKeyInfo(oidEd448, k.Public().(ed448.PublicKey))
		default:
			spki, err = publicInfo(k)
		}
		require.NoError(t, err)
		c := *testKey(t, "p256").cert
		c.key = publicKeyOfInfo(spki)
		require.NotEqual(t, keyUnsupported, c.key.kind, "%T", private)
		for j, other := range privates {
			k, err := newPrivateKey(&c, other)
			if i != j {
				require.Error(t, err, "%T for %s", other, c.key.name)
				continue
			}
			require.NoError(t, err)
			signs := c.key.refuseSign() == ""
			require.Equal(t, signs, k.signer != nil)
			require.Equal(t, !signs || c.key.kind == keyRSA || c.key.kind == keyEC,
				k.decrypter != nil || k.exchanger != nil || k.x448 != nil || k.kem != nil)
		}
	}
}

// A module with ML-KEM is asked for its public key, and for nothing else.
func TestNewKeyOfKEMModule(t *testing.T) {
	k, err := mlkem.GenerateKey768()
	require.NoError(t, err)
	spki, err := publicInfo(k)
	require.NoError(t, err)
	c := *testKey(t, "p256").cert
	c.key = publicKeyOfInfo(spki)
	_, err = newPrivateKey(&c, struct{ crypto.Decapsulator }{k})
	require.NoError(t, err)
	other, err := mlkem.GenerateKey768()
	require.NoError(t, err)
	for _, d := range []crypto.Decapsulator{other, emptyKEM{}} {
		_, err = newPrivateKey(&c, d)
		var mismatch *keyMismatchError
		require.ErrorAs(t, err, &mismatch)
	}
}

// emptyKEM is a module without a key.
type emptyKEM struct{}

func (emptyKEM) Encapsulator() crypto.Encapsulator    { return nil }
func (emptyKEM) Decapsulate(b []byte) ([]byte, error) { return b, nil }

// A key that its certificate restricts does nothing else.
func TestRestrictedRSA(t *testing.T) {
	allowed(t, "RSA")
	c := *testKey(t, "rsa3072").cert
	c.key.only = rsaPSS
	k, err := newPrivateKey(&c, secret(t, "rsa3072"))
	require.NoError(t, err)
	require.True(t, k.signer != nil && k.decrypter == nil)
	c.key.only = rsaOAEP
	k, err = newPrivateKey(&c, secret(t, "rsa3072"))
	require.NoError(t, err)
	require.True(t, k.signer == nil && k.decrypter != nil)
}

// TestMarshalPKCS12Kinds holds which keys are written as PKCS#12: those that
// are read again, and of the others an error that says what writes them.
func TestMarshalPKCS12Kinds(t *testing.T) {
	if fipsOnly() {
		t.Skip("PKCS#12 is refused as a whole with fips140=only")
	}
	passphrase := []byte("correct horse")
	for _, algorithm := range []string{"p256", "ed25519+x25519", "mldsa65+mlkem768"} {
		keys, err := GenerateKeys(KeyOptions{Address: "bob@example.org", Algorithm: algorithm})
		require.NoError(t, err)
		for _, k := range keys {
			b, err := k.marshalPKCS12(passphrase, 1)
			if algorithm == "mldsa65+mlkem768" {
				require.ErrorContains(t, err, "is not written as PKCS#12", algorithm)
				require.ErrorContains(t, err, "a key of ML-", algorithm)
				require.Nil(t, b, algorithm)
				continue
			}
			require.NoError(t, err, algorithm)
			again, err := ParseKey(bytes.NewReader(b), passphrase)
			require.NoError(t, err, algorithm)
			require.Equal(t, k.Certificate().Fingerprint(), again.Certificate().Fingerprint(), algorithm)
		}
	}
}
