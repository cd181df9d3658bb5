package smime

import (
	"bytes"
	"crypto"
	"crypto/hkdf"
	"crypto/mlkem"
	"encoding/hex"
	"encoding/pem"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cloudflare/circl/kem/mlkem/mlkem512"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// exampleKEM is the recipient of the example of RFC 9936, Appendix C.
func exampleKEM(t *testing.T) (k *privateKey, file func(string) []byte) {
	file = func(name string) []byte {
		b, err := os.ReadFile(vectors(t, "lamps-ml-kem", name))
		require.NoError(t, err)
		if block, _ := pem.Decode(b); block != nil {
			return block.Bytes
		}
		if strings.HasSuffix(name, ".txt") {
			b, err = hex.DecodeString(strings.Join(strings.Fields(string(b)), ""))
			require.NoError(t, err)
		}
		return b
	}
	c, err := parseCertificate(file("ML-KEM-512.pem"))
	require.NoError(t, err)
	der := file("ML-KEM-512-seed.priv")
	public, private := mlkem512.NewKeyFromSeed(der[len(der)-64:])
	require.Equal(t, c.key.raw, must(public.MarshalBinary()))
	return &privateKey{cert: c, kem: smallKEM{private}}, file
}

// The example of RFC 9936 with what it says of each step.
func TestKEMExample(t *testing.T) {
	k, file := exampleKEM(t)
	e := &encapsulation{set: mlkem512Set, kdf: crypto.SHA256, wrap: derAlgorithm(oidAES128Wrap), size: 16}
	info, err := e.otherInfo()
	require.NoError(t, err)
	require.Equal(t, file("ori_info.txt"), info)
	secret, err := k.kem.Decapsulate(file("ciphertext.txt"))
	require.NoError(t, err)
	require.Equal(t, file("shared_secret.txt"), secret)
	kek, err := e.kek(secret)
	require.NoError(t, err)
	require.Equal(t, file("kek.txt"), kek)
	cek, ok := unwrapKey(kek, file("encrypted_cek.txt"))
	require.True(t, ok)
	require.Equal(t, file("cek.txt"), cek)

	allowed(t, "AES-GCM")
	o := seam.OpenPlan{Identities: []seam.Identity{k}, Now: time.Now(), Limits: testLimits}
	s, err := open(bytes.NewReader(file("ML-KEM-512.cms")), &o)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Verify())
	require.Equal(t, []seam.Recipient{{ID: "key identifier 599788C37AED400EE405D1B2A3366AB17D824A51", Algorithm: "ML-KEM-512, AES-128 wrap"}}, s.Facts().Recipients)
	plain, err := io.ReadAll(s.Again(bytes.NewReader(file("ML-KEM-512.cms"))))
	require.NoError(t, err)
	require.Equal(t, "Hello, world!", string(plain))

	// One octet of the ciphertext: ML-KEM gives another secret and no error.
	cms := file("ML-KEM-512.cms")
	cms[300] ^= 1
	s, err = open(bytes.NewReader(cms), &o)
	require.NoError(t, err)
	require.True(t, s.Verify() == envelope.ErrDecrypt)
}

// testLimits are large enough for any test.
var testLimits = seam.Limits{Recipients: 100, PrivateTrial: 32, Certificates: 100, Signatures: 100, HeaderBytes: 1 << 20, Decompressed: 1 << 20}

// kemBuilder builds a KEMRecipientInfo piece by piece.
type kemBuilder struct {
	ori, kem, kdf         oid
	version, kekLength    int64
	kemParams, kdfParams  []byte
	ciphertext, encrypted []byte
	ukm                   []byte
	wrap, extra           []byte
	outerExtra            []byte
}

func (k kemBuilder) der(t testing.TB) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.Tag(4).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
		k.ori.add(b)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(k.version)
			b.AddBytes([]byte{0x80, 2, 'i', 'd'})
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				k.kem.add(b)
				b.AddBytes(k.kemParams)
			})
			b.AddASN1OctetString(k.ciphertext)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				k.kdf.add(b)
				b.AddBytes(k.kdfParams)
			})
			b.AddASN1Int64(k.kekLength)
			if k.ukm != nil {
				b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddASN1OctetString(k.ukm) })
			}
			b.AddBytes(k.wrap)
			b.AddASN1OctetString(k.encrypted)
			b.AddBytes(k.extra)
		})
		b.AddBytes(k.outerExtra)
	})
	der, err := b.Bytes()
	require.NoError(t, err)
	return der
}

