package pgp_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// Sealing to a certificate whose fingerprint came by another way, and opening
// with the key.
func Example() {
	key, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	fingerprint := key.Certificate().Fingerprint().Grouped() // as Bob reads it out

	want, err := keyring.ParseFingerprint(fingerprint)
	if err != nil {
		log.Fatal(err)
	}
	bob, err := keyring.Verify(key.Certificate(), keyring.Expect(want))
	if err != nil {
		log.Fatal(err)
	}
	var sealed bytes.Buffer
	w, err := envelope.Seal(&sealed, bob)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort()
	if _, err := io.Copy(w, strings.NewReader("my payslip")); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	o := envelope.Opener{Identities: []envelope.Identity{key.Identity()}}
	m, err := o.Open(&sealed)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	text, err := io.ReadAll(m)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, %s\n", text, m.Report().Container)
	// Output: my payslip, SEIPDv1
}

// What a message is can be seen without a key.
func ExampleFormat() {
	signer, err := pgp.GenerateKey(pgp.KeyOptions{Address: "alice@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	var msg bytes.Buffer
	w, err := (&envelope.Sealer{Signers: []envelope.Signer{signer.Signer()}, Armor: true}).Sign(&msg)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort()
	fmt.Fprint(w, "public notice")
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	r, err := envelope.Inspect(&msg, pgp.Format())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Format, r.Container, "encrypted:", r.Encrypted, "signatures:", len(r.Signatures))
	// Output: OpenPGP OnePassSignature encrypted: false signatures: 1
}
