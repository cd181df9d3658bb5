package envelope_test

import (
	"bytes"
	"fmt"
	"io"
	"log"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

// A program that shows content beside what its signatures are worth asks for
// both. Nobody is believed here: the signature proves that the content is whole,
// and not whose it is.
func ExampleOpener_ExamineSigned() {
	alice, _, _ := people()
	var message bytes.Buffer
	w, err := envelope.Sign(&message, alice.Signer())
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort()
	if _, err := io.WriteString(w, "opening hours"); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	o := envelope.Opener{Formats: []envelope.Format{smime.Format()}}
	m, err := o.ExamineSigned(&message)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	content, err := io.ReadAll(m)
	if err != nil {
		log.Fatal(err)
	}
	s := m.Report().Signatures[0]
	fmt.Printf("%s: valid: %t, known: %t, says that it is %v\n", content, s.Valid(), s.Sender != nil, s.Certificate.Addresses())
	// Output: opening hours: valid: true, known: false, says that it is [alice@example.org]
}

// The same for a sealed message, which is in any case authentic.
func ExampleOpener_Examine() {
	_, bob, verified := people()
	var message bytes.Buffer
	sealer := envelope.Sealer{Profile: envelope.Modern}
	w, err := sealer.Seal(&message, verified["bob"])
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort()
	if _, err := io.WriteString(w, "offer"); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	o := envelope.Opener{Identities: []envelope.Identity{bob.Identity()}}
	m, err := o.Examine(&message)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	content, err := io.ReadAll(m)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %d signatures\n", content, len(m.Report().Signatures))
	// Output: offer: 0 signatures
}

// And for a signature beside its content.
func ExampleOpener_ExamineDetached() {
	alice, _, _ := people()
	var sig bytes.Buffer
	w, err := envelope.SignDetached(&sig, alice.Signer())
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort()
	if _, err := io.WriteString(w, "the contract"); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	o := envelope.Opener{Formats: []envelope.Format{smime.Format()}}
	for _, content := range []string{"the contract", "another contract"} {
		report, err := o.ExamineDetached(bytes.NewReader(sig.Bytes()), bytes.NewReader([]byte(content)))
		if err != nil {
			log.Fatal(err)
		}
		s := report.Signatures[0]
		fmt.Printf("%s: valid: %t, bad: %t\n", content, s.Valid(), s.Bad())
	}
	// Output:
	// the contract: valid: true, bad: false
	// another contract: valid: false, bad: true
}
