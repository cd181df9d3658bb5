package zipbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/winzip"
)

// Outline is what anybody sees of a locked archive who does not have the
// passphrase.
type Outline struct {
	Container string // "AE-1" or "AE-2"; the weaker where both are there
	Content   string // "AES-256": Inspect refuses shorter keys

	// Hidden: names, sizes and times of the files are not seen, nor how many
	// there are. So it is with what a [Writer] wrote: all that is in the clear
	// is there octet by octet as in any other of the same length.
	Hidden bool

	Names []string // as the archive has them; "attachments.zip" alone where it is Hidden
	Size  int64    // octets of the archive

	Findings []string // what a person should know
}

// Inspect holds that what the size octets of src are is a locked archive, and
// nothing beside: ask before one leaves the house. No passphrase is needed. The
// directories are read and not what is encrypted, so that it costs the same for
// a long one; src is not closed, and what is sent afterwards must be what it was.
//
// Every file has to be encrypted by AE-1 or AE-2 with a key of 256 bits, and no
// comment may be there; folders, and files of no content, are not encrypted by
// other programs and may be there. That the octets are what they are said to be
// is known to nobody without the passphrase: an author who calls plain content
// encrypted is not found out.
//
// Errors: [*RefusedError]; [*envelope.LimitError] with the defaults of
// envelope.Limits for the directory and for what files may grow to; those of src.
func Inspect(src io.ReaderAt, size int64) (*Outline, error) {
	if src == nil || size < 0 {
		return nil, errors.New("zipbox: Inspect needs a source, and how many octets it has")
	}
	d, err := readDirectory(src, size, defaultHeaderBytes)
	if err != nil {
		return nil, err
	}
	if err := sealed(d.entries); err != nil {
		return nil, err
	}
	if d.comment != "" {
		return nil, refuse(codeClear, "", "it has a comment, which is not encrypted")
	}
	if err := growth(d.entries, defaultDecompressed); err != nil {
		return nil, err
	}
	r := report(d.entries)
	o := &Outline{Container: r.Container, Content: r.Content, Size: size, Findings: r.Findings}
	for _, e := range d.entries {
		switch {
		case e.encrypted() && e.aes.strength != winzip.AES256:
			return nil, refuse(codeKey, e.name, fmt.Sprintf("it is encrypted with AES-%d, and AES-256 is needed", 8*e.aes.strength.KeySize()))
		case e.comment != 0:
			return nil, refuse(codeClear, e.name, "it has a comment, which is not encrypted")
		}
		o.Names = append(o.Names, e.name)
	}
	if e := &d.entries[0]; len(d.entries) == 1 && e.encrypted() {
		if o.Hidden, err = asWritten(src, size, e.packed-e.overhead()); err != nil {
			return nil, err
		}
	}
	if !o.Hidden {
		o.Findings = append(o.Findings, "names, sizes and times of the files are not encrypted: everybody reads them")
	}
	return o, nil
}

// asWritten reports whether all that is not encrypted in the size octets of src
// is as a Writer writes it around n octets that are.
func asWritten(src io.ReaderAt, size, n int64) (bool, error) {
	head, tail := outerHead(), outerTail(n)
	if size != n+int64(len(head)+len(tail)+winzip.AES256.Overhead()) {
		return false, nil
	}
	for _, part := range []struct {
		want []byte
		off  int64
	}{{head, 0}, {tail, size - int64(len(tail))}} {
		got := make([]byte, len(part.want))
		if _, err := src.ReadAt(got, part.off); err != nil && err != io.EOF {
			return false, err
		}
		if !bytes.Equal(got, part.want) {
			return false, nil
		}
	}
	return true, nil
}