// TestReadEncapsulation takes every way to write a KEMRecipientInfo that is
// read, and turns each piece of one that is not.
func TestReadEncapsulation(t *testing.T) {
	t.Parallel()
	k := CraftedKey("ML-KEM-768").in
	secret, ciphertext := k.kem.(*mlkem.DecapsulationKey768).EncapsulationKey().Encapsulate()
	null := []byte{5, 0}
	const (
		good = iota
		fails
		otherKey // seen without the private key
		unsupported
		malformed
	)
	for _, c := range []struct {
		name   string
		change func(*kemBuilder)
		kdf    crypto.Hash
		ukm    []byte // what the info is made with
		want   int
	}{
		{"as written here", func(*kemBuilder) {}, crypto.SHA256, nil, good},
		{"HKDF-SHA384", func(k *kemBuilder) { k.kdf = oidHKDFSHA384 }, crypto.SHA384, nil, good},
		{"HKDF-SHA512", func(k *kemBuilder) { k.kdf = oidHKDFSHA512 }, crypto.SHA512, nil, good},
		{"ukm", func(k *kemBuilder) { k.ukm = []byte("ukm") }, crypto.SHA256, []byte("ukm"), good},
		{"empty ukm", func(k *kemBuilder) { k.ukm = []byte{} }, crypto.SHA256, []byte{}, good},
		{"AES-128 wrap", func(k *kemBuilder) { k.wrap, k.kekLength = derAlgorithm(oidAES128Wrap), 16 }, crypto.SHA256, nil, good},
		{"longest ukm", func(k *kemBuilder) { k.ukm = make([]byte, maxUKM) }, crypto.SHA256, make([]byte, maxUKM), good},

		{"another digest than it says", func(*kemBuilder) {}, crypto.SHA384, nil, fails},
		{"another ukm", func(k *kemBuilder) { k.ukm = []byte("ukm") }, crypto.SHA256, []byte("uKm"), fails},
		{"no ukm", func(*kemBuilder) {}, crypto.SHA256, []byte("ukm"), fails},
		{"another ciphertext", func(k *kemBuilder) { k.ciphertext[500] ^= 1 }, crypto.SHA256, nil, fails},
		{"another encrypted key", func(k *kemBuilder) { k.encrypted = make([]byte, 40) }, crypto.SHA256, nil, fails},
		{"shorter encrypted key", func(k *kemBuilder) { k.encrypted = make([]byte, 32) }, crypto.SHA256, nil, fails},
		{"another ML-KEM", func(k *kemBuilder) { k.kem, k.ciphertext = oidMLKEM1024, make([]byte, 1568) }, crypto.SHA256, nil, otherKey},

		{"unknown type", func(k *kemBuilder) { k.ori = oidPBES2 }, crypto.SHA256, nil, unsupported},
		{"unknown KEM", func(k *kemBuilder) { k.kem = oidX25519 }, crypto.SHA256, nil, unsupported},
		{"unknown KDF", func(k *kemBuilder) { k.kdf = oidPBKDF2 }, crypto.SHA256, nil, unsupported},
		{"unknown key wrap", func(k *kemBuilder) { k.wrap = derAlgorithm(oidAES256CBC) }, crypto.SHA256, nil, unsupported},

		{"version 1", func(k *kemBuilder) { k.version = 1 }, crypto.SHA256, nil, malformed},
		{"parameters of the KEM", func(k *kemBuilder) { k.kemParams = null }, crypto.SHA256, nil, malformed},
		{"parameters of the KDF", func(k *kemBuilder) { k.kdfParams = null }, crypto.SHA256, nil, malformed},
		{"short ciphertext", func(k *kemBuilder) { k.ciphertext = k.ciphertext[1:] }, crypto.SHA256, nil, malformed},
		{"long ciphertext", func(k *kemBuilder) { k.ciphertext = append(k.ciphertext, 0) }, crypto.SHA256, nil, malformed},
		{"no ciphertext", func(k *kemBuilder) { k.ciphertext = nil }, crypto.SHA256, nil, malformed},
		{"kekLength of another wrap", func(k *kemBuilder) { k.kekLength = 16 }, crypto.SHA256, nil, malformed},
		{"kekLength in bits", func(k *kemBuilder) { k.kekLength = 256 }, crypto.SHA256, nil, malformed},
		{"kekLength 0", func(k *kemBuilder) { k.kekLength = 0 }, crypto.SHA256, nil, malformed},
		{"kekLength 65536", func(k *kemBuilder) { k.kekLength = 65536 }, crypto.SHA256, nil, malformed},
		{"ukm too long", func(k *kemBuilder) { k.ukm = make([]byte, maxUKM+1) }, crypto.SHA256, nil, malformed},
		{"no key wrap", func(k *kemBuilder) { k.wrap = nil }, crypto.SHA256, nil, malformed},
		{"key too long", func(k *kemBuilder) { k.encrypted = make([]byte, maxEncryptedKey+1) }, crypto.SHA256, nil, malformed},
		{"trailing element", func(k *kemBuilder) { k.extra = null }, crypto.SHA256, nil, malformed},
		{"trailing element outside", func(k *kemBuilder) { k.outerExtra = null }, crypto.SHA256, nil, malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := kemBuilder{
				ori: oidORIKEM, kem: oidMLKEM768, kdf: oidHKDFSHA256, kekLength: 32,
				ciphertext: bytes.Clone(ciphertext), wrap: derAlgorithm(oidAES256Wrap),
			}
			c.change(&b)
			info := tlv(0x30, append(bytes.Clone(b.wrap), 2, 1, byte(b.kekLength)))
			if c.ukm != nil {
				info = tlv(0x30, append(append(bytes.Clone(b.wrap), 2, 1, byte(b.kekLength)), tlv(0xa0, tlv(4, c.ukm))...))
			}
			if b.encrypted == nil {
				kek, err := hkdf.Key(c.kdf.New, secret, nil, string(info), 32)
				require.NoError(t, err)
				if b.kekLength == 16 {
					kek = kek[:16]
				}
				b.encrypted, err = wrapKey(kek, testCEK)
				require.NoError(t, err)
			}
			ris, err := parseRecipientInfos(b.der(t), 1<<20)
			if c.want == malformed {
				require.ErrorIs(t, err, errRecipient)
				return
			}
			require.NoError(t, err)
			require.Len(t, ris, 1)
			require.Equal(t, c.want == unsupported, ris[0].unsupported() != "")
			require.NotEmpty(t, ris[0].seamRecipient().ID)
			if c.want < unsupported {
				require.Equal(t, c.want != otherKey, k.opens(ris[0]))
			}
			cek, ok := k.unwrap(ris[0], 32)
			require.Equal(t, c.want == good, ok)
			require.Equal(t, c.want == good, bytes.Equal(testCEK, cek))
		})
	}
}

// badModule is a hardware module that returns what is no secret of ML-KEM.
type badModule struct {
	crypto.Decapsulator
	out []byte
	err error
}

func (m badModule) Decapsulate([]byte) ([]byte, error) { return m.out, m.err }

func TestKEMModule(t *testing.T) {
	k := CraftedKey("ML-KEM-768").in
	der, _, _, err := wrapFor(k.cert, testCEK, false)
	require.NoError(t, err)
	ri := one(t, der)
	good, err := k.kem.Decapsulate(ri.kem.ciphertext)
	require.NoError(t, err)
	for _, c := range []struct {
		m    badModule
		want bool
	}{
		{badModule{out: bytes.Clone(good)}, true},
		{badModule{out: bytes.Clone(good), err: io.ErrClosedPipe}, false},
		{badModule{out: bytes.Clone(good[:31])}, false},
		{badModule{}, false},
	} {
		_, ok := (&privateKey{cert: k.cert, kem: c.m}).unwrap(ri, 32)
		require.Equal(t, c.want, ok)
	}
}
