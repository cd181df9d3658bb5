package smime

import (
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
)

const (
	// maxKeyIdentifier is the size of a subject key identifier in octets:
	// those that are digests have at most 64.
	maxKeyIdentifier = 128

	// maxIssuerText is how much of an issuer's name is shown, in octets. What
	// is cut off is replaced by a digest, so that two names stay two. A message
	// may name 20,000 recipients so, and all of that is held.
	maxIssuerText = 256

	// maxIssuer is the size in octets of a name that is shown at all. Those of
	// real issuers have 50 to 500; pkix takes quadratic time for the text of
	// one with many parts.
	maxIssuer = 2 << 10

	// maxSerialShown is the size in octets of a serial number that is shown
	// whole: RFC 5280, Section 4.1.2.2 allows 20.
	maxSerialShown = 32
)

// readKeyID consumes what RecipientIdentifier and SignerIdentifier are alike
// (RFC 5652, Sections 6.2.1 and 5.3):
//
//	CHOICE {
//	   issuerAndSerialNumber IssuerAndSerialNumber,
//	   subjectKeyIdentifier [0] SubjectKeyIdentifier }
func readKeyID(s *cryptobyte.String, id *keyID) bool {
	tag := cryptobyte_asn1.Tag(0).ContextSpecific()
	if s.PeekASN1Tag(tag) {
		return s.ReadASN1((*cryptobyte.String)(&id.ski), tag) && len(id.ski) > 0 && len(id.ski) <= maxKeyIdentifier
	}
	return readIssuerAndSerial(s, id)
}

// readIssuerAndSerial consumes an IssuerAndSerialNumber (RFC 5652, Section 10.2.4).
func readIssuerAndSerial(s *cryptobyte.String, id *keyID) bool {
	var in, issuer, serial cryptobyte.String
	if !s.ReadASN1(&in, cryptobyte_asn1.SEQUENCE) ||
		!in.ReadASN1Element(&issuer, cryptobyte_asn1.SEQUENCE) ||
		!in.ReadASN1(&serial, cryptobyte_asn1.INTEGER) || !in.Empty() || len(serial) == 0 {
		return false
	}
	id.issuer, id.serial = issuer, serial
	return true
}

// addIssuerAndSerial appends c's IssuerAndSerialNumber.
func addIssuerAndSerial(b *cryptobyte.Builder, c *certificate) {
	b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(c.x.RawIssuer)
		b.AddASN1BigInt(c.x.SerialNumber)
	})
}

// serialOf returns the content of c's serial number.
func serialOf(c *certificate) []byte {
	var b cryptobyte.Builder
	b.AddASN1BigInt(c.x.SerialNumber)
	s := cryptobyte.String(b.BytesOrPanic()) // cannot fail: c is at most 64 KiB
	var serial cryptobyte.String
	if !s.ReadASN1(&serial, cryptobyte_asn1.INTEGER) {
		return nil
	}
	return serial
}

// idOf returns the identifier that we write for c: issuer and serial number,
// which every reader knows (RFC 8551, Section 2.6).
func idOf(c *certificate) keyID { return keyID{issuer: c.x.RawIssuer, serial: serialOf(c)} }

// String describes the identifier. It is text from outside: quote it before
// printing.
func (id keyID) String() string {
	if id.ski != nil {
		return fmt.Sprintf("key identifier %X", id.ski)
	}
	serial := fmt.Sprintf("%X", id.serial)
	if len(id.serial) > maxSerialShown {
		serial = fmt.Sprintf("that is too long (%X)", sha256.Sum256(id.serial))
	}
	return fmt.Sprintf("issuer %s, serial %s", issuerText(id.issuer), serial)
}

// issuerText returns a Name as text in the order and with the escapes of RFC 2253.
func issuerText(der []byte) string {
	if len(der) > maxIssuer {
		return fmt.Sprintf("that is too long (%X)", sha256.Sum256(der))
	}
	var rdn pkix.RDNSequence
	rest, err := asn1.Unmarshal(der, &rdn)
	text := "that cannot be read"
	if err == nil && len(rest) == 0 {
		text = rdn.String()
		if len(text) <= maxIssuerText && utf8.ValidString(text) {
			return text
		}
		n := min(len(text), maxIssuerText)
		for n > 0 && n < len(text) && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n]
	}
	return fmt.Sprintf("%s… (%X)", text, sha256.Sum256(der))
}
