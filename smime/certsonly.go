package smime

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// maxMarshalled is how many certificates are written into one message: more
// are not read from one.
const maxMarshalled = 64

// MarshalCertificates returns a certs-only message in DER (RFC 8551, Section
// 3.8), which mail programs import from a file with the suffix .p7c: say, one's
// own certificate with those of its CAs. DER orders the certificates by their
// octets. No certificate, more than 64 of them, and one that is not of this
// format are errors. [ParseCertificates] reads it.
func MarshalCertificates(certs ...*keyring.Certificate) ([]byte, error) {
	if len(certs) == 0 {
		return nil, errors.New("smime: no certificate to marshal")
	}
	if len(certs) > maxMarshalled {
		return nil, fmt.Errorf("smime: more than %d certificates to marshal", maxMarshalled)
	}
	var ders [][]byte
	for i, c := range certs {
		var in *certificate
		if c != nil {
			in, _ = seam.Opaque[seam.Certificate](*c).Unwrap().(*certificate)
		}
		if in == nil {
			return nil, fmt.Errorf("smime: certificate %d is none of S/MIME", i+1)
		}
		ders = append(ders, in.x.Raw)
	}
	set := derSet(ders)
	set[0] = byte(context(0).Constructed())
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		oidSignedData.add(b)
		b.AddASN1(context(0).Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)                                 // RFC 5652, Section 5.1
				b.AddASN1(asn1.SET, func(*cryptobyte.Builder) {}) // digests
				b.AddASN1(asn1.SEQUENCE, oidData.add)             // no content
				b.AddBytes(set)                                   // certificates
				b.AddASN1(asn1.SET, func(*cryptobyte.Builder) {}) // signatures
			})
		})
	})
	return b.Bytes()
}
