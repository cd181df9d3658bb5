package identities_test

import (
	"bytes"
	"fmt"
	"log"
	"os"

	"github.com/doublekeybox/doublekeybox/keyring/identities"
	"github.com/doublekeybox/doublekeybox/smime"
)

// A key goes into the directory once, and is unlocked when it is needed.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "identities")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	parse := func(secret []byte) (*smime.Key, error) { return smime.ParseKey(bytes.NewReader(secret), nil) }
	mine, err := identities.Open(dir, parse, smime.ParseCertificate)
	if err != nil {
		log.Fatal(err)
	}
	k, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	if err != nil {
		log.Fatal(err)
	}
	prompt := func() ([]byte, error) { return []byte("what Bob types"), nil }
	if _, err := mine.Add(k, prompt); err != nil {
		log.Fatal(err)
	}

	all, err := mine.List() // without a passphrase
	if err != nil {
		log.Fatal(err)
	}
	unlocked, err := mine.Unlock(all[0].Fingerprint, func(i identities.Info) ([]byte, error) {
		fmt.Println("passphrase of", i.Certificate.Addresses()[0])
		return prompt()
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(unlocked.Certificate().Fingerprint() == k.Certificate().Fingerprint())
	// Output:
	// passphrase of bob@example.org
	// true
}
