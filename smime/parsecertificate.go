package smime

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/keyring"
)

const (
	// maxKeyFile is the size of a file with a certificate or a key in octets:
	// a chain of certificates, as PEM with text around it, fits many times.
	maxKeyFile = 1 << 20

	// maxKeyFileCertificates is how many certificates beside a key are read.
	maxKeyFileCertificates = 64
)

// pemBlockBegin is how the first line of a PEM block begins.
const pemBlockBegin = "-----BEGIN "

// PEM block types.
const (
	pemCertificate  = "CERTIFICATE"
	pemX509         = "X509 CERTIFICATE" // an older name for the same
	pemPKCS8        = "PRIVATE KEY"
	pemEncrypted    = "ENCRYPTED PRIVATE KEY"
	pemPKCS1        = "RSA PRIVATE KEY"
	pemSEC1         = "EC PRIVATE KEY"
	pemECParameters = "EC PARAMETERS"
	pemPKCS12       = "PKCS12" // as RFC 9216 shows them
)

// ParseCertificate parses exactly one X.509 certificate, in DER or as a PEM
// block with any text around it. The result is not trusted: see
// [keyring.Verify].
//
// A file with two certificates is an error, since it would be unclear to which
// of them a fingerprint belongs; so is one with a private key, which does not
// belong where certificates are passed around. Whether the certificate can be
// used is asked when something is sealed, not here. Files of more than 1 MiB and
// certificates of more than 64 KiB are errors. b is not kept.
func ParseCertificate(b []byte) (*keyring.Certificate, error) {
	der, err := oneCertificate(b)
	if err != nil {
		return nil, err
	}
	c, err := parseCertificate(der)
	if err != nil {
		return nil, err
	}
	return c.public(), nil
}

var (
	errTwoCertificates = errors.New("smime: the file holds more than one certificate: give the one that is meant alone")
	errPrivateKey      = errors.New("smime: the file holds a private key: give its owner's certificate alone, and keep the key secret")
)

// oneCertificate returns the DER of the one certificate in b.
func oneCertificate(b []byte) ([]byte, error) {
	switch {
	case len(bytes.TrimSpace(b)) == 0:
		return nil, errors.New("smime: the file is empty: no certificate")
	case len(b) > maxKeyFile:
		return nil, fmt.Errorf("smime: a file of more than %d octets is no certificate", maxKeyFile)
	case !bytes.Contains(b, []byte(pemBlockBegin)):
		return oneDER(b)
	}
	var der []byte
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		switch block.Type {
		case pemCertificate, pemX509:
			if der != nil {
				return nil, errTwoCertificates
			}
			der = block.Bytes
		case pemPKCS8, pemEncrypted, pemPKCS1, pemSEC1:
			return nil, errPrivateKey
		default:
			return nil, fmt.Errorf("smime: the file holds a PEM block %q, not a certificate alone", cut(block.Type))
		}
	}
	if der == nil {
		return nil, errors.New("smime: the file begins a PEM block, but no certificate in it can be read")
	}
	return der, nil
}

// oneDER returns b if it looks like one certificate in DER. It only makes
// better errors: the parser decides.
func oneDER(b []byte) ([]byte, error) {
	s := cryptobyte.String(b)
	var in cryptobyte.String
	switch {
	case !s.ReadASN1(&in, asn1.SEQUENCE):
		return nil, errors.New("smime: neither DER nor PEM: not a certificate")
	case in.PeekASN1Tag(asn1.INTEGER):
		// PKCS#1, SEC 1, PKCS#8 and PKCS#12 begin with a version. A
		// certificate does not.
		return nil, errPrivateKey
	case s.PeekASN1Tag(asn1.SEQUENCE):
		return nil, errTwoCertificates
	}
	return b, nil
}
