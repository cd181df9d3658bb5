package discover

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The kinds of entries of a keybox, which is what GnuPG keeps keys and
// certificates in (pubring.kbx): kbx/keybox-blob.c in its sources. All numbers
// are in network order.
const (
	boxDeleted = 0 // an entry that was deleted stays, under this type
	boxHeader  = 1
	boxOpenPGP = 2
	boxX509    = 3
)

// boxHead is what an entry begins with: its length in 4 octets, itself
// included, type, version, 2 octets of flags, and offset and length of the
// certificate in 4 octets each.
const boxHead = 16

// boxEphemeral flags what gpgsm keeps in passing, as the intermediates of some
// message, and does not list.
const boxEphemeral = 1 << 1

// isKeybox reports whether b begins like a keybox.
func isKeybox(b []byte) bool {
	return len(b) >= 12 && b[4] == boxHeader && string(b[8:12]) == "KBXf"
}

// keybox takes the certificates of GnuPG's pubring.kbx: of gpg and of gpgsm.
// What else is in its entries is an index for GnuPG, and the digest at their end
// says nothing against a person.
func (c *collector) keybox(place string, b []byte) {
	at := 0
	for n := 0; at < len(b) && c.room(); n++ {
		rest := b[at:]
		size, err := boxSize(rest)
		if err != nil {
			c.problem(join(place, boxEntry(n)), err)
			return
		}
		if rest[4] != boxDeleted { // there may be ten million
			c.entry(join(place, boxEntry(n)), rest[:size])
		}
		at += size
	}
}

// boxEntry names an entry as kbxutil counts them, the header being entry 0.
func boxEntry(n int) string { return fmt.Sprintf("entry %d", n) }

// boxSize returns how many octets the entry has that b begins with. Where it
// fails nobody knows where the next one begins.
func boxSize(b []byte) (int, error) {
	if len(b) < 4 {
		return 0, errBoxCut
	}
	size := binary.BigEndian.Uint32(b)
	switch {
	case uint64(size) > uint64(len(b)):
		return 0, fmt.Errorf("it says that it has %d octets, and %d are left: %w", size, len(b), io.ErrUnexpectedEOF)
	case size < 6:
		// Without this an entry of no octets would be read for ever.
		return 0, fmt.Errorf("it says that it has %d octets, which is too few", size)
	}
	return int(size), nil
}

var (
	errBoxCut   = fmt.Errorf("the keybox is cut off: %w", io.ErrUnexpectedEOF)
	errBoxShort = errors.New("it is too short for a certificate")
	errBoxPlace = errors.New("it says that its certificate is where it is not")
)

// entry takes one entry of a keybox.
func (c *collector) entry(here string, e []byte) {
	kind := e[4]
	switch {
	case kind == boxHeader:
		return
	case kind != boxOpenPGP && kind != boxX509:
		c.problem(here, fmt.Errorf("it is of type %d, which is not known", kind))
		return
	case len(e) < boxHead:
		c.problem(here, errBoxShort)
		return
	}
	at, n := uint64(binary.BigEndian.Uint32(e[8:])), uint64(binary.BigEndian.Uint32(e[12:]))
	if at < boxHead || at+n > uint64(len(e)) {
		c.problem(here, errBoxPlace)
		return
	}
	cert := e[at : at+n : at+n]
	var notes []string
	if binary.BigEndian.Uint16(e[6:])&boxEphemeral != 0 {
		notes = []string{"kept in passing (ephemeral): GnuPG does not list it"}
	}
	if kind == boxX509 {
		c.take("smime", here, "", cert, notes...)
	} else {
		c.keys(here, "", cert, notes...)
	}
}
