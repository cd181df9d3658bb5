package smime

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/scrypt"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, []byte("some text\n")) }

func pkcs8(t testing.TB, private any) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return der
}

// requireSame fails unless k is the private key's.
func requireSame(t *testing.T, k *Key, want *privateKey) {
	t.Helper()
	require.Equal(t, want.cert.x.Raw, k.Certificate().Marshal())
	require.True(t, want.private.(interface{ Equal(crypto.PrivateKey) bool }).Equal(k.in.private))
}

func TestMarshalParse(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"rsa3072", "p256", "p384", "p521"} {
		k := &Key{testKey(t, algorithm)}
		plain, err := k.Marshal(nil)
		require.NoError(t, err)
		require.Contains(t, string(plain), "-----BEGIN PRIVATE KEY-----")
		for _, passphrase := range [][]byte{nil, []byte("not needed")} {
			got, err := ParseKey(bytes.NewReader(plain), passphrase)
			require.NoError(t, err)
			requireSame(t, got, k.in)
		}
	}
	k := &Key{testKey(t, "p256")}
	sealed, err := k.marshal([]byte("passphrase"), cheap)
	require.NoError(t, err)
	require.NotContains(t, string(sealed), "BEGIN PRIVATE KEY")
	// What callers get has the whole cost.
	dear, err := k.Marshal([]byte("passphrase"))
	require.NoError(t, err)
	first, _ := pem.Decode(dear)
	require.Contains(t, string(first.Bytes), "\x02\x03\x09\x27\xc0", "600,000 iterations")
	got, err := ParseKey(iotest.OneByteReader(bytes.NewReader(sealed)), []byte("passphrase"))
	require.NoError(t, err)
	requireSame(t, got, k.in)
	again, err := k.marshal([]byte("passphrase"), cheap)
	require.NoError(t, err)
	require.NotEqual(t, sealed, again, "fresh salt each time")
	for _, wrong := range []string{"", "passphrase "} {
		got, err := ParseKey(bytes.NewReader(sealed), []byte(wrong))
		require.ErrorIs(t, err, ErrPassphrase, wrong)
		require.Nil(t, got)
	}
	_, err = (&Key{}).Marshal(nil)
	require.ErrorIs(t, err, errNoKey)
	module := &Key{keyFor(t, testKey(t, "rsa3072").cert, stubDecrypter{testKey(t, "rsa3072").cert.key.rsa, nil, nil})}
	_, err = module.Marshal(nil)
	require.ErrorContains(t, err, "cannot be taken out")
}

