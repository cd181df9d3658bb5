package smime

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

func TestCheckSeal(t *testing.T) {
	allowed(t, "small RSA keys")
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	require.NoError(t, err)
	rsa2047, rsa2048 := FixedRSA("rsa2047"), FixedRSA("rsa2048")

	for _, c := range []struct {
		name    string
		key     any // algorithm, or a private key
		change  func(*x509.Certificate)
		profile seam.Profile
		reason  string // "": usable
	}{
		{"RSA", "rsa3072", nil, seam.Auto, ""},
		{"RSA, post-quantum", "rsa3072", nil, seam.PostQuantum, "ML-KEM"},
		{"RSA without key usage", "rsa3072", func(x *x509.Certificate) { x.KeyUsage = 0 }, seam.Auto, ""},
		{"RSA encipherment", "rsa3072", func(x *x509.Certificate) { x.KeyUsage = x509.KeyUsageKeyEncipherment }, seam.Auto, ""},
		{"RSA agreement", "rsa3072", func(x *x509.Certificate) { x.KeyUsage = x509.KeyUsageKeyAgreement }, seam.Auto, "is not for encryption"},
		{"RSA signature", "rsa3072", func(x *x509.Certificate) { x.KeyUsage = x509.KeyUsageDigitalSignature }, seam.Auto, "is for signatures only"},
		{"RSA non-repudiation", "rsa3072", func(x *x509.Certificate) { x.KeyUsage = x509.KeyUsageContentCommitment }, seam.Auto, "is for signatures only"},
		{"RSA of a CA alone", "rsa3072", func(x *x509.Certificate) { x.KeyUsage = x509.KeyUsageCertSign }, seam.Auto, "is not for encryption"},
		{"RSA self-signed as CA", "rsa3072", func(x *x509.Certificate) { x.IsCA, x.BasicConstraintsValid = true, true }, seam.Auto, ""},
		{"RSA 2047 bits", rsa2047, nil, seam.Auto, "2047 bits"},
		{"RSA 2048 bits", rsa2048, nil, seam.Auto, ""},
		{"P-256", "p256", nil, seam.Modern, ""},
		{"P-384", "p384", nil, seam.Modern, ""},
		{"P-521", "p521", nil, seam.Modern, ""},
		{"P-256 agreement", "p256", func(x *x509.Certificate) { x.KeyUsage = x509.KeyUsageKeyAgreement }, seam.Compatible, ""},
		{"P-256 encipherment", "p256", func(x *x509.Certificate) { x.KeyUsage = x509.KeyUsageKeyEncipherment }, seam.Auto, "is not for encryption"},
		{"P-256 signature", "p256", func(x *x509.Certificate) { x.KeyUsage = x509.KeyUsageDigitalSignature }, seam.Auto, "is for signatures only"},
		{"P-224", p224, nil, seam.Auto, "P-224"},
		{"Ed25519", ed, nil, seam.Auto, "is for signatures only"},
		{"no extended key usage", "p256", func(x *x509.Certificate) { x.ExtKeyUsage = nil }, seam.Auto, ""},
		{"any extended key usage", "p256", func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }, seam.Auto, ""},
		{"web server", "p256", func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, seam.Auto, "mail"},
		{"web server and mail", "p256", func(x *x509.Certificate) {
			x.ExtKeyUsage = append(x.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
		}, seam.Auto, ""},
		{"unknown purpose", "p256", func(x *x509.Certificate) {
			x.ExtKeyUsage, x.UnknownExtKeyUsage = nil, []asn1.ObjectIdentifier{{1, 2, 3, 4}}
		}, seam.Auto, "mail"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var cert *certificate
			switch k := c.key.(type) {
			case string:
				cert = issue(t, secret(t, k), c.change)
			case *rsa.PrivateKey:
				cert = issue(t, k, c.change)
			case *ecdsa.PrivateKey:
				cert = issue(t, k, c.change)
			case ed25519.PrivateKey:
				cert = issue(t, k, c.change)
			}
			err := cert.CheckSeal(time.Now(), c.profile)
			if c.reason == "" {
				require.NoError(t, err)
				return
			}
			requireUnusable(t, err, c.reason)
		})
	}
}

