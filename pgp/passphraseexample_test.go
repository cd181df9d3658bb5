package pgp_test

import (
	"bytes"
	"fmt"
	"io"
	"log"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// A message for Bob, which somebody without a key opens with a passphrase that
// they were told by telephone.
func Example_passphrase() {
	key, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	bob, err := keyring.Verify(key.Certificate(), keyring.Expect(key.Certificate().Fingerprint()))
	if err != nil {
		log.Fatal(err)
	}
	phrase := envelope.NewPassphrase() // phrase.Reveal() is what is read out
	var msg bytes.Buffer
	w, err := (&envelope.Sealer{Passphrases: []*envelope.Passphrase{phrase}}).Seal(&msg, bob)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort()
	fmt.Fprint(w, "your payslip")
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	heard, err := envelope.OpenPassphrase(phrase.Reveal())
	if err != nil {
		log.Fatal(err)
	}
	o := envelope.Opener{
		Passphrases: []*envelope.Passphrase{heard},
		Formats:     []envelope.Format{pgp.Format()}, // which no key brings here
	}
	m, err := o.Open(&msg)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	content, err := io.ReadAll(m)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, from a message for %d\n", content, len(m.Report().Recipients))
	// Output: your payslip, from a message for 2
}
