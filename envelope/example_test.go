package envelope_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// people makes the keys that the examples use, and verifies their
// certificates as somebody would who was told the fingerprints.
func people() (alice, bob *smime.Key, verified map[string]*keyring.Verified) {
	verified = map[string]*keyring.Verified{}
	var keys []*smime.Key
	for _, name := range []string{"alice", "bob"} {
		k, err := smime.GenerateKey(smime.KeyOptions{Address: name + "@example.org", Algorithm: "p256"})
		if err != nil {
			log.Fatal(err)
		}
		if verified[name], err = keyring.Verify(k.Certificate(), keyring.Expect(k.Certificate().Fingerprint())); err != nil {
			log.Fatal(err)
		}
		keys = append(keys, k)
	}
	return keys[0], keys[1], verified
}

// Seal an attachment in OpenPGP, and open it.
func ExampleSeal() {
	key, err := pgp.GenerateKey(pgp.KeyOptions{Name: "Bob", Address: "bob@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	bob, err := keyring.Verify(key.Certificate(), keyring.Expect(key.Certificate().Fingerprint()))
	if err != nil {
		log.Fatal(err)
	}

	var message bytes.Buffer
	w, err := envelope.Seal(&message, bob)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort() // does nothing after Close
	if _, err := io.WriteString(w, "the receipt"); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	o := envelope.Opener{Identities: []envelope.Identity{key.Identity()}}
	m, err := o.Open(&message)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	content, err := io.ReadAll(m)
	fmt.Println(string(content), err)
	// Output: the receipt <nil>
}

// Sign inside the encryption, and look at the receipt.
func ExampleSealer_Seal() {
	alice, _, verified := people()
	s := envelope.Sealer{Signers: []envelope.Signer{alice.Signer()}}
	w, err := s.Seal(io.Discard, verified["bob"])
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort()
	if _, err := io.WriteString(w, "the receipt"); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	r := w.Receipt()
	fmt.Println(r.Format, r.Container, r.Content, len(r.Recipients), r.Bytes)
	// Output: S/MIME EnvelopedData AES-256-CBC 1 11
}

// Require that somebody in particular signed.
func ExampleOpener_Open() {
	alice, bob, verified := people()
	var message bytes.Buffer
	s := envelope.Sealer{Signers: []envelope.Signer{alice.Signer()}}
	w, err := s.Seal(&message, verified["bob"])
	if err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	for _, sender := range []string{"alice", "bob"} {
		o := envelope.Opener{
			Identities:       []envelope.Identity{bob.Identity()},
			Senders:          []*keyring.Verified{verified[sender]},
			RequireSignature: true,
		}
		m, err := o.Open(bytes.NewReader(message.Bytes()))
		if errors.Is(err, envelope.ErrSignature) {
			fmt.Println("not signed by", sender)
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("signed by", m.Report().Signatures[0].Sender.Certificate().Addresses())
		m.Close()
	}
	// Output:
	// signed by [alice@example.org]
	// not signed by bob
}

// A signature beside a file.
func ExampleSignDetached() {
	alice, _, verified := people()
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

	o := envelope.Opener{Senders: []*keyring.Verified{verified["alice"]}}
	_, err = o.VerifyDetached(bytes.NewReader(sig.Bytes()), strings.NewReader("the contract"))
	fmt.Println(err)
	_, err = o.VerifyDetached(bytes.NewReader(sig.Bytes()), strings.NewReader("another contract"))
	fmt.Println(errors.Is(err, envelope.ErrSignature))
	// Output:
	// <nil>
	// true
}

// A signed message that everybody can read.
func ExampleSign() {
	alice, _, verified := people()
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

	o := envelope.Opener{Senders: []*keyring.Verified{verified["alice"]}}
	m, err := o.Verify(&message)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	content, err := io.ReadAll(m)
	fmt.Println(string(content), err)
	// Output: opening hours <nil>
}

// What anybody can see of a sealed message.
func ExampleInspect() {
	_, _, verified := people()
	var message bytes.Buffer
	s := envelope.Sealer{Profile: envelope.Modern}
	w, err := s.Seal(&message, verified["alice"], verified["bob"])
	if err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	r, err := envelope.Inspect(&message, smime.Format(), pgp.Format())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Format, r.Container, r.Content, len(r.Recipients))
	// Output: S/MIME AuthEnvelopedData AES-256-GCM 2
}

// Let a colleague read a message too, without sealing it anew.
func ExampleRewrap() {
	alice, bob, verified := people()
	var message bytes.Buffer
	s := envelope.Sealer{Profile: envelope.Modern}
	w, err := s.Seal(&message, verified["alice"])
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort()
	io.WriteString(w, "the receipt")
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	var forBoth bytes.Buffer
	byAlice := envelope.Opener{Identities: []envelope.Identity{alice.Identity()}}
	receipt, err := envelope.Rewrap(&forBoth, &message, &byAlice, &s, verified["bob"])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(receipt.Recipients), "recipients, content key reused:", receipt.ContentKeyReused)

	byBob := envelope.Opener{Identities: []envelope.Identity{bob.Identity()}}
	m, err := byBob.Open(&forBoth)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	content, err := io.ReadAll(m)
	fmt.Println(string(content), err)
	// Output:
	// 2 recipients, content key reused: true
	// the receipt <nil>
}

// Seal to somebody else what was sealed to oneself, in today's form.
func ExampleSealer_Reseal() {
	alice, _, verified := people()
	var message, forBob bytes.Buffer
	s := envelope.Sealer{Profile: envelope.Modern, Signers: []envelope.Signer{alice.Signer()}}
	w, err := s.Seal(&message, verified["alice"])
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort()
	io.WriteString(w, "the receipt")
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	byAlice := envelope.Opener{Identities: []envelope.Identity{alice.Identity()}}
	receipt, err := s.Reseal(&forBob, &message, &byAlice, verified["bob"])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.Bytes, "octets for", len(receipt.Recipients), "recipient; it was signed:", receipt.Opened.Signatures[0].Valid())
	// Output: 11 octets for 1 recipient; it was signed: true
}

// Give a message a passphrase as well, told to the reader by telephone.
func ExampleNewPassphrase() {
	p := envelope.NewPassphrase()
	fmt.Println(p, len(p.Reveal()))
	// Output: [passphrase] 24
}

func ExampleNewPassphraseOf() {
	p, err := envelope.NewPassphraseOf("words")
	if err != nil {
		panic(err)
	}
	fmt.Println(p, len(strings.Split(p.Reveal(), "-")), "words")
	// Output: [passphrase] 10 words
}