func TestParseKeyPEM(t *testing.T) {
	allowed(t, "X25519")
	ec, r := testKey(t, "p256"), testKey(t, "rsa3072")
	cert := block("CERTIFICATE", ec.cert.x.Raw)
	key := block("PRIVATE KEY", pkcs8(t, ec.private))
	other := block("CERTIFICATE", issue(t, secret(t, "p384"), nil).x.Raw)
	sec1, err := x509.MarshalECPrivateKey(ec.private.(*ecdsa.PrivateKey))
	require.NoError(t, err)
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	oldStyle := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1, Headers: map[string]string{
		"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00000000000000000000000000000000"}})
	for _, c := range []struct {
		name string
		in   []byte
		want string // in the error; "": accepted
	}{
		{"key first", join(key, cert), ""},
		{"certificate first", join(cert, key), ""},
		{"SEC 1", join(block("EC PRIVATE KEY", sec1), cert), ""},
		{"SEC 1 with parameters", join(block("EC PARAMETERS", oidP256.tlv()), block("EC PRIVATE KEY", sec1), cert), ""},
		{"PKCS#1", join(block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(r.private.(*rsa.PrivateKey))), block("CERTIFICATE", r.cert.x.Raw)), ""},
		{"issuer first", join(other, key, cert), ""},
		{"issuer last", join(key, cert, other), ""},
		{"as many certificates as may be", join(append(bytes.Repeat(other, maxKeyFileCertificates-1), cert...), key), ""},
		{"too many certificates", join(bytes.Repeat(cert, maxKeyFileCertificates+1), key), "more than 64"},
		{"empty", nil, "empty"},
		{"no certificate", key, "no certificate"},
		{"no key", cert, "no private key"},
		{"two keys", join(key, key, cert), "more than one private key"},
		{"another's certificate", join(key, other), "not that of the certificate"},
		{"others' certificates", join(key, other, other), "none of the file's 2"},
		{"another kind", join(key, block("CERTIFICATE", r.cert.x.Raw)), "not that of the certificate"},
		{"damaged certificate", join(key, block("CERTIFICATE", ec.cert.x.Raw[1:])), "not a certificate"},
		{"damaged key", join(block("PRIVATE KEY", pkcs8(t, ec.private)[1:]), cert), "malformed"},
		{"huge key", join(block("PRIVATE KEY", make([]byte, maxPrivateKey+1)), cert), "8192"},
		{"old encryption", join(oldStyle, cert), "openssl pkcs8"},
		{"X25519", join(block("PRIVATE KEY", pkcs8(t, x25519)), cert), "not that of the certificate"},
		{"OpenPGP", []byte("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n-----END PGP PRIVATE KEY BLOCK-----\n"), `"PGP PRIVATE KEY BLOCK"`},
		{"text", []byte("hello"), "neither PEM nor"},
		{"too large", bytes.Repeat([]byte("x"), maxKeyFile+1), "more than 1048576"},
		{"large", append(join(key, cert), make([]byte, maxKeyFile-len(join(key, cert)))...), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, err := ParseKey(bytes.NewReader(c.in), nil)
			if c.want == "" {
				require.NoError(t, err)
				require.NotNil(t, k.Identity())
				return
			}
			require.ErrorContains(t, err, c.want)
			require.Nil(t, k)
		})
	}
	broken := errors.New("broken")
	_, err = ParseKey(iotest.ErrReader(broken), nil)
	require.ErrorIs(t, err, broken)
}

// encrypted returns an EncryptedPrivateKeyInfo with the given derivation.
func encrypted(t testing.TB, kdf, enc, data []byte) []byte {
	t.Helper()
	seq := func(parts ...[]byte) []byte {
		var b cryptobyte.Builder
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { addSorted(b, parts) })
		return b.BytesOrPanic()
	}
	var octets cryptobyte.Builder
	octets.AddASN1OctetString(data)
	return seq(seq(oidPBES2.tlv(), seq(kdf, enc)), octets.BytesOrPanic())
}

// derivation returns a KDF's AlgorithmIdentifier; each number is an INTEGER.
func derivation(t testing.TB, o oid, salt []byte, numbers []int64, tail []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		o.add(b)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(salt)
			for _, n := range numbers {
				b.AddASN1Int64(n)
			}
			b.AddBytes(tail)
		})
	})
	der, err := b.Bytes()
	require.NoError(t, err)
	return der
}