func TestCheckSealTime(t *testing.T) {
	c := issue(t, secret(t, "p256"), nil)
	for _, when := range []struct {
		name string
		at   time.Time
		good bool
	}{
		{"a second before the first", c.x.NotBefore.Add(-time.Second), false},
		{"the first second", c.x.NotBefore, true},
		{"the last second", c.x.NotAfter, true},
		{"a second after the last", c.x.NotAfter.Add(time.Second), false},
	} {
		t.Run(when.name, func(t *testing.T) {
			for _, err := range []error{
				c.CheckSeal(when.at, seam.Auto),
				(&signer{key: keyFor(t, c, secret(t, "p256"))}).CheckSign(when.at, seam.Auto),
			} {
				if when.good {
					require.NoError(t, err)
					continue
				}
				var e *keyring.ExpiredError
				require.ErrorAs(t, err, &e)
				require.Equal(t, c.fingerprint(), e.Fingerprint)
			}
		})
	}
}

func TestRefuseRSA(t *testing.T) {
	odd := func(bits int) *big.Int { // the largest number of so many bits
		n := new(big.Int).Lsh(big.NewInt(1), uint(bits))
		return n.Sub(n, big.NewInt(1))
	}
	for _, c := range []struct {
		name string
		bits int
		e    int
		even bool
		good bool
	}{
		{"2047", 2047, 65537, false, false},
		{"2048", 2048, 65537, false, true},
		{"8192", 8192, 65537, false, true},
		{"8193", 8193, 65537, false, false},
		{"exponent 3", 2048, 3, false, true},
		{"exponent 1", 2048, 1, false, false},
		{"exponent 2", 2048, 2, false, false},
		{"even exponent", 2048, 65536, false, false},
		{"even modulus", 2048, 65537, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := &rsa.PublicKey{N: odd(c.bits), E: c.e}
			if c.even {
				k.N.SetBit(k.N, 0, 0)
			}
			require.Equal(t, c.good, refuseRSA(k, maxRSA) == "")
		})
	}
}

// utf8Names puts SmtpUTF8Mailboxes into a certificate (RFC 9598, Section 3).
func utf8Names(addresses ...string) func(*x509.Certificate) {
	return func(x *x509.Certificate) {
		x.EmailAddresses = nil
		var b cryptobyte.Builder
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, a := range addresses {
				b.AddASN1(context(0).Constructed(), func(b *cryptobyte.Builder) {
					oidSmtpUTF8Mailbox.add(b)
					b.AddASN1(context(0).Constructed(), func(b *cryptobyte.Builder) {
						b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(a)) })
					})
				})
			}
		})
		x.ExtraExtensions = append(x.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: b.BytesOrPanic()})
	}
}

