package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/sample"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/doublekeybox/doublekeybox/transport/link"
)

// opening is what the customers of the demonstration have.
type opening struct {
	demo        *demo
	client      *http.Client
	passphrases map[string]*envelope.Passphrase // by address, of the letters that were printed
}

// openAll opens every mail as the one who got it, and compares.
func (d *demo) openAll() error {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(d.objects.Authority)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	o := &opening{demo: d, client: &http.Client{Transport: transport}}
	if err := o.readLetters(); err != nil {
		return err
	}
	type counts struct{ people, opened int }
	total := map[string]*counts{}
	for _, p := range d.world.People {
		c := total[p.Delivery]
		if c == nil {
			c = &counts{}
			total[p.Delivery] = c
		}
		c.people++
		if err := o.open(p); err != nil {
			return fmt.Errorf("the mail to %s, by %s: %w", p.Address, p.Delivery, err)
		}
		c.opened++
	}
	how := map[string]string{
		"openpgp": "with their OpenPGP key", "smime": "with their S/MIME key",
		"zip": "with the passphrase of their letter", "link": "with their key, or the passphrase of their letter",
	}
	for _, delivery := range []string{"openpgp", "smime", "zip", "link"} {
		if c := total[delivery]; c != nil {
			d.print("   %-8s %2d of %2d opened, signature verified, statement as it was: %s\n", delivery, c.opened, c.people, how[delivery])
		}
	}
	return nil
}

// readLetters does what the print shop does: it opens the parts that were sealed
// to it.
func (o *opening) readLetters() error {
	o.passphrases = map[string]*envelope.Passphrase{}
	parts, err := filepath.Glob(filepath.Join(o.demo.in("run"), "passphrases", "*.csv.*"))
	if err != nil {
		return err
	}
	opener := envelope.Opener{Identities: o.demo.world.Printer, Formats: []envelope.Format{pgp.Format(), smime.Format()}}
	for _, name := range parts {
		if err := o.readPart(&opener, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (o *opening) readPart(opener *envelope.Opener, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := opener.Open(f)
	if err != nil {
		return err
	}
	defer m.Close()
	rows, err := csv.NewReader(m).ReadAll()
	if err != nil || len(rows) == 0 {
		return errors.Join(err, errors.New("no table"))
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	for _, row := range rows[1:] {
		p, err := envelope.OpenPassphrase(row[column["passphrase"]])
		if err != nil {
			return err
		}
		o.passphrases[row[column["address"]]] = p
	}
	return nil
}

// open opens the one mail that p got, and whatever is in it.
func (o *opening) open(p sample.Person) error {
	names, err := filepath.Glob(filepath.Join(o.demo.in("mails"), p.Address+".*.eml"))
	if err != nil {
		return err
	}
	if len(names) != 1 {
		return fmt.Errorf("%d mails came", len(names))
	}
	f, err := os.Open(names[0])
	if err != nil {
		return err
	}
	defer f.Close()
	opener := mail.Opener{
		Identities: p.Identities, Formats: []envelope.Format{pgp.Format(), smime.Format()},
		Senders: o.demo.world.Senders, Strict: true,
	}
	m, err := opener.Open(f)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := m.Err(); err != nil {
		return err
	}
	if !m.Summary().Verified {
		return fmt.Errorf("it is not verified: %v", m.Summary().Findings)
	}
	got, err := o.document(m, p)
	if err != nil {
		return err
	}
	want, err := os.ReadFile(filepath.Join(o.demo.world.Documents, p.Document))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("the statement has the SHA-256 %x, and should have %x", sha256.Sum256(got), sha256.Sum256(want))
	}
	return nil
}

// document returns the statement that a mail holds, or leads to.
func (o *opening) document(m *mail.Message, p sample.Person) ([]byte, error) {
	var text string
	for _, part := range m.Parts() {
		switch {
		case part.Name == p.Document:
			return io.ReadAll(part.Open())
		case strings.HasSuffix(part.Name, ".zip"):
			box, err := io.ReadAll(part.Open())
			if err != nil {
				return nil, err
			}
			return o.unlock(box, p)
		case part.MediaType == "text/plain" && text == "":
			b, err := io.ReadAll(part.Open())
			if err != nil {
				return nil, err
			}
			text = string(b)
		}
	}
	l, err := link.Parse(text)
	if err != nil {
		return nil, err
	}
	var object link.Memory
	if err := link.Fetch(context.Background(), o.client, l, &object); err != nil {
		return nil, err
	}
	if p.Identities == nil {
		return o.unlock(object.Bytes(), p)
	}
	opener := envelope.Opener{Identities: p.Identities, Formats: []envelope.Format{pgp.Format(), smime.Format()}}
	sealed, err := opener.Open(bytes.NewReader(object.Bytes()))
	if err != nil {
		return nil, err
	}
	defer sealed.Close()
	return io.ReadAll(sealed)
}

// unlock opens a box with the passphrase of the letter.
func (o *opening) unlock(box []byte, p sample.Person) ([]byte, error) {
	passphrase := o.passphrases[p.Address]
	if passphrase == nil {
		return nil, errors.New("there is no letter with a passphrase")
	}
	archive, err := new(zipbox.Opener).Open(bytes.NewReader(box), passphrase)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	for _, f := range archive.Files() {
		if f.Name == p.Document {
			r := f.Open()
			defer r.Close()
			return io.ReadAll(r)
		}
	}
	return nil, errors.New("the statement is not in the box")
}
