package smime

import (
	"crypto/fips140"
	"crypto/rsa"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// fipsOnly reports whether the program runs under GODEBUG=fips140=only, where
// the standard library refuses what FIPS 140-3 does not approve, now by an
// error and now by a panic: SHA-1, MD5, RSA PKCS#1 v1.5 encryption. What needs
// them is refused here before it starts.
func fipsOnly() bool { return fips140.Enforced() }

// What is refused, as errors name it.
const (
	forbiddenV15   = "RSA PKCS#1 v1.5 encryption"
	forbiddenSHA1  = "SHA-1"
	forbiddenNonce = "AES-GCM with a nonce that the message names"
	forbiddenRSA   = "an RSA key of such a size or exponent"

	forbiddenMLKEM512 = "ML-KEM-512"
)

// notApproved is the error for what fips140=only forbids.
func notApproved(what string) error { return &envelope.NotApprovedError{What: what} }

// forbiddenError is why a certificate cannot be used: it is a
// *keyring.UnusableError, which names the certificate, and an
// *envelope.NotApprovedError too.
type forbiddenError struct{ unusable, cause error }

// Error is that of the refusal; Unwrap gives out its cause too.
func (e *forbiddenError) Error() string   { return e.unusable.Error() }
func (e *forbiddenError) Unwrap() []error { return []error{e.unusable, e.cause} }

// forbidden is the refusal of c because it needs what fips140=only forbids.
func (c *certificate) forbidden(what string) error {
	return &forbiddenError{c.unusable("needs " + what + ", which GODEBUG=fips140=only does not allow"), notApproved(what)}
}

// fipsRefuses reports whether fips140=only refuses every use of the key: as of
// Go 1.26 those below 2048 bits, of odd size, and with an exponent of 2^16 or
// less.
func (k *publicKey) fipsRefuses() bool { return k.kind == keyRSA && fipsOnly() && !approvedRSA(k.rsa) }

// fipsForbids returns what fips140=only forbids of opening and sealing with the
// key, "" if nothing.
func (k *publicKey) fipsForbids() string {
	switch {
	case !fipsOnly():
		return ""
	case k.fipsRefuses():
		return forbiddenRSA
	case k.curve.montgomery():
		return k.curve.String()
	case k.kem == mlkem512Set:
		return forbiddenMLKEM512
	}
	return ""
}

func approvedRSA(k *rsa.PublicKey) bool {
	return k.N.BitLen() >= minRSA && k.N.BitLen()%2 == 0 && k.E > 1<<16 && k.E%2 == 1
}
