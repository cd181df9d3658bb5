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

// Carol and Dave are trusted by half each. What both say of Bob is enough, and
// what one of them says is not.
func ExampleIntroducedThrough() {
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
	davesKey, dave := person("dave@example.org")
	_, bob := person("bob@example.org")
	byCarol, err := carolsKey.Certify(bob, "bob@example.org")
	if err != nil {
		log.Fatal(err)
	}
	byDave, err := davesKey.Certify(bob, "bob@example.org")
	if err != nil {
		log.Fatal(err)
	}
	half := &keyring.Introducer{Depth: 1, Amount: 60}
	ring := []keyring.Entry{{Verified: carol, Introducer: half}, {Verified: dave, Introducer: half}} // as Ring.Entries returns them

	_, err = keyring.Verify(bob.Certificate(), pgp.IntroducedThrough("bob@example.org", byCarol, ring...))
	fmt.Println(err == nil)
	file := append(byCarol, byDave...)
	_, err = keyring.Verify(bob.Certificate(), pgp.IntroducedThrough("bob@example.org", file, ring...))
	fmt.Println(err == nil)
	// Output:
	// false
	// true
}
