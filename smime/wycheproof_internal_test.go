package smime

import (
	"bytes"
	"compress/gzip"
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
	TestGroups    []vectorGroup
}

// vectorGroup are vectors that have something in common.
type vectorGroup struct {
	file                string // that they are from, without what all end in
	Sha, MgfSha         string
	SLen                int
	Curve, ParameterSet string
	PrivateKeyPkcs8     hexBytes
	PublicKeyDer        hexBytes
	Tests               []vector
}

type vector struct {
	TcID                     int
	Comment, Result          string
	Flags                    []string
	Key, Msg, Ct, Label, Sig hexBytes
	Public, Private, Shared  hexBytes
	Ctx                      hexBytes
	IV, AAD, Tag             hexBytes // AEADs, AES-CBC and PBES2
	IKM, Salt, Info, OKM     hexBytes // HKDF
	Size                     int      // of OKM
	Password, DK             hexBytes // PBKDF2; DK is ML-KEM's expanded key too
	DkLen, IterationCount    int
	Seed, C, K, Ek           hexBytes // ML-KEM
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

var testCEK = bytes.Repeat([]byte{0x5a}, 32)
