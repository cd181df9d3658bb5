package batch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/carrier"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/list"
	"github.com/doublekeybox/doublekeybox/internal/reread"
	"github.com/doublekeybox/doublekeybox/transport/link"
)

// keptMemory is what a mail, or a box, that waits has in memory: what is longer
// is in a file without a name. Some ten of each are there at a time.
const keptMemory = 512 << 10

// job is a row that is to be sent.
type job struct {
	row *row
	kept
}

// kept is what stays of a job from one try to the next.
type kept struct {
	pass      *envelope.Passphrase // that opens the box, and was told; nil: a key does
	number    string               // of pass; "" where the recipient knows it
	link      *link.Link           // to what was stored at the first try
	documents []journal.Document   // in what link leads to
}

// ready is a mail that waits for a connection.
type ready struct {
	*job
	mail  carrier.Mail
	begun journal.Record
}

// seal makes the mail for j.
func (r *Run) seal(ctx context.Context, j *job) (_ *ready, err error) {
	s := &sealing{run: r, row: j.row}
	defer s.close()
	out := &ready{job: j}
	if j.link != nil && time.Until(j.link.Expires) < r.Lifetime/2 {
		// The mail was put off for so long that it would come with a link that is
		// dead, or soon will be.
		j.link, j.documents = nil, nil
	}
	if j.row.Delivery == list.Link && j.link == nil {
		if j.link, err = s.store(ctx, j.pass); err != nil {
			return nil, err
		}
		j.documents = s.hashes()
	}
	d, err := r.draft(j.row, j.number, j.link)
	if err != nil {
		return nil, err
	}
	d.MessageID = r.messageID(j.row.Row)
	if out.mail, err = s.compose(d, j); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			out.mail.Close()
		}
	}()
	documents := j.documents
	if j.link == nil {
		documents = s.hashes()
	}
	h := sha256.New()
	if _, err := out.mail.WriteTo(h); err != nil {
		return nil, err
	}
	out.begun = journal.Record{
		Kind: journal.Begun, Row: j.row.Row, Address: j.row.Address, MessageID: d.MessageID,
		Delivery: string(j.row.Delivery), Attempt: r.Journal.State(j.row.Row).Attempts + 1,
		Size: out.mail.Size(), SHA256: hex.EncodeToString(h.Sum(nil)), Documents: documents,
		Number: j.number, Weak: j.row.weak,
	}
	for _, v := range j.row.keys {
		out.begun.Keys = append(out.begun.Keys, v.Fingerprint().String())
	}
	if j.row.asked != "" {
		out.begun.Asked = string(j.row.asked)
	}
	if j.link != nil {
		out.begun.Link, out.begun.Expires = j.link.Object(), &j.link.Expires
	}
	return out, nil
}

// sealing is the work on one mail.
type sealing struct {
	run    *Run
	row    *row
	files  []*os.File
	hashed []hash.Hash // of each document, as it was read
	read   []int64
}

func (s *sealing) close() {
	for _, f := range s.files {
		f.Close()
	}
}

// open opens the document i; what is read of it is hashed.
func (s *sealing) open(i int) (io.Reader, error) {
	d := s.row.documents[i]
	f, err := s.run.Documents.OpenFile(d.path, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, fmt.Errorf("document %.200q: %w", d.path, err)
	}
	s.files = append(s.files, f)
	if err := d.same(f); err != nil {
		return nil, err
	}
	s.hashed = append(s.hashed, sha256.New())
	s.read = append(s.read, 0)
	return &hashing{s, f, i}, nil
}

// hashing reads the document i.
type hashing struct {
	s   *sealing
	src *os.File
	i   int
}

// Read ends well only where the document is as long, and as old, as when its row
// was looked at: half of one that is just being written goes to nobody.
func (h *hashing) Read(p []byte) (int, error) {
	n, err := h.src.Read(p)
	h.s.hashed[h.i].Write(p[:n])
	h.s.read[h.i] += int64(n)
	d := h.s.row.documents[h.i]
	if h.s.read[h.i] > d.size { // it may grow without an end
		return n, d.changed()
	}
	if err == io.EOF {
		if err := d.same(h.src); err != nil {
			return n, err
		}
	}
	return n, err
}

// hashes says which documents went into the mail, as they were read.
func (s *sealing) hashes() []journal.Document {
	out := make([]journal.Document, len(s.hashed))
	for i := range out {
		out[i] = journal.Document{Name: s.row.documents[i].path, Size: s.read[i], SHA256: hex.EncodeToString(s.hashed[i].Sum(nil))}
	}
	return out
}

// compose seals the mail, or writes a notice with what is locked.
func (s *sealing) compose(d *mail.Draft, j *job) (carrier.Mail, error) {
	c := s.run.composer(s.row)
	c.Limits.SpoolMemory = keptMemory
	if !s.row.sealed() {
		var boxes []mail.Box
		if s.row.Delivery == list.ZIP {
			box, err := s.lock(j.pass)
			if err != nil {
				return carrier.Mail{}, err
			}
			defer box.Close()
			boxes = append(boxes, mail.Box{Name: "documents.zip", Src: box, Size: box.Size()})
		}
		n, err := c.Notify(d, nil, boxes...)
		return carrier.Mail{Notice: n}, err
	}
	if s.row.Delivery != list.Link {
		for i, doc := range s.row.documents {
			body, err := s.open(i)
			if err != nil {
				return carrier.Mail{}, err
			}
			d.Attachments = append(d.Attachments, mail.Attachment{Name: doc.name, Body: body})
		}
	}
	plan, err := c.Plan(d)
	if err != nil {
		return carrier.Mail{}, err
	}
	sealed, err := plan.Seal()
	if err != nil {
		return carrier.Mail{}, err
	}
	if len(sealed) != 1 {
		for _, m := range sealed {
			m.Close()
		}
		return carrier.Mail{}, fmt.Errorf("batch: internal error: %d messages for one recipient", len(sealed))
	}
	return carrier.Mail{Sealed: sealed[0]}, nil
}

// keep returns where a box is kept until it is sent: it is sealed already, and
// sealed once more where it gets too long for memory.
func (s *sealing) keep() *reread.Holder {
	return reread.NewHolder(reread.Options{Memory: keptMemory, Dir: s.run.Composer.Limits.SpoolDir})
}