// TestPBES2 holds what is read against keys derived by other code, and refuses
// what costs too much before it is computed.
func TestPBES2(t *testing.T) {
	allowed(t, "short salts")
	salt, iv := []byte("saltsalt"), make([]byte, 16)
	passphrase := []byte("passphrase")
	aes256 := tlv(0x30, append(oidAES256CBC.tlv(), tlv(4, iv)...))
	byPBKDF2, err := pbkdf2.Key(sha1.New, "passphrase", salt, 3, 32)
	require.NoError(t, err)
	byScrypt, err := scrypt.Key(passphrase, salt, 16, 8, 1, 32)
	require.NoError(t, err)
	seal := func(key []byte) []byte { // 16 octets of padding after one block of text
		enc := &algorithm{oid: oidAES256CBC, params: tlv(4, iv)}
		data := bytes.Repeat([]byte{16}, 32)
		copy(data, "sixteen octets..")
		return cbcEncrypt(t, enc, key, data)
	}
	const (
		good = iota
		limit
		malformed
		wrong
		other
	)
	const big = maxIterations
	prf := func(o oid) []byte { return derAlgorithm(o) }
	for _, c := range []struct {
		name string
		kdf  []byte
		key  []byte
		want int
	}{
		{"PBKDF2", derivation(t, oidPBKDF2, salt, []int64{3}, nil), byPBKDF2, good},
		{"PBKDF2 with key length", derivation(t, oidPBKDF2, salt, []int64{3, 32}, nil), byPBKDF2, good},
		{"PBKDF2 with its default stated", derivation(t, oidPBKDF2, salt, []int64{3}, prf(oidHMACSHA1)), byPBKDF2, good},
		{"PBKDF2 with another digest", derivation(t, oidPBKDF2, salt, []int64{3}, prf(oidHMACSHA256)), byPBKDF2, wrong},
		{"PBKDF2 with an unknown digest", derivation(t, oidPBKDF2, salt, []int64{3}, prf(oidSHA256)), byPBKDF2, other},
		{"PBKDF2 with another key length", derivation(t, oidPBKDF2, salt, []int64{3, 16}, nil), byPBKDF2, malformed},
		{"PBKDF2 with key length 0", derivation(t, oidPBKDF2, salt, []int64{3, 0}, nil), byPBKDF2, malformed},
		{"PBKDF2, another count", derivation(t, oidPBKDF2, salt, []int64{4}, nil), byPBKDF2, wrong},
		{"PBKDF2, count 0", derivation(t, oidPBKDF2, salt, []int64{0}, nil), byPBKDF2, malformed},
		{"PBKDF2, count -1", derivation(t, oidPBKDF2, salt, []int64{-1}, nil), byPBKDF2, malformed},
		{"PBKDF2, over the limit", derivation(t, oidPBKDF2, salt, []int64{big + 1}, nil), byPBKDF2, limit},
		{"PBKDF2, 2^31-1", derivation(t, oidPBKDF2, salt, []int64{math.MaxInt32}, nil), byPBKDF2, limit},
		{"PBKDF2, 2^63-1", derivation(t, oidPBKDF2, salt, []int64{math.MaxInt64}, nil), byPBKDF2, limit},
		{"PBKDF2 with a long salt", derivation(t, oidPBKDF2, make([]byte, maxSalt+1), []int64{3}, nil), byPBKDF2, malformed},
		{"PBKDF2 with a tail", derivation(t, oidPBKDF2, salt, []int64{3, 32}, []byte{5, 0}), byPBKDF2, malformed},
		{"scrypt", derivation(t, oidScrypt, salt, []int64{16, 8, 1}, nil), byScrypt, good},
		{"scrypt with key length", derivation(t, oidScrypt, salt, []int64{16, 8, 1, 32}, nil), byScrypt, good},
		{"scrypt with another key length", derivation(t, oidScrypt, salt, []int64{16, 8, 1, 31}, nil), byScrypt, malformed},
		{"scrypt, N no power of two", derivation(t, oidScrypt, salt, []int64{15, 8, 1}, nil), byScrypt, malformed},
		{"scrypt, N 1", derivation(t, oidScrypt, salt, []int64{1, 8, 1}, nil), byScrypt, malformed},
		{"scrypt, r 0", derivation(t, oidScrypt, salt, []int64{16, 0, 1}, nil), byScrypt, malformed},
		{"scrypt, p 0", derivation(t, oidScrypt, salt, []int64{16, 8, 0}, nil), byScrypt, malformed},
		{"scrypt, over the limit", derivation(t, oidScrypt, salt, []int64{1 << 18, 9, 1}, nil), byScrypt, limit},
		{"scrypt, huge N", derivation(t, oidScrypt, salt, []int64{1 << 62, 8, 1}, nil), byScrypt, limit},
		{"scrypt, huge r", derivation(t, oidScrypt, salt, []int64{2, math.MaxInt64, 1}, nil), byScrypt, limit},
		{"scrypt, many lanes", derivation(t, oidScrypt, salt, []int64{16, 8, maxScryptLanes + 1}, nil), byScrypt, limit},
		{"unknown", derivation(t, oidSHA256, salt, []int64{3}, nil), byPBKDF2, other},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			got, err := decryptPBES2(encrypted(t, c.kdf, aes256, seal(c.key)), passphrase, new(iterationBudget))
			switch c.want {
			case good:
				require.NoError(t, err)
				require.Equal(t, "sixteen octets..", string(got))
				return
			case limit:
				require.ErrorIs(t, err, envelope.ErrLimit)
				require.Less(t, time.Since(start), time.Second, "refused, not computed")
			case malformed:
				require.ErrorIs(t, err, errPBES2)
			case wrong:
				require.ErrorIs(t, err, ErrPassphrase)
			default:
				require.ErrorContains(t, err, "not supported")
			}
			require.Nil(t, got)
		})
	}
	kdf := derivation(t, oidPBKDF2, salt, []int64{3}, nil)
	for name, c := range map[string]struct{ enc, data []byte }{
		"not whole blocks":   {aes256, make([]byte, 31)},
		"empty":              {aes256, nil},
		"no IV":              {derAlgorithm(oidAES256CBC), make([]byte, 32)},
		"short IV":           {tlv(0x30, append(oidAES256CBC.tlv(), tlv(4, iv[:15])...)), make([]byte, 32)},
		"IV of another kind": {tlv(0x30, append(oidAES256CBC.tlv(), tlv(3, iv)...)), make([]byte, 32)},
	} {
		_, err := decryptPBES2(encrypted(t, kdf, c.enc, c.data), passphrase, new(iterationBudget))
		require.ErrorIs(t, err, errPBES2, name)
	}
	_, err = decryptPBES2(encrypted(t, kdf, tlv(0x30, append(oidAES256GCM.tlv(), tlv(4, iv)...)), make([]byte, 32)), passphrase, new(iterationBudget))
	require.ErrorContains(t, err, "cipher")
	_, err = decryptPBES2([]byte{0x30, 0}, passphrase, new(iterationBudget))
	require.ErrorIs(t, err, errPBES2)
}

