package pgp_test

import (
	"fmt"
	"log"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// Carol, whose fingerprint is known, certified Bob's key; Dave's word is not
// taken.
func ExampleIntroducedBy() {
	person := func(address string) (*pgp.Key, *keyring.Verified) {
		key, err := pgp.GenerateKey(pgp.KeyOptions{Address: address})
		if err != nil {
			log.Fatal(err)
		}
		v, err := keyring.Verify(key.Certificate(), keyring.Expect(key.Certificate().Fingerprint()))
		if err != nil {
			log.Fatal(err)
		}
		return key, v
	}
	carolsKey, carol := person("carol@example.org")
	_, dave := person("dave@example.org")
	_, asCarolMetHim := person("bob@example.org")
	file, err := carolsKey.Certify(asCarolMetHim, "bob@example.org") // Carol sends it to Bob, and he to all
	if err != nil {
		log.Fatal(err)
	}

	cert, err := pgp.ParseCertificate(file)
	if err != nil {
		log.Fatal(err)
	}
	bob, err := keyring.Verify(cert, pgp.IntroducedBy("bob@example.org", file, carol))
	fmt.Println(err == nil && bob.Fingerprint() == cert.Fingerprint())
	_, err = keyring.Verify(cert, pgp.IntroducedBy("bob@example.org", file, dave))
	fmt.Println(err == nil)
	// Output:
	// true
	// false
}
