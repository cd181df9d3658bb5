package smime

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"sync"
	"time"

	"github.com/cloudflare/circl/dh/x448"
	"github.com/cloudflare/circl/kem/mlkem/mlkem512"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// craftedKeys holds what CraftedKey made.
var craftedKeys sync.Map

// CraftedKey returns a key of a kind that crypto/x509 makes no certificates
// for, beside a certificate of which nobody checks the signature. It is made
// once.
func CraftedKey(kind string) *Key {
	made, _ := craftedKeys.LoadOrStore(kind, sync.OnceValue(func() *Key { return &Key{craftKey(kind)} }))
	return made.(func() *Key)()
}

func craftKey(kind string) *privateKey {
	k := &privateKey{}
	switch kind {
	case "X25519":
		x := must(ecdh.X25519().GenerateKey(rand.Reader))
		k.exchanger = x
		k.cert = craftCertificate(oidX25519, x.PublicKey().Bytes(), nil)
	case "X448":
		var public x448.Key
		k.x448 = new(x448.Key)
		rand.Read(k.x448[:])
		x448.KeyGen(&public, k.x448)
		k.cert = craftCertificate(oidX448, public[:], nil)
	case "ML-KEM-512":
		public, private := must2(mlkem512.GenerateKeyPair(rand.Reader))
		k.kem = smallKEM{private}
		k.cert = craftCertificate(oidMLKEM512, must(public.MarshalBinary()), nil)
	case "ML-KEM-768":
		d := must(mlkem.GenerateKey768())
		k.kem = d
		k.cert = craftCertificate(oidMLKEM768, d.EncapsulationKey().Bytes(), nil)
	case "ML-KEM-1024":
		d := must(mlkem.GenerateKey1024())
		k.kem = d
		k.cert = craftCertificate(oidMLKEM1024, d.EncapsulationKey().Bytes(), nil)
	default:
		panic(kind)
	}
	return k
}

// smallKEM is ML-KEM-512 as a crypto.Decapsulator.
type smallKEM struct{ *mlkem512.PrivateKey }

func (k smallKEM) Encapsulator() crypto.Encapsulator { return nil }
func (k smallKEM) Decapsulate(ct []byte) ([]byte, error) {
	return mlkem512.Scheme().Decapsulate(k.PrivateKey, ct)
}

// craftCertificate returns a certificate with a public key of any kind. Nobody
// checks its signature, which is over another key.
func craftCertificate(o oid, public []byte, change func(*x509.Certificate)) *certificate {
	signer := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	t := &x509.Certificate{
		SerialNumber: must(rand.Int(rand.Reader, big.NewInt(1<<62))),
		Subject:      pkix.Name{CommonName: "crafted"},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage:       x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement,
		ExtKeyUsage:    []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		EmailAddresses: []string{"crafted@example.org"},
	}
	if change != nil {
		change(t)
	}
	der := must(x509.CreateCertificate(rand.Reader, t, t, signer.Public(), signer))
	x := must(x509.ParseCertificate(der))
	var spki cryptobyte.Builder
	spki.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addAlgorithm(b, o)
		b.AddASN1BitString(public)
	})
	// The lengths around it are written anew.
	s := cryptobyte.String(x.RawTBSCertificate)
	var in cryptobyte.String
	s.ReadASN1(&in, asn1.SEQUENCE)
	in = bytes.Replace(in, x.RawSubjectPublicKeyInfo, spki.BytesOrPanic(), 1)
	rest := cryptobyte.String(der)
	rest.ReadASN1(&rest, asn1.SEQUENCE)
	rest.SkipASN1(asn1.SEQUENCE)
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(in) })
		b.AddBytes(rest)
	})
	return must(parseCertificate(b.BytesOrPanic()))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func must2[T, U any](v T, w U, err error) (T, U) {
	if err != nil {
		panic(err)
	}
	return v, w
}