func TestPKCS12(t *testing.T) {
	allowed(t, "PKCS#12")
	k := &Key{testKey(t, "p256")}
	ours, err := k.marshalPKCS12([]byte("pässword"), cheap)
	require.NoError(t, err)
	theirs, err := pkcs12.Modern2023.WithIterations(1).Encode(k.in.private, k.in.cert.x, nil, "pässword")
	require.NoError(t, err)
	for _, p12 := range [][]byte{ours, theirs} {
		got, err := ParseKey(bytes.NewReader(p12), []byte("pässword"))
		require.NoError(t, err)
		requireSame(t, got, k.in)
	}
	for _, wrong := range []string{"", "password", "\xff"} {
		_, err := ParseKey(bytes.NewReader(theirs), []byte(wrong))
		require.ErrorIs(t, err, ErrPassphrase, wrong)
	}
	for i := range theirs {
		bad := bytes.Clone(theirs)
		bad[i] ^= 4
		got, err := ParseKey(bytes.NewReader(bad), []byte("pässword"))
		require.Equal(t, err == nil, got != nil)
		if err == nil {
			// A tag or a parameter that the MAC does not cover, and that means the same.
			requireSame(t, got, k.in)
		}
	}
	for _, passphrase := range []string{"", " ", "\xff"} {
		_, err := k.MarshalPKCS12([]byte(passphrase))
		require.Error(t, err)
	}
	chain := []*x509.Certificate{issue(t, secret(t, "p384"), nil).x, k.in.cert.x}
	for name, e := range map[string]*pkcs12.Encoder{
		"RC2 and 3DES": pkcs12.LegacyRC2, "3DES": pkcs12.LegacyDES, "AES": pkcs12.Modern2023, "PBMAC1": pkcs12.Modern2026, "no encryption": pkcs12.Passwordless,
	} {
		passphrase := "passphrase"
		if e == pkcs12.Passwordless {
			passphrase = ""
		}
		// The key's own certificate comes last.
		p12, err := e.Encode(k.in.private, chain[0], chain[1:], passphrase)
		require.NoError(t, err)
		got, err := ParseKey(bytes.NewReader(p12), []byte(passphrase))
		if passphrase == "" {
			require.ErrorContains(t, err, "no MAC", name)
			continue
		}
		require.NoError(t, err, name)
		requireSame(t, got, k.in)
	}
	// 70,000 iterations, three times, become 8,388,607.
	p12, err := pkcs12.Modern2023.WithIterations(70_000).Encode(k.in.private, k.in.cert.x, nil, "x")
	require.NoError(t, err)
	few, many := []byte{2, 3, 0x01, 0x11, 0x70}, []byte{2, 3, 0x7f, 0xff, 0xff}
	require.Equal(t, 3, bytes.Count(p12, few))
	start := time.Now()
	_, err = ParseKey(bytes.NewReader(bytes.ReplaceAll(p12, few, many)), []byte("x"))
	require.ErrorIs(t, err, envelope.ErrLimit)
	require.Less(t, time.Since(start), time.Second, "refused, not computed")
}

