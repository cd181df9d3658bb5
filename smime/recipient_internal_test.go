package smime

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

func TestWrapUnwrap(t *testing.T) {
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	for _, c := range []struct {
		algorithm, name string
		v15             bool
		version         int
	}{
		{"rsa3072", "RSA-OAEP-SHA256", false, 0},
		{"rsa3072", "RSA PKCS#1 v1.5", true, 0},
		{"p256", "ECDH P-256, AES-256 wrap", false, 3},
		{"p384", "ECDH P-384, AES-256 wrap", false, 3},
		{"p521", "ECDH P-521, AES-256 wrap", true, 3}, // v1.5 means nothing to EC
	} {
		t.Run(c.name, func(t *testing.T) {
			k := testKey(t, c.algorithm)
			other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			require.NoError(t, err)
			stranger := keyFor(t, issue(t, other, nil), other)
			for _, size := range []int{16, 24, 32} {
				cek := testCEK[:size]
				der, planned, version, err := wrapFor(k.cert, cek, c.v15)
				require.NoError(t, err)
				require.Equal(t, c.version, version)
				ri := one(t, der)
				require.Equal(t, planned, ri.seamRecipient(), "what was planned is what a reader without keys finds")
				require.Equal(t, c.name, planned.Algorithm)
				require.False(t, planned.Hidden)
				require.Contains(t, planned.ID, "CN=alice@example.org")
				require.True(t, ri.names(k.cert))
				require.False(t, ri.names(stranger.cert))
				require.Equal(t, c.v15 && c.algorithm == "rsa3072", ri.isPKCS1v15())
				require.Empty(t, ri.unsupported())

				got, ok := k.unwrap(ri, size)
				require.True(t, ok)
				require.Equal(t, cek, got)

				random, ok := k.unwrap(ri, 56-size) // never size
				require.Equal(t, ri.isPKCS1v15(), ok)
				if ok {
					require.Len(t, random, 56-size)
				}
				for _, wrong := range []*privateKey{stranger, {cert: k.cert}} {
					got, ok := wrong.unwrap(ri, size)
					require.Equal(t, ri.isPKCS1v15(), ok)
					require.NotEqual(t, cek, got)
				}
				again, _, _, err := wrapFor(k.cert, cek, c.v15)
				require.NoError(t, err)
				require.NotEqual(t, der, again, "fresh randomness each time")
			}
		})
	}
	ed := issue(t, edKey(t), nil)
	_, _, _, err := wrapFor(ed, testCEK, false)
	requireUnusable(t, err, "is for signatures only")
}

// Each octet of an encrypted key that is changed makes the key fail, or for
// PKCS#1 v1.5 a random one.
func TestUnwrapDamaged(t *testing.T) {
	t.Parallel()
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	for _, c := range []struct {
		algorithm string
		v15       bool
	}{{"rsa3072", false}, {"rsa3072", true}, {"p256", false}} {
		k := testKey(t, c.algorithm)
		der, _, _, err := wrapFor(k.cert, testCEK, c.v15)
		require.NoError(t, err)
		ri := one(t, der)
		good := ri.encryptedKey
		for i := 0; i < len(good); i += 1 + len(good)/40 {
			ri.encryptedKey = bytes.Clone(good)
			ri.encryptedKey[i] ^= 1
			key, ok := k.unwrap(ri, 32)
			require.Equal(t, c.v15, ok)
			require.NotEqual(t, testCEK, key)
		}
		for _, n := range []int{0, 1, 8, len(good) - 1, len(good) + 1} {
			ri.encryptedKey = append(bytes.Clone(good), 0)[:n]
			key, ok := k.unwrap(ri, 32)
			require.Equal(t, c.v15, ok, n)
			require.NotEqual(t, testCEK, key)
		}
		ri.encryptedKey = good
		key, ok := k.unwrap(ri, 32)
		require.True(t, ok)
		require.Equal(t, testCEK, key)
	}
}

// stubDecrypter is a hardware module that does what its field says.
type stubDecrypter struct {
	*rsa.PublicKey
	out []byte
	err error
}

func (d stubDecrypter) Public() crypto.PublicKey { return d.PublicKey }
func (d stubDecrypter) Decrypt(io.Reader, []byte, crypto.DecrypterOpts) ([]byte, error) {
	return bytes.Clone(d.out), d.err
}

