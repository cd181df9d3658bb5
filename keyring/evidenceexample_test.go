package keyring_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// Bob's card has a QR code, and his certificate came by mail.
func ExampleScan() {
	bobsKey, err := smime.GenerateKey(smime.KeyOptions{Name: "Bob", Address: "bob@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	card := bobsKey.Certificate().Fingerprint().URI()

	bobs, err := keyring.Scan(card)
	if err != nil {
		log.Fatal(err)
	}
	bob, err := keyring.Verify(bobsKey.Certificate(), bobs)
	fmt.Println(card[:18], err == nil && bob.Fingerprint().Matches(bobsKey.Certificate().Fingerprint()))
	// Output: x-smimefpr:sha256: true
}

// Bob reads twenty words out, and a word is lost in the noise.
func ExampleSpoken() {
	bobsKey, err := pgp.GenerateKey(pgp.KeyOptions{Name: "Bob", Address: "bob@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	readOut := bobsKey.Certificate().Fingerprint().Words()

	_, err = keyring.Spoken(readOut[:strings.LastIndex(readOut, " ")])
	fmt.Println(err)
	bobs, err := keyring.Spoken(readOut)
	if err != nil {
		log.Fatal(err)
	}
	bob, err := keyring.Verify(bobsKey.Certificate(), bobs)
	fmt.Println(bob.Evidence(), err)
	// Output:
	// keyring: a whole fingerprint has 20 or 32 words, these are 19
	// words read out <nil>
}

// Alice and Bob compare one number. With it both have verified the other's key.
func ExampleFingerprint_Compared() {
	key := func(address string) *keyring.Certificate {
		k, err := smime.GenerateKey(smime.KeyOptions{Address: address})
		if err != nil {
			log.Fatal(err)
		}
		return k.Certificate()
	}
	alice, bob, eve := key("alice@example.org"), key("bob@example.org"), key("bob@example.org")

	readOut := bob.Fingerprint().SafetyNumber(alice.Fingerprint()) // Bob's program has Alice's certificate
	theirs, err := alice.Fingerprint().Compared(readOut)           // Alice types what he reads out
	if err != nil {
		log.Fatal(err)
	}
	v, err := keyring.Verify(bob, theirs)
	fmt.Println(v.Evidence(), err)
	_, err = keyring.Verify(eve, theirs) // had she got Eve's certificate in place of his
	fmt.Println(err != nil)
	// Output:
	// safety number compared <nil>
	// true
}

// A policy that was told to believes who comes first, and nobody else does.
func ExampleFirstUse() {
	someone, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	_, err = keyring.Verify(someone.Certificate(), keyring.FirstUse("bob@example.org"))
	fmt.Println(err != nil)
	bob, err := keyring.Policy{AcceptFirstUse: true}.Verify(someone.Certificate(), keyring.FirstUse("bob@example.org"))
	fmt.Println(bob.Evidence(), err)
	// Output:
	// true
	// first use for "bob@example.org", nothing was compared <nil>
}