func TestIterationBudget(t *testing.T) {
	var c iterationBudget
	c.add(maxIterations - 1)
	require.NoError(t, c.err)
	c.add(1)
	require.NoError(t, c.err)
	c.add(1)
	require.ErrorIs(t, c.err, envelope.ErrLimit)
	for _, n := range []int64{-1, maxIterations + 1, math.MaxInt64} {
		c := iterationBudget{sum: 5}
		c.add(n)
		require.ErrorIs(t, c.err, envelope.ErrLimit)
	}
}

func TestNewKey(t *testing.T) {
	r, ec := testKey(t, "rsa3072"), testKey(t, "p256")
	otherRSA := FixedRSA("rsa2048")
	otherEC, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	otherECDH, err := otherEC.ECDH()
	require.NoError(t, err)
	damaged := *r.private.(*rsa.PrivateKey)
	damaged.D = otherRSA.D
	damaged.Precomputed = rsa.PrecomputedValues{}
	for _, c := range []struct {
		name    string
		cert    *certificate
		private any
		want    string
	}{
		{"RSA", r.cert, r.private, ""},
		{"RSA that only signs", r.cert, struct{ crypto.Signer }{r.signer}, ""},
		{"RSA that only decrypts", r.cert, struct{ crypto.Decrypter }{r.decrypter}, ""},
		{"ECDSA", ec.cert, ec.private, ""},
		{"ECDH", ec.cert, ec.exchanger, ""},
		{"ECDH behind an interface", ec.cert, struct{ ecdh.KeyExchanger }{ec.exchanger}, ""},
		{"nothing", r.cert, nil, "needed"},
		{"another RSA key", r.cert, otherRSA, "not that of the certificate"},
		{"another module", r.cert, struct{ crypto.Decrypter }{otherRSA}, "not that of the certificate"},
		{"another ECDSA key", ec.cert, otherEC, "not that of the certificate"},
		{"another ECDH key", ec.cert, otherECDH, "not that of the certificate"},
		{"another kind of key", ec.cert, r.private, "not that of the certificate"},
		{"numbers that do not belong together", r.cert, &damaged, "damaged"},
		{"no key", r.cert, "secret", "does nothing"},
		{"EC for RSA", r.cert, ec.exchanger, "does nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, err := NewKey(c.cert.public(), c.private)
			if c.want != "" {
				require.ErrorContains(t, err, c.want)
				require.Nil(t, k)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.cert.fingerprint(), k.Certificate().Fingerprint())
			id := seam.Opaque[seam.Identity](k.Identity()).Unwrap()
			require.Equal(t, seam.Certificate(c.cert), id.(*privateKey).Certificate())
		})
	}
	_, err = NewKey(nil, r.private)
	require.Error(t, err)
	_, err = NewKey(&keyring.Certificate{}, r.private)
	require.ErrorIs(t, err, errNotOurs)
	for _, k := range []*Key{nil, {}} {
		require.Nil(t, k.Certificate())
		require.Nil(t, seam.Opaque[seam.Identity](k.Identity()).Unwrap())
		require.Nil(t, seam.Opaque[seam.Signer](k.Signer()).Unwrap())
		_, err := k.MarshalPKCS12([]byte("x"))
		require.ErrorIs(t, err, errNoKey)
	}
}