func TestUnwrapWithModule(t *testing.T) {
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	k := testKey(t, "rsa3072")
	der, _, _, err := wrapFor(k.cert, testCEK, true)
	require.NoError(t, err)
	v15 := one(t, der)
	der, _, _, err = wrapFor(k.cert, testCEK, false)
	require.NoError(t, err)
	oaep := one(t, der)
	for _, c := range []struct {
		name string
		out  []byte
		err  error
		good bool
	}{
		{"works", testCEK, nil, true},
		{"error", nil, errors.New("padding"), false},
		{"error and the key", testCEK, errors.New("padding"), false},
		{"short", testCEK[:31], nil, false},
		{"long", append(testCEK[:32:32], 0), nil, false},
		{"nothing", nil, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := keyFor(t, k.cert, stubDecrypter{k.cert.key.rsa, c.out, c.err})
			key, ok := m.unwrap(v15, 32)
			require.True(t, ok)
			require.Len(t, key, 32)
			require.Equal(t, c.good, bytes.Equal(key, testCEK))
			key, ok = m.unwrap(oaep, 32)
			require.Equal(t, c.good, ok)
			require.Equal(t, c.good, bytes.Equal(key, testCEK))
		})
	}
}

func TestReadManyReaders(t *testing.T) {
	k := testKey(t, "p256")
	id := func(b *cryptobyte.Builder) { addIssuerAndSerial(b, k.cert) }
	b := agreementBuilder{originator: originator(t, nil, make([]byte, 65)), scheme: oidStdDHSHA256KDF, wrap: derAlgorithm(oidAES256Wrap), rid: id, keys: 3}
	ris, err := parseRecipientInfos(b.der(t), 1<<20)
	require.NoError(t, err)
	require.Len(t, ris, 3)
	for _, ri := range ris {
		require.True(t, ri.names(k.cert))
	}
}

func TestReadTransport(t *testing.T) {
	allowed(t, "SHA-1")
	raw := func(s string) func(*cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) { b.AddBytes([]byte(s)) }
	}
	params := func(o oid, s string) func(*cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				o.add(b)
				b.AddBytes([]byte(s))
			})
		}
	}
	const sha256NULL = "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00"
	const sha256Plain = "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01"
	const md5 = "\x30\x0a\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x05"
	const mgf = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
	const pSpecified = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x09"
	for _, c := range []struct {
		name      string
		algorithm func(*cryptobyte.Builder)
		want      string // reports' name; "" malformed; "not supported"
	}{
		{"v1.5", params(oidRSAEncryption, "\x05\x00"), "RSA PKCS#1 v1.5"},
		{"v1.5 without parameters", params(oidRSAEncryption, ""), "RSA PKCS#1 v1.5"},
		{"v1.5 with an OCTET STRING", params(oidRSAEncryption, "\x04\x00"), ""},
		{"OAEP absent", params(oidRSAOAEP, ""), "RSA-OAEP-SHA1"},
		{"OAEP empty", params(oidRSAOAEP, "\x30\x00"), "RSA-OAEP-SHA1"},
		{"OAEP NULL", params(oidRSAOAEP, "\x05\x00"), ""},
		{"OAEP OCTET STRING", params(oidRSAOAEP, "\x04\x02\x30\x00"), ""},
		{"OAEP digest with NULL", params(oidRSAOAEP, "\x30\x11\xa0\x0f"+sha256NULL), "RSA-OAEP-SHA256-MGF1-SHA1"},
		{"OAEP digest without", params(oidRSAOAEP, "\x30\x0f\xa0\x0d"+sha256Plain), "RSA-OAEP-SHA256-MGF1-SHA1"},
		{"OAEP digest twice", params(oidRSAOAEP, "\x30\x1e\xa0\x0d"+sha256Plain+"\xa0\x0d"+sha256Plain), ""},
		{"OAEP digest not explicit", params(oidRSAOAEP, "\x30\x0d"+sha256Plain), ""},
		{"OAEP unknown tag", params(oidRSAOAEP, "\x30\x02\xa3\x00"), ""},
		{"OAEP empty digest", params(oidRSAOAEP, "\x30\x02\xa0\x00"), ""},
		{"OAEP MD5", params(oidRSAOAEP, "\x30\x0e\xa0\x0c"+md5), "RSA-OAEP"},
		{"OAEP MGF", params(oidRSAOAEP, "\x30\x1c\xa1\x1a\x30\x18"+mgf+sha256Plain), "RSA-OAEP-SHA1-MGF1-SHA256"},
		{"OAEP MGF without digest", params(oidRSAOAEP, "\x30\x0f\xa1\x0d\x30\x0b"+mgf), ""},
		{"OAEP MGF with NULL", params(oidRSAOAEP, "\x30\x11\xa1\x0f\x30\x0d"+mgf+"\x05\x00"), ""},
		{"OAEP unknown MGF", params(oidRSAOAEP, "\x30\x0f\xa1\x0d"+sha256Plain), "RSA-OAEP"},
		{"OAEP label", params(oidRSAOAEP, "\x30\x12\xa2\x10\x30\x0e"+pSpecified+"\x04\x01x"), "RSA-OAEP-SHA1"},
		{"OAEP label absent", params(oidRSAOAEP, "\x30\x0f\xa2\x0d\x30\x0b"+pSpecified), ""},
		{"OAEP unknown label", params(oidRSAOAEP, "\x30\x0f\xa2\x0d"+sha256Plain), "RSA-OAEP"},
		{"unknown", params(oidPBES2, ""), "not supported"},
		{"no algorithm", raw("\x30\x00"), ""},
		{"two parameters", params(oidRSAEncryption, "\x05\x00\x05\x00"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			ris, err := parseRecipientInfos(ktri(t, c.algorithm, []byte("encrypted")), 1<<20)
			if c.want == "" {
				require.ErrorIs(t, err, errRecipient)
				return
			}
			require.NoError(t, err)
			require.Len(t, ris, 1)
			require.Equal(t, c.want, ris[0].seamRecipient().Algorithm)
			require.Equal(t, c.want == "RSA-OAEP" || c.want == "not supported", ris[0].unsupported() != "")
			require.Equal(t, "key identifier 6964", ris[0].seamRecipient().ID)
		})
	}
}

