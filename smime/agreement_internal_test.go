package smime

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// originatorOf returns the content of an OriginatorPublicKey of any algorithm.
func originatorOf(t testing.TB, o oid, params, point []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		o.add(b)
		b.AddBytes(params)
	})
	b.AddASN1BitString(point)
	der, err := b.Bytes()
	require.NoError(t, err)
	return der
}

// Every kind of key is sealed to and opened with, and nothing else opens.
func TestWrapUnwrapNewer(t *testing.T) {
	t.Parallel()
	allowed(t, "X25519")
	for _, c := range []struct {
		kind, name string
		version    int
	}{
		{"X25519", "ECDH X25519, AES-256 wrap", 3},
		{"X448", "ECDH X448, AES-256 wrap", 3},
		{"ML-KEM-768", "ML-KEM-768, AES-256 wrap", 0},
		{"ML-KEM-1024", "ML-KEM-1024, AES-256 wrap", 0},
	} {
		t.Run(c.kind, func(t *testing.T) {
			k, other := CraftedKey(c.kind).in, craftKey(c.kind)
			for _, size := range []int{16, 24, 32} {
				der, planned, version, err := wrapFor(k.cert, testCEK[:size], true) // v1.5 means nothing to it
				require.NoError(t, err)
				require.Equal(t, c.version, version)
				ri := one(t, der)
				require.Equal(t, planned, ri.seamRecipient())
				require.Equal(t, c.name, planned.Algorithm)
				require.Contains(t, planned.ID, "CN=crafted")
				require.True(t, ri.names(k.cert) && k.opens(ri))
				require.False(t, ri.names(other.cert))
				require.Empty(t, ri.unsupported())
				cek, ok := k.unwrap(ri, size)
				require.True(t, ok)
				require.Equal(t, testCEK[:size], cek)

				_, ok = k.unwrap(ri, 56-size) // never size
				require.False(t, ok)
				for _, wrong := range []*privateKey{other, {cert: k.cert}, testKey(t, "p256"), testKey(t, "rsa3072")} {
					_, ok := wrong.unwrap(ri, size)
					require.False(t, ok)
					require.Equal(t, wrong == other, wrong.opens(ri))
				}
				for i := 0; i < len(ri.encryptedKey); i += 5 {
					spoilt := *ri
					spoilt.encryptedKey = bytes.Clone(ri.encryptedKey)
					spoilt.encryptedKey[i] ^= 1
					_, ok := k.unwrap(&spoilt, size)
					require.False(t, ok)
				}
			}
		})
	}
	_, _, _, err := wrapFor(CraftedKey("ML-KEM-512").in.cert, testCEK, false)
	requireUnusable(t, err, "ML-KEM-512 key, which is only read")
}

// TestReadMontgomery takes every way to write an agreement on X25519 or X448
// that is read, and turns each piece of one that is not.
func TestReadMontgomery(t *testing.T) {
	t.Parallel()
	allowed(t, "X25519")
	k := CraftedKey("X25519").in
	ephemeral, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	point := ephemeral.PublicKey().Bytes()
	z, err := ephemeral.ECDH(k.cert.key.ecdh)
	require.NoError(t, err)
	wrap := derAlgorithm(oidAES256Wrap)
	const (
		good = iota
		fails
		unsupported
		malformed
	)
	for _, c := range []struct {
		name   string
		change func(*agreementBuilder)
		kdf    crypto.Hash
		x963   bool
		want   int
	}{
		{"as written here", func(*agreementBuilder) {}, crypto.SHA256, false, good},
		{"HKDF-SHA384", func(k *agreementBuilder) { k.scheme = oidStdDHHKDFSHA384 }, crypto.SHA384, false, good},
		{"HKDF-SHA512", func(k *agreementBuilder) { k.scheme = oidStdDHHKDFSHA512 }, crypto.SHA512, false, good},
		{"X9.63 SHA-256", func(k *agreementBuilder) { k.scheme = oidStdDHSHA256KDF }, crypto.SHA256, true, good},
		{"X9.63 SHA-384", func(k *agreementBuilder) { k.scheme = oidStdDHSHA384KDF }, crypto.SHA384, true, good},
		{"X9.63 SHA-512", func(k *agreementBuilder) { k.scheme = oidStdDHSHA512KDF }, crypto.SHA512, true, good},
		{"ukm", func(k *agreementBuilder) { k.ukm = []byte("user keying material") }, crypto.SHA256, false, good},
		{"empty ukm", func(k *agreementBuilder) { k.ukm = []byte{} }, crypto.SHA256, false, good},
		{"ukm with X9.63", func(k *agreementBuilder) { k.ukm, k.scheme = []byte("ukm"), oidStdDHSHA256KDF }, crypto.SHA256, true, good},
		{"NULL parameters", func(k *agreementBuilder) { k.originator = originatorOf(t, oidX25519, []byte{5, 0}, point) }, crypto.SHA256, false, good},

		{"another KDF than it says", func(*agreementBuilder) {}, crypto.SHA256, true, fails},
		{"another digest than it says", func(*agreementBuilder) {}, crypto.SHA512, false, fails},
		{"point of nobody's", func(k *agreementBuilder) {
			k.originator = originatorOf(t, oidX25519, nil, append([]byte{point[0] ^ 1}, point[1:]...))
		}, crypto.SHA256, false, fails},
		{"another curve", func(k *agreementBuilder) { k.originator = originatorOf(t, oidX448, nil, make([]byte, 56)) }, crypto.SHA256, false, fails},

		{"X9.63 SHA-1", func(k *agreementBuilder) { k.scheme = oidStdDHSHA1KDF }, crypto.SHA1, true, unsupported},
		{"X9.63 SHA-224", func(k *agreementBuilder) { k.scheme = oidStdDHSHA224KDF }, crypto.SHA224, true, unsupported},
		{"cofactor", func(k *agreementBuilder) { k.scheme = oidCofactorSHA256KDF }, crypto.SHA256, true, unsupported},
		{"key of Ed25519", func(k *agreementBuilder) { k.originator = originatorOf(t, oidEd25519, nil, point) }, crypto.SHA256, false, unsupported},

		{"short point", func(k *agreementBuilder) { k.originator = originatorOf(t, oidX25519, nil, point[:31]) }, crypto.SHA256, false, malformed},
		{"long point", func(k *agreementBuilder) {
			k.originator = originatorOf(t, oidX25519, nil, append(point[:32:32], 0))
		}, crypto.SHA256, false, malformed},
		{"point with a prefix", func(k *agreementBuilder) {
			k.originator = originatorOf(t, oidX25519, nil, append([]byte{0x40}, point...))
		}, crypto.SHA256, false, malformed},
		{"parameters", func(k *agreementBuilder) { k.originator = originatorOf(t, oidX25519, oidP256.tlv(), point) }, crypto.SHA256, false, malformed},
		{"short point of X448", func(k *agreementBuilder) { k.originator = originatorOf(t, oidX448, nil, make([]byte, 55)) }, crypto.SHA256, false, malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := agreementBuilder{originator: originatorOf(t, oidX25519, nil, point), scheme: oidStdDHHKDFSHA256, wrap: wrap}
			c.change(&b)
			info, err := sharedInfo(wrap, b.ukm, 32)
			require.NoError(t, err)
			kek, err := hkdf.Key(c.kdf.New, z, b.ukm, string(info), 32)
			if c.x963 {
				kek, err = x963KDF(c.kdf, z, info, 32)
			}
			require.NoError(t, err)
			b.encrypted, err = wrapKey(kek, testCEK)
			require.NoError(t, err)
			ris, err := parseRecipientInfos(b.der(t), 1<<20)
			if c.want == malformed {
				require.ErrorIs(t, err, errRecipient)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want == unsupported, ris[0].unsupported() != "", ris[0].unsupported())
			cek, ok := k.unwrap(ris[0], 32)
			require.Equal(t, c.want == good, ok)
			require.Equal(t, c.want == good, bytes.Equal(testCEK, cek))
		})
	}
}

