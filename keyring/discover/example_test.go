package discover_test

import (
	"fmt"
	"log"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// Two keys came in one file. They are candidates: which of them is Bob's, his
// fingerprint says, which he read out on the telephone.
func ExampleRead() {
	file, told := twoKeysOfBob()
	found, problems := discover.Read("bob.asc", file, pgp.ParseCertificate, smime.ParseCertificate)
	for _, p := range problems {
		log.Fatal(p)
	}
	want, err := keyring.ParseFingerprint(told)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range found {
		_, err := keyring.Verify(c.Certificate, keyring.Expect(want))
		fmt.Println(c.Source, c.Certificate.Addresses(), err == nil)
	}
	// Output:
	// bob.asc, block 1 [bob@example.org] false
	// bob.asc, block 2 [bob@example.org] true
}

// twoKeysOfBob returns a text with two armored keys, and the fingerprint of the
// second.
func twoKeysOfBob() (file []byte, fingerprint string) {
	file = []byte("Hello,\nhere are my keys. The first one is old.\n")
	for range 2 {
		k, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
		if err != nil {
			log.Fatal(err)
		}
		armored, err := pgp.MarshalArmored(k.Certificate())
		if err != nil {
			log.Fatal(err)
		}
		file = append(file, armored...)
		fingerprint = k.Certificate().Fingerprint().Grouped()
	}
	return file, fingerprint
}
