package zipbox

import (
	"errors"
	"io"
	"slices"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/filename"
	"github.com/doublekeybox/doublekeybox/internal/reread"
	"github.com/doublekeybox/doublekeybox/internal/winzip"
)

// Opener says what is opened. The zero value is usable. It is not changed, and
// safe for concurrent use.
type Opener struct {
	// Limits: HeaderBytes of each directory, Decompressed for all files
	// together, SourceBytes, SpoolMemory and SpoolDir are used.
	Limits envelope.Limits
}

// The defaults, as those of envelope.Limits.
const (
	defaultHeaderBytes  = 4 << 20
	defaultDecompressed = 1 << 30
)

func limit(v, standard int64) int64 {
	if v <= 0 {
		return standard
	}
	return v
}

// Open reads src to its end and opens the archive in it with p: all of it was
// authenticated when Open returns. p is used in Unicode's normal form C, and as
// it is where that does not fit.
//
// A src that is io.ReaderAt and io.Seeker is read again where its files are
// opened, and that it has not changed is checked; it must stay open until Close.
// Of any other an encrypted copy is kept, in memory and then in a file without a
// name. src is not closed.
//
// Errors: [envelope.ErrDecrypt] for a wrong passphrase and for whatever was
// changed in what is encrypted, without a difference; [*RefusedError];
// [*envelope.LimitError]; [*envelope.NotApprovedError]; those of src. None
// leaves anything open.
func (o *Opener) Open(src io.Reader, p *envelope.Passphrase) (*Archive, error) {
	a, _, err := o.OpenInto(nil, src, p)
	return a, err
}

// OpenInto is Open, and writes the content of the one file of an archive to dst
// on the way, so that src is read once and not twice: of an archive that is not
// compressed, and a src that is io.ReaderAt and io.Seeker. Of any other written is
// false, and nothing is written to dst, which may be nil.
//
// What is written was not authenticated yet. dst.Commit is called once all was,
// and the content has the checksum that its author's program gave it; after an
// error it is never called, and what dst holds must be thrown away by whoever
// made it. Errors of dst end OpenInto as they are.
func (o *Opener) OpenInto(dst Sink, src io.Reader, p *envelope.Passphrase) (a *Archive, written bool, err error) {
	switch {
	case src == nil:
		return nil, false, errors.New("zipbox: no Reader was given for the archive")
	case p == nil || p.Reveal() == "":
		return nil, false, errNoPassphrase
	}
	if err := approved(); err != nil {
		return nil, false, err
	}
	most := limit(o.Limits.SourceBytes, reread.DefaultMax)
	if at, size, ok := reread.Section(src); ok {
		if size > most {
			return nil, false, &envelope.LimitError{What: "octets in one archive", Max: most}
		}
		return o.open(at, size, p, nil, dst)
	}
	kept, err := reread.Hold(src, reread.Options{Memory: o.Limits.SpoolMemory, Dir: o.Limits.SpoolDir, Max: most})
	var l *reread.LimitError
	switch {
	case errors.As(err, &l):
		return nil, false, &envelope.LimitError{What: "octets in one archive", Max: l.Max}
	case err != nil:
		return nil, false, err
	}
	a, _, err = o.open(kept, kept.Size(), p, kept, nil)
	if err != nil {
		kept.Close()
	}
	return a, false, err
}

// open opens what is at src; kept is src where that is a copy, which nobody
// else changes.
func (o *Opener) open(src io.ReaderAt, size int64, p *envelope.Passphrase, kept *reread.Source, dst Sink) (*Archive, bool, error) {
	most := limit(o.Limits.HeaderBytes, defaultHeaderBytes)
	d, err := readDirectory(src, size, most)
	if err != nil {
		return nil, false, err
	}
	if err := sealed(d.entries); err != nil {
		return nil, false, err
	}
	budget := limit(o.Limits.Decompressed, defaultDecompressed)
	if err := growth(d.entries, budget); err != nil {
		return nil, false, err
	}
	keys, err := derive(d.entries, p)
	if err != nil {
		return nil, false, err
	}
	var e *early
	if dst != nil {
		e = newEarly(dst, src, d, most, budget, keys)
	}
	if kept, err = authenticate(d, src, keys, kept, e); err != nil {
		return nil, false, err
	}
	a := &Archive{src: kept, report: report(d.entries)}
	err = a.fill(kept, d, most, budget, keys)
	if err == nil {
		err = e.end(a.files)
	}
	if err != nil {
		a.Close()
		return nil, false, err
	}
	return a, e != nil, nil
}

