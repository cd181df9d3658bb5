package envelope

import (
	"errors"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Writer takes the content of one message. It belongs to one goroutine, Abort
// included. The zero value is closed.
//
// One of Close and Abort must be called: something runs in the background
// until then. After an error every method but Abort, Report and Receipt
// returns that error, and what dst holds never opens.
type Writer struct {
	w       seam.Writer
	sink    *sink
	to      []keyring.Fingerprint
	why     []string // for each of to
	known   int      // by how many passphrases it opens
	n       int64
	err     error // final; errInterrupted while a call is under way
	freed   bool  // w and the audit have ended
	receipt *Receipt
}

var _ interface {
	io.WriteCloser
	io.ReaderFrom
} = (*Writer)(nil)

func start(dst io.Writer, f seam.Format, p *seam.SealPlan, begin func(io.Writer) (seam.Writer, error), audited bool) (*Writer, error) {
	if dst == nil {
		return nil, errors.New("envelope: no Writer was given for the message")
	}
	w := &Writer{sink: &sink{dst: dst}, known: len(p.Passphrases)}
	for _, c := range p.Recipients {
		w.to = append(w.to, certificate(c).Fingerprint())
	}
	if audited {
		w.sink.audit = startAudit(f, p.Armor)
	}
	started := false
	defer func() {
		if !started { // also should dst panic
			w.sink.audit.abort()
		}
	}()
	var err error
	if w.w, err = begin(w.sink); err != nil {
		return nil, err
	}
	started = true
	return w, nil
}

// begin refuses a call that comes after the end, and end ends it.
func (w *Writer) begin() error {
	switch {
	case w.err != nil:
		return w.err
	case w.w == nil:
		return ErrClosed
	}
	w.err = errInterrupted
	return nil
}

func (w *Writer) end(err error) error {
	w.err = err
	if err != nil {
		w.free()
	}
	return err
}

// free ends what runs, so that no message comes of it.
func (w *Writer) free() {
	if !w.freed && w.w != nil {
		w.freed = true
		w.w.Abort()
		w.sink.audit.abort()
	}
}

// Write adds p to the content.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.begin(); err != nil {
		return 0, err
	}
	n, err := w.w.Write(p)
	w.n += int64(n)
	return n, w.end(err)
}

// ReadFrom adds everything that src returns to the content; io.Copy calls it.
// If src fails the message cannot be ended any more: half of an attachment is
// not an attachment. A src that returns nothing and no error a hundred times
// in a row fails with io.ErrNoProgress.
func (w *Writer) ReadFrom(src io.Reader) (n int64, err error) {
	if err := w.begin(); err != nil {
		return 0, err
	}
	in := &source{r: src}
	if rf, ok := w.w.(io.ReaderFrom); ok {
		n, err = rf.ReadFrom(in)
	} else {
		n, err = copied(w.w, in)
	}
	w.n += n
	return n, w.end(err)
}

// Close ends the message and checks the receipt: what was written names
// exactly the recipients asked for. It does not close dst. An error of it
// means that what dst holds must be thrown away: mostly it does not open, but
// where the receipt is wrong it may open for somebody else. A second Close is
// [ErrClosed].
func (w *Writer) Close() error {
	if err := w.begin(); err != nil {
		return err
	}
	if err := w.w.Close(); err != nil {
		return w.end(err)
	}
	w.err, w.freed = ErrClosed, true
	planned := w.w.Planned()
	found := *planned
	if w.sink.audit != nil { // else a detached signature
		f, err := w.sink.audit.finish()
		if err != nil {
			return err
		}
		if err := compareReaders(len(w.to)+w.known, planned, f); err != nil {
			return err
		}
		found = *f
		// What no parser can see without a key: planned, and compared as far
		// as it shows.
		found.LoweredBy, found.Auth = planned.LoweredBy, planned.Auth
		found.Findings = append(planned.Findings[:len(planned.Findings):len(planned.Findings)], f.Findings...)
	}
	w.receipt = &Receipt{Report: *report(&found, nil), Sealed: w.to, Evidence: w.why, Passphrases: w.known, Reason: planned.Reason, Bytes: w.n, Written: w.sink.n}
	return nil
}

// Abort ends the message so that it never opens, and frees what the Writer
// holds. After Close it does nothing: defer it as soon as there is a Writer.
func (w *Writer) Abort() {
	if w.err == nil {
		w.err = ErrClosed
	}
	w.free()
}

// Report says what is being written, before any content is.
func (w *Writer) Report() *Report {
	if w.w == nil {
		return &Report{OpenedBy: -1}
	}
	return report(w.w.Planned(), nil)
}

// Receipt returns the proof of what was written; nil before a Close that
// returned nil.
func (w *Writer) Receipt() *Receipt { return w.receipt }
