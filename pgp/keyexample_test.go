package pgp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// A certificate is read from a file; what makes it Bob's is the fingerprint
// that Bob read out.
func ExampleParseCertificate() {
	file, err := os.ReadFile("testdata/keys/cv25519.pub.asc")
	if err != nil {
		log.Fatal(err)
	}
	cert, err := pgp.ParseCertificate(file)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cert.Addresses())
	want, err := keyring.ParseFingerprint("0000 1111 2222 3333 4444  5555 6666 7777 8888 9999")
	if err != nil {
		log.Fatal(err)
	}
	_, err = keyring.Verify(cert, keyring.Expect(want))
	fmt.Println(err != nil)
	// Output:
	// [cv25519@example.org]
	// true
}

func ExampleParseKey() {
	file, err := os.Open("testdata/keys/cv25519.sec.asc")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	key, err := pgp.ParseKey(file, []byte("fixture"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.Certificate().Addresses())
	// Output: [cv25519@example.org]
}

func ExampleGenerateKey() {
	key, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org", Name: "Bob"})
	if err != nil {
		log.Fatal(err)
	}
	secret, err := key.Marshal([]byte("correct horse battery staple")) // to a file with mode 0600
	if err != nil {
		log.Fatal(err)
	}
	public, err := pgp.MarshalArmored(key.Certificate()) // to everybody
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bytes.HasPrefix(secret, []byte("-----BEGIN PGP PRIVATE KEY BLOCK-----")))
	fmt.Println(bytes.HasPrefix(public, []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----")))
	// Output:
	// true
	// true
}

// A key that ends, or has ended, goes on: same fingerprint, new certificate.
func ExampleKey_Extend() {
	key, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	more, err := key.Extend(pgp.DefaultLifetime)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(more.Certificate().Fingerprint() == key.Certificate().Fingerprint())
	// Output: true
}

// A key that somebody else may have: its certificate, which says so, goes to
// all who have the old one.
func ExampleKey_Revoke() {
	key, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	gone, err := key.Revoke(pgp.Compromised, "my telephone was stolen")
	if err != nil {
		log.Fatal(err)
	}
	cert := gone.Certificate()
	_, err = keyring.Verify(cert, keyring.Expect(cert.Fingerprint()))
	fmt.Println(errors.Is(err, keyring.ErrRefused))
	// Output: true
}

// What is public in a key file can be read without the passphrase.
func ExampleKeyCertificate() {
	file, err := os.ReadFile("testdata/keys/cv25519.sec.asc")
	if err != nil {
		log.Fatal(err)
	}
	cert, err := pgp.KeyCertificate(file)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cert.Addresses())
	// Output: [cv25519@example.org]
}

// A copy of the certificate came back with something new in it.
func ExampleKey_Merge() {
	key, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	elsewhere, err := key.Revoke(pgp.Superseded, "")
	if err != nil {
		log.Fatal(err)
	}
	both, err := key.Merge(elsewhere.Certificate())
	if err != nil {
		log.Fatal(err)
	}
	_, err = envelope.Sign(io.Discard, both.Signer())
	fmt.Println(errors.Is(err, keyring.ErrRefused))
	// Output: true
}

// Carol compared Bob's fingerprint with him, and says so to all who ask her.
func ExampleKey_Certify() {
	carol, err := pgp.GenerateKey(pgp.KeyOptions{Address: "carol@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	bob, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	readOut := bob.Certificate().Fingerprint()
	v, err := keyring.Verify(bob.Certificate(), keyring.Expect(readOut))
	if err != nil {
		log.Fatal(err)
	}
	file, err := carol.Certify(v, "bob@example.org")
	if err != nil {
		log.Fatal(err)
	}
	cert, err := pgp.ParseCertificate(file)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cert.Fingerprint() == readOut)
	// Output: true
}
