package mail

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/mail"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/reread"
)

var errPlanUsed = errors.New("mail: the plan was sealed already, and its attachments can be read once: plan the draft anew")

// Seal writes the messages: one to each of files, in the order of [Plan.Copies],
// or to none, and then they are kept as ciphertext: in memory, and in files
// without names where they are large. Each file has to be empty, and must not be
// changed nor closed before its Sealed was. Attachments are read once; where
// there are several messages what they say is kept meanwhile, encrypted, as
// Composer.Limits allows. Each message has a content key, nonces and
// signatures of its own, and is held against the plan once it is written.
//
// After an error there is no Sealed at all, and none of the files holds what
// opens: each is emptied where it has a method Truncate, as an *os.File has. One
// without is to be thrown away, since the end of one message can be in its file
// when that of the next one cannot be written. Errors are those of the attachments' readers and of files;
// envelope.RecipientsError where a key was revoked or taken from the ring since
// the plan was made.
func (p *Plan) Seal(files ...File) ([]*Sealed, error) {
	switch {
	case p.used:
		return nil, errPlanUsed
	case len(files) != 0 && len(files) != len(p.copies):
		return nil, fmt.Errorf("mail: %d files for %d messages: give one for each, or none", len(files), len(p.copies))
	}
	for _, f := range files {
		if f == nil {
			return nil, errors.New("mail: one of the files is nil")
		}
	}
	p.used = true
	for _, c := range p.copies {
		for _, v := range c.answers {
			if err := v.Check(); err != nil {
				return nil, fmt.Errorf("mail: %w", err)
			}
		}
	}
	places := make([]place, len(p.copies))
	for i := range p.copies {
		if len(files) > 0 {
			places[i] = &filePlace{reread.NewPinner(files[i]), files[i]}
		} else {
			places[i] = reread.NewHolder(p.keptAs(i))
		}
	}
	done := false
	defer func() {
		if !done { // also should a reader panic
			for _, place := range places {
				place.Close()
			}
		}
	}()
	receipts, err := p.write(places)
	if err != nil {
		return nil, err
	}
	sealed, err := p.finish(places, receipts)
	if err != nil {
		return nil, err
	}
	done = true
	return sealed, nil
}

// keptMemory is what each message but one has in memory of its own, in octets,
// where no file was given for it: with what is open while it is sealed less
// than 1 MiB.
const keptMemory = 256 << 10

func (p *Plan) keptAs(i int) reread.Options {
	o := reread.Options{Memory: p.composer.Limits.SpoolMemory, Dir: p.composer.Limits.SpoolDir}
	if len(p.copies) > 1 && (o.Memory <= 0 || o.Memory > keptMemory) {
		o.Memory = keptMemory
	}
	return o
}

// place is where a message is written to.
type place interface {
	io.Writer
	Settle() error // all is written, and checked; the last of it is not given out yet
	Source() (*reread.Source, error)
	Close() error // without Source: nothing of what was written can be opened
}

// filePlace is a file of the caller's.
type filePlace struct {
	*reread.Pinner
	file File
}

// Close empties the file if that can be done. In any case the end of the message is
// not in it, which authenticates it, unless all the messages were sealed.
func (f *filePlace) Close() error {
	if t, ok := f.file.(interface{ Truncate(size int64) error }); ok {
		return t.Truncate(0)
	}
	return nil
}

// write seals every copy.
func (p *Plan) write(places []place) ([]*envelope.Receipt, error) {
	b := p.draft.body(p.composer.Headers, p.composer.LegacyDisplay)
	content := b.writeTo
	if len(p.copies) > 1 {
		kept, err := p.keep(b)
		if err != nil {
			return nil, err
		}
		defer kept.Close()
		content = func(w io.Writer) error {
			_, err := io.Copy(w, io.NewSectionReader(kept, 0, kept.Size()))
			return err
		}
	}
	receipts := make([]*envelope.Receipt, len(p.copies))
	for i, c := range p.copies {
		r, err := p.seal(places[i], c, b.fields("cipher"), content)
		if err != nil {
			return nil, err
		}
		if err := places[i].Settle(); err != nil {
			return nil, fmt.Errorf("mail: %w", err)
		}
		receipts[i] = r
	}
	return receipts, nil
}

// keep renders the body once, for several copies.
func (p *Plan) keep(b *body) (*reread.Source, error) {
	h := reread.NewHolder(reread.Options{Memory: p.composer.Limits.SpoolMemory, Dir: p.composer.Limits.SpoolDir})
	defer h.Close()
	if err := b.writeTo(h); err != nil {
		return nil, err
	}
	return h.Source()
}

// seal writes one message.
func (p *Plan) seal(dst io.Writer, c *plannedCopy, top []field, content func(io.Writer) error) (*envelope.Receipt, error) {
	inner, outer := p.header(c)
	around := frameFor(c.Format, c.Container, boundaryMark+rand.Text())
	head := bufio.NewWriter(dst)
	if err := writeFields(head, append(outer, around.fields...)...); err != nil {
		return nil, err
	}
	head.WriteString("\r\n" + around.head) // its errors stay
	if err := head.Flush(); err != nil {
		return nil, err
	}
	text := encoder(c.Format, dst)
	w, err := p.composer.sealer(c.Format).Seal(text, c.To...)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	defer w.Abort()
	if err := c.asPlanned(w.Report()); err != nil {
		return nil, err
	}
	payload := bufio.NewWriterSize(w, payloadBuffer)
	if err := writeFields(payload, append(inner, top...)...); err != nil {
		return nil, err
	}
	payload.WriteString("\r\n")
	if err := content(payload); err != nil {
		return nil, err
	}
	if err := payload.Flush(); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := text.Close(); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(dst, around.tail); err != nil {
		return nil, err
	}
	return w.Receipt(), c.audit(w.Receipt())
}

// payloadBuffer gathers what is written in small pieces: whole blocks of base64
// pass it by.
const payloadBuffer = 16 << 10

// header returns the fields of one copy, protected and outside.
func (p *Plan) header(c *plannedCopy) (inner, outer []field) {
	var bcc *mail.Address
	if c.bcc != nil {
		bcc = &mail.Address{Name: c.bcc.name, Address: c.bcc.String()}
	}
	inner = p.draft.protected(bcc)
	outer, hpOuter := p.draft.outer(p.composer.Headers, inner)
	if a := p.composer.Autocrypt; a != nil {
		outer = append(outer, autocryptField(p.draft.from.String(), a))
	}
	return append(inner, hpOuter...), outer
}

// asPlanned holds what is begun against what was planned: a key that changed
// since can change the container.
func (c *plannedCopy) asPlanned(r *envelope.Report) error {
	if r.Format != c.Format || r.Container != c.Container || r.Content != c.content {
		return fmt.Errorf("mail: the message would be %s with %s, and was planned as %s with %s: plan the draft anew", r.Container, r.Content, c.Container, c.content)
	}
	return nil
}

// audit holds what was written against what was planned: package envelope read
// it again while it was written, without keys.
func (c *plannedCopy) audit(r *envelope.Receipt) error {
	if err := c.asPlanned(&r.Report); err != nil {
		return err
	}
	wrong := len(r.Sealed) != len(c.To) || len(r.Recipients) != len(c.To) || r.Passphrases != 0 || !r.Encrypted
	for i := 0; !wrong && i < len(c.To); i++ {
		wrong = !r.Sealed[i].Matches(c.To[i].Fingerprint())
	}
	if wrong {
		return errors.New("mail: internal error: the message that was written is not sealed to exactly those whom it was planned for: discard it")
	}
	return nil
}
