// Package sample makes a small insurer and its customers up: keys, a ring, a list
// and a folder of statements, for the demonstration, for tests and for
// measurements. Nobody in it exists.
package sample

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// deliveries are the four ways in which a document goes out, as the list names
// them. Customers have them in turns.
var deliveries = [...]string{"openpgp", "smime", "zip", "link"}

// Options say what is made.
type Options struct {
	People int // how many customers; at least one

	// Deliveries are those of the list, in turns; nil: all four.
	Deliveries []string

	// Documents is how many different statements there are, which customers have in
	// turns; 0: one for each.
	Documents int

	// Gateways gives the customers of a domain one key in common, which a server of
	// theirs would open mail with, instead of a key for each, which takes the ring
	// 10 ms.
	Gateways bool

	// KeyFiles puts nobody's key into the ring: the list names a file with it, and
	// its fingerprint. It goes before Gateways.
	KeyFiles bool

	// Document writes the statement of customer n, counted from 1; nil: a PDF of a
	// page.
	Document func(name string, n int, p Person) error
}

// Person is a customer.
type Person struct {
	Name, Address string
	Delivery      string
	Language      string
	Document      string              // the file's name in World.Documents
	Identities    []envelope.Identity // with which they open what is sealed to them; nil without a key
	Key           string              // with KeyFiles: the file of their certificate in World.Certificates
	Fingerprint   string              // of it
}

// World is what was made, all of it below one directory.
type World struct {
	From      string // the insurer's address
	List      string // file: the customers, as CSV
	Documents string // directory
	Ring      string // directory

	Certificates string // directory; "" without KeyFiles

	// Keys are the files of the insurer's own keys, OpenPGP and S/MIME, without a
	// passphrase, and Senders the certificates of them.
	Keys    []string
	Senders []*keyring.Verified

	// PrintShop prints the letters with the passphrases: its address in the ring,
	// the file of its key, and what opens what is sealed to it.
	PrintShop    string
	PrintShopKey string
	Printer      []envelope.Identity

	People []Person
}

// Make makes everything below dir, which has to be there.
func Make(dir string, o Options) (*World, error) {
	w := &World{
		From: "statements@insurer.example", List: filepath.Join(dir, "people.csv"), Documents: filepath.Join(dir, "documents"),
		Ring: filepath.Join(dir, "ring"), PrintShop: "letters@printshop.example",
	}
	if err := os.MkdirAll(w.Documents, 0o700); err != nil {
		return nil, err
	}
	if o.KeyFiles {
		w.Certificates = filepath.Join(dir, "certificates")
		if err := os.Mkdir(w.Certificates, 0o700); err != nil {
			return nil, err
		}
	}
	ring, err := keyring.OpenRing(w.Ring, pgp.ParseCertificate, smime.ParseCertificate)
	if err != nil {
		return nil, err
	}
	defer ring.Close()
	m := maker{world: w, dir: dir, ring: ring, options: o, gateways: map[string]envelope.Identity{}}
	if err := m.insurer(); err != nil {
		return nil, err
	}
	if err := m.printShop(); err != nil {
		return nil, err
	}
	if o.People < 1 || o.Documents < 0 {
		return nil, fmt.Errorf("sample: %d people with %d documents cannot be made", o.People, o.Documents)
	}
	for n := 1; n <= o.People; n++ {
		if err := m.customer(n); err != nil {
			return nil, err
		}
	}
	return w, w.writeList()
}

// maker is Make while it is at work.
type maker struct {
	world    *World
	dir      string
	ring     *keyring.Ring
	options  Options
	gateways map[string]envelope.Identity // by format and domain
}

// key is what keys of both formats are.
type key interface {
	Certificate() *keyring.Certificate
	Identity() envelope.Identity
	Marshal(passphrase []byte) ([]byte, error)
}

func openPGP(name, address string) (key, error) {
	return pgp.GenerateKey(pgp.KeyOptions{Name: name, Address: address})
}

func certificate(name, address string) (key, error) {
	return smime.GenerateKey(smime.KeyOptions{Name: name, Address: address, Algorithm: "p256", ReadsGCM: true})
}

// verify takes the fingerprint of a key that was just made for its owner's word.
func verify(k key) (*keyring.Verified, error) {
	return keyring.Verify(k.Certificate(), keyring.Expect(k.Certificate().Fingerprint()))
}

