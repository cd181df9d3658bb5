package smime

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// agreeKEK derives the key-encryption key of a sender on a curve of NIST's.
func agreeKEK(private ecdh.KeyExchanger, public *ecdh.PublicKey, kdf crypto.Hash, wrap, ukm []byte, size int) ([]byte, error) {
	z, err := private.ECDH(public)
	if err != nil {
		return nil, err
	}
	return (&agreement{kdf: kdf, wrap: wrap, ukm: ukm, size: size}).kek(z)
}

// agreementBuilder builds a KeyAgreeRecipientInfo piece by piece.
type agreementBuilder struct {
	version    int64
	originator []byte // content of OriginatorPublicKey
	ukm        []byte
	scheme     oid
	wrap       []byte // nil: absent
	rid        func(*cryptobyte.Builder)
	encrypted  []byte
	keys       int
	extra      []byte
}

// originator returns the content of an OriginatorPublicKey with the given
// parameters.
func originator(t testing.TB, params, point []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		oidECPublicKey.add(b)
		b.AddBytes(params)
	})
	b.AddASN1BitString(point)
	der, err := b.Bytes()
	require.NoError(t, err)
	return der
}

func (k agreementBuilder) der(t testing.TB) []byte {
	context := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
	if k.version == 0 {
		k.version = 3
	}
	if k.rid == nil {
		k.rid = func(b *cryptobyte.Builder) {
			b.AddASN1(context(0), func(b *cryptobyte.Builder) { b.AddASN1OctetString([]byte("id")) })
		}
	}
	if k.keys == 0 {
		k.keys = 1
	}
	var b cryptobyte.Builder
	b.AddASN1(context(1), func(b *cryptobyte.Builder) {
		b.AddASN1Int64(k.version)
		b.AddASN1(context(0), func(b *cryptobyte.Builder) {
			b.AddASN1(context(1), func(b *cryptobyte.Builder) { b.AddBytes(k.originator) })
		})
		if k.ukm != nil {
			b.AddASN1(context(1), func(b *cryptobyte.Builder) { b.AddASN1OctetString(k.ukm) })
		}
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			k.scheme.add(b)
			b.AddBytes(k.wrap)
		})
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for range max(k.keys, 0) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					k.rid(b)
					b.AddASN1OctetString(k.encrypted)
				})
			}
		})
		b.AddBytes(k.extra)
	})
	der, err := b.Bytes()
	require.NoError(t, err)
	return der
}

