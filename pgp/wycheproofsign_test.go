package pgp

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"hash"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// fixedDigest stands where the digest of a message and its trailer does. What
// OpenPGP signs ends with a trailer, which no vector's message has: so that the
// value is checked against the vector's message, it is put there in its place.
type fixedDigest struct {
	hash.Hash
	sum []byte
}

func (f fixedDigest) Write(p []byte) (int, error) { return len(p), nil }

func (f fixedDigest) Sum(b []byte) []byte { return append(b, f.sum...) }

func (f fixedDigest) Clone() (hash.Cloner, error) { return f, nil }

// signed is a vector as OpenPGP has it: a key packet's material, a signature
// packet's, and the digest.
type signed struct {
	key, value []byte
	algorithm  byte
	hash       byte
	digest     []byte
}

// verifies reports whether the function that verdicts come from takes it.
func (s *signed) verifies(t *testing.T) bool {
	t.Helper()
	key, err := readPublicKey(keyTagPublic, slices.Concat([]byte{4, 0x65, 0, 0, 0, s.algorithm}, s.key))
	if err != nil {
		return false
	}
	made := []byte{0, 6, 5, 2, 0x65, 0, 0, 1} // the hashed area: signature creation time
	raw := slices.Concat([]byte{4, 0, s.algorithm, s.hash}, made, []byte{0, 0}, s.digest[:2], s.value)
	f, ok := parseFields(raw)
	require.True(t, ok)
	sig, err := parseSignature(raw, f)
	if err != nil {
		return false
	}
	return covers(key, sig, fixedDigest{sha256.New(), s.digest})
}

// digestOf returns the number of a digest in OpenPGP, and the digest.
func digestOf(name string, msg []byte) (byte, []byte) {
	switch name {
	case "SHA-256":
		d := sha256.Sum256(msg)
		return 8, d[:]
	case "SHA-384":
		d := sha512.Sum384(msg)
		return 9, d[:]
	}
	d := sha512.Sum512(msg)
	return 10, d[:]
}

// asRSA: the value is an MPI, which has no leading zeros and no length.
func asRSA(t *testing.T, g *wycheproofGroup, v *wycheproofVector) (s *signed, why string) {
	pub, err := x509.ParsePKIXPublicKey(g.PublicKeyDer)
	require.NoError(t, err)
	k := pub.(*rsa.PublicKey)
	if v.Result == "invalid" && len(v.Sig) != k.Size() {
		return nil, "an MPI has no leading zeros, and no other length"
	}
	if v.has("MissingNull") {
		why = "refused: RFC 9580, Section 5.2.2: the prefix is given octet by octet"
	}
	s = &signed{key: slices.Concat(mpi(k.N.Bytes()), mpi(big.NewInt(int64(k.E)).Bytes())), value: mpi(v.Sig), algorithm: 1}
	s.hash, s.digest = digestOf(g.Sha, v.Msg)
	return s, why
}

// asECDSA: the value is two MPIs, so that only what is DER can be said at all.
func asECDSA(t *testing.T, g *wycheproofGroup, v *wycheproofVector) (s *signed, why string) {
	pub, err := x509.ParsePKIXPublicKey(g.PublicKeyDer)
	require.NoError(t, err)
	k := pub.(*ecdsa.PublicKey)
	var seq cryptobyte.String
	r, t2 := new(big.Int), new(big.Int)
	if der := cryptobyte.String(v.Sig); !der.ReadASN1(&seq, asn1.SEQUENCE) || !der.Empty() || !seq.ReadASN1Integer(r) || !seq.ReadASN1Integer(t2) || !seq.Empty() || r.Sign() < 0 || t2.Sign() < 0 {
		return nil, "two MPIs are no ASN.1"
	}
	oid, _ := hex.DecodeString(map[string]string{"P-256": "2a8648ce3d030107", "P-384": "2b81040022", "P-521": "2b81040023"}[k.Params().Name])
	point, err := k.Bytes()
	require.NoError(t, err)
	s = &signed{key: slices.Concat([]byte{byte(len(oid))}, oid, mpi(point)), value: slices.Concat(mpi(r.Bytes()), mpi(t2.Bytes())), algorithm: 19}
	s.hash, s.digest = digestOf(g.Sha, v.Msg)
	return s, ""
}

// asEd25519 and asEd448: what is signed is the digest, whose first two octets
// the packet repeats.
func asEd25519(t *testing.T, g *wycheproofGroup, v *wycheproofVector) (s *signed, why string) {
	pub, err := x509.ParsePKIXPublicKey(g.PublicKeyDer)
	require.NoError(t, err)
	return asEdwards(pub.(ed25519.PublicKey), 27, v)
}

func asEd448(t *testing.T, g *wycheproofGroup, v *wycheproofVector) (s *signed, why string) {
	const prefix = 12 // of a SubjectPublicKeyInfo for Ed448, RFC 8410
	require.Len(t, g.PublicKeyDer, prefix+57)
	return asEdwards(g.PublicKeyDer[prefix:], 28, v)
}

func asEdwards(pub []byte, algorithm byte, v *wycheproofVector) (s *signed, why string) {
	if len(v.Msg) < 2 {
		return nil, "no digest is shorter than two octets"
	}
	return &signed{key: pub, value: v.Sig, algorithm: algorithm, hash: 10, digest: v.Msg}, ""
}

// Wycheproof's signatures, as signature packets.
func TestWycheproofSignatures(t *testing.T) {
	t.Parallel()
	root := vectorRoot(t).root
	for pattern, as := range map[string]func(*testing.T, *wycheproofGroup, *wycheproofVector) (*signed, string){
		"rsa_signature_*": asRSA, "ecdsa_*": asECDSA, "ed25519": asEd25519, "ed448": asEd448,
	} {
		files, err := filepath.Glob(filepath.Join(root, "wycheproof", pattern+"_test.json.gz"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, f := range files {
			name := strings.TrimSuffix(filepath.Base(f), "_test.json.gz")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				count := map[string]int{}
				for _, g := range readWycheproof(t, name) {
					for _, v := range g.Tests {
						s, why := as(t, &g, &v)
						if s == nil {
							require.Equal(t, true, v.Result == "invalid" || len(v.Msg) < 2, "case %d", v.TcID)
							count["cannot be written: "+why]++
							continue
						}
						want := v.Result != "invalid" && why == ""
						require.Equal(t, want, s.verifies(t), "case %d, %s, %v", v.TcID, v.Comment, v.Flags)
						count[strings.TrimSpace(v.Result+" "+why)]++
					}
				}
				t.Log(name, count)
			})
		}
	}
}