func TestAddresses(t *testing.T) {
	inName := func(addresses ...string) func(*x509.Certificate) {
		return func(x *x509.Certificate) {
			x.EmailAddresses = nil
			for _, a := range addresses {
				x.Subject.ExtraNames = append(x.Subject.ExtraNames, pkix.AttributeTypeAndValue{
					Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: a,
				})
			}
		}
	}
	alternative := func(addresses ...string) func(*x509.Certificate) {
		return func(x *x509.Certificate) { x.EmailAddresses = addresses }
	}
	for _, c := range []struct {
		name   string
		change func(*x509.Certificate)
		want   []string
	}{
		{"one", alternative("a@example.org"), []string{"a@example.org"}},
		{"two", alternative("a@example.org", "B@example.org"), []string{"a@example.org", "B@example.org"}},
		{"none", alternative(), nil},
		{"in the name", inName("a@example.org"), []string{"a@example.org"}},
		{"in both", func(x *x509.Certificate) { inName("b@example.org")(x); alternative("a@example.org")(x) }, []string{"a@example.org"}},
		{"bad one does not open the way to the name", func(x *x509.Certificate) { inName("b@example.org")(x); alternative("a@")(x) }, nil},
		{"NUL", alternative("a@example.org\x00.evil.org"), nil},
		{"NUL in the name", inName("a@example.org\x00.evil.org"), nil},
		{"line end", alternative("a@example.org\r\nBcc: b@example.org"), nil},
		{"two at signs", alternative("a@b@example.org"), nil},
		{"angle brackets", alternative("<a@example.org>"), nil},
		{"quoted", alternative(`"a b"@example.org`), nil},
		{"no local part", alternative("@example.org"), nil},
		{"dot at the end", alternative("a@example.org."), nil},
		{"SmtpUTF8Mailbox", utf8Names("bücher@example.org"), []string{"bücher@example.org"}},
		{"SmtpUTF8Mailbox, A-label", utf8Names("bücher@xn--bcher-kva.example"), []string{"bücher@xn--bcher-kva.example"}},
		{"SmtpUTF8Mailbox, U-label", utf8Names("bücher@bücher.example"), nil},
		{"SmtpUTF8Mailbox in ASCII", utf8Names("a@example.org"), nil},
		{"SmtpUTF8Mailbox, not UTF-8", utf8Names("b\xfccher@example.org"), nil},
		{"SmtpUTF8Mailbox, NUL", utf8Names("bücher\x00@example.org"), nil},
		{"SmtpUTF8Mailbox, direction of writing", utf8Names("bücher\u202e@example.org"), nil},
		{"SmtpUTF8Mailbox, byte order mark", utf8Names("\ufeffbücher@example.org"), nil},
		{"SmtpUTF8Mailbox, blank", utf8Names("bü cher@example.org"), nil},
		{"SmtpUTF8Mailbox, two at signs", utf8Names("bü@cher@example.org"), nil},
		{"SmtpUTF8Mailbox, too long", utf8Names(strings.Repeat("ü", 33) + "@example.org"), nil},
		{"SmtpUTF8Mailbox, bad one does not open the way to the name", func(x *x509.Certificate) {
			inName("b@example.org")(x)
			utf8Names("a@example.org")(x)
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, issue(t, secret(t, "p256"), c.change).Addresses())
		})
	}
}

func TestKnownToReadGCM(t *testing.T) {
	list := func(oids ...oid) []byte {
		var in []byte
		for _, o := range oids {
			in = append(in, byte(0x30), byte(len(o.tlv())))
			in = append(in, o.tlv()...)
		}
		return append([]byte{0x30, byte(len(in))}, in...)
	}
	for _, c := range []struct {
		name  string
		value []byte
		want  bool
	}{
		{"absent", nil, false},
		{"AES-256-GCM", list(oidAES256GCM), true},
		{"AES-256-GCM last", list(oidAES128CBC, oidAES256GCM), true},
		{"AES-128-GCM", list(oidAES128GCM), false},
		{"AES-256-CBC", list(oidAES256CBC), false},
		{"empty", list(), false},
		{"trailing octet", append(list(oidAES256GCM), 0), false},
		{"malformed after it", []byte("\x30\x0f\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2e\x04\x00"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cert := issue(t, secret(t, "p256"), func(x *x509.Certificate) {
				if c.value != nil {
					x.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 15}, Value: c.value}}
				}
			})
			require.Equal(t, c.want, cert.knownToRead(oidAES256GCM))
		})
	}
	k, err := GenerateKey(KeyOptions{Address: "a@example.org", Algorithm: "p256", ReadsGCM: true})
	require.NoError(t, err)
	require.True(t, k.in.cert.knownToRead(oidAES256GCM))
	require.False(t, testKey(t, "p256").cert.knownToRead(oidAES256GCM))
}

func TestKeyIdentifier(t *testing.T) {
	allowed(t, "SHA-1")
	stated := issue(t, secret(t, "p256"), func(x *x509.Certificate) { x.SubjectKeyId = []byte("stated") })
	require.Equal(t, []byte("stated"), stated.ski)

	absent := issue(t, secret(t, "p256"), nil)
	require.Empty(t, absent.x.SubjectKeyId)
	point, err := absent.key.ecdsa.ECDH()
	require.NoError(t, err)
	sum := sha1.Sum(point.Bytes())
	require.Equal(t, sum[:], absent.ski)

	require.True(t, (&keyID{ski: stated.ski}).is(stated))
	require.False(t, (&keyID{ski: stated.ski}).is(absent))
	require.False(t, (&keyID{ski: []byte{}}).is(&certificate{x: absent.x}), "no identifier names nobody")
	id := idOf(stated)
	require.True(t, id.is(stated))
	require.True(t, id.is(absent), "same issuer and serial number")
	id.serial = append([]byte{1}, id.serial...)
	require.False(t, id.is(stated))
	id = idOf(stated)
	id.issuer = bytes.Clone(id.issuer)
	id.issuer[len(id.issuer)-1]++
	require.False(t, id.is(stated))
	require.False(t, (&keyID{}).is(stated))
}

