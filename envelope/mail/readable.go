package mail

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/reread"
)

// readable is a whole mail that is not encrypted, with whom it is delivered from
// and to.
type readable struct {
	from       string
	recipients []string
	messageID  string
	utf8       bool
	receipt    *envelope.Receipt
	src        *reread.Source
}

// keepReadable has write write the mail to f, or where that is nil to a place of
// its own. After an error nothing of it is left.
func (c *Composer) keepReadable(draft *checked, f File, write func(io.Writer, *checked) (*envelope.Receipt, error)) (*readable, error) {
	at, err := c.readablePlace(f)
	if err != nil {
		return nil, err
	}
	done := false
	defer func() {
		if !done { // also should a reader panic
			at.Close()
		}
	}()
	receipt, err := write(at, draft)
	if err != nil {
		return nil, err
	}
	source, err := at.Source()
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	done = true
	m := &readable{from: draft.from.String(), messageID: draft.messageID, receipt: receipt, src: source}
	for _, a := range slices.Concat(draft.to, draft.cc, draft.bcc) {
		if !slices.Contains(m.recipients, a.String()) {
			m.recipients = append(m.recipients, a.String())
		}
	}
	m.utf8 = isUTF8(draft.protected(nil), m.recipients)
	return m, nil
}

func (c *Composer) readablePlace(f File) (place, error) {
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
func (m *readable) From() string { return m.from }

// Recipients returns whom the mail is delivered to, each once: those of To, Cc
// and Bcc.
func (m *readable) Recipients() []string { return slices.Clone(m.recipients) }

// MessageID returns the message ID, without angle brackets.
func (m *readable) MessageID() string { return m.messageID }

// NeedsSMTPUTF8 reports whether an address in the header or a recipient is not
// ASCII: only servers with SMTPUTF8 (RFC 6531) take the mail.
func (m *readable) NeedsSMTPUTF8() bool { return m.utf8 }

// Receipt says how it was signed, and is nil where it is not.
func (m *readable) Receipt() *envelope.Receipt { return m.receipt }

// Size returns how many octets the mail has.
func (m *readable) Size() int64 {
	if m.src == nil {
		return 0
	}
	return m.src.Size()
}

// Open returns the mail from its begin on, each time the same octets. Reading
// fails if the file was changed, and after Close.
func (m *readable) Open() io.ReadSeeker { return (&Sealed{src: m.src}).Open() }

// WriteTo writes the mail to w, each time the same octets. It fails if the file
// was changed, and after Close.
func (m *readable) WriteTo(w io.Writer) (int64, error) { return (&Sealed{src: m.src}).WriteTo(w) }

// Close frees what is kept of the mail. It does not close the file.
func (m *readable) Close() error {
	if m.src == nil {
		return nil
	}
	return m.src.Close()
}
