package discover

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf8"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// Reader finds certificates in files, mail and stores of other programs. It is
// read only, and its methods may be called concurrently if its functions may.
//
// What cannot be read is among the problems, with its place and the reason, and
// takes nothing else with it. So are what is larger than 64 MiB, more than
// 10,000 certificates, of which the first ones are returned, and something
// without any. What is given is not kept.
type Reader struct {
	// Parsers are for the formats that are wanted: pgp.ParseCertificate for
	// OpenPGP, pgp.KeyCertificate beside it for the public parts of secret keys,
	// and smime.ParseCertificate for X.509.
	Parsers []keyring.Parser

	// PKCS12 returns the certificates of a PKCS#12 file, for which it has to
	// know or to ask for the passphrase: smime.PKCS12Certificates. source says
	// for people which file it is. nil: such files are a problem.
	PKCS12 func(source string, b []byte) ([]*keyring.Certificate, error)
}

// Read is [Reader.Read] with these parsers.
func Read(name string, b []byte, parse ...keyring.Parser) ([]Candidate, []Problem) {
	r := Reader{Parsers: parse}
	return r.Read(name, b)
}

// Read finds the certificates in what a file holds, whatever it is: OpenPGP
// keys, armored or binary and any number of them joined, and X.509 certificates
// in DER, PEM and SignedData (.p7c), with any text around them. name is what the
// candidates' Source begins with.
//
// It also takes apart GnuPG's pubring.kbx and pubring.gpg, PKCS#12 where
// r.PKCS12 is set, vCards (KEY, with EMAIL as the Address), and messages as
// [Reader.Message] does. Data bases of NSS (Thunderbird, Firefox: cert9.db) are
// not read: the problem names the commands that export from them.
func (r *Reader) Read(name string, b []byte) ([]Candidate, []Problem) {
	return r.collect(name, b, (*collector).file)
}

// collect has b taken apart by how.
func (r *Reader) collect(name string, b []byte, how func(c *collector, place string, b []byte)) ([]Candidate, []Problem) {
	c := &collector{name: name, parsers: r.Parsers, open: r.PKCS12}
	if len(b) > maxFile {
		c.problem("", errTooLarge)
		return nil, c.problems
	}
	how(c, "", b)
	if len(c.found)+len(c.problems) == 0 {
		c.problem("", errNoCertificate)
	}
	return c.found, c.problems
}

// file takes apart what may be anything.
func (c *collector) file(place string, b []byte) {
	b = fromUTF16(b)
	switch {
	case isVCard(b):
		c.vcards(place, b)
	case isMessage(b):
		c.message(place, b)
		if len(c.found) == 0 {
			c.text(place, b) // no message after all, or one with a damaged part
		}
	default:
		c.bare(place, b)
	}
}

// bare takes apart what may be anything but a vCard or a message, which have
// such things in them: so nothing here calls itself.
func (c *collector) bare(place string, b []byte) {
	switch {
	case len(b) == 0:
		c.problem(place, errors.New("it is empty"))
	case b[0] == derSequence:
		c.der(place, b)
	case isKeybox(b):
		c.keybox(place, b)
	case isTrustDB(b) || isOwnerTrust(b):
		c.problem(place, errOwnerTrust)
	case bytes.HasPrefix(b, []byte(sqlite)):
		c.problem(place, errSQLite)
	case isText(b):
		c.text(place, b)
	case b[0]&0x80 != 0:
		c.keys(place, "", b)
	}
}

// sqlite is what files of SQLite begin with: NSS' cert9.db, and GnuPG's
// pubring.db where it has a keyboxd.
const sqlite = "SQLite format 3\x00"

var errSQLite = errors.New("a data base: have the program that owns it export its certificates" +
	" (Thunderbird, Firefox: certutil -L -d FOLDER -n NAME -a, pk12util -o FILE.p12 -d FOLDER -n NAME; GnuPG: gpg --export, gpgsm --export)")

// isText reports whether b is text that does not begin with an ASCII character:
// else the first octet of such a file would be taken for a packet's.
func isText(b []byte) bool {
	return b[0]&0x80 == 0 || bytes.Contains(b, []byte(blockBegin)) && utf8.Valid(b)
}

// fromUTF16 returns text of 16 bits in ASCII, which is what PowerShell makes of
// everything that is redirected into a file. What is not ASCII is text around
// the blocks, and of no importance.
func fromUTF16(b []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		order = binary.LittleEndian
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		order = binary.BigEndian
	default:
		return b
	}
	out := make([]byte, 0, len(b)/2)
	for b = b[2:]; len(b) >= 2; b = b[2:] {
		c := order.Uint16(b)
		if c >= 0x80 {
			c = '?'
		}
		out = append(out, byte(c))
	}
	return out
}
