package smime

import (
	"crypto/elliptic"
	"crypto/x509"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// parseX509 is x509.ParseCertificate, but for keys that crypto/x509 refuses a
// whole certificate for: on curves other than NIST's, and DSA keys that inherit
// their parameters. Such a certificate can be shown, and be named in an error
// beside others; nothing is sealed to it and nothing is verified with it. der
// is kept.
func parseX509(der []byte) (*x509.Certificate, error) {
	x, err := x509.ParseCertificate(der)
	if err == nil {
		return x, nil
	}
	p, ok := takeApart(der)
	if !ok || !neverUsed(p.spki) {
		return nil, err
	}
	standIn, ok := p.withGenerator()
	if !ok {
		return nil, err
	}
	x, again := x509.ParseCertificate(standIn)
	if again != nil {
		return nil, err // the key was not all that is wrong
	}
	// What is hashed, compared and stored is the certificate as it is.
	x.Raw, x.RawTBSCertificate, x.RawSubjectPublicKeyInfo = der, p.tbs, p.spki
	x.PublicKey, x.PublicKeyAlgorithm = nil, x509.UnknownPublicKeyAlgorithm
	return x, nil
}

// certificateParts are the parts of a certificate around its key: what is
// before and after it in the TBSCertificate, and after that.
type certificateParts struct{ tbs, before, spki, after, rest cryptobyte.String }

// takeApart finds the key in a certificate. RFC 5280, Section 4.1:
//
//	Certificate    ::= SEQUENCE { tbsCertificate TBSCertificate, ... }
//	TBSCertificate ::= SEQUENCE {
//	   version         [0]  EXPLICIT Version DEFAULT v1,
//	   serialNumber         CertificateSerialNumber,
//	   signature            AlgorithmIdentifier,
//	   issuer               Name,
//	   validity             Validity,
//	   subject              Name,
//	   subjectPublicKeyInfo SubjectPublicKeyInfo, ... }
func takeApart(der []byte) (p certificateParts, ok bool) {
	s := cryptobyte.String(der)
	if !s.ReadASN1(&p.rest, asn1.SEQUENCE) || !s.Empty() || !p.rest.ReadASN1Element(&p.tbs, asn1.SEQUENCE) {
		return p, false
	}
	in := p.tbs
	if !in.ReadASN1(&in, asn1.SEQUENCE) {
		return p, false
	}
	body := in
	if !in.SkipOptionalASN1(asn1.Tag(0).ContextSpecific().Constructed()) || !in.SkipASN1(asn1.INTEGER) {
		return p, false
	}
	for range 4 { // signature, issuer, validity, subject
		if !in.SkipASN1(asn1.SEQUENCE) {
			return p, false
		}
	}
	p.before = body[:len(body)-len(in)]
	ok = in.ReadASN1Element(&p.spki, asn1.SEQUENCE)
	p.after = in
	return p, ok
}

// withGenerator returns the certificate with the generator of P-256 in the
// place of its key, which is all that differs.
func (p *certificateParts) withGenerator() ([]byte, bool) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(p.before)
			addGenerator(b)
			b.AddBytes(p.after)
		})
		b.AddBytes(p.rest)
	})
	out, err := b.Bytes()
	return out, err == nil
}

// neverUsed reports whether a SubjectPublicKeyInfo is of a kind that crypto/x509
// refuses to parse and publicKeyByHand refuses by name.
func neverUsed(spki []byte) bool {
	a, ok := keyAlgorithm(spki)
	return ok && (a.oid == oidDSA || a.oid == oidECPublicKey && refuseCurve(a.params) != "")
}

// keyAlgorithm returns the algorithm of a SubjectPublicKeyInfo.
func keyAlgorithm(spki []byte) (a algorithm, ok bool) {
	s := cryptobyte.String(spki)
	return a, s.ReadASN1(&s, asn1.SEQUENCE) && readAlgorithm(&s, &a, asn1.SEQUENCE)
}

// addGenerator appends the generator of P-256 as a SubjectPublicKeyInfo.
func addGenerator(b *cryptobyte.Builder) {
	p := elliptic.P256().Params()
	point := make([]byte, 65)
	point[0] = 4 // uncompressed: SEC 1, Section 2.3.3
	p.Gx.FillBytes(point[1:33])
	p.Gy.FillBytes(point[33:])
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			oidECPublicKey.add(b)
			oidP256.add(b)
		})
		b.AddASN1BitString(point)
	})
}
