package batch

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	netmail "net/mail"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/examples/internal/sizes"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/letter"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/list"
	"github.com/doublekeybox/doublekeybox/internal/filename"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/transport/link"
)

// row is a row of the list with what the mail for it will be. It is made anew
// wherever the row is read: at the preflight, and when it is sent.
type row struct {
	list.Entry                      // Delivery is what is done, also where the list says another
	asked      list.Delivery        // by the list, where it is another
	instead    string               // why; "" where it is not
	keys       []*keyring.Verified  // whom it is sealed to; none: a passphrase opens it
	known      *envelope.Passphrase // that the recipient knows already
	weak       string               // why that can be guessed
	documents  []document
	size       int64 // of the documents, in octets
}

// document is one of the documents of a row.
type document struct {
	path     string // in the folder of documents
	name     string // in the mail
	size     int64
	modified time.Time
}

// passphrase reports whether the row needs one that nobody knows yet.
func (w *row) passphrase() bool {
	return len(w.keys) == 0 && w.known == nil
}

// sealed reports whether the mail itself is.
func (w *row) sealed() bool { return w.Delivery != list.ZIP && len(w.keys) > 0 }

// row finds out what the mail for an entry will be. The errors are all that is
// wrong with it.
func (r *Run) row(e list.Entry) (*row, []error) {
	w := &row{Entry: e}
	d := r.Domains[domainOf(e.Address)]
	if d.Delivery != "" && d.Delivery != w.Delivery {
		w.Delivery, w.asked = d.Delivery, e.Delivery
		w.instead = fmt.Sprintf("%s in place of %s", d.Delivery, e.Delivery)
		if d.Reason != "" {
			w.instead += ": " + d.Reason
		}
	}
	var errs []error
	if err := r.findKeys(w); err != nil {
		errs = append(errs, err)
	} else if err := r.know(w); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, r.findDocuments(w)...)
	switch most := d.MaxSize; {
	case len(errs) > 0:
	case w.size > mostDocuments:
		errs = append(errs, fmt.Errorf("the documents have %s: at most %s are stored as one", sizes.Text(w.size), sizes.Text(mostDocuments)))
	case w.estimate() > mostMail:
		errs = append(errs, fmt.Errorf("the mail would have about %s, and no server takes more than %s: deliver it by link", sizes.Text(w.estimate()), sizes.Text(mostMail)))
	case most > 0 && w.estimate() > most:
		errs = append(errs, fmt.Errorf("the mail would have about %s, and %s takes %s: deliver it by link", sizes.Text(w.estimate()), domainOf(e.Address), sizes.Text(most)))
	}
	return w, errs
}

const (
	// mostDocuments is what a store takes as one object by one upload, less what
	// sealing adds. A file that is nothing but a hole can say that it has 2^63
	// octets, and all of them would go through the disk of the journal.
	mostDocuments = 5<<30 - 64<<20

	// mostMail is more than the largest that servers in use let anybody set.
	mostMail = 1 << 30
)

// findKeys finds whom w is sealed to.
func (r *Run) findKeys(w *row) error {
	var err error
	switch w.Delivery {
	case list.OpenPGP:
		w.keys, err = r.keysOf(w, openPGP)
	case list.SMIME:
		w.keys, err = r.keysOf(w, sMIME)
	case list.Link:
		w.keys, err = r.keysOf(w, openPGP, sMIME)
		if errors.As(err, new(*keyring.UnknownError)) {
			return nil // locked with a passphrase
		}
	}
	if errors.As(err, new(*keyring.UnknownError)) {
		return fmt.Errorf("%w; box ring add FILE FINGERPRINT adds it, or deliver by zip", err)
	}
	return err
}

