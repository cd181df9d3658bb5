package pgp_test

import (
	"fmt"
	"log"
	"os"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// Carol's word is taken on whose key is whose, and Carol has not certified
// this one.
func ExampleIntroducedBy() {
	carol, err := pgp.GenerateKey(pgp.KeyOptions{Address: "carol@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	verified, err := keyring.Verify(carol.Certificate(), keyring.Expect(carol.Certificate().Fingerprint()))
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.ReadFile("testdata/keys/cv25519.pub.asc")
	if err != nil {
		log.Fatal(err)
	}
	cert, err := pgp.ParseCertificate(file)
	if err != nil {
		log.Fatal(err)
	}
	_, err = keyring.Verify(cert, pgp.IntroducedBy("cv25519@example.org", file, verified))
	fmt.Println(err != nil)
	// Output: true
}
