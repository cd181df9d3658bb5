package keyring_test

import (
	"errors"
	"fmt"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// Bob's certificate came by mail. His fingerprint he read out on the telephone.
func ExampleVerify() {
	bobsKey, err := pgp.GenerateKey(pgp.KeyOptions{Name: "Bob", Address: "bob@example.org"})
	if err != nil {
		fmt.Println(err)
		return
	}
	attachment, onTheTelephone := bobsKey.Certificate().Marshal(), bobsKey.Certificate().Fingerprint().Words()

	cert, err := pgp.ParseCertificate(attachment)
	if err != nil {
		fmt.Println(err)
		return
	}
	want, err := keyring.ParseFingerprint(onTheTelephone)
	if err != nil {
		fmt.Println(err)
		return
	}
	bob, err := keyring.Verify(cert, keyring.Expect(want))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(bob.Certificate().Addresses(), bob.Evidence())
	// Output: [bob@example.org] expected fingerprint
}

// Another key in Bob's name is refused.
func ExampleExpect() {
	bobsKey, err := pgp.GenerateKey(pgp.KeyOptions{Name: "Bob", Address: "bob@example.org"})
	if err != nil {
		fmt.Println(err)
		return
	}
	evesKey, err := pgp.GenerateKey(pgp.KeyOptions{Name: "Bob", Address: "bob@example.org"})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = keyring.Verify(evesKey.Certificate(), keyring.Expect(bobsKey.Certificate().Fingerprint()))
	fmt.Println(errors.Is(err, keyring.ErrRefused))
	// Output: true
}
