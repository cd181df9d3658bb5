package smime

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/pkix"
	"github.com/doublekeybox/doublekeybox/keyring"
)

const (
	// maxBundle is the size of a file with many certificates in octets: all
	// roots of an operating system take a quarter of a megabyte.
	maxBundle = 4 << 20

	// maxBundled is how many certificates are read from one.
	maxBundled = 4096
)

// PEM block types of a SignedData that only carries certificates.
const (
	pemPKCS7 = "PKCS7"
	pemCMS   = "CMS"
)

// ParseCertificates parses one or more X.509 certificates, in any order: a
// certificate in DER, PEM blocks with any text around them, or a SignedData
// that only carries certificates (.p7c, .p7b; RFC 8551, Section 3.8), in DER,
// BER or PEM. Nothing of the result is trusted; it is what [ChainTo] takes:
// roots, intermediates, a certificate with those that lead to it.
//
// A certificate that appears twice is returned once. One that cannot be parsed
// is an error, as are a file with a private key, with none at all, with more
// than 4,096, or of more than 4 MiB (errors.Is(err, envelope.ErrLimit) for
// both). b is not kept.
func ParseCertificates(b []byte) ([]*keyring.Certificate, error) {
	if len(b) > maxBundle {
		return nil, fmt.Errorf("smime: %w", &envelope.LimitError{What: "octets in a file of certificates", Max: maxBundle, Fixed: true})
	}
	var all [][]byte
	var err error
	if bytes.Contains(b, []byte(pemBlockBegin)) {
		all, err = bundlePEM(b)
	} else {
		all, err = bundleDER(b)
	}
	switch {
	case err != nil:
		return nil, err
	case len(all) == 0:
		return nil, errors.New("smime: the file holds no certificate")
	case len(all) > maxBundled:
		return nil, fmt.Errorf("smime: %w", &envelope.LimitError{What: "certificates in one file", Max: maxBundled, Fixed: true})
	}
	seen := map[string]bool{}
	out := make([]*keyring.Certificate, 0, len(all))
	for i, der := range all {
		c, err := parseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("smime: certificate number %d of %d: %w", i+1, len(all), err)
		}
		if !seen[string(der)] {
			seen[string(der)] = true
			out = append(out, c.public())
		}
	}
	return out, nil
}

// bundlePEM returns the certificates in all PEM blocks.
func bundlePEM(b []byte) (all [][]byte, err error) {
	for len(all) <= maxBundled {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		switch block.Type {
		case pemCertificate, pemX509:
			all = append(all, block.Bytes)
		case pemPKCS7, pemCMS:
			more, err := bundleCMS(block.Bytes)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		case pemPKCS8, pemEncrypted, pemPKCS1, pemSEC1:
			return nil, errPrivateKey
		default:
			return nil, fmt.Errorf("smime: the file holds a PEM block %q, not certificates alone", cut(block.Type))
		}
	}
	return all, nil
}

// bundleDER returns the certificates of one that is not PEM: itself, if it is
// one.
func bundleDER(b []byte) ([][]byte, error) {
	s := cryptobyte.String(b)
	var in cryptobyte.String
	if s.ReadASN1(&in, asn1.SEQUENCE) && in.PeekASN1Tag(asn1.SEQUENCE) && s.Empty() {
		return [][]byte{b}, nil
	}
	if in.PeekASN1Tag(asn1.INTEGER) {
		return nil, errPrivateKey
	}
	return bundleCMS(b)
}

// bundleCMS returns the certificates of a SignedData.
func bundleCMS(raw []byte) ([][]byte, error) {
	all, err := pkix.SignedCertificates(raw, maxBundle, maxBundled+1)
	if err != nil {
		return nil, fmt.Errorf("smime: %w", err)
	}
	return all, nil
}
