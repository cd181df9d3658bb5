package main

import (
	"errors"
	netmail "net/mail"
	"os"
	"path/filepath"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// wholeMail shows one mail to two people who read different formats, the second
// of them in Bcc.
func (d *demo) wholeMail(people []*pair) error {
	d.heading(5, "One mail with the file, to Bob, and in Bcc to Alice's archive")
	openPGP, smime := people[0], people[1]
	readers := []key{openPGP.bob, smime.alice}
	addresses := []string{"bob@example.org", "alice@example.org"}
	composer := mail.Composer{Keys: map[string][]*keyring.Verified{}}
	opener := mail.Opener{Formats: formats()}
	for i, k := range readers {
		v, err := keyring.Verify(k.Certificate(), keyring.Expect(k.Certificate().Fingerprint()))
		if err != nil {
			return err
		}
		composer.Keys[addresses[i]] = []*keyring.Verified{v}
	}
	for _, p := range people {
		alice, err := keyring.Verify(p.alice.Certificate(), keyring.Expect(p.alice.Certificate().Fingerprint()))
		if err != nil {
			return err
		}
		composer.Signers = append(composer.Signers, p.alice.Signer())
		opener.Senders = append(opener.Senders, alice)
	}
	file, err := os.Open(d.file)
	if err != nil {
		return failed("reading", d.file, err)
	}
	defer file.Close()
	plan, err := composer.Plan(&mail.Draft{
		From: netmail.Address{Address: "alice@example.org"}, To: []netmail.Address{{Address: addresses[0]}},
		Bcc: []netmail.Address{{Address: addresses[1]}}, Subject: "Your receipt", Text: "Here it is.\n",
		Attachments: []mail.Attachment{{Name: filepath.Base(d.file), Body: file}},
	})
	if err != nil {
		return err
	}
	sealed, err := plan.Seal()
	if err != nil {
		return err
	}
	for i, s := range sealed {
		defer s.Close()
		opener.Identities = []envelope.Identity{readers[i].Identity()}
		if err := d.readMail(&opener, s); err != nil {
			return err
		}
	}
	return nil
}

// readMail reads a mail as the one who gets it, and says what came of it.
func (d *demo) readMail(o *mail.Opener, s *mail.Sealed) error {
	m, err := o.Open(s.Open())
	if err != nil {
		return err
	}
	defer m.Close()
	if err := m.Err(); err != nil {
		return err
	}
	summary := m.Summary()
	if !summary.Verified || !summary.Encrypted {
		return errors.New("internal error: the mail is not verified")
	}
	for _, f := range summary.Fields {
		if f.Name == "Subject" {
			d.print("   %-8s to %s: verified; %q, on its way %q\n", s.Receipt().Format, s.Recipients()[0], f.Value, f.Outer)
		}
	}
	return nil
}