func TestParseCertificateRefuses(t *testing.T) {
	good := testKey(t, "p256").cert.x.Raw
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	pkcs8, err := x509.MarshalPKCS8PrivateKey(secret(t, "p256"))
	require.NoError(t, err)
	one := block("CERTIFICATE", good)
	large := issue(t, secret(t, "p256"), func(x *x509.Certificate) {
		for range 1600 {
			x.EmailAddresses = append(x.EmailAddresses, "somebody.with.a.long.name@example.org")
		}
	}).x.Raw
	require.Greater(t, len(large), maxCertificate-5000)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, c := range []struct {
		name string
		in   []byte
		want string // in the error; "": accepted
	}{
		{"DER", good, ""},
		{"PEM", one, ""},
		{"PEM with text around it", join([]byte("Subject: x\n"), one, []byte("\nbye\n")), ""},
		{"older name", block("X509 CERTIFICATE", good), ""},
		{"large", large, ""},
		{"empty", nil, "empty"},
		{"white space", []byte(" \r\n"), "empty"},
		{"two in PEM", join(one, one), "more than one"},
		{"two in DER", join(good, good), "more than one"},
		{"DER and an octet", join(good, []byte{0}), "damaged"},
		{"PEM that holds DER and an octet", block("CERTIFICATE", join(good, []byte{0})), "damaged"},
		{"cut", good[:len(good)-1], "not a certificate"},
		{"private key in PEM", block("PRIVATE KEY", pkcs8), "private key"},
		{"private key and certificate", join(one, block("PRIVATE KEY", pkcs8)), "private key"},
		{"encrypted private key", block("ENCRYPTED PRIVATE KEY", pkcs8), "private key"},
		{"private key in DER", pkcs8, "private key"},
		{"certificate request", block("CERTIFICATE REQUEST", good), `"CERTIFICATE REQUEST"`},
		{"OpenPGP", []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"), `"PGP PUBLIC KEY BLOCK"`},
		{"broken PEM", []byte("-----BEGIN CERTIFICATE-----\n"), "no certificate"},
		{"text", []byte("hello"), "neither DER nor PEM"},
		{"too large a file", make([]byte, maxKeyFile+1), "no certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "too large a file" {
				c.in[0], c.want = 1, "more than"
			}
			cert, err := ParseCertificate(c.in)
			if c.want == "" {
				require.NoError(t, err)
				require.NotNil(t, cert)
				return
			}
			require.ErrorContains(t, err, c.want)
			require.Nil(t, cert)
		})
	}
	_, err = parseCertificate(make([]byte, maxCertificate+1))
	require.ErrorContains(t, err, "octets")
}

func TestKeysByHand(t *testing.T) {
	allowed(t, "X25519")
	file, err := os.ReadFile("testdata/x25519.pem")
	require.NoError(t, err)
	block, _ := pem.Decode(file)
	cert, err := parseCertificate(block.Bytes)
	require.NoError(t, err)
	require.Equal(t, []string{"alice@example.org"}, cert.Addresses())
	require.Equal(t, keyX25519, cert.key.kind)
	require.NoError(t, cert.CheckSeal(time.Now(), seam.Modern))
	requireUnusable(t, cert.CheckSeal(time.Now(), seam.PostQuantum), "no ML-KEM key")
	require.Contains(t, cert.key.refuseSign(), "encryption only")
	for _, o := range []oid{oidRSAPSS, oidRSAOAEP, oidX448, oidEd448, oidMLKEM512, oidMLKEM768, oidMLDSA65, oidPBES2} {
		spki := append([]byte{0x30, byte(len(o) + 8), 0x30, byte(len(o) + 2)}, o.tlv()...)
		k := publicKeyOf(&x509.Certificate{RawSubjectPublicKeyInfo: append(spki, 3, 2, 0, 1)})
		require.Equal(t, keyUnsupported, k.kind)
		require.NotEmpty(t, k.refuseSeal())
	}
}
