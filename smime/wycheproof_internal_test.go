package smime

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/ecdh"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// vectors returns the folder of public test vectors, and skips without it.
func vectors(t testing.TB, parts ...string) string {
	t.Helper()
	allowed(t, "what public test vectors are full of: SHA-1, RSA PKCS#1 v1.5, other curves")
	dir := os.Getenv("DKB_VECTORS")
	if dir == "" {
		t.Skip("skipped: DKB_VECTORS, the folder of public test vectors, is not set")
	}
	return filepath.Join(append([]string{dir}, parts...)...)
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// wycheproof is the union of the schemata used here.
type wycheproof struct {
	NumberOfTests int
	TestGroups    []struct {
		Sha, MgfSha     string
		SLen            int
		Curve           string
		PrivateKeyPkcs8 hexBytes
		PublicKeyDer    hexBytes
		Tests           []struct {
			TcID                           int
			Comment, Result                string
			Flags                          []string
			Key, Msg, Ct, Label, Sig       hexBytes
			Public, Private, Shared        hexBytes
			Password, Salt, Dk, Seed, C, K hexBytes
			IterationCount                 int64
			Ctx                            hexBytes
		}
	}
}

// shares is in how many parts a file is tested, beside each other.
const shares = 4

// loadWycheproof calls f with the parts of each file that the pattern finds.
func loadWycheproof(t *testing.T, pattern string, f func(t *testing.T, w *wycheproof)) {
	files, err := filepath.Glob(vectors(t, "wycheproof", pattern))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(name)
			require.NoError(t, err)
			z, err := gzip.NewReader(bytes.NewReader(raw))
			require.NoError(t, err)
			var w wycheproof
			require.NoError(t, json.NewDecoder(z).Decode(&w))
			require.NotZero(t, w.NumberOfTests)
			n := 0
			for i := range shares {
				// Some files are slow: they are shared out.
				part := w
				part.TestGroups, part.NumberOfTests = nil, 0
				for j := i; j < len(w.TestGroups); j += shares {
					part.TestGroups = append(part.TestGroups, w.TestGroups[j])
					part.NumberOfTests += len(w.TestGroups[j].Tests)
				}
				n += part.NumberOfTests
				if part.NumberOfTests > 0 {
					t.Run(strconv.Itoa(i), func(t *testing.T) {
						t.Parallel()
						f(t, &part)
					})
				}
			}
			require.Equal(t, w.NumberOfTests, n)
		})
	}
}

// tally counts outcomes and fails on one that differs from the vector's.
type tally struct {
	t                                     *testing.T
	valid, invalid, accepted, notAccepted int
}

func (c *tally) add(id int, comment, result string, got bool) {
	c.t.Helper()
	switch result {
	case "valid":
		c.valid++
		require.True(c.t, got, "case %d, %s", id, comment)
	case "invalid":
		c.invalid++
		require.False(c.t, got, "case %d, %s", id, comment)
	case "acceptable":
		if got {
			c.accepted++
		} else {
			c.notAccepted++
		}
	default:
		c.t.Fatalf("unknown result %q", result)
	}
}

func (c *tally) log(want int) {
	c.t.Helper()
	require.Equal(c.t, want, c.valid+c.invalid+c.accepted+c.notAccepted)
	c.t.Logf("%d valid, %d invalid, of the acceptable ones %d taken and %d refused", c.valid, c.invalid, c.accepted, c.notAccepted)
}

func TestWycheproofKeyWrap(t *testing.T) {
	t.Parallel()
	loadWycheproof(t, "aes_wrap_test.json.gz", func(t *testing.T, w *wycheproof) {
		c := &tally{t: t}
		for _, g := range w.TestGroups {
			for _, v := range g.Tests {
				key, ok := unwrapKey(v.Key, v.Ct)
				ok = ok && bytes.Equal(key, v.Msg)
				c.add(v.TcID, v.Comment, v.Result, ok)
				if v.Result == "valid" {
					wrapped, err := wrapKey(v.Key, v.Msg)
					require.NoError(t, err)
					require.Equal(t, []byte(v.Ct), wrapped)
				}
			}
		}
		c.log(w.NumberOfTests)
	})
}

// ktri returns a KeyTransRecipientInfo of the given algorithm.
func ktri(t testing.TB, algorithm func(*cryptobyte.Builder), encrypted []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(2)
		b.AddASN1(asn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte("id")) })
		algorithm(b)
		b.AddASN1OctetString(encrypted)
	})
	der, err := b.Bytes()
	require.NoError(t, err)
	return der
}

// one parses a RecipientInfo for one reader.
func one(t testing.TB, der []byte) *recipientInfo {
	t.Helper()
	ris, err := parseRecipientInfos(der, 1<<20)
	require.NoError(t, err)
	require.Len(t, ris, 1)
	return ris[0]
}

func digestOID(t *testing.T, name string) oid {
	o, ok := map[string]oid{"SHA-1": oidSHA1, "SHA-224": oidSHA224, "SHA-256": oidSHA256, "SHA-384": oidSHA384, "SHA-512": oidSHA512}[name]
	require.True(t, ok, name)
	return o
}