// zeroExchanger is a hardware module that does not refuse a secret of zeros.
type zeroExchanger struct{ ecdh.KeyExchanger }

func (zeroExchanger) ECDH(*ecdh.PublicKey) ([]byte, error) { return make([]byte, 32), nil }

// A public key of small order makes the secret zero, which anybody can wrap
// with: it is refused, also where a hardware module does not notice.
func TestZeroSecret(t *testing.T) {
	t.Parallel()
	allowed(t, "X25519")
	wrap := derAlgorithm(oidAES256Wrap)
	for _, c := range []struct {
		key      *privateKey
		o        oid
		scheme   oid
		hash     crypto.Hash
		low, one []byte
	}{
		{CraftedKey("X25519").in, oidX25519, oidStdDHHKDFSHA256, crypto.SHA256, make([]byte, 32), append([]byte{1}, make([]byte, 31)...)},
		{CraftedKey("X448").in, oidX448, oidStdDHHKDFSHA512, crypto.SHA512, make([]byte, 56), append([]byte{1}, make([]byte, 55)...)},
	} {
		info, err := sharedInfo(wrap, nil, 32)
		require.NoError(t, err)
		for _, low := range [][]byte{c.low, c.one} {
			kek, err := hkdf.Key(c.hash.New, make([]byte, len(low)), nil, string(info), 32)
			require.NoError(t, err)
			encrypted, err := wrapKey(kek, testCEK)
			require.NoError(t, err)
			b := agreementBuilder{originator: originatorOf(t, c.o, nil, low), scheme: c.scheme, wrap: wrap, encrypted: encrypted}
			_, ok := c.key.unwrap(one(t, b.der(t)), 32)
			require.False(t, ok)
			if c.key.exchanger != nil {
				_, ok := (&privateKey{cert: c.key.cert, exchanger: zeroExchanger{c.key.exchanger}}).unwrap(one(t, b.der(t)), 32)
				require.False(t, ok)
			}
		}
		// Nor is anything sealed to such a key.
		for _, low := range [][]byte{c.low, c.one} {
			_, _, _, err := wrapFor(craftCertificate(c.o, low, nil), testCEK, false)
			requireUnusable(t, err, "small order")
		}
	}
}

// Brainpool curves are refused by their names; a curve that nobody knows has none.
func TestStrangeCurves(t *testing.T) {
	for o, want := range map[oid]string{
		"\x2b\x24\x03\x03\x02\x08\x01\x01\x07": "brainpoolP256r1",
		"\x2b\x24\x03\x03\x02\x08\x01\x01\x0b": "brainpoolP384r1",
		"\x2b\x24\x03\x03\x02\x08\x01\x01\x0d": "brainpoolP512r1",
		oidPBES2:                               "a curve that is not supported",
	} {
		b := agreementBuilder{originator: originator(t, o.tlv(), make([]byte, 65)), scheme: oidStdDHSHA256KDF, wrap: derAlgorithm(oidAES256Wrap), encrypted: make([]byte, 40)}
		ri := one(t, b.der(t))
		require.Contains(t, ri.unsupported(), want)
		require.ErrorContains(t, ri.refusal(), want)
	}
	b := agreementBuilder{originator: originator(t, oidP256.tlv(), make([]byte, 65)), scheme: oidStdDHSHA256KDF, wrap: derAlgorithm(oidAES256Wrap), encrypted: make([]byte, 40)}
	require.Empty(t, one(t, b.der(t)).unsupported())
}
