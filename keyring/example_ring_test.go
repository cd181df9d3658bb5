package keyring_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// Bob's key came by mail, and he read its fingerprint out on the telephone. That
// is asked for once; from then on his address is enough, to seal and to know that
// it was he who signed.
func ExampleOpenRing_seal() {
	if err := fromTelephone(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// added [bob@example.org]
	// sealed, because: expected fingerprint
	// Bob wrote: lunch?
	// ask Bob: there is another key for bob@example.org
	// no key of eve@example.org yet
}

func fromTelephone() error {
	dir, err := os.MkdirTemp("", "ring")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bobsKey, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	if err != nil {
		return err
	}
	attachment, onTheTelephone := bobsKey.Certificate().Marshal(), bobsKey.Certificate().Fingerprint().Words()

	ring, err := keyring.OpenRing(filepath.Join(dir, "ring"), pgp.ParseCertificate, smime.ParseCertificate)
	if err != nil {
		return err
	}
	defer ring.Close()
	cert, err := pgp.ParseCertificate(attachment)
	if err != nil {
		return err
	}
	want, err := keyring.ParseFingerprint(onTheTelephone)
	if err != nil {
		return err
	}
	bob, err := keyring.Verify(cert, keyring.Expect(want))
	if err != nil {
		return err
	}
	change, err := ring.Add(bob, keyring.Addition{})
	if err != nil {
		return err
	}
	fmt.Println(change.Event, change.Addresses)

	if err := sealTo(ring, io.Discard, "bob@example.org"); err != nil {
		return err
	}

	// What Bob sends is opened with the ring's word on who he is.
	var message strings.Builder
	w, err := (&envelope.Sealer{Signers: []envelope.Signer{bobsKey.Signer()}}).Seal(&message, bob) // to himself, here
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := io.WriteString(w, "lunch?"); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	o := envelope.Opener{Identities: []envelope.Identity{bobsKey.Identity()}}
	if o.Senders, err = ring.Senders("bob@example.org"); err != nil {
		return err
	}
	m, err := o.Open(strings.NewReader(message.String()))
	if err != nil {
		return err
	}
	defer m.Close()
	text, err := io.ReadAll(m)
	if err != nil {
		return err
	}
	fmt.Printf("Bob wrote: %s\n", text)

	// Another key in his name changes nothing, whoever vouches for it, and whom
	// nobody verified nothing is sealed to.
	other, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	if err != nil {
		return err
	}
	stranger, err := keyring.Verify(other.Certificate(), keyring.Expect(other.Certificate().Fingerprint()))
	if err != nil {
		return err
	}
	var changed *keyring.ChangedError
	if _, err := ring.Add(stranger, keyring.Addition{}); errors.As(err, &changed) {
		fmt.Println("ask Bob: there is another key for", changed.Address)
	}
	var unknown *keyring.UnknownError
	if err := sealTo(ring, io.Discard, "bob@example.org", "eve@example.org"); errors.As(err, &unknown) {
		fmt.Println("no key of", unknown.Address, "yet")
	}
	return nil
}

// sealTo seals to all of the addresses, or to nobody.
func sealTo(ring *keyring.Ring, dst io.Writer, addresses ...string) error {
	to, err := ring.Recipients(addresses...)
	if err != nil {
		return err
	}
	w, err := envelope.Seal(dst, to...)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := io.WriteString(w, "at noon"); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	fmt.Println("sealed, because:", w.Receipt().Evidence[0])
	return nil
}

// Certificates are renewed every year. Bob's new key comes in a message that the
// old one signed: that is evidence, and no question to anybody.
func ExampleRing_Add_renewed() {
	if err := renewed(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// changed: say Replace, or bring evidence
	// succeeded, 1 key replaced
}

func renewed() error {
	dir, err := os.MkdirTemp("", "ring")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ring, err := keyring.OpenRing(filepath.Join(dir, "ring"), pgp.ParseCertificate)
	if err != nil {
		return err
	}
	defer ring.Close()
	oldKey, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	if err != nil {
		return err
	}
	newKey, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	if err != nil {
		return err
	}
	bob, err := keyring.Verify(oldKey.Certificate(), keyring.Expect(oldKey.Certificate().Fingerprint()))
	if err != nil {
		return err
	}
	if _, err := ring.Add(bob, keyring.Addition{}); err != nil {
		return err
	}

	later, err := keyring.Verify(newKey.Certificate(), keyring.Expect(newKey.Certificate().Fingerprint()))
	if err != nil {
		return err
	}
	var changed *keyring.ChangedError
	if _, err := ring.Add(later, keyring.Addition{}); errors.As(err, &changed) {
		fmt.Println("changed: say Replace, or bring evidence")
	}
	transition, err := oldKey.Transition(newKey.Certificate())
	if err != nil {
		return err
	}
	later, err = keyring.Verify(newKey.Certificate(), pgp.SucceededIn(bob, transition))
	if err != nil {
		return err
	}
	change, err := ring.Add(later, keyring.Addition{})
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d key replaced\n", change.Event, len(change.Replaced))
	return nil
}
