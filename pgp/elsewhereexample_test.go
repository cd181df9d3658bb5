package pgp_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"log"
	"os"

	"github.com/doublekeybox/doublekeybox/pgp"
)

// signer stands for a key in a hardware module: all that is known of it is its
// public key, and that it signs.
type signer struct{ crypto.Signer }

// A certificate and the signer that holds its secret. This one holds another,
// which is found before anything is signed.
func ExampleNewKey() {
	file, err := os.ReadFile("testdata/keys/p256.pub.asc")
	if err != nil {
		log.Fatal(err)
	}
	cert, err := pgp.ParseCertificate(file)
	if err != nil {
		log.Fatal(err)
	}
	inToken, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	_, err = pgp.NewKey(cert, signer{inToken})
	fmt.Println(err)
	// Output: pgp: NewKey: private key 1: it is not that of the certificate 2A8EBD920A981000DE32C3B68692CF5863BCB373, nor of any of its subkeys
}

// What to ask a token for: a key to sign with, and one to open.
func ExamplePublicKeys() {
	file, err := os.ReadFile("testdata/keys/cv25519.pub.asc")
	if err != nil {
		log.Fatal(err)
	}
	cert, err := pgp.ParseCertificate(file)
	if err != nil {
		log.Fatal(err)
	}
	for _, k := range pgp.PublicKeys(cert) {
		fmt.Printf("%T\n", k)
	}
	// Output:
	// ed25519.PublicKey
	// *ecdh.PublicKey
}
