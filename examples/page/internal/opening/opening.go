// Package opening is what the page does, but for the browser: it takes a link
// and the octets that came from there, checks that they are what the link was
// made for, and opens them.
//
// Nothing of a file is released before all of it was authenticated. The order
// is that of cost and of danger: the link's time before anything is fetched,
// size and hash before a passphrase is asked for.
package opening

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/doublekeybox/doublekeybox/transport/link"
)

// Limit is how many octets a box, and what is in it, may have. A page holds
// both in memory, and the browser a copy of the second; browsers on telephones
// end pages at about a gigabyte.
const Limit = 256 << 20

// Box is one file that is to be opened. It belongs to one goroutine.
type Box struct {
	link *link.Link // nil: the file was chosen by hand, and nothing is known of it
	data blocks
	hash hash.Hash
	kind Kind
}

// Kind says what opens a box.
type Kind struct {
	Format     string // "ZIP", "OpenPGP" or "S/MIME"
	Passphrase bool   // a passphrase does
	Key        bool   // a private key does
}

// New returns a Box for the link in fragment, which is what stands in the page's
// address from the "#" on; "" for a file without a link.
//
// Errors: BadLink, TooBig.
func New(fragment string) (*Box, error) {
	b := &Box{hash: sha256.New()}
	if fragment == "" || fragment == "#" {
		return b, nil
	}
	l, err := link.ParseFragment(fragment)
	if err != nil {
		return nil, failed(BadLink, err)
	}
	if l.Size > Limit {
		return nil, failed(TooBig, nil)
	}
	b.link = &l
	return b, nil
}

// Link returns the link, and whether there is one.
func (b *Box) Link() (link.Link, bool) {
	if b.link == nil {
		return link.Link{}, false
	}
	return *b.link, true
}

// Alive returns an Expired error if the link's time is over. A file that was
// fetched before then is as good as it was.
func (b *Box) Alive(now time.Time) error {
	if b.link != nil && !now.Before(b.link.Expires) {
		return failed(Expired, nil)
	}
	return nil
}

// Write takes the next octets of the file. Errors: TooBig, and Replaced as soon
// as there is more than the link says.
func (b *Box) Write(p []byte) (int, error) {
	n := b.data.size + int64(len(p))
	switch {
	case n > Limit:
		return 0, failed(TooBig, nil)
	case b.link != nil && n > b.link.Size:
		return 0, failed(Replaced, nil)
	}
	b.hash.Write(p)
	return b.data.Write(p)
}

// Complete ends the file and says what opens it. That it is what the link was
// made for is known then.
//
// Errors: Truncated, Replaced, NoBox, Plain, Outdated, TooBig. After one Clear
// makes the Box as new.
func (b *Box) Complete() (Kind, error) {
	if b.link != nil {
		if b.data.size < b.link.Size {
			return Kind{}, failed(Truncated, nil)
		}
		if [sha256.Size]byte(b.hash.Sum(nil)) != b.link.SHA256 {
			return Kind{}, failed(Replaced, nil)
		}
	}
	k, err := b.inspect()
	if err != nil {
		return Kind{}, told(err)
	}
	b.kind = k
	return k, nil
}

// Clear forgets what was written.
func (b *Box) Clear() {
	b.data = blocks{}
	b.hash.Reset()
	b.kind = Kind{}
}

// inspect finds out what opens the file.
func (b *Box) inspect() (Kind, error) {
	head := make([]byte, 2)
	n, _ := b.data.ReadAt(head, 0)
	if bytes.Equal(head[:n], []byte("PK")) {
		return Kind{Format: "ZIP", Passphrase: true}, b.inspectZIP()
	}
	r, err := envelope.Inspect(b.data.reader(), formats()...)
	if err != nil {
		return Kind{}, err
	}
	if !r.Encrypted {
		return Kind{}, failed(Plain, nil)
	}
	k := Kind{Format: r.Format}
	for _, to := range r.Recipients {
		if to.ID == passphraseID {
			k.Passphrase = true
		} else {
			k.Key = true
		}
	}
	return k, nil
}

// inspectZIP refuses what no passphrase opens: all that is refused of an archive
// is refused before a passphrase is tried, and a random one fits none.
func (b *Box) inspectZIP() error {
	a, err := zipOpener().Open(b.data.reader(), envelope.NewPassphrase())
	if err == nil {
		a.Close()
	}
	if err == envelope.ErrDecrypt {
		return nil
	}
	return err
}

// passphraseID stands in the place of a recipient where a passphrase opens.
const passphraseID = "passphrase"

func formats() []envelope.Format { return []envelope.Format{pgp.Format(), smime.Format()} }