// sealed holds that there is something in the archive, and that nobody can have
// put a file into it without the passphrase.
func sealed(entries []entry) error {
	any := false
	for _, e := range entries {
		switch {
		case e.encrypted():
			any = true
		case !e.empty():
			return refuse(codeClear, e.name, "it is not encrypted: whoever carried the archive may have put it there")
		}
	}
	if !any {
		return refuse(codeClear, "", "nothing in it is encrypted")
	}
	return nil
}

// mostRatio is how many times longer compressed content may become, after the
// first MiB: text hardly ever becomes 50 times as long, bombs 1,000 times.
const (
	mostRatio = 200
	freeBytes = 1 << 20
)

// growth holds entries to what they may grow to, as they say; what they do then
// is held to what they said.
func growth(entries []entry, budget int64) error {
	most := budget
	for _, e := range entries {
		if e.kind() == methodStore {
			continue
		}
		if e.size > budget {
			return &envelope.LimitError{What: "octets of decompressed content", Max: most}
		}
		budget -= e.size
		if e.size > freeBytes && e.size/mostRatio > e.packed {
			return &envelope.LimitError{What: "times that content may grow", Max: mostRatio, Fixed: true}
		}
	}
	return nil
}

// derive derives the keys of all entries, nil for one that is not encrypted.
func derive(entries []entry, p *envelope.Passphrase) ([]*winzip.Keys, error) {
	// What fits the first fits all. That a text which is not in normal form
	// fits by chance, and is wrong, happens once in 65,536 times.
	texts := []string{filename.Composed(p.Reveal())}
	if texts[0] != p.Reveal() {
		texts = append(texts, p.Reveal())
	}
	keys := make([]*winzip.Keys, len(entries))
	for i, e := range entries {
		if !e.encrypted() {
			continue
		}
		for len(texts) > 0 {
			k, err := winzip.Derive(texts[0], e.aes.salt[:e.aes.strength.SaltSize()], e.aes.strength)
			if err != nil {
				return nil, err
			}
			if k.Verified(e.aes.verifier[:]) {
				keys[i], texts = k, texts[:1]
				break
			}
			texts = texts[1:]
		}
		if keys[i] == nil {
			return nil, envelope.ErrDecrypt
		}
	}
	return keys, nil
}

// authenticate reads all of src once, compares the tags of all entries, and
// returns a source that has what was read.
func authenticate(d *directory, src io.ReaderAt, keys []*winzip.Keys, kept *reread.Source, e *early) (*reread.Source, error) {
	t := newTap(src, d.entries, keys, e)
	defer t.stop()
	pinned := kept
	if kept != nil {
		buf := make([]byte, reread.ChunkSize)
		for off := int64(0); off < d.size; off += reread.ChunkSize {
			if _, err := t.ReadAt(buf[:min(d.size-off, reread.ChunkSize)], off); err != nil && err != io.EOF {
				return nil, err
			}
		}
	} else {
		var err error
		if pinned, err = reread.Pin(t, d.size); err != nil {
			return nil, err
		}
	}
	if !t.stop() {
		if kept == nil {
			pinned.Close()
		}
		return nil, envelope.ErrDecrypt
	}
	if kept != nil {
		return kept, nil
	}
	// The directory was read before: it has to be the one that was pinned.
	again, err := readDirectory(pinned, d.size, d.most)
	if err != nil || again.comment != d.comment || !slices.Equal(again.entries, d.entries) {
		pinned.Close()
		return nil, reread.ErrChanged
	}
	return pinned, nil
}
