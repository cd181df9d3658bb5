package mail

import (
	"crypto/rand"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

// checked is a draft in which nothing is wrong, with what it left open filled in.
type checked struct {
	from                 address
	replyTo, to, cc, bcc []address
	subject              string
	date                 time.Time
	messageID            string
	inReplyTo            []string
	references           []string
	text, html           string
	attachments          []attachment
}

// check finds everything that can be wrong with a draft and returns it as one
// error. No octet of a reader is read.
func (d *Draft) check(now time.Time) (*checked, error) {
	c := &checker{}
	r := &checked{
		from:       c.address("From", d.From),
		replyTo:    c.addresses("Reply-To", d.ReplyTo),
		to:         c.addresses("To", d.To),
		cc:         c.addresses("Cc", d.Cc),
		bcc:        c.addresses("Bcc", d.Bcc),
		subject:    d.Subject,
		date:       d.Date,
		messageID:  d.MessageID,
		inReplyTo:  slices.Clone(d.InReplyTo), // what was checked is what is written
		references: slices.Clone(d.References),
		text:       d.Text,
		html:       d.HTML,
	}
	if other := otherAddress(d.From.Name, r.from.Address); other != "" {
		c.problem("From", "the name has the address %.254q, which is not the sender's: no reader would believe a signature", other)
	}
	if len(d.To)+len(d.Cc)+len(d.Bcc) == 0 {
		c.problem("To", "there is no recipient")
	}
	c.oneLine("Subject", d.Subject)
	if r.date.IsZero() {
		r.date = now
	}
	// RFC 5322, Section 3.3: a zone has hours and minutes, and no date has
	// been further from UTC than a day.
	if _, offset := r.date.Zone(); offset%60 != 0 || offset <= -24*3600 || offset >= 24*3600 {
		r.date = r.date.UTC()
	}
	// The same: four digits, and no year before 1900.
	if y := r.date.Year(); y < 1900 || y > 9999 {
		c.problem("Date", "no mail can be of the year %d", y)
	}
	if r.messageID == "" {
		// Nothing of the sender's machine, nor of who gets a copy, is in it.
		r.messageID = strings.ToLower(rand.Text()) + "@" + r.from.Domain()
	} else {
		c.messageID("Message-ID", r.messageID)
	}
	for _, id := range r.inReplyTo {
		c.messageID("In-Reply-To", id)
	}
	for _, id := range r.references {
		c.messageID("References", id)
	}
	c.lines("Text", d.Text)
	c.lines("HTML", d.HTML)
	r.attachments = c.attachments(d.Attachments)
	c.size(r)
	if err := c.err(); err != nil {
		return nil, err
	}
	return r, nil
}

// protected returns the fields that stand inside, in order. bcc is the one Bcc
// recipient of this copy, nil for all others: a person sees that they are the
// blind one, and nobody sees another (RFC 5322, Section 3.6.3).
func (c *checked) protected(bcc *mail.Address) []field {
	fs := []field{addressField("From", []address{c.from}, true)}
	add := func(name string, as []address) {
		if len(as) > 0 {
			fs = append(fs, addressField(name, as, true))
		}
	}
	add("To", c.to)
	add("Cc", c.cc)
	if bcc != nil {
		// One of the draft's, which were all checked.
		if m, err := mailbox.Parse(bcc.Address); err == nil {
			add("Bcc", []address{{bcc.Name, m}})
		}
	}
	add("Reply-To", c.replyTo)
	fs = append(fs,
		field{"Subject", fold("Subject", text(c.subject))},
		field{"Date", c.date.Format(dateLayout)},
		idField("Message-ID", c.messageID))
	if len(c.inReplyTo) > 0 {
		fs = append(fs, idField("In-Reply-To", c.inReplyTo...))
	}
	if len(c.references) > 0 {
		fs = append(fs, idField("References", c.references...))
	}
	return fs
}

// dateLayout is RFC 5322, Section 3.3.
const dateLayout = "Mon, 2 Jan 2006 15:04:05 -0700"

func idField(name string, ids ...string) field {
	return field{name, fold(name, "<"+strings.Join(ids, "> <")+">")}
}
