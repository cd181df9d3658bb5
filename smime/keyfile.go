package smime

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxPrivateKey is the size of an unencrypted private key in octets. That of an
// RSA key of 8,192 bits has 4.7 KB; checking much larger ones takes minutes.
const maxPrivateKey = 8 << 10

// ParseKey reads a private key and its certificate from r, to its end: PEM
// blocks in any order (PKCS#8, encrypted PKCS#8 with PBES2, or the older
// PKCS#1 and SEC 1), or a PKCS#12 file. Of several certificates the one whose
// key it is is taken. passphrase is used where the key is encrypted; it is not
// kept.
//
// errors.Is(err, [ErrPassphrase]) where the passphrase is wrong or missing,
// errors.Is(err, envelope.ErrLimit) for a file whose key derivation would take
// minutes or gigabytes, and an [*envelope.NotApprovedError] for one that needs
// what fips140=only forbids; else what r returned, or what is wrong with the
// file, which may have 1 MiB. r is not closed.
func ParseKey(r io.Reader, passphrase []byte) (*Key, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	defer clear(b)
	var private any
	var certs []*certificate
	switch {
	case len(b) > maxKeyFile:
		return nil, fmt.Errorf("smime: a file of more than %d octets is no key", maxKeyFile)
	case len(bytes.TrimSpace(b)) == 0:
		return nil, errors.New("smime: the file is empty: no private key")
	case bytes.Contains(b, []byte(pemBlockBegin)):
		private, certs, err = parsePEMKey(b, passphrase)
	default:
		private, certs, err = parsePKCS12(b, passphrase)
	}
	if err != nil {
		return nil, err
	}
	return match(private, certs)
}

// match joins the private key with the certificate of the same key.
func match(private any, certs []*certificate) (*Key, error) {
	var first error
	for _, c := range certs {
		k, err := newPrivateKey(c, private)
		if err == nil {
			return &Key{k}, nil
		}
		if first == nil {
			first = err
		}
	}
	switch {
	case len(certs) == 0:
		return nil, errors.New("smime: the file holds a private key and no certificate: put the certificate's PEM block beside it")
	case len(certs) == 1:
		return nil, first
	}
	return nil, fmt.Errorf("smime: the private key is that of none of the file's %d certificates", len(certs))
}

// parsePEMKey reads PEM blocks: one private key, and certificates.
func parsePEMKey(b, passphrase []byte) (private any, certs []*certificate, err error) {
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		switch block.Type {
		case pemCertificate, pemX509:
			if len(certs) == maxKeyFileCertificates {
				return nil, nil, fmt.Errorf("smime: the file holds more than %d certificates", maxKeyFileCertificates)
			}
			c, err := parseCertificate(block.Bytes)
			if err != nil {
				return nil, nil, err
			}
			certs = append(certs, c)
		case pemECParameters: // openssl ecparam -genkey writes it first; the key repeats it
		case pemPKCS8, pemEncrypted, pemPKCS1, pemSEC1:
			if private != nil {
				return nil, nil, errors.New("smime: the file holds more than one private key")
			}
			if private, err = parsePrivate(block, passphrase); err != nil {
				return nil, nil, err
			}
		default:
			return nil, nil, fmt.Errorf("smime: the file holds a PEM block %q, which is neither a private key nor a certificate", cut(block.Type))
		}
	}
	if private == nil {
		return nil, nil, errors.New("smime: the file holds no private key that can be read")
	}
	return private, certs, nil
}

// parsePrivate reads the private key in one PEM block.
func parsePrivate(block *pem.Block, passphrase []byte) (any, error) {
	if len(block.Headers) > 0 {
		// RFC 1421 encryption: one round of MD5 as key derivation.
		return nil, errors.New("smime: the private key is encrypted in OpenSSL's old way, or has other headers: convert it with openssl pkcs8 -topk8")
	}
	der, encrypted := block.Bytes, block.Type == pemEncrypted
	if encrypted {
		if len(passphrase) == 0 {
			return nil, ErrPassphrase
		}
		plain, err := decryptPBES2(der, passphrase)
		if err != nil {
			return nil, err
		}
		defer clear(plain)
		der = plain
	}
	if len(der) > maxPrivateKey {
		return nil, fmt.Errorf("smime: a private key of more than %d octets is not read", maxPrivateKey)
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

// Marshal returns k as [ParseKey] reads it: PEM with the private key in PKCS#8
// and the certificate. With a passphrase the key is encrypted, with PBKDF2
// (SHA-256, 600,000 iterations) and AES-256; without one it is not, and the
// result must be kept as secret as what it opens. A key in a hardware module
// cannot be marshalled, which is the only error but for fips140=only.
func (k *Key) Marshal(passphrase []byte) ([]byte, error) {
	return k.marshal(passphrase, writeIterations)
}

func (k *Key) marshal(passphrase []byte, iterations int) ([]byte, error) {
	if k == nil || k.in == nil {
		return nil, errNoKey
	}
	der, err := marshalPKCS8(k.in.private)
	if err != nil {
		return nil, fmt.Errorf("smime: the private key cannot be taken out of where it is: %w", err)
	}
	defer clear(der)
	block := &pem.Block{Type: pemPKCS8, Bytes: der}
	if len(passphrase) > 0 {
		encrypted, err := encryptPBES2(der, passphrase, iterations)
		if err != nil {
			return nil, err
		}
		block = &pem.Block{Type: pemEncrypted, Bytes: encrypted}
	}
	return append(pem.EncodeToMemory(block), pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: k.in.cert.x.Raw})...), nil
}