// know takes the passphrase that the recipient knows.
func (r *Run) know(w *row) error {
	switch {
	case len(w.keys) > 0:
		return nil // it is not needed
	case w.Knows == "" && r.Channel == nil:
		return errors.New(`they need a passphrase, and nothing says how it reaches them: "passphrases" in the configuration, with "file" or "webhook"`)
	case w.Knows == "":
		return nil
	}
	p, err := envelope.WeakPassphrase(filename.Composed(w.Knows))
	if err != nil {
		return fmt.Errorf("what they know: %w", err)
	}
	if s := zipbox.Estimate(p.Reveal()); s.Weak() {
		w.weak = strings.Join(s.Reasons, "; ")
		if !r.Weak {
			return fmt.Errorf(`what they know can be guessed (%s): leave it away, and they get another one, or allow it with "passphrases.weak"`, w.weak)
		}
	}
	w.known = p
	return nil
}

// findDocuments looks whether the documents are there.
func (r *Run) findDocuments(w *row) (errs []error) {
	names := map[string]bool{}
	for _, p := range w.Documents {
		info, err := r.Documents.Stat(p)
		if err != nil {
			var pathError *fs.PathError
			if errors.As(err, &pathError) {
				err = pathError.Err
			}
			errs = append(errs, fmt.Errorf("document %.200q: %w", p, err))
			continue
		}
		name := filename.Safe(path.Base(p))
		fold := filename.Fold(name)
		switch {
		case !info.Mode().IsRegular():
			errs = append(errs, fmt.Errorf("document %.200q: it is no file", p))
		case names[fold]:
			errs = append(errs, fmt.Errorf("document %.200q: another one of this mail is called the same", p))
		}
		names[fold] = true
		w.documents = append(w.documents, document{path: p, name: name, size: info.Size(), modified: info.ModTime()})
		w.size += min(info.Size(), math.MaxInt64-w.size)
	}
	return errs
}

// estimate is about how many octets the mail will have. Base64 with its line
// ends makes 78 octets of 57, once inside of the encryption and once around it.
func (w *row) estimate() int64 {
	const frame = 16 << 10 // of headers, the letter, keys and signatures
	inflated := w.size * 78 / 57
	switch {
	case w.Delivery == list.Link:
		return frame
	case w.sealed():
		return inflated*78/57 + frame
	}
	return inflated + frame
}

// draft writes the letter.
func (r *Run) draft(w *row, number string, to *link.Link) (*mail.Draft, error) {
	e := w.Entry
	e.Knows = "" // the letter says nothing of it, whatever its template is
	d := letter.Data{Entry: e, Link: to, Page: r.Page, Number: number, From: r.From.Name, Locked: len(w.keys) == 0}
	if d.From == "" {
		d.From = r.From.Address
	}
	for _, doc := range w.documents {
		d.Documents = append(d.Documents, letter.Document{Name: doc.name, Size: doc.size})
	}
	subject, text, html, err := r.Letters.Render(w.Language, d)
	if err != nil {
		return nil, err
	}
	return &mail.Draft{
		From: r.From, To: []netmail.Address{{Name: w.Name, Address: w.Address}},
		Subject: subject, Text: text, HTML: html,
	}, nil
}

// The formats, as package keyring calls them.
const (
	openPGP = "OpenPGP"
	sMIME   = "S/MIME"
)

// composer returns what composes the mail for w.
func (r *Run) composer(w *row) *mail.Composer {
	c := r.Composer
	switch {
	case w.sealed():
		c.Keys = map[string][]*keyring.Verified{w.Address: w.keys}
		c.Signers = slices.Concat(r.Signers[openPGP], r.Signers[sMIME])
	case len(r.Signers[sMIME]) > 0:
		// A notice is signed in one format: this is the one that more of the
		// programs of people without a key show.
		c.Signers = r.Signers[sMIME]
	default:
		c.Signers = r.Signers[openPGP]
	}
	return &c
}

// format returns the format of a key.
func format(v *keyring.Verified) string {
	if strings.HasPrefix(v.Fingerprint().URI(), "OPENPGP4FPR:") {
		return openPGP
	}
	return sMIME
}