// addOAEPWith appends RSAES-OAEP with explicit parameters.
func addOAEPWith(b *cryptobyte.Builder, hash, mgf oid, label []byte) {
	context := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		oidRSAOAEP.add(b)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(context(0), func(b *cryptobyte.Builder) { addAlgorithmNULL(b, hash) })
			b.AddASN1(context(1), func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					oidMGF1.add(b)
					addAlgorithm(b, mgf)
				})
			})
			if label == nil {
				return
			}
			b.AddASN1(context(2), func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					oidPSpecified.add(b)
					b.AddASN1OctetString(label)
				})
			})
		})
	})
}

func TestWycheproofOAEP(t *testing.T) {
	t.Parallel()
	loadWycheproof(t, "rsa_*oaep*_test.json.gz", func(t *testing.T, w *wycheproof) {
		c := &tally{t: t}
		for _, g := range w.TestGroups {
			private, err := x509.ParsePKCS8PrivateKey(g.PrivateKeyPkcs8)
			require.NoError(t, err)
			k := &privateKey{decrypter: private.(*rsa.PrivateKey)}
			for _, v := range g.Tests {
				ri := one(t, ktri(t, func(b *cryptobyte.Builder) {
					addOAEPWith(b, digestOID(t, g.Sha), digestOID(t, g.MgfSha), v.Label)
				}, v.Ct))
				require.Empty(t, ri.unsupported())
				key, ok := k.unwrap(ri, len(v.Msg))
				c.add(v.TcID, v.Comment, v.Result, ok && bytes.Equal(key, v.Msg))
			}
		}
		c.log(w.NumberOfTests)
	})
}

func TestWycheproofPKCS1Decrypt(t *testing.T) {
	t.Parallel()
	loadWycheproof(t, "rsa_pkcs1_*_test.json.gz", func(t *testing.T, w *wycheproof) {
		c := &tally{t: t}
		empty := 0
		for _, g := range w.TestGroups {
			private, err := x509.ParsePKCS8PrivateKey(g.PrivateKeyPkcs8)
			require.NoError(t, err)
			k := &privateKey{decrypter: private.(*rsa.PrivateKey)}
			for _, v := range g.Tests {
				ri := one(t, ktri(t, func(b *cryptobyte.Builder) { addAlgorithmNULL(b, oidRSAEncryption) }, v.Ct))
				size := len(v.Msg)
				if size == 0 {
					size = 32
				}
				// RFC 3218: valid or not, there is a key, of the length asked for.
				key, ok := k.unwrap(ri, size)
				require.True(t, ok)
				require.Len(t, key, size)
				if len(v.Msg) == 0 && v.Result == "valid" {
					empty++ // no content key is empty, and no random one can be
					c.valid++
					continue
				}
				c.add(v.TcID, v.Comment, v.Result, bytes.Equal(key, v.Msg))
			}
		}
		c.log(w.NumberOfTests)
		t.Logf("%d of the valid ones are empty, and only had to behave like the others", empty)
	})
}

func TestWycheproofECDH(t *testing.T) {
	t.Parallel()
	curves := map[string]curve{"secp256r1": curveP256, "secp384r1": curveP384, "secp521r1": curveP521}
	loadWycheproof(t, "ecdh_secp*_test.json.gz", func(t *testing.T, w *wycheproof) {
		c := &tally{t: t}
		for _, g := range w.TestGroups {
			curve, ok := curves[g.Curve]
			require.True(t, ok, g.Curve)
			size := map[string]int{"secp256r1": 32, "secp384r1": 48, "secp521r1": 66}[g.Curve]
			for _, v := range g.Tests {
				scalar := bytes.TrimLeft(v.Private, "\x00")
				scalar = append(make([]byte, size-len(scalar)), scalar...)
				private, err := curve.ecdh().NewPrivateKey(scalar)
				require.NoError(t, err)
				cek, ok := agreeAs(t, curve, private, v.Public, v.Shared)
				if ok {
					require.Equal(t, testCEK, cek)
				}
				c.add(v.TcID, v.Comment, v.Result, ok)
			}
		}
		c.log(w.NumberOfTests)
	})
}

var testCEK = bytes.Repeat([]byte{0x5a}, 32)

// agreeAs makes a KeyAgreeRecipientInfo in which testCEK is wrapped with the
// key that shared gives, and unwraps it with the private key. public is a
// SubjectPublicKeyInfo or a point.
func agreeAs(t *testing.T, curve curve, private *ecdh.PrivateKey, public, shared []byte) ([]byte, bool) {
	wrap := derAlgorithm(oidAES256Wrap)
	info, err := sharedInfo(wrap, nil, 32)
	require.NoError(t, err)
	kek, err := x963KDF(crypto.SHA256, shared, info, 32)
	require.NoError(t, err)
	encrypted, err := wrapKey(kek, testCEK)
	require.NoError(t, err)
	k := agreementBuilder{scheme: oidStdDHSHA256KDF, wrap: wrap, encrypted: encrypted}
	s, in := cryptobyte.String(public), cryptobyte.String(nil)
	if s.ReadASN1(&in, asn1.SEQUENCE) && s.Empty() {
		k.originator = in
	} else if len(public) > 0 && public[0] != 0x30 {
		k.originator = originator(t, nil, public)
	} else {
		return nil, false // not even one element of DER: no message can hold it
	}
	ris, err := parseRecipientInfos(k.der(t), 1<<20)
	if err != nil {
		return nil, false
	}
	require.Len(t, ris, 1)
	key := &privateKey{exchanger: private, cert: &certificate{key: publicKey{kind: keyEC, curve: curve}}}
	return key.unwrap(ris[0], len(testCEK))
}