func (m *maker) insurer() error {
	for suffix, make := range map[string]func(name, address string) (key, error){"openpgp": openPGP, "smime": certificate} {
		k, err := make("Example Insurance", m.world.From)
		if err != nil {
			return err
		}
		v, err := verify(k)
		if err != nil {
			return err
		}
		file := filepath.Join(m.dir, "insurer."+suffix+".key")
		if err := writeKey(file, k); err != nil {
			return err
		}
		m.world.Keys = append(m.world.Keys, file)
		m.world.Senders = append(m.world.Senders, v)
	}
	return nil
}

func writeKey(file string, k key) error {
	b, err := k.Marshal(nil)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

func (m *maker) printShop() error {
	k, err := openPGP("Print Shop", m.world.PrintShop)
	if err != nil {
		return err
	}
	m.world.PrintShopKey = filepath.Join(m.dir, "printshop.key")
	if err := writeKey(m.world.PrintShopKey, k); err != nil {
		return err
	}
	m.world.Printer = []envelope.Identity{k.Identity()}
	return m.add(k, keyring.Addition{})
}

func (m *maker) add(k key, a keyring.Addition) error {
	v, err := verify(k)
	if err != nil {
		return err
	}
	_, err = m.ring.Add(v, a)
	return err
}

// domains is how many domains the customers have their addresses at.
const domains = 5

// customer makes customer n: every second one of those who get a link has a key.
func (m *maker) customer(n int) error {
	ways := m.options.Deliveries
	if len(ways) == 0 {
		ways = deliveries[:]
	}
	statement := n
	if m.options.Documents > 0 {
		statement = (n-1)%m.options.Documents + 1
	}
	domain := fmt.Sprintf("mail%d.example", n%domains)
	p := Person{
		Name:     fmt.Sprintf("%s %s", given[n%len(given)], family[n/len(given)%len(family)]),
		Address:  fmt.Sprintf("customer%d@%s", n, domain),
		Delivery: ways[(n-1)%len(ways)],
		Language: []string{"en", "de"}[n%2],
		Document: fmt.Sprintf("statement-%06d.pdf", statement),
	}
	format := p.Delivery
	if format == "link" && n/len(ways)%2 == 0 {
		format = "smime"
	}
	if format == "openpgp" || format == "smime" {
		identity, err := m.key(format, domain, &p)
		if err != nil {
			return err
		}
		p.Identities = []envelope.Identity{identity}
	}
	write := m.options.Document
	if write == nil {
		write = writeStatement
	}
	if statement == n {
		if err := write(filepath.Join(m.world.Documents, p.Document), n, p); err != nil {
			return err
		}
	}
	m.world.People = append(m.world.People, p)
	return nil
}

// key makes the key of p, or of all of their domain, and puts it into the ring or
// into a file.
func (m *maker) key(format, domain string, p *Person) (envelope.Identity, error) {
	a := keyring.Addition{}
	name, address := p.Name, p.Address
	gateways := m.options.Gateways && !m.options.KeyFiles
	if gateways {
		if have, ok := m.gateways[format+domain]; ok {
			return have, nil
		}
		name, address = "Gateway", "gateway@"+domain
		a = keyring.Addition{Addresses: []string{"@" + domain}, Alias: true}
	}
	make := openPGP
	if format == "smime" {
		make = certificate
	}
	k, err := make(name, address)
	if err != nil {
		return envelope.Identity{}, err
	}
	if m.options.KeyFiles {
		p.Key, p.Fingerprint = p.Address, k.Certificate().Fingerprint().String()
		return k.Identity(), os.WriteFile(filepath.Join(m.world.Certificates, p.Key), k.Certificate().Marshal(), 0o600)
	}
	if gateways {
		m.gateways[format+domain] = k.Identity()
	}
	return k.Identity(), m.add(k, a)
}

func (w *World) writeList() error {
	f, err := os.OpenFile(w.List, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	c := csv.NewWriter(f)
	rows := [][]string{{"name", "address", "documents", "delivery", "language", "policy"}}
	if w.Certificates != "" {
		rows[0] = append(rows[0], "key", "fingerprint")
	}
	for i, p := range w.People {
		row := []string{p.Name, p.Address, p.Document, p.Delivery, p.Language, fmt.Sprintf("P-%06d", i+1)}
		if w.Certificates != "" {
			row = append(row, p.Key, p.Fingerprint)
		}
		rows = append(rows, row)
	}
	if err := c.WriteAll(rows); err != nil {
		return err
	}
	return f.Close()
}
