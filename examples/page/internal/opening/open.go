package opening

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/internal/filename"
)

// Secrets are what the person gave. They are held no longer than Open runs.
type Secrets struct {
	Passphrase string // of the box

	Key           []byte // a file with private keys: OpenPGP, PEM or PKCS#12; nil: none
	KeyPassphrase string // of that file; "" where it has none
}

// File is one file that was in a box.
type File struct {
	Name string // a single one, safe to save under everywhere; no two of a box are the same
	Size int64

	open func() io.ReadCloser
}

// Open returns the content. All of it was authenticated. Close must be called.
func (f *File) Open() io.ReadCloser { return f.open() }

// Opened is what was in a box.
type Opened struct {
	Files []*File
	Notes []string // what a person should know, in English

	archive *zipbox.Archive
}

// Close frees what is kept. Files cannot be read then.
func (o *Opened) Close() {
	if o.archive != nil {
		o.archive.Close()
	}
}

// Open opens a box that Complete returned nil for. It may be called again after
// an error.
//
// Errors: NoSecret, NeedsKey, BadKey, KeyLocked, Wrong, NotForYou, NoBox, Plain,
// Outdated, Truncated, TooBig, Other.
func (b *Box) Open(s Secrets) (*Opened, error) {
	var o *Opened
	var err error
	switch {
	case s.Passphrase == "" && len(s.Key) == 0:
		return nil, failed(NoSecret, nil)
	case b.kind.Format == "ZIP":
		o, err = b.openZIP(s.Passphrase)
	case b.kind.Format != "":
		o, err = b.openMessage(s)
	default:
		return nil, failed(NoBox, nil)
	}
	if err != nil {
		return nil, told(err)
	}
	return o, nil
}

// openZIP opens an archive.
func (b *Box) openZIP(passphrase string) (*Opened, error) {
	all, err := spellings(passphrase)
	if err != nil {
		return nil, err
	}
	o := zipOpener()
	for _, p := range all {
		var a *zipbox.Archive
		if a, err = o.Open(b.data.reader(), p); err == nil {
			return unpacked(a), nil
		}
		if err != envelope.ErrDecrypt {
			break
		}
	}
	return nil, err
}

func zipOpener() *zipbox.Opener { return &zipbox.Opener{Limits: limits()} }

func limits() envelope.Limits { return envelope.Limits{Decompressed: Limit, SourceBytes: Limit} }

// unpacked lists the files of an archive.
func unpacked(a *zipbox.Archive) *Opened {
	out := &Opened{archive: a, Notes: a.Report().Findings}
	taken := map[string]int{}
	for _, f := range a.Files() {
		out.Files = append(out.Files, &File{Name: single(f.Name, taken), Size: f.Size, open: f.Open})
	}
	return out
}

// single makes of the path of a file one name that no other file has: browsers
// save into one folder. taken counts those that a name was made for.
func single(path string, taken map[string]int) string {
	plain := filename.Safe(strings.ReplaceAll(path, "/", "-"))
	name := plain
	for taken[filename.Fold(name)] > 0 {
		taken[filename.Fold(plain)]++
		name = filename.Safe(fmt.Sprintf("%d-%s", taken[filename.Fold(plain)], plain))
	}
	taken[filename.Fold(name)]++
	return name
}

// spellings returns the passphrase as it may be meant: where it was pasted, with
// a space at an end; typed on another system, in another normal form.
func spellings(text string) ([]*envelope.Passphrase, error) {
	var all []*envelope.Passphrase
	var seen []string
	for _, s := range []string{filename.Composed(text), text, filename.Composed(strings.TrimSpace(text))} {
		if s == "" || slices.Contains(seen, s) {
			continue
		}
		seen = append(seen, s)
		p, err := envelope.OpenPassphrase(s)
		if err != nil {
			return nil, failed(Wrong, err)
		}
		all = append(all, p)
	}
	return all, nil
}

// openMessage opens an OpenPGP or CMS message.
func (b *Box) openMessage(s Secrets) (*Opened, error) {
	o := envelope.Opener{Formats: formats(), Limits: limits()}
	switch {
	case len(s.Key) > 0:
		keys, err := identities(s.Key, s.KeyPassphrase)
		if err != nil {
			return nil, err
		}
		o.Identities = keys
	case !b.kind.Passphrase:
		return nil, failed(NeedsKey, nil)
	}
	if s.Passphrase != "" && b.kind.Passphrase {
		var err error
		if o.Passphrases, err = spellings(s.Passphrase); err != nil {
			return nil, err
		}
	}
	m, err := o.Open(b.data.reader())
	if err != nil {
		return nil, err
	}
	defer m.Close()
	var content blocks
	// io.EOF comes only after every check passed, and nothing is handed on before.
	n, err := io.Copy(&content, io.LimitReader(m, Limit+1))
	switch {
	case err != nil:
		return nil, err
	case n > Limit:
		return nil, failed(TooBig, nil)
	}
	f := &File{Name: nameOf(&content), Size: n, open: func() io.ReadCloser { return io.NopCloser(content.reader()) }}
	return &Opened{Files: []*File{f}, Notes: m.Report().Findings}, nil
}

// nameOf makes a name for content that came without one: sealed messages do not
// tell it. What the content is decides which program opens it.
func nameOf(content *blocks) string {
	head := make([]byte, 8)
	n, _ := content.ReadAt(head, 0)
	for _, k := range []struct{ magic, name string }{
		{"%PDF-", "document.pdf"},
		{"PK\x03\x04", "documents.zip"},
		{"\x89PNG\r\n\x1a\n", "picture.png"},
		{"\xff\xd8\xff", "picture.jpg"},
	} {
		if bytes.HasPrefix(head[:n], []byte(k.magic)) {
			return k.name
		}
	}
	return "document"
}
