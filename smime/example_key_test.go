package smime_test

import (
	"bytes"
	"crypto"
	"fmt"
	"log"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

func ExampleGenerateKey() {
	key, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	if err != nil {
		log.Fatal(err)
	}
	secret, err := key.Marshal([]byte("correct horse battery staple"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.Certificate().Addresses())
	fmt.Println(bytes.HasPrefix(secret, []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----")))
	// Output:
	// [bob@example.org]
	// true
}

func ExampleParseKey() {
	made, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	if err != nil {
		log.Fatal(err)
	}
	file, err := made.Marshal([]byte("correct horse battery staple"))
	if err != nil {
		log.Fatal(err)
	}

	_, err = smime.ParseKey(bytes.NewReader(file), []byte("wrong"))
	fmt.Println(err)
	key, err := smime.ParseKey(bytes.NewReader(file), []byte("correct horse battery staple"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.Certificate().Fingerprint().Matches(made.Certificate().Fingerprint()))
	// Output:
	// smime: wrong passphrase for the private key, or none given
	// true
}

func ExampleParseCertificate() {
	bobs, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	if err != nil {
		log.Fatal(err)
	}
	file := bobs.Certificate().Marshal()               // came by mail
	paper := bobs.Certificate().Fingerprint().String() // came on paper

	cert, err := smime.ParseCertificate(file)
	if err != nil {
		log.Fatal(err)
	}
	want, err := keyring.ParseFingerprint(paper)
	if err != nil {
		log.Fatal(err)
	}
	bob, err := keyring.Verify(cert, keyring.Expect(want))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bob.Certificate().Addresses())
	// Output: [bob@example.org]
}

// module stands for a hardware module: it gives out no private key.
type module struct{ crypto.Signer }

func ExampleNewKey() {
	cert, inModule := provisioned()
	key, err := smime.NewKey(cert, inModule)
	if err != nil {
		log.Fatal(err)
	}
	_, err = key.Marshal(nil)
	fmt.Println(key.Certificate().Addresses(), err != nil)
	// Output: [bob@example.org] true
}
