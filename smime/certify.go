package smime

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"

	"filippo.io/mldsa"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// publicInfo returns the SubjectPublicKeyInfo of a private key.
func publicInfo(private any) ([]byte, error) {
	if k, ok := kemKeyOf(private); ok {
		d, isKEM := private.(crypto.Decapsulator)
		if !isKEM {
			return nil, errNoKey
		}
		return subjectPublicKeyInfo(kemOID(k.set), d.Encapsulator().Bytes())
	}
	p, ok := private.(interface{ Public() crypto.PublicKey })
	if !ok {
		return nil, errNoKey
	}
	if m, ok := p.Public().(*mldsa.PublicKey); ok {
		return subjectPublicKeyInfo(mldsaOID(m.Parameters()), m.Bytes())
	}
	return x509.MarshalPKIXPublicKey(p.Public())
}

// subjectPublicKeyInfo builds one without parameters.
func subjectPublicKeyInfo(o oid, key []byte) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addAlgorithm(b, o)
		b.AddASN1BitString(key)
	})
	return b.Bytes()
}

// publicKeyOfInfo is publicKeyOf for a SubjectPublicKeyInfo alone.
func publicKeyOfInfo(spki []byte) publicKey {
	public, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return publicKeyByHand(spki)
	}
	return publicKeyOf(&x509.Certificate{PublicKey: public, RawSubjectPublicKeyInfo: spki})
}

// signCertificate is x509.CreateCertificate for every kind of key: spki is the
// SubjectPublicKeyInfo of the subject, signer that of the issuer.
//
// crypto/x509 writes neither keys of ML-KEM and X25519 nor signatures of ML-DSA.
// So it makes the certificate for a stand-in, a throwaway key on P-256 in the
// place of both; then the algorithm and the key are replaced by the real ones,
// and the result is signed.
func signCertificate(template *x509.Certificate, spki []byte, issuer *x509.Certificate, signer crypto.Signer) ([]byte, error) {
	switch k := signer.(type) {
	case *mldsa.PrivateKey:
		return spliceCertificate(template, spki, issuer, mldsaOID(k.PublicKey().Parameters()), signer)
	case ed25519.PrivateKey:
		return spliceCertificate(template, spki, issuer, oidEd25519, signer)
	}
	public, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, err
	}
	return x509.CreateCertificate(rand.Reader, template, issuer, public, signer)
}

// spliceCertificate does it with a stand-in. o is the signature algorithm, that
// has no parameters and signs the message as it is.
//
//	TBSCertificate ::= SEQUENCE {
//	   version         [0]  EXPLICIT Version DEFAULT v1,
//	   serialNumber         CertificateSerialNumber,
//	   signature            AlgorithmIdentifier,
//	   issuer               Name,
//	   validity             Validity,
//	   subject              Name,
//	   subjectPublicKeyInfo SubjectPublicKeyInfo, ... }
func spliceCertificate(template *x509.Certificate, spki []byte, issuer *x509.Certificate, o oid, signer crypto.Signer) ([]byte, error) {
	standIn, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	// CreateCertificate holds the issuer's key against the signer.
	parent := *issuer
	parent.PublicKey = standIn.Public()
	der, err := x509.CreateCertificate(rand.Reader, template, &parent, standIn.Public(), standIn)
	if err != nil {
		return nil, err
	}
	x, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	s := cryptobyte.String(x.RawTBSCertificate)
	var in, versionSerial, issuerToSubject cryptobyte.String
	if !s.ReadASN1(&in, asn1.SEQUENCE) {
		return nil, errSplice
	}
	before := in
	if !in.SkipASN1(asn1.Tag(0).ContextSpecific().Constructed()) || !in.SkipASN1(asn1.INTEGER) {
		return nil, errSplice
	}
	versionSerial = before[:len(before)-len(in)]
	if !in.SkipASN1(asn1.SEQUENCE) {
		return nil, errSplice
	}
	before = in
	for range 3 { // issuer, validity, subject
		if !in.SkipASN1(asn1.SEQUENCE) {
			return nil, errSplice
		}
	}
	issuerToSubject = before[:len(before)-len(in)]
	if !in.SkipASN1(asn1.SEQUENCE) { // the stand-in's key
		return nil, errSplice
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(versionSerial)
		addAlgorithm(b, o)
		b.AddBytes(issuerToSubject)
		b.AddBytes(spki)
		b.AddBytes(in) // the extensions
	})
	tbs, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	signature, err := signer.Sign(rand.Reader, tbs, crypto.Hash(0))
	if err != nil {
		return nil, err
	}
	var out cryptobyte.Builder
	out.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(tbs)
		addAlgorithm(b, o)
		b.AddASN1BitString(signature)
	})
	return out.Bytes()
}

// errSplice cannot happen: crypto/x509 wrote what it is for.
var errSplice = errors.New("smime: internal error: certificate of a stand-in")
