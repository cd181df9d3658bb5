package smime

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var errPrivateKeySize = fmt.Errorf("smime: a private key of more than %d octets is not read", maxPrivateKey)

// parsePEMKeys reads PEM blocks: private keys, and certificates.
func parsePEMKeys(b, passphrase []byte) (*keyFile, error) {
	f, cost := &keyFile{}, &iterationBudget{}
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		var err error
		switch block.Type {
		case pemCertificate, pemX509:
			err = f.addCertificate(block.Bytes)
		case pemECParameters: // openssl ecparam -genkey writes it first; the key repeats it
		case pemPKCS8, pemEncrypted, pemPKCS1, pemSEC1:
			var private any
			if private, err = parsePrivate(block, passphrase, cost); err == nil {
				err = f.addPrivate(private)
			}
		default:
			err = fmt.Errorf("smime: the file holds a PEM block %q, which is neither a private key nor a certificate", cut(block.Type))
		}
		if err != nil {
			return nil, err
		}
	}
	if len(f.privates) == 0 {
		return nil, errors.New("smime: the file holds no private key that can be read")
	}
	return f, nil
}

// parsePrivate reads the private key in one PEM block. cost is that of the whole
// file.
func parsePrivate(block *pem.Block, passphrase []byte, cost *iterationBudget) (any, error) {
	if len(block.Headers) > 0 {
		// RFC 1421 encryption: one round of MD5 as key derivation.
		return nil, errors.New("smime: the private key is encrypted in OpenSSL's old way, or has other headers: convert it with openssl pkcs8 -topk8")
	}
	der, encrypted := block.Bytes, block.Type == pemEncrypted
	if encrypted {
		if len(passphrase) == 0 {
			return nil, ErrPassphrase
		}
		plain, err := decryptPBES2(der, passphrase, cost)
		if err != nil {
			return nil, err
		}
		defer clear(plain)
		der = plain
	}
	if len(der) > maxPrivateKey {
		return nil, errPrivateKeySize
	}
	var private any
	var err error
	switch block.Type {
	case pemPKCS1:
		var k *rsa.PrivateKey
		k, err = x509.ParsePKCS1PrivateKey(der)
		private, err = asKey(k, err)
	case pemSEC1:
		private, err = parseSEC1(der)
	default:
		private, err = parsePKCS8(der)
	}
	if encrypted && errors.Is(err, errPKCS8) {
		// One wrong passphrase in 256 leaves padding that looks right.
		return nil, ErrPassphrase
	}
	return private, err
}

// parseSEC1 reads an ECPrivateKey (RFC 5915, Section 3), which names its curve
// itself:
//
//	ECPrivateKey ::= SEQUENCE {
//	   version        INTEGER { ecPrivkeyVer1(1) },
//	   privateKey     OCTET STRING,
//	   parameters [0] ECParameters OPTIONAL,
//	   publicKey  [1] BIT STRING OPTIONAL }
func parseSEC1(der []byte) (any, error) {
	s := cryptobyte.String(der)
	var in, params cryptobyte.String
	tag := asn1.Tag(0).ContextSpecific().Constructed()
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !in.SkipASN1(asn1.INTEGER) || !in.SkipASN1(asn1.OCTET_STRING) {
		return nil, errPKCS8
	}
	if in.ReadASN1(&params, tag) {
		if reason := refuseCurve(params); reason != "" {
			return nil, fmt.Errorf("smime: the private key %s", reason)
		}
	}
	private, err := x509.ParseECPrivateKey(der)
	return asKey(private, err)
}
