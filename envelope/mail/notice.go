package mail

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// Notice is a mail for people without a key: a covering letter that whoever
// carries it reads, with nothing beside it but locked boxes. Only
// [Composer.Notify] makes one; the zero value is empty.
//
// Safe for concurrent use. Close must be called.
type Notice struct{ readable }

var errUnsigned = errors.New("mail: nobody signs the notice: set Composer.Signers, or AllowUnsigned for one that anybody can have written")

// Notify makes a mail that carries boxes, or none where the text says where one
// is to be had. The text, the subject and the names of the boxes stay readable
// for everybody: nothing secret belongs there, and the passphrase of a box least
// of all. Draft.Attachments has to be empty: a file goes along in a box only.
//
// Each box is inspected before an octet is written, and what goes out is what
// was inspected: a box that changes meanwhile is an error.
//
// The mail is signed as that of [Composer.SignClear] is, by Composer.Signers,
// its header fields included. Without any it is an ordinary mail that claims
// nothing, which Composer.AllowUnsigned has to permit: anybody can have written
// it, and changed it on the way. It is kept in f, or for nil as SignClear keeps
// it.
//
// Errors: [*BoxError] for a box that is not locked; one that says everything
// that is wrong with the draft and the names of the boxes; those of SignClear;
// those of reading the boxes.
func (c *Composer) Notify(d *Draft, f File, boxes ...Box) (*Notice, error) {
	if len(d.Attachments) > 0 {
		return nil, fmt.Errorf("mail: a notice has no attachments, and this draft has %d, which everybody could read: lock them in a box", len(d.Attachments))
	}
	if len(c.Signers) == 0 && !c.AllowUnsigned {
		return nil, errUnsigned
	}
	with := *d
	with.Attachments = nil
	for i := range boxes {
		a, err := boxes[i].attachment(i + 1)
		if err != nil {
			return nil, err
		}
		with.Attachments = append(with.Attachments, a)
	}
	draft, err := c.checkClear(&with)
	if err != nil {
		return nil, err
	}
	for i := range boxes {
		kept, err := boxes[i].check(i + 1)
		if err != nil {
			return nil, err
		}
		defer kept.Close()
		draft.attachments[i].src = io.NewSectionReader(kept, 0, kept.Size())
		draft.attachments[i].where = fmt.Sprintf("box %d", i+1)
	}
	write := c.writeClear
	if len(c.Signers) == 0 {
		write = c.writeUnsigned
	}
	m, err := c.keepReadable(draft, f, write)
	if err != nil {
		return nil, err
	}
	return &Notice{*m}, nil
}

// writeUnsigned writes an ordinary mail. It says nothing of protected fields:
// there is nothing that protects them.
func (c *Composer) writeUnsigned(dst io.Writer, draft *checked) (*envelope.Receipt, error) {
	out := bufio.NewWriterSize(dst, writeBuffer)
	b := draft.body(NoConfidentiality, false)
	header := slices.Concat(draft.protected(nil), b.fields(""))
	if c.Autocrypt != nil {
		header = append(header, autocryptField(draft.from.String(), c.Autocrypt))
	}
	if err := writeFields(out, header...); err != nil {
		return nil, err
	}
	if _, err := out.WriteString("\r\n"); err != nil {
		return nil, err
	}
	if err := b.writeTo(out); err != nil {
		return nil, err
	}
	return nil, out.Flush()
}
