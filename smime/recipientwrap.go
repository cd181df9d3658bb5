package smime

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// CMSVersions of the RecipientInfos that we write, which decide the version of
// what holds them (RFC 5652, Sections 6.1 and 6.2).
const (
	versionKeyTransport  = 0 // with issuer and serial number
	versionKeyAgreement  = 3
	versionEncapsulation = 0
)

// kekSize is the size of the key-encryption keys that we write: AES-256.
const kekSize = 32

// wrapFor encrypts the content key to the owner of c, for whom CheckSeal
// passed. It returns the RecipientInfo in DER, what a reader without keys must
// find in it, and its version. pkcs1v15 is for RSA keys only, and forced by
// readers that do not know OAEP.
//
// What is planned comes from the certificate and from what was decided here,
// not from parsing the result: it is what the result is held against.
func wrapFor(c *certificate, cek []byte, pkcs1v15 bool) (der []byte, planned seam.Recipient, version int, err error) {
	planned.ID = idOf(c).String()
	pkcs1v15 = pkcs1v15 && c.key.only != rsaOAEP // RFC 4055, Section 1.2
	switch {
	case c.key.kind == keyRSA:
		if reason := refuseRSA(c.key.rsa, maxRSA); reason != "" {
			return nil, planned, 0, c.unusable(reason)
		}
		planned.Algorithm = "RSA-OAEP-SHA256"
		if pkcs1v15 {
			planned.Algorithm = v15Name
		}
		der, err = wrapTransport(c, cek, pkcs1v15)
		return der, planned, versionKeyTransport, err
	case c.key.curve != 0:
		planned.Algorithm = agreementName(c.key.curve, kekSize)
		der, err = wrapAgreement(c, cek)
		return der, planned, versionKeyAgreement, err
	case c.key.kind == keyMLKEM && c.key.refuseSeal() == "":
		planned.Algorithm = encapsulationName(c.key.kem, kekSize)
		der, err = wrapEncapsulation(c, cek)
		return der, planned, versionEncapsulation, err
	}
	return nil, planned, 0, c.unusable(c.key.refuseSeal())
}

// wrapTransport makes a KeyTransRecipientInfo (RFC 5652, Section 6.2.1), with
// RSAES-OAEP as RFC 3560 says, or with PKCS#1 v1.5 (RFC 3370, Section 4.2.1).
func wrapTransport(c *certificate, cek []byte, pkcs1v15 bool) ([]byte, error) {
	var encrypted []byte
	var err error
	if pkcs1v15 {
		if fipsOnly() {
			return nil, c.forbidden(forbiddenV15)
		}
		// Encrypting with it is not what is broken: the attacks are on who
		// decrypts and shows whether that worked (RFC 3218).
		//lint:ignore SA1019 the only key transport that every mail program reads
		encrypted, err = rsa.EncryptPKCS1v15(rand.Reader, c.key.rsa, cek)
	} else {
		encrypted, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, c.key.rsa, cek, nil)
	}
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(versionKeyTransport)
		addIssuerAndSerial(b, c)
		if pkcs1v15 {
			addAlgorithmNULL(b, oidRSAEncryption)
		} else {
			addOAEP(b)
		}
		b.AddASN1OctetString(encrypted)
	})
	return b.Bytes()
}
