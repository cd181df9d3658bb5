package pgp

import (
	"crypto"
	"crypto/fips140"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// approved comes before everything of which std would panic under
// GODEBUG=fips140=only, or which it would refuse in the middle: SHA-1 for
// whatever has to do with a version 4 key, X25519 and CFB for messages. OCB
// and Argon2, of which std knows nothing, are as little approved.
func approved(what string) error {
	if fips140.Enforced() {
		return &envelope.NotApprovedError{What: what}
	}
	return nil
}

// forbiddenDigest reports whether std panics where h is computed.
func forbiddenDigest(h crypto.Hash) bool { return h == crypto.SHA1 && fips140.Enforced() }
