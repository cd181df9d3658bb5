package smime_test

import (
	"bytes"
	"fmt"
	"io"
	"log"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

func Example() {
	// Bob makes a key, and reads its fingerprint out on the telephone.
	bob, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256", ReadsGCM: true})
	if err != nil {
		log.Fatal(err)
	}
	told := bob.Certificate().Fingerprint().Grouped()

	// Alice has his certificate from somewhere, and the fingerprint from him.
	want, err := keyring.ParseFingerprint(told)
	if err != nil {
		log.Fatal(err)
	}
	verified, err := keyring.Verify(bob.Certificate(), keyring.Expect(want))
	if err != nil {
		log.Fatal(err)
	}
	var message bytes.Buffer
	w, err := envelope.Seal(&message, verified)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort()
	if _, err := io.WriteString(w, "The policy number is 7."); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.Receipt().Container, w.Receipt().Content)

	// Bob opens it.
	o := envelope.Opener{Identities: []envelope.Identity{bob.Identity()}}
	m, err := o.Open(&message)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	text, err := io.ReadAll(m)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", text)
	// Output:
	// AuthEnvelopedData AES-256-GCM
	// The policy number is 7.
}

// A message is looked at without a key; which formats to look for is said.
func ExampleFormat() {
	alice, err := smime.GenerateKey(smime.KeyOptions{Address: "alice@example.org", Algorithm: "p256"})
	if err != nil {
		log.Fatal(err)
	}
	var message bytes.Buffer
	w, err := envelope.Sign(&message, alice.Signer())
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort()
	if _, err := io.WriteString(w, "Paid."); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	report, err := envelope.Inspect(&message, smime.Format())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Format, report.Container, report.Encrypted)
	fmt.Println(report.Signatures[0].Algorithm, report.Signatures[0].Valid())
	// Output:
	// S/MIME SignedData false
	// ECDSA, SHA-256 false
}

// A colleague's .p12 has his authority's certificate beside his own.
func ExamplePKCS12Certificates() {
	bob, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	if err != nil {
		log.Fatal(err)
	}
	file, err := bob.MarshalPKCS12([]byte("a passphrase"))
	if err != nil {
		log.Fatal(err)
	}
	certs, err := smime.PKCS12Certificates(file, []byte("a passphrase"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(certs), certs[0].Addresses())
	// Output: 1 [bob@example.org]
}
