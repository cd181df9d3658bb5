package smime_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/mlkem"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"sync"

	"github.com/cloudflare/circl/dh/x448"

	"github.com/doublekeybox/doublekeybox/smime"
)

// Keys of the kit are made from their names: they are for nothing else.

type kitKey struct {
	name    string
	private any    // *ecdsa.PrivateKey, *rsa.PrivateKey, *ecdh.PrivateKey, *mlkem.DecapsulationKey768, *x448.Key
	pkcs8   []byte // nil: by crypto/x509
	cert    *element
}

const (
	kitData       = "1.2.840.113549.1.7.1"
	kitSignedType = "1.2.840.113549.1.7.2"
	kitEnveloped  = "1.2.840.113549.1.7.3"
	kitAuth       = "1.2.840.113549.1.9.16.1.23"
	kitCompressed = "1.2.840.113549.1.9.16.1.9"

	kitECPublic  = "1.2.840.10045.2.1"
	kitECDSA256  = "1.2.840.10045.4.3.2"
	kitX25519OID = "1.3.101.110"
	kitX448OID   = "1.3.101.111"
	kitMLKEM768  = "2.16.840.1.101.3.4.4.2"
	kitSHA256    = "2.16.840.1.101.3.4.2.1"
	kitSHA1      = "1.3.14.3.2.26"
	kitSHA512    = "2.16.840.1.101.3.4.2.3"
	kitMail      = "1.3.6.1.5.5.7.3.4"
)

var kitCurveOID = map[string]string{"p256": "1.2.840.10045.3.1.7", "p384": "1.3.132.0.34", "p521": "1.3.132.0.35"}

// kitSecret returns n octets that the name decides.
func kitSecret(name string, n int) []byte {
	var out []byte
	for i := byte(0); len(out) < n; i++ {
		sum := sha512.Sum512(append([]byte{i}, "a key for tests only: "+name...))
		out = append(out, sum[:]...)
	}
	return out[:n]
}

func kitEC(name string, c elliptic.Curve) *ecdsa.PrivateKey {
	secret := kitSecret(name, (c.Params().BitSize+7)/8)
	secret[0] = 0 // below the order of the group
	return must(ecdsa.ParseRawPrivateKey(c, secret))
}

// kitCertificate has every part that a certificate needs; change makes it another.
type kitCertificate struct {
	serial        int
	spki          *element
	before, after string // UTCTime
	usage         byte   // first octet of KeyUsage
	purpose       string
}

func (c kitCertificate) element() *element {
	name := func(cn string) *element {
		return sequence(setOf(sequence(object("2.5.4.3"), prim(12, []byte(cn)...))))
	}
	extension := func(o string, critical bool, value *element) *element {
		e := sequence(object(o))
		if critical {
			e.add(prim(1, 0xff))
		}
		e.add(octetString(value.bytes()))
		return e
	}
	id := sha256.Sum256(c.spki.bytes())
	tbs := sequence(explicit(0, number(2)), number(c.serial), algorithmOf(kitECDSA256), name("kit CA"),
		sequence(prim(23, []byte(c.before)...), prim(23, []byte(c.after)...)), name("kit"), c.spki,
		explicit(3, sequence(
			extension("2.5.29.15", true, prim(3, 3, c.usage)),
			extension("2.5.29.37", false, sequence(object(c.purpose))),
			extension("2.5.29.14", false, octetString(id[:8])),
			extension("2.5.29.17", false, sequence(prim(0x81, []byte("kit@example.org")...))))))
	return sequence(tbs, algorithmOf(kitECDSA256), bitString(kitSign(kitEC("CA", elliptic.P256()), tbs.bytes())))
}

// kitSign signs with SHA-256, always in the same way (RFC 6979).
func kitSign(k crypto.Signer, message []byte) []byte {
	sum := sha256.Sum256(message)
	return must(k.Sign(nil, sum[:], crypto.SHA256))
}

var kitKeys = sync.OnceValue(func() map[string]*kitKey {
	keys := map[string]*kitKey{}
	add := func(name string, private any, pkcs8 []byte, spki *element, change func(*kitCertificate)) {
		c := kitCertificate{serial: 1000 + len(keys), spki: spki, before: "200101000000Z", after: "491231235959Z", usage: 0xa8, purpose: kitMail}
		if change != nil {
			change(&c)
		}
		if pkcs8 == nil {
			pkcs8 = must(x509.MarshalPKCS8PrivateKey(private))
		}
		keys[name] = &kitKey{name, private, pkcs8, c.element()}
	}
	public := func(k any) *element { return readDER(must(x509.MarshalPKIXPublicKey(k))) }
	for _, x := range []struct {
		name  string
		curve elliptic.Curve
	}{{"p256", elliptic.P256()}, {"p384", elliptic.P384()}, {"p521", elliptic.P521()}} {
		k := kitEC(x.name, x.curve)
		add(x.name, k, nil, public(k.Public()), nil)
	}
	x := must(ecdh.X25519().NewPrivateKey(kitSecret("x25519", 32)))
	add("x25519", x, nil, public(x.PublicKey()), nil)
	secret, point := (*x448.Key)(kitSecret("x448", 56)), new(x448.Key)
	x448.KeyGen(point, secret)
	plain := func(o string, private []byte) []byte {
		return sequence(number(0), algorithmOf(o), octetString(private)).bytes()
	}
	add("x448", secret, plain(kitX448OID, octetString(secret[:]).bytes()), sequence(algorithmOf(kitX448OID), bitString(point[:])), nil)
	seed := kitSecret("ml-kem-768", mlkem.SeedSize)
	kem := must(mlkem.NewDecapsulationKey768(seed))
	add("ml-kem-768", kem, plain(kitMLKEM768, prim(0x80, seed...).bytes()), sequence(algorithmOf(kitMLKEM768), bitString(kem.EncapsulationKey().Bytes())),
		func(c *kitCertificate) { c.usage = 0x20 })

	signer := kitEC("signer", elliptic.P256())
	spki := public(signer.Public())
	add("signer", signer, nil, spki, func(c *kitCertificate) { c.serial = 77 })
	// The signer's key in certificates that are another's in one thing.
	add("signer-again", signer, nil, spki, func(c *kitCertificate) { c.serial, c.after = 77, "481231235959Z" })
	add("signer-expired", signer, nil, spki, func(c *kitCertificate) { c.serial, c.after = 77, "251231235959Z" })
	add("signer-early", signer, nil, spki, func(c *kitCertificate) { c.serial, c.before = 77, "480101000000Z" })
	add("signer-agrees", signer, nil, spki, func(c *kitCertificate) { c.serial, c.usage = 77, 0x08 })
	add("signer-web", signer, nil, spki, func(c *kitCertificate) { c.serial, c.purpose = 77, "1.3.6.1.5.5.7.3.1" })
	for _, n := range []string{"rsa2048", "rsa1024"} {
		k := smime.FixedRSA(n)
		add(n, k, nil, public(k.Public()), nil)
	}
	return keys
})

// kitPEM is the file of a key.
func (k *kitKey) pem() []byte {
	return slices.Concat(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.cert.bytes()}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k.pkcs8}))
}

// rid is its IssuerAndSerialNumber.
func (k *kitKey) rid() *element {
	tbs := k.cert.at(0)
	return sequence(tbs.at(3).clone(), tbs.at(1).clone())
}

// ski is its subject key identifier.
func (k *kitKey) ski() []byte {
	id := sha256.Sum256(k.cert.at(0, 6).bytes())
	return id[:8]
}
