package keyring_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// Bob's fingerprint is compared once. From then on his address is enough.
func ExampleOpenRing() {
	if err := remember(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// added [bob@example.org]
	// expected fingerprint
	// sealed: true
	// keyring: no verified key for "eve@example.org"; add their certificate with its fingerprint, from paper or the telephone
}

func remember() error {
	home, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	bobsKey, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", ReadsGCM: true})
	if err != nil {
		return err
	}

	ring, err := keyring.OpenRing(filepath.Join(home, "ring"), pgp.ParseCertificate, smime.ParseCertificate)
	if err != nil {
		return err
	}
	defer ring.Close()
	bob, err := keyring.Verify(bobsKey.Certificate(), keyring.Expect(bobsKey.Certificate().Fingerprint()))
	if err != nil {
		return err
	}
	done, err := ring.Add(bob, keyring.Addition{})
	if err != nil {
		return err
	}
	fmt.Println(done.Event, done.Addresses)

	to, err := ring.Recipients("bob@example.org")
	if err != nil {
		return err
	}
	fmt.Println(to[0].Evidence())
	var sealed bytes.Buffer
	w, err := envelope.Seal(&sealed, to...)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := io.WriteString(w, "for Bob alone"); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	fmt.Println("sealed:", sealed.Len() > 0)

	_, err = ring.Recipients("eve@example.org")
	return unwrapOne(err)
}

// unwrapOne returns the first of the errors that Recipients found.
func unwrapOne(err error) error {
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		var unknown *keyring.UnknownError
		for _, e := range list.Unwrap() {
			if errors.As(e, &unknown) {
				return unknown
			}
		}
	}
	return err
}
