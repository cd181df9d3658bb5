package smime

import (
	"crypto"
	"errors"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// errIssued is why a signature by an authority does not count. Which check it
// failed does not help anybody: another certificate of the same name may pass.
var errIssued = errors.New("smime: the signature is wrong, too weak, or of an algorithm that is not supported")

// verifyIssued verifies what an authority signed: a certificate, a CRL, an OCSP
// response. key is its *publicKey. crypto/x509 would do for the algorithms that
// it knows; these are all that this package knows, through the code that
// verifies messages. weak allows what can be forged today, for tests with
// certificates from when it could not.
func verifyIssued(key any, algorithmDER, message, signature []byte, weak bool) error {
	k, ok := key.(*publicKey)
	s := cryptobyte.String(algorithmDER)
	var a algorithm
	if !ok || !readAlgorithm(&s, &a, asn1.SEQUENCE) || !s.Empty() || a.oid == oidRSAEncryption || k.fipsRefuses() {
		return errIssued
	}
	if k.kind == keyRSA {
		if bits := k.rsa.N.BitLen(); slowRSA(k.rsa) || bits < minRSA && !weak || k.rsa.E < 3 {
			return errIssued
		}
	}
	// Most algorithms name their digest. Of RSA-PSS the parameters do, which
	// schemeOf compares; and to those that take the whole message it is the
	// same which one they are asked with.
	digests := []digestKind{digestKind(crypto.SHA512), digestKind(crypto.SHA384), digestKind(crypto.SHA256)}
	if kind, d := namedByOID(a.oid); kind != 0 {
		digests = []digestKind{d}
	}
	for _, d := range digests {
		if d.weak() && (!weak || fipsOnly()) {
			continue
		}
		if scheme, refuse := schemeOf(&a, d); refuse == "" {
			if scheme.verify(k, message, signature) {
				return nil
			}
			return errIssued
		}
	}
	return errIssued
}
