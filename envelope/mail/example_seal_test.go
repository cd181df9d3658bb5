package mail_test

import (
	"errors"
	"fmt"
	"log"
	netmail "net/mail"
	"os"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// colleagues makes Alice, who writes, with a key of each format, and the keys of
// those she writes to, as she has them in her ring.
func colleagues() (signers []envelope.Signer, keys map[string][]*keyring.Verified) {
	keys = map[string][]*keyring.Verified{}
	verify := func(address string, c *keyring.Certificate) {
		v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint())) // Alice was told the fingerprint
		if err != nil {
			log.Fatal(err)
		}
		keys[address] = append(keys[address], v)
	}
	for _, address := range []string{"bob@example.org", "alice@example.org"} {
		k, err := pgp.GenerateKey(pgp.KeyOptions{Address: address})
		if err != nil {
			log.Fatal(err)
		}
		verify(address, k.Certificate())
		if address == "alice@example.org" {
			signers = append(signers, k.Signer())
		}
	}
	for _, address := range []string{"carol@example.com", "boss@example.com", "alice@example.org"} {
		k, err := smime.GenerateKey(smime.KeyOptions{Address: address, Algorithm: "p256"})
		if err != nil {
			log.Fatal(err)
		}
		verify(address, k.Certificate())
		if address == "alice@example.org" {
			signers = append(signers, k.Signer())
		}
	}
	return signers, keys
}

// Look at what will go out, and at who has no key yet.
func ExampleComposer_Plan() {
	signers, keys := colleagues()
	c := &mail.Composer{Keys: keys, Signers: signers}
	d := &mail.Draft{
		From:    netmail.Address{Name: "Alice", Address: "alice@example.org"},
		To:      []netmail.Address{{Address: "bob@example.org"}, {Address: "carol@example.com"}},
		Bcc:     []netmail.Address{{Address: "boss@example.com"}},
		Subject: "The numbers",
		Text:    "See there.\n",
	}
	p, err := c.Plan(d)
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range p.Copies() {
		fmt.Println(m.Format, m.Container, m.Recipients, m.Bcc)
	}

	d.Cc = []netmail.Address{{Address: "dave@example.net"}}
	_, err = c.Plan(d)
	var gaps *mail.GapsError
	if errors.As(err, &gaps) {
		fmt.Println("no key for", gaps.Gaps[0].Address)
	}
	// Output:
	// S/MIME EnvelopedData [carol@example.com] false
	// OpenPGP SEIPDv1 [bob@example.org] false
	// S/MIME EnvelopedData [boss@example.com] true
	// no key for dave@example.net
}

// Seal a mail with an attachment, and hand each message on.
func ExamplePlan_Seal() {
	signers, keys := colleagues()
	c := &mail.Composer{Keys: keys, Signers: signers, OwnCopy: keys["alice@example.org"]}
	p, err := c.Plan(&mail.Draft{
		From:        netmail.Address{Address: "alice@example.org"},
		To:          []netmail.Address{{Address: "bob@example.org"}},
		Subject:     "The receipt",
		Text:        "See there.\n",
		Attachments: []mail.Attachment{{Name: "receipt.pdf", Body: strings.NewReader("…")}},
	})
	if err != nil {
		log.Fatal(err)
	}
	all, err := p.Seal()
	if err != nil {
		log.Fatal(err) // and there is nothing that could be sent
	}
	for _, m := range all {
		fmt.Println(m.From(), m.Recipients(), m.Own(), m.Receipt().Format)
		if err := m.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// alice@example.org [bob@example.org] false OpenPGP
	// alice@example.org [] true OpenPGP
}

// Seal to a file, and take the message up again in another process.
func ExampleReopen() {
	_, keys := colleagues()
	c := &mail.Composer{Keys: keys}
	p, err := c.Plan(&mail.Draft{
		From: netmail.Address{Address: "alice@example.org"},
		To:   []netmail.Address{{Address: "bob@example.org"}}, Text: "Hello.\n",
	})
	if err != nil {
		log.Fatal(err)
	}
	f, err := os.CreateTemp("", "*.eml")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := p.Seal(f); err != nil {
		log.Fatal(err)
	}

	info, err := f.Stat()
	if err != nil {
		log.Fatal(err)
	}
	m, err := mail.Reopen(f, info.Size(), "alice@example.org", []string{"bob@example.org"}, pgp.Format(), smime.Format())
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	fmt.Println(m.Recipients(), m.Receipt().Container)
	// Output: [bob@example.org] SEIPDv1
}
