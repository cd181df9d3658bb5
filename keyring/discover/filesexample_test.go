package discover_test

import (
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"strings"
	"testing/fstest"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// everything reads both formats, secret keys' public parts, and PKCS#12.
func everything() *discover.Reader {
	return &discover.Reader{
		Parsers: []keyring.Parser{pgp.ParseCertificate, pgp.KeyCertificate, smime.ParseCertificate},
		PKCS12: func(source string, b []byte) ([]*keyring.Certificate, error) {
			// A program asks its user for the passphrase of source.
			return smime.PKCS12Certificates(b, []byte("carol"))
		},
	}
}

// file returns one that gpg, gpgsm, NSS or openssl made.
func file(name string) []byte {
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		log.Fatal(err)
	}
	if strings.HasSuffix(name, ".b64") {
		if b, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(string(b), "\n", "")); err != nil {
			log.Fatal(err)
		}
	}
	return b
}

// Thunderbird's export of a key and its certificates, which is PKCS#12.
func ExampleReader_Read() {
	found, problems := everything().Read("carol.p12", file("nss.p12.b64"))
	for _, p := range problems {
		log.Fatal(p)
	}
	for _, c := range found {
		fmt.Println(c.Source, c.Certificate.Addresses())
	}
	// Output:
	// carol.p12, certificate 1 []
	// carol.p12, certificate 2 [carol@example.org]
}

// What GnuPG knows, with how far its user trusts people to certify the keys of
// others: which is shown, and has no effect.
func ExampleReader_Dir() {
	home := fstest.MapFS{ // os.DirFS("/home/…/.gnupg")
		"pubring.kbx": {Data: file("pubring.kbx.b64")},
		"trustdb.gpg": {Data: file("trustdb.gpg.b64")},
	}
	found, problems := everything().Dir("GnuPG", home)
	for _, p := range problems {
		log.Fatal(p)
	}
	for _, c := range found {
		fmt.Println(c.Source, c.Certificate.Addresses(), c.Notes)
	}
	// Output:
	// GnuPG, pubring.kbx, entry 1 [alice@example.org] [ownertrust: ultimate (not taken)]
	// GnuPG, pubring.kbx, entry 2 [bob@example.org] [ownertrust: marginal (not taken)]
	// GnuPG, pubring.kbx, entry 4 [] []
	// GnuPG, pubring.kbx, entry 5 [carol@example.org] []
}

// Ownertrust that was exported beside the keys.
func ExampleNoteOwnerTrust() {
	found, _ := everything().Read("pubring.gpg", file("pubring.gpg.b64"))
	n, err := discover.NoteOwnerTrust(found, file("ownertrust.txt"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(n, found[0].Notes)
	// Output: 2 [ownertrust: ultimate (not taken)]
}

// The certificates that came with a signature. Who signed, only a certificate
// that was verified says.
func ExampleReader_Message() {
	found, problems := everything().Message("Hello", file("signed.eml"))
	for _, p := range problems {
		log.Fatal(p)
	}
	for _, c := range found {
		fmt.Printf("%s, for %q, %s\n", c.Source, c.Address, c.Notes[0])
	}
	// Output:
	// Hello, part 2, certificate 1, for "", came with a signature, which was not checked
	// Hello, part 2, certificate 2, for "carol@example.org", came with a signature, which was not checked
}

// Alice wrote to Bob and Carol, and told each of them the other's key, inside of
// what she signed and encrypted.
func ExampleReader_AutocryptGossip() {
	opened := gossip()
	found, problems := everything().AutocryptGossip("Alice's message", opened, "bob@example.org", "carol@example.org")
	for _, p := range problems {
		log.Fatal(p)
	}
	for _, c := range found {
		fmt.Println(c.Address, c.Notes)
	}
	// Output: carol@example.org [told by the sender of a message of one of its other recipients]
}

// gossip returns a MIME entity that tells of Carol's key.
func gossip() []byte {
	carol, err := pgp.GenerateKey(pgp.KeyOptions{Address: "carol@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	return []byte("Autocrypt-Gossip: addr=carol@example.org; keydata=" +
		base64.StdEncoding.EncodeToString(carol.Certificate().Marshal()) +
		"\r\nContent-Type: text/plain\r\n\r\nHello\r\n")
}
