package mail

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/reread"
)

// Clear is a mail that is signed and not encrypted: whoever carries it reads
// it. It is not a [Sealed], and nothing makes one of it. Only
// [Composer.SignClear] makes one; the zero value is empty.
//
// Safe for concurrent use. Close must be called.
type Clear struct {
	from       string
	recipients []string
	messageID  string
	utf8       bool
	receipt    *envelope.Receipt
	src        *reread.Source
}

// SignClear signs a mail and leaves it readable for everybody: as
// multipart/signed (RFC 8551, Section 3.5.3; RFC 3156, Section 5), with its
// header fields covered by the signature (RFC 9788). It is one message for all
// recipients, of whom those in Bcc are named in none of its fields.
//
// The signers are Composer.Signers, which have to be of one format. The message
// is written once, with what is signed byte by byte as it is written: its lines
// end in CR LF, are 7 bit and at most 76 long where that can be, so that no
// server has a reason to change them. It is kept in f, which has to be empty
// and must then not change; or, where f is nil, encrypted in memory and beyond
// Composer.Limits.SpoolMemory in a file without a name.
//
// Errors: one that says everything that is wrong with the draft; [*GapsError]
// where readers would not believe a signer; those of
// [envelope.Sealer.SignDetached], *envelope.MixedError among them; those of the
// attachments and of f, which is then emptied if that can be done.
func (c *Composer) SignClear(d *Draft, f File) (*Clear, error) {
	draft, err := c.checkClear(d)
	if err != nil {
		return nil, err
	}
	at, err := c.clearPlace(f)
	if err != nil {
		return nil, err
	}
	done := false
	defer func() {
		if !done { // also should a reader panic
			at.Close()
		}
	}()
	receipt, err := c.writeClear(at, draft)
	if err != nil {
		return nil, err
	}
	source, err := at.Source()
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	done = true
	m := &Clear{from: draft.from.String(), messageID: draft.messageID, receipt: receipt, src: source}
	for _, a := range slices.Concat(draft.to, draft.cc, draft.bcc) {
		if !slices.Contains(m.recipients, a.String()) {
			m.recipients = append(m.recipients, a.String())
		}
	}
	m.utf8 = isUTF8(draft.protected(nil), m.recipients)
	return m, nil
}

// checkClear checks the draft, and that the signers are the sender's.
func (c *Composer) checkClear(d *Draft) (*checked, error) {
	now := time.Now()
	if c.Time != nil {
		now = c.Time()
	}
	draft, err := d.check(now)
	if err != nil {
		return nil, err
	}
	p := &planner{c: c, draft: draft, now: now, from: draft.from.String()}
	if err := p.prepare(); err != nil {
		return nil, err
	}
	if len(p.gaps) > 0 {
		return nil, &GapsError{Gaps: p.gaps}
	}
	return draft, nil
}

func (c *Composer) clearPlace(f File) (place, error) {
	if f == nil {
		return reread.NewHolder(reread.Options{Memory: c.Limits.SpoolMemory, Dir: c.Limits.SpoolDir}), nil
	}
	// It is emptied after an error: what somebody else keeps in it must not be.
	if n, err := f.ReadAt(make([]byte, 1), 0); n != 0 || err == nil {
		return nil, errors.New("mail: the file for the message is not empty")
	}
	return &filePlace{reread.NewPinner(f), f}, nil
}

// From returns the address in From, which is where mail that could not be
// delivered goes back to.
func (m *Clear) From() string { return m.from }

// Recipients returns whom the mail is delivered to, each once: those of To, Cc
// and Bcc.
func (m *Clear) Recipients() []string { return slices.Clone(m.recipients) }

// MessageID returns the message ID, without angle brackets.
func (m *Clear) MessageID() string { return m.messageID }

// NeedsSMTPUTF8 reports whether an address in the header or a recipient is not
// ASCII: only servers with SMTPUTF8 (RFC 6531) take the mail.
func (m *Clear) NeedsSMTPUTF8() bool { return m.utf8 }

// Receipt says how it was signed.
func (m *Clear) Receipt() *envelope.Receipt { return m.receipt }

// Size returns how many octets the mail has.
func (m *Clear) Size() int64 {
	if m.src == nil {
		return 0
	}
	return m.src.Size()
}

// Open returns the mail from its begin on, each time the same octets. Reading
// fails if the file was changed, and after Close.
func (m *Clear) Open() io.ReadSeeker { return (&Sealed{src: m.src}).Open() }

// WriteTo writes the mail to w, each time the same octets. It fails if the file
// was changed, and after Close.
func (m *Clear) WriteTo(w io.Writer) (int64, error) { return (&Sealed{src: m.src}).WriteTo(w) }

// Close frees what is kept of the mail. It does not close the file.
func (m *Clear) Close() error {
	if m.src == nil {
		return nil
	}
	return m.src.Close()
}