// Key files of other programs, with what the vectors say of each.
func TestKeyFilesOfOthers(t *testing.T) {
	for _, c := range []struct {
		path, passphrase, want string
	}{
		{"comm-central/mailnews/test/data/smime/Alice.p12", "nss", ""},
		{"comm-central/mailnews/test/data/smime/Bob.p12", "nss", ""},
		{"comm-central/mailnews/test/data/smime/Bob.p12", "wrong", ErrPassphrase.Error()},
		{"comm-central/mailnews/test/data/smime/Alice-ec.p12", "nss", ""},
		{"comm-central/mailnews/test/data/smime-interop/Fran-ec.p12", "nss", ""},
		{"mimekit/smime/rsa/smime.pfx", "no.secret", ""},
		{"mimekit/smime/ec/smime.pfx", "no.secret", "spells its curve out"}, // curve by its numbers, not its name
		{"mimekit/smime/dsa/smime.pfx", "no.secret", "kind that is not supported"},
		{"bc-test-data/asn1/test_key_pbmac1_openssl.pfx", "not known", ErrPassphrase.Error()},
		{"openssl/test/recipes/80-test_pkcs12_data/bad1.p12", "", "PKCS#12"},
		{"openssl/test/recipes/80-test_pkcs12_data/bad2.p12", "", "PKCS#12"},
		{"openssl/test/recipes/80-test_pkcs12_data/bad3.p12", "", "PKCS#12"},
		{"aws-lc/pkcs8/test/null_contentinfo_root.p12", "", "PKCS#12"},
		{"aws-lc/pkcs8/test/null_contentinfo_child.p12", "", "PKCS#12"},
	} {
		t.Run(filepath.Base(c.path)+" "+c.passphrase, func(t *testing.T) {
			f, err := os.Open(vectors(t, c.path))
			require.NoError(t, err)
			defer f.Close()
			k, err := ParseKey(f, []byte(c.passphrase))
			if c.want == "" {
				require.NoError(t, err)
				require.NotEmpty(t, k.Certificate().Marshal())
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}

// OpenSSL reads what Marshal writes.
func TestOpenSSLReadsKeys(t *testing.T) {
	allowed(t, "PKCS#12")
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("skipped: there is no openssl")
	}
	k := &Key{testKey(t, "p256")}
	sealed, err := k.marshal([]byte("passphrase"), cheap)
	require.NoError(t, err)
	p12, err := k.marshalPKCS12([]byte("passphrase"), cheap)
	require.NoError(t, err)
	for _, c := range []struct {
		in   []byte
		args []string
	}{
		{sealed, []string{"pkey", "-passin", "pass:passphrase", "-noout", "-check"}},
		{sealed, []string{"x509", "-noout", "-checkemail", "alice@example.org"}},
		{p12, []string{"pkcs12", "-passin", "pass:passphrase", "-noout"}},
	} {
		cmd := exec.Command(openssl, c.args...)
		cmd.Stdin = bytes.NewReader(c.in)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%v: %s", c.args, out)
	}
	cmd := exec.Command(openssl, "pkcs8", "-topk8", "-v2", "aes-128-cbc", "-scrypt", "-passout", "pass:passphrase")
	cmd.Stdin = bytes.NewReader(block("PRIVATE KEY", pkcs8(t, k.in.private)))
	out, err := cmd.Output()
	require.NoError(t, err)
	got, err := ParseKey(bytes.NewReader(append(out, block("CERTIFICATE", k.in.cert.x.Raw)...)), []byte("passphrase"))
	require.NoError(t, err)
	requireSame(t, got, k.in)
}
