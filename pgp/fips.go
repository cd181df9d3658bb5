package pgp

import (
	"crypto"
	"crypto/fips140"
)

// NotApprovedError says that something would need cryptography that
// GODEBUG=fips140=only forbids. Nothing was begun, and nothing written.
//
// In that mode no version 4 key or certificate is read, since its fingerprint
// is SHA-1, no key is generated, unlocked or protected by a passphrase, and
// nothing is sealed or opened. Version 6 certificates are read, and signatures
// made and checked: that uses no algorithm which is forbidden, though not
// Go's validated module for all of them.
type NotApprovedError struct {
	What string // "sealing an OpenPGP message"
}

func (e *NotApprovedError) Error() string {
	return "pgp: " + e.What + " needs algorithms that GODEBUG=fips140=only forbids (CFB, OCB, SHA-1, X25519): use S/MIME, or another setting"
}

// approved comes before everything of which std would panic, or which it
// would refuse in the middle.
func approved(what string) error {
	if fips140.Enforced() {
		return &NotApprovedError{What: what}
	}
	return nil
}

// forbiddenDigest reports whether std panics where h is computed.
func forbiddenDigest(h crypto.Hash) bool { return h == crypto.SHA1 && fips140.Enforced() }
