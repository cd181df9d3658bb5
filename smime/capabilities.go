package smime

import (
	"crypto/x509"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// listsGCM reports whether the certificate's capabilities extension (RFC 4262,
// Section 2) lists AES-256-GCM, which is what we would write. One that lists
// AES-128-GCM alone does not say that it reads the other.
func listsGCM(x *x509.Certificate) bool {
	for _, e := range x.Extensions {
		if e.Id.String() == smimeCapabilitiesText {
			return capabilitiesList(e.Value, oidAES256GCM)
		}
	}
	return false
}

// smimeCapabilitiesText is oidSMIMECapabilities in the form that crypto/x509 gives.
const smimeCapabilitiesText = "1.2.840.113549.1.9.15"

// capabilitiesList reports whether SMIMECapabilities list o. What cannot be
// parsed lists nothing. RFC 8551, Section 2.5.2:
//
//	SMIMECapabilities ::= SEQUENCE OF SMIMECapability
//	SMIMECapability ::= SEQUENCE {
//	   capabilityID OBJECT IDENTIFIER,
//	   parameters ANY DEFINED BY capabilityID OPTIONAL }
func capabilitiesList(der []byte, o oid) bool {
	s, found := cryptobyte.String(der), false
	var list cryptobyte.String
	if !s.ReadASN1(&list, asn1.SEQUENCE) || !s.Empty() {
		return false
	}
	for !list.Empty() {
		var one cryptobyte.String
		var id oid
		if !list.ReadASN1(&one, asn1.SEQUENCE) || !readOID(&one, &id) {
			return false
		}
		found = found || id == o
	}
	return found
}

// ourCapabilities returns the SMIMECapabilities that we write, the preferred
// first: what this package reads.
func ourCapabilities() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, o := range []oid{
			oidAES256GCM, oidAES128GCM, oidAES256CBC, oidAES128CBC,
			oidStdDHSHA256KDF, oidStdDHSHA384KDF, oidRSAOAEP,
		} {
			b.AddASN1(asn1.SEQUENCE, o.add)
		}
	})
	return b.Bytes()
}
