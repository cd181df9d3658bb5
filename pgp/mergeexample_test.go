package pgp_test

import (
	"errors"
	"fmt"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// A copy without the revocation takes nothing back.
func ExampleMerge() {
	key, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	if err != nil {
		fmt.Println(err)
		return
	}
	gone, err := key.Revoke(pgp.Compromised, "stolen")
	if err != nil {
		fmt.Println(err)
		return
	}
	old, revoked := key.Certificate(), gone.Certificate()
	merged, err := pgp.Merge(revoked, old)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = keyring.Verify(merged, keyring.Expect(old.Fingerprint()))
	fmt.Println(errors.As(err, new(*keyring.RevokedError)))
	// Output: true
}

// A revocation certificate, published on its own, revokes the certificate that
// one has.
func ExampleUpdate() {
	key, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org", Profile: envelope.Modern})
	if err != nil {
		fmt.Println(err)
		return
	}
	revocation, err := key.Revocation()
	if err != nil {
		fmt.Println(err)
		return
	}
	cert, err := pgp.Update(key.Certificate(), revocation)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = keyring.Verify(cert, keyring.Expect(cert.Fingerprint()))
	fmt.Println(errors.As(err, new(*keyring.RevokedError)))
	// Output: true
}