func TestOtherRecipients(t *testing.T) {
	for _, der := range [][]byte{{0xa4, 5, 6, 1, 0x29, 5, 0}, {0xa9, 2, 5, 0}, {0x89, 2, 5, 0}} {
		ri := one(t, der)
		require.NotEmpty(t, ri.unsupported())
		require.NotEmpty(t, ri.seamRecipient().ID)
		require.False(t, ri.names(testKey(t, "p256").cert))
		_, ok := testKey(t, "p256").unwrap(ri, 32)
		require.False(t, ok)
		require.False(t, ri.isPKCS1v15())
	}
	for _, der := range []string{"", "\x04\x00", "\x31\x00", "\x30\x00", "\xa1\x00", "\xa2\x02\x05", "\xa2\x00\x00", "\x61\x00", "\xa4\x02\x05\x00", "\xa4\x03\x06\x01\x29", "\xa2\x02\x05\x00", "\xa3\x02\x05\x00"} {
		ris, err := parseRecipientInfos([]byte(der), 1<<20)
		require.Error(t, err, "%x", der)
		require.Nil(t, ris)
	}
}

func TestLongIssuers(t *testing.T) {
	name := func(last string) []byte {
		c := issue(t, secret(t, "p256"), func(x *x509.Certificate) {
			for range 20 {
				x.Subject.Organization = append(x.Subject.Organization, "An organisation with a rather long name")
			}
			x.Subject.CommonName = last
		})
		return c.x.RawIssuer
	}
	a, b := issuerText(name("a")), issuerText(name("b"))
	require.NotEqual(t, a, b, "cutting does not make two names one")
	require.Less(t, len(a), maxIssuerText+100)
	require.Contains(t, issuerText([]byte{0x30, 1}), "cannot be read")
	require.Equal(t, seam.Recipient{ID: "key identifier FF", Algorithm: v15Name},
		(&recipientInfo{kind: keyTransport, v15: true, id: keyID{ski: []byte{0xff}}}).seamRecipient())
}
