package pkix

import (
	"encoding/asn1"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cryptoasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/ber"
)

var errNotSigned = errors.New("neither certificates nor a SignedData with some")

// SignedCertificates returns the certificates of a SignedData, in DER or BER,
// each in DER: of one that only carries them, or of those that a signer sent
// along. RFC 5652, Sections 3 and 5.1:
//
//	ContentInfo ::= SEQUENCE { contentType OBJECT IDENTIFIER, content [0] EXPLICIT SignedData }
//	SignedData ::= SEQUENCE {
//	   version INTEGER, digestAlgorithms SET, encapContentInfo SEQUENCE,
//	   certificates [0] IMPLICIT SET OF CertificateChoices OPTIONAL,
//	   crls [1] IMPLICIT RevocationInfoChoices OPTIONAL, signerInfos SET }
//
// What else is among the certificates (attribute certificates) is passed over,
// and no signature is looked at. More than max octets are an error; after most
// certificates it stops. Nothing of the result is trusted.
func SignedCertificates(raw []byte, max int64, most int) ([][]byte, error) {
	der, err := ber.ToDER(raw, max)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotSigned, err)
	}
	s := cryptobyte.String(der)
	var info, content, signed, certs cryptobyte.String
	var kind asn1.ObjectIdentifier
	var there bool
	zero := cryptoasn1.Tag(0).ContextSpecific().Constructed()
	if !s.ReadASN1(&info, cryptoasn1.SEQUENCE) || !s.Empty() || !info.ReadASN1ObjectIdentifier(&kind) ||
		!kind.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}) || // id-signedData, RFC 5652, Section 5.1
		!info.ReadASN1(&content, zero) || !content.ReadASN1(&signed, cryptoasn1.SEQUENCE) ||
		!signed.SkipASN1(cryptoasn1.INTEGER) || !signed.SkipASN1(cryptoasn1.SET) || !signed.SkipASN1(cryptoasn1.SEQUENCE) ||
		!signed.ReadOptionalASN1(&certs, &there, zero) {
		return nil, errNotSigned
	}
	var all [][]byte
	for !certs.Empty() && len(all) < most {
		var one cryptobyte.String
		var tag cryptoasn1.Tag
		if !certs.ReadAnyASN1Element(&one, &tag) {
			return nil, errNotSigned
		}
		if tag == cryptoasn1.SEQUENCE {
			all = append(all, one)
		}
	}
	return all, nil
}