// TestReadAgreement takes every way to write a KeyAgreeRecipientInfo that is
// read, and turns each piece of one that is not.
func TestReadAgreement(t *testing.T) {
	allowed(t, "SHA-1")
	k := testKey(t, "p256")
	ephemeral, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	p384, err := ecdh.P384().GenerateKey(rand.Reader)
	require.NoError(t, err)
	point := ephemeral.PublicKey().Bytes()
	offCurve := bytes.Clone(point)
	offCurve[40] ^= 1
	compressed := append([]byte{2 + point[64]&1}, point[1:33]...)
	null := []byte{5, 0}
	withNull := append([]byte{0x30, 13, 6, 9}, oidAES256Wrap...)
	withNull = append(withNull, null...)

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
		size   int
		want   int
	}{
		{"as written here", func(*agreementBuilder) {}, crypto.SHA256, 32, good},
		{"named curve", func(k *agreementBuilder) { k.originator = originator(t, oidP256.tlv(), point) }, crypto.SHA256, 32, good},
		{"NULL parameters", func(k *agreementBuilder) { k.originator = originator(t, null, point) }, crypto.SHA256, 32, good},
		{"NULL in the key wrap", func(k *agreementBuilder) { k.wrap = withNull }, crypto.SHA256, 32, good},
		{"ukm", func(k *agreementBuilder) { k.ukm = []byte("user keying material") }, crypto.SHA256, 32, good},
		{"empty ukm", func(k *agreementBuilder) { k.ukm = []byte{} }, crypto.SHA256, 32, good},
		{"SHA-1", func(k *agreementBuilder) { k.scheme = oidStdDHSHA1KDF }, crypto.SHA1, 32, good},
		{"SHA-224", func(k *agreementBuilder) { k.scheme = oidStdDHSHA224KDF }, crypto.SHA224, 32, good},
		{"SHA-384", func(k *agreementBuilder) { k.scheme = oidStdDHSHA384KDF }, crypto.SHA384, 32, good},
		{"SHA-512", func(k *agreementBuilder) { k.scheme = oidStdDHSHA512KDF }, crypto.SHA512, 32, good},
		{"cofactor SHA-1", func(k *agreementBuilder) { k.scheme = oidCofactorSHA1KDF }, crypto.SHA1, 32, good},
		{"cofactor SHA-256", func(k *agreementBuilder) { k.scheme = oidCofactorSHA256KDF }, crypto.SHA256, 32, good},
		{"AES-128 wrap", func(k *agreementBuilder) { k.wrap = derAlgorithm(oidAES128Wrap) }, crypto.SHA256, 16, good},
		{"AES-192 wrap", func(k *agreementBuilder) { k.wrap = derAlgorithm(oidAES192Wrap) }, crypto.SHA256, 24, good},

		{"another digest than it says", func(*agreementBuilder) {}, crypto.SHA384, 32, fails},
		{"another key size than it says", func(*agreementBuilder) {}, crypto.SHA256, 16, fails},
		{"other curve named", func(k *agreementBuilder) { k.originator = originator(t, oidP384.tlv(), point) }, crypto.SHA256, 32, fails},
		{"point of another curve", func(k *agreementBuilder) { k.originator = originator(t, nil, p384.PublicKey().Bytes()) }, crypto.SHA256, 32, fails},
		{"point not on the curve", func(k *agreementBuilder) { k.originator = originator(t, nil, offCurve) }, crypto.SHA256, 32, fails},
		{"point at infinity", func(k *agreementBuilder) { k.originator = originator(t, oidP256.tlv(), []byte{0}) }, crypto.SHA256, 32, fails},
		{"point in hybrid form", func(k *agreementBuilder) {
			k.originator = originator(t, nil, append([]byte{6 + point[64]&1}, point[1:]...))
		}, crypto.SHA256, 32, fails},
		{"compressed point of a named curve", func(k *agreementBuilder) { k.originator = originator(t, oidP256.tlv(), compressed) }, crypto.SHA256, 32, fails},

		{"compressed point", func(k *agreementBuilder) { k.originator = originator(t, nil, compressed) }, crypto.SHA256, 32, unsupported},
		{"explicit parameters", func(k *agreementBuilder) { k.originator = originator(t, []byte{0x30, 0}, point) }, crypto.SHA256, 32, unsupported},
		{"unknown curve", func(k *agreementBuilder) { k.originator = originator(t, oidPBES2.tlv(), point) }, crypto.SHA256, 32, unsupported},
		{"unknown scheme", func(k *agreementBuilder) { k.scheme = oidPBES2 }, crypto.SHA256, 32, unsupported},
		{"unknown key wrap", func(k *agreementBuilder) { k.wrap = derAlgorithm(oidAES256CBC) }, crypto.SHA256, 32, unsupported},

		{"no key wrap", func(k *agreementBuilder) { k.wrap = nil }, crypto.SHA256, 32, malformed},
		{"NULL for the key wrap", func(k *agreementBuilder) { k.wrap = null }, crypto.SHA256, 32, malformed},
		{"parameters of the key wrap", func(k *agreementBuilder) {
			k.wrap = append([]byte{0x30, 13, 6, 9}, oidAES256Wrap...)
			k.wrap = append(k.wrap, 4, 0)
		}, crypto.SHA256, 32, malformed},
		{"version 2", func(k *agreementBuilder) { k.version = 2 }, crypto.SHA256, 32, malformed},
		{"no reader", func(k *agreementBuilder) { k.keys = -1 }, crypto.SHA256, 32, malformed},
		{"trailing element", func(k *agreementBuilder) { k.extra = null }, crypto.SHA256, 32, malformed},
		{"no point", func(k *agreementBuilder) { k.originator = derAlgorithm(oidECPublicKey) }, crypto.SHA256, 32, malformed},
		{"empty key identifier", func(k *agreementBuilder) {
			k.rid = func(b *cryptobyte.Builder) { b.AddBytes([]byte{0xa0, 2, 4, 0}) }
		}, crypto.SHA256, 32, malformed},
		{"ukm too long", func(k *agreementBuilder) { k.ukm = make([]byte, maxUKM+1) }, crypto.SHA256, 32, malformed},
		{"ukm as long as may be", func(k *agreementBuilder) { k.ukm = make([]byte, maxUKM) }, crypto.SHA256, 32, good},
		{"key too long", func(k *agreementBuilder) { k.encrypted = make([]byte, maxEncryptedKey+1) }, crypto.SHA256, 32, malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := agreementBuilder{
				originator: originator(t, nil, point),
				scheme:     oidStdDHSHA256KDF,
				wrap:       derAlgorithm(oidAES256Wrap),
			}
			c.change(&b)
			if b.encrypted == nil {
				kek, err := agreeKEK(ephemeral, k.cert.key.ecdh, c.kdf, b.wrap, b.ukm, c.size)
				require.NoError(t, err)
				b.encrypted, err = wrapKey(kek, testCEK)
				require.NoError(t, err)
			}
			ris, err := parseRecipientInfos(b.der(t), 1<<20)
			if c.want == malformed {
				require.ErrorIs(t, err, errRecipient)
				require.Nil(t, ris)
				return
			}
			require.NoError(t, err)
			require.Len(t, ris, 1)
			require.Equal(t, c.want == unsupported, ris[0].unsupported() != "")
			cek, ok := k.unwrap(ris[0], 32)
			require.Equal(t, c.want == good, ok)
			require.Equal(t, c.want == good, bytes.Equal(testCEK, cek))
		})
	}
}

