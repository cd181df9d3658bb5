package mail

import (
	"errors"
	"io"
	"slices"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/reread"
)

// Clear is a mail that is signed and not encrypted: whoever carries it reads
// it. It is not a [Sealed], and nothing makes one of it. Close frees what it
// keeps. Safe for concurrent use, but for Close.
type Clear struct {
	from       string
	recipients []string
	messageID  string
	utf8       bool
	receipt    *envelope.Receipt
	source     *reread.Source
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
// Errors: one that says everything that is wrong with the draft, those of
// [envelope.Sealer.SignDetached], of the attachments, and of f.
func (c *Composer) SignClear(d *Draft, f File) (*Clear, error) {
	draft, err := d.check(c.now())
	if err != nil {
		return nil, err
	}
	k, err := newKeeper(f, c.Limits)
	if err != nil {
		return nil, err
	}
	defer k.abort()
	receipt, err := c.writeClear(k, draft)
	if err != nil {
		return nil, err
	}
	source, err := k.source()
	if err != nil {
		return nil, err
	}
	m := &Clear{
		from: draft.from.String(), messageID: draft.messageID,
		receipt: receipt, source: source,
		utf8: draft.needsUTF8(),
	}
	for _, a := range slices.Concat(draft.to, draft.cc, draft.bcc) {
		if !slices.Contains(m.recipients, a.String()) {
			m.recipients = append(m.recipients, a.String())
		}
	}
	return m, nil
}

// From returns the envelope sender: the address in From.
func (m *Clear) From() string { return m.from }

// Recipients returns the envelope recipients, each once, in the form in which
// addresses are compared: those of To, Cc and Bcc.
func (m *Clear) Recipients() []string { return slices.Clone(m.recipients) }

// MessageID returns the message ID, without angle brackets.
func (m *Clear) MessageID() string { return m.messageID }

// NeedsSMTPUTF8 reports whether an address is not ASCII before its @, so that
// the message can be given only to servers that know of it (RFC 6531).
func (m *Clear) NeedsSMTPUTF8() bool { return m.utf8 }

// Receipt says how it was signed.
func (m *Clear) Receipt() *envelope.Receipt { return m.receipt }

// Size returns the octets of the message.
func (m *Clear) Size() int64 { return m.source.Size() }

// WriteTo writes the message, the same octets each time. It fails where the
// File that it is kept in has changed.
func (m *Clear) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, io.NewSectionReader(m.source, 0, m.source.Size()))
}

// Close frees what is kept. It does not close the File.
func (m *Clear) Close() error { return m.source.Close() }

// keeper takes the message while it is written.
type keeper struct {
	w      io.Writer
	file   File
	n      int64
	holder *reread.Holder
}

func newKeeper(f File, l envelope.Limits) (*keeper, error) {
	if f == nil {
		h := reread.NewHolder(reread.Options{Memory: l.SpoolMemory, Dir: l.SpoolDir, Max: l.SourceBytes})
		return &keeper{w: h, holder: h}, nil
	}
	// What stands in f already would be read as the begin of the message.
	if n, err := f.ReadAt(make([]byte, 1), 0); n != 0 || err == nil {
		return nil, errors.New("mail: the File for the message is not empty")
	}
	return &keeper{w: f, file: f}, nil
}

func (k *keeper) Write(p []byte) (int, error) {
	n, err := k.w.Write(p)
	k.n += int64(n)
	return n, err
}

func (k *keeper) source() (*reread.Source, error) {
	if k.holder != nil {
		return k.holder.Source()
	}
	return reread.Pin(k.file, k.n)
}

func (k *keeper) abort() {
	if k.holder != nil {
		_ = k.holder.Close() // nothing after Source
	}
}
