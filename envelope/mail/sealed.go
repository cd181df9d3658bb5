package mail

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/reread"
)

// Sealed is a whole mail that is sealed, with whom it is delivered from and to.
// Only [Plan.Seal] and [Reopen] make one, and the helpers that send take nothing
// else: a mail cannot be sent in plain text by forgetting something. The zero
// value is empty.
//
// Safe for concurrent use. Close must be called.
type Sealed struct {
	from       string
	recipients []string
	messageID  string
	own, utf8  bool
	receipt    *envelope.Receipt
	src        *reread.Source
}

// finish ends every message.
func (p *Plan) finish(places []place, receipts []*envelope.Receipt) (all []*Sealed, err error) {
	for i, c := range p.copies {
		src, err := places[i].Source()
		if err != nil {
			for _, s := range all {
				s.Close()
			}
			return nil, fmt.Errorf("mail: %w", err)
		}
		_, outer := p.header(c)
		all = append(all, &Sealed{
			from: p.draft.from.String(), recipients: c.Recipients, messageID: p.draft.messageID,
			own: c.Own, utf8: isUTF8(outer, c.Recipients), receipt: receipts[i], src: src,
		})
	}
	return all, nil
}

// isUTF8 reports whether a mail needs SMTPUTF8 (RFC 6531).
func isUTF8(outer []field, recipients []string) bool {
	ascii := func(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) }
	return slices.ContainsFunc(outer, func(f field) bool { return !ascii(f.value) }) ||
		slices.ContainsFunc(recipients, func(a string) bool { return !ascii(a) })
}

// From returns the address in From, which is where mail that could not be
// delivered goes back to.
func (s *Sealed) From() string { return s.from }

// Recipients returns whom the mail is delivered to: none for the own copy.
func (s *Sealed) Recipients() []string { return slices.Clone(s.recipients) }

// MessageID returns the message ID, without angle brackets: the same for all
// that was made of one draft.
func (s *Sealed) MessageID() string { return s.messageID }

// Own reports whether the mail is the sender's own copy, for the folder of what
// was sent.
func (s *Sealed) Own() bool { return s.own }

// NeedsSMTPUTF8 reports whether an address in the header or a recipient is not
// ASCII: only servers with SMTPUTF8 (RFC 6531) take the mail.
func (s *Sealed) NeedsSMTPUTF8() bool { return s.utf8 }

// Receipt returns the proof of what was written. That of [Reopen] says what can
// be seen without a key, and nothing of who the recipients are.
func (s *Sealed) Receipt() *envelope.Receipt { return s.receipt }

// Size returns how many octets the mail has.
func (s *Sealed) Size() int64 {
	if s.src == nil {
		return 0
	}
	return s.src.Size()
}

// Open returns the mail from its begin on, each time the same octets. Reading
// fails if the file was changed, and after Close.
func (s *Sealed) Open() io.ReadSeeker {
	if s.src == nil {
		return strings.NewReader("")
	}
	return io.NewSectionReader(s.src, 0, s.src.Size())
}

// WriteTo writes the mail to w, each time the same octets. It fails if the file
// was changed, and after Close.
func (s *Sealed) WriteTo(w io.Writer) (int64, error) {
	if s.src == nil {
		return 0, nil
	}
	n, err := s.src.WriteTo(w)
	if err != nil {
		err = fmt.Errorf("mail: %w", err)
	}
	return n, err
}

// Close frees what is kept of the mail. It does not close the file.
func (s *Sealed) Close() error {
	if s.src == nil {
		return nil
	}
	return s.src.Close()
}
