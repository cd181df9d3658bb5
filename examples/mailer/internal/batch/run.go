// Package batch sends everybody of a list what is theirs: it looks through the
// whole list before the first mail, and then seals in parallel, and sends by
// several connections, at the rate that is asked for and that the server bears.
//
// What is kept of a row is in a journal. Nobody is sent a mail twice and nobody
// is forgotten: see wire.go, where a mail goes out.
package batch

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	netmail "net/mail"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/carrier"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/channel"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/letter"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/list"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/transport/link"
)

// Run is a batch. It must not be changed while it is at work.
type Run struct {
	List      *list.List
	Documents *os.Root // what the list's documents are in; nothing outside of it is read
	Letters   *letter.Letters
	From      netmail.Address

	// Keys is what the certificates that the list names are in; nil: it names none.
	// Parsers read them, by their format, "OpenPGP" and "S/MIME".
	Keys    *os.Root
	Parsers map[string]keyring.Parser

	// Composer is how mail is composed: with its Ring, which has the keys, and
	// with AllowUnsigned where mail may go out that nobody signed. Its Signers are
	// these, by their format, "OpenPGP" and "S/MIME".
	Composer mail.Composer
	Signers  map[string][]envelope.Signer

	Carrier carrier.Carrier
	Journal *journal.Journal // for Send

	// Channel tells people their passphrases, those of up to ChannelBatch at a
	// time; nil: nobody is given one.
	Channel      channel.Channel
	ChannelBatch int
	Passphrase   func() (*envelope.Passphrase, error) // makes one
	Weak         bool                                 // one that people know may be such as can be guessed

	Store    Store // of what links lead to; nil: there are none
	Lifetime time.Duration
	Page     string // where people open a link's content

	Domains map[string]Domain // by their name in small letters, A-labels

	Rate        float64         // mails a second; 0: as fast as it goes
	Connections int             // to the server
	Workers     int             // who seal
	Pauses      []time.Duration // before each further round of those that were put off

	Progress *Progress // is told how far it is; may be nil

	// Tell is told, in one line, what a person has to know who waits: that there is
	// no connection, and why mails are put off. May be nil. It is called by several
	// at the same time.
	Tell func(text string)

	looked looked // what the preflight saw
}

// ErrNoStore is wrapped by an error of Store.Put that will be the same for every
// object: nothing more is sent then, instead of putting off all that have a link.
var ErrNoStore = errors.New("the store takes nothing")

// Store keeps what links lead to: *s3.Store.
type Store interface {
	Check(ctx context.Context, lifetime time.Duration) error
	Put(ctx context.Context, src io.ReaderAt, size int64, lifetime time.Duration) (link.Link, error)
}

// Domain is what is known of the servers of a domain.
type Domain struct {
	Delivery list.Delivery // in place of what the list says; "": as it says
	MaxSize  int64         // octets of a mail; 0: not known
	Rate     float64       // mails a second; 0: as any
	Reason   string        // of Delivery, for people
}

// domainOf returns the domain of an address, in the form in which domains are
// compared.
func domainOf(address string) string {
	a, err := mailbox.Parse(address)
	if err != nil {
		return ""
	}
	return a.Domain()
}

// messageID returns the Message-ID of a row: the same at each try, by which a
// mail that went out twice can be told from two mails, and which tells nobody
// what number the row has, or that two mails are of one run.
func (r *Run) messageID(row int) string {
	mac := hmac.New(sha256.New, []byte(r.Journal.Head().Run))
	mac.Write([]byte(strconv.Itoa(row)))
	_, domain, _ := strings.Cut(r.From.Address, "@")
	return hex.EncodeToString(mac.Sum(nil)[:16]) + "@" + domain
}
