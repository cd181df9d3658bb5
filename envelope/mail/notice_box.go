package mail

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/internal/reread"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Box is a locked file that goes along with a [Notice].
type Box struct {
	Name string // a file name, no path; everybody can read it

	// Src has the Size octets of the box. It is read several times, and must
	// stay as it is until Notify has returned.
	Src  io.ReaderAt
	Size int64

	// Format is what the box is: pgp.Format() or smime.Format() for an encrypted
	// message in binary form. The zero value is an archive as package zipbox
	// writes it, which hides the names of the files too.
	Format envelope.Format
}

// BoxError is the error of a box that is none: it was not sent, and could have
// been read on the way. It unwraps to what was found, a *zipbox.RefusedError for
// one, or is [envelope.ErrFormat].
type BoxError struct {
	Box  int    // from 1
	Name string // as it was given
	Err  error
}

// Error implements error, on one line.
func (e *BoxError) Error() string {
	why := e.Err.Error()
	for _, said := range []string{"zipbox: ", "envelope: "} {
		why = strings.TrimPrefix(why, said)
	}
	return fmt.Sprintf("mail: box %d, %.80q, is not locked as it has to be, and was not sent: %s", e.Box, e.Name, why)
}

// Unwrap returns what was found.
func (e *BoxError) Unwrap() error { return e.Err }

// attachment is the nth box for the checks of a draft, without its octets: they
// are read where they are inspected. Its type is none that a program opens by
// itself: a message in a mail would be a layer of it.
func (b *Box) attachment(n int) (Attachment, error) {
	switch {
	case b.Name == "":
		return Attachment{}, fmt.Errorf("mail: box %d has no name", n)
	case b.Src == nil:
		return Attachment{}, fmt.Errorf("mail: box %d, %.80q, has no Src", n, b.Name)
	}
	a := Attachment{Name: b.Name, MediaType: octets, Body: strings.NewReader("")}
	if b.format() == nil {
		a.MediaType = "application/zip"
	}
	return a, nil
}

func (b *Box) format() seam.Format { return seam.Opaque[seam.Format](b.Format).Unwrap() }

// check inspects the nth box and returns its octets as they were meanwhile.
func (b *Box) check(n int) (*reread.Source, error) {
	kept, err := reread.Pin(b.Src, b.Size)
	if err != nil {
		return nil, fmt.Errorf("mail: box %d, %.80q: %w", n, b.Name, err)
	}
	if err := b.inspect(kept); err != nil {
		kept.Close()
		if errors.Is(err, reread.ErrChanged) {
			return nil, fmt.Errorf("mail: box %d, %.80q: %w", n, b.Name, err)
		}
		return nil, &BoxError{Box: n, Name: b.Name, Err: err}
	}
	return kept, nil
}

// inspect finds out whether there is nothing in the box that can be read without
// a key or a passphrase.
func (b *Box) inspect(src *reread.Source) error {
	if b.format() == nil {
		o, err := zipbox.Inspect(src, src.Size())
		if err == nil && !o.Hidden {
			err = fmt.Errorf("%w: the names, sizes and times of the files in it are not encrypted: lock them with package zipbox, which hides them", envelope.ErrFormat)
		}
		return err
	}
	r, err := envelope.Inspect(io.NewSectionReader(src, 0, src.Size()), b.Format)
	switch {
	case err != nil:
		return err
	case !r.Encrypted:
		return fmt.Errorf("%w: it is %s, which everybody can read", envelope.ErrFormat, r.Container)
	case r.Armored: // beside which there can be text
		return fmt.Errorf("%w: it is text: give it in binary form", envelope.ErrFormat)
	case r.Beside:
		return fmt.Errorf("%w: beside what is encrypted it holds what everybody can read", envelope.ErrFormat)
	case len(r.Recipients) == 0:
		return fmt.Errorf("%w: it names no key and no passphrase: nobody can open it", envelope.ErrFormat)
	}
	return nil
}