// The user keying material is bound: with another one, or none, the key fails.
func TestAgreementBindsUKM(t *testing.T) {
	k := testKey(t, "p256")
	ephemeral, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	wrap := derAlgorithm(oidAES256Wrap)
	ukms := [][]byte{nil, {}, []byte("a"), []byte("b")}
	for i, wrote := range ukms {
		for j, read := range ukms {
			kek, err := agreeKEK(ephemeral, k.cert.key.ecdh, crypto.SHA256, wrap, wrote, 32)
			require.NoError(t, err)
			encrypted, err := wrapKey(kek, testCEK)
			require.NoError(t, err)
			b := agreementBuilder{originator: originator(t, nil, ephemeral.PublicKey().Bytes()), ukm: read, scheme: oidStdDHSHA256KDF, wrap: wrap, encrypted: encrypted}
			_, ok := k.unwrap(one(t, b.der(t)), 32)
			require.Equal(t, i == j, ok, "%q %q", wrote, read)
		}
	}
}

func TestStaticOriginator(t *testing.T) {
	k := testKey(t, "p256")
	b := agreementBuilder{originator: originator(t, nil, make([]byte, 65)), scheme: oidStdDHSHA256KDF, wrap: derAlgorithm(oidAES256Wrap), encrypted: []byte("x")}
	der := b.der(t)
	s := cryptobyte.String(der)
	var in, skip cryptobyte.String
	require.True(t, s.ReadASN1(&in, asn1.Tag(1).ContextSpecific().Constructed()))
	require.True(t, in.ReadASN1Element(&skip, asn1.INTEGER))
	require.True(t, in.SkipASN1(asn1.Tag(0).ContextSpecific().Constructed()))
	for _, id := range []func(*cryptobyte.Builder){
		func(b *cryptobyte.Builder) { addIssuerAndSerial(b, k.cert) },
		func(b *cryptobyte.Builder) { b.AddBytes([]byte{0x80, 1, 7}) },
	} {
		var out cryptobyte.Builder
		out.AddASN1(asn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1Int64(3)
			b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), id)
			b.AddBytes(in)
		})
		ri := one(t, out.BytesOrPanic())
		require.Contains(t, ri.unsupported(), "static key")
		_, ok := k.unwrap(ri, 32)
		require.False(t, ok)
	}
}
