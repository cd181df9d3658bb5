package envelope

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Sealer seals. The zero value is ready: it chooses the strongest form that
// the recipients are known to read, unsigned. It must not be changed while in
// use; used so it is safe for concurrent use.
type Sealer struct {
	Profile Profile
	Signers []Signer // sign the content, inside the encryption

	// RefuseLowering makes it a [*LoweredError] if a recipient's key allows
	// only a container weaker than the best of the profile. Without it, who
	// lowered is in Receipt.LoweredBy.
	RefuseLowering bool

	// Armor writes text instead of binary: OpenPGP armor, or PEM.
	Armor bool

	// Entity says that the content is a MIME entity, and the message will be
	// the body of a mail: S/MIME then wraps a signature inside the encryption
	// as mail programs expect it (RFC 8551, Section 3.7). The content itself
	// is written as it is in either case.
	Entity bool

	Limits Limits
	Legacy Legacy
	Time   func() time.Time // the time that keys are checked at; nil: time.Now
}

// Seal is [Sealer.Seal] of the zero Sealer.
func Seal(dst io.Writer, to ...*keyring.Verified) (*Writer, error) {
	return new(Sealer).Seal(dst, to...)
}

// Seal starts a message to all of these recipients. The content is what is
// written to the Writer; Close ends the message. Every check is made before
// the first byte is written to dst, and nothing is written where one fails.
//
// Errors: [*RecipientsError], naming every key that cannot be used;
// [*MixedError]; [*UnknownReaderError]; [*LoweredError]; [*LimitError] beyond
// 10,000 recipients; else what dst returned. dst is never closed.
func (s *Sealer) Seal(dst io.Writer, to ...*keyring.Verified) (*Writer, error) {
	if len(to) == 0 {
		return nil, errors.New("envelope: no recipient: nothing is sealed for nobody")
	}
	if len(to) > writtenRecipients {
		return nil, &LimitError{What: "recipients in one message", Max: writtenRecipients}
	}
	f, p, err := s.plan(to)
	if err != nil {
		return nil, err
	}
	return start(dst, f, p, func(dst io.Writer) (seam.Writer, error) { return f.Seal(dst, p) }, true)
}

// Sign starts an opaque signed message: the content with the signatures of
// all signers, readable by anybody. Its [Writer] is used like that of Seal.
func (s *Sealer) Sign(dst io.Writer) (*Writer, error) { return s.sign(dst, false) }

// SignDetached starts a detached signature: what is written to the Writer is
// signed, and Close writes the signatures alone to dst.
func (s *Sealer) SignDetached(dst io.Writer) (*Writer, error) { return s.sign(dst, true) }

// Sign is [Sealer.Sign] of a Sealer with these signers.
func Sign(dst io.Writer, by ...Signer) (*Writer, error) {
	return (&Sealer{Signers: by}).Sign(dst)
}

// SignDetached is [Sealer.SignDetached] of a Sealer with these signers.
func SignDetached(dst io.Writer, by ...Signer) (*Writer, error) {
	return (&Sealer{Signers: by}).SignDetached(dst)
}

func (s *Sealer) sign(dst io.Writer, detached bool) (*Writer, error) {
	if len(s.Signers) == 0 {
		return nil, errors.New("envelope: no signer: set Sealer.Signers")
	}
	f, p, err := s.plan(nil)
	if err != nil {
		return nil, err
	}
	// A detached signature is not a message of its own: there is no content
	// to parse again.
	return start(dst, f, p, func(dst io.Writer) (seam.Writer, error) { return f.Sign(dst, p, detached) }, !detached)
}

// plan checks everything that does not need the format to choose a container.
func (s *Sealer) plan(to []*keyring.Verified) (seam.Format, *seam.SealPlan, error) {
	p := &seam.SealPlan{
		Profile: seam.Profile(s.Profile), Now: clock(s.Time),
		Armor: s.Armor, Entity: s.Entity,
		RefuseLowering: s.RefuseLowering, AllowUnauthenticated: s.Legacy.UnauthenticatedCBC,
		Limits: s.Limits.resolve(),
	}
	if s.Profile < Auto || s.Profile > PostQuantum {
		return nil, nil, fmt.Errorf("envelope: profile %d does not exist", int(s.Profile))
	}
	var bad []error
	mixed := map[string][]keyring.Fingerprint{}
	var format seam.Format
	add := func(c seam.Certificate) {
		format = c.Format()
		mixed[format.Name()] = append(mixed[format.Name()], certificate(c).Fingerprint())
	}
	for i, v := range to {
		c := inside(v)
		if c == nil {
			bad = append(bad, fmt.Errorf("%w: recipient %d was not made by keyring.Verify", keyring.ErrRefused, i+1))
			continue
		}
		add(c)
		if err := c.CheckSeal(p.Now, p.Profile); err != nil {
			bad = append(bad, err)
		}
		p.Recipients = append(p.Recipients, c)
	}
	for i, x := range s.Signers {
		in := seam.Opaque[seam.Signer](x).Unwrap()
		if in == nil {
			bad = append(bad, fmt.Errorf("%w: signer %d is the zero value", keyring.ErrRefused, i+1))
			continue
		}
		add(in.Certificate())
		if err := in.CheckSign(p.Now, p.Profile); err != nil {
			bad = append(bad, err)
		}
		p.Signers = append(p.Signers, in)
	}
	switch {
	case len(bad) > 0:
		return nil, nil, &RecipientsError{Reasons: bad}
	case len(mixed) > 1:
		return nil, nil, &MixedError{Keys: mixed}
	}
	return format, p, nil
}

// Writer takes the content of one message. It belongs to one goroutine.
//
// After an error every method but Abort and Receipt returns an error, and what
// dst holds never opens.
type Writer struct {
	w       seam.Writer
	sink    *sink
	to      []keyring.Fingerprint
	n       int64
	err     error
	receipt *Receipt
}

func start(dst io.Writer, f seam.Format, p *seam.SealPlan, begin func(io.Writer) (seam.Writer, error), audited bool) (*Writer, error) {
	w := &Writer{sink: &sink{dst: dst}}
	for _, c := range p.Recipients {
		w.to = append(w.to, certificate(c).Fingerprint())
	}
	if audited {
		w.sink.audit = startAudit(f)
	}
	var err error
	if w.w, err = begin(w.sink); err != nil {
		w.sink.audit.abort()
		return nil, err
	}
	return w, nil
}

// Write adds p to the content.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.w.Write(p)
	w.n += int64(n)
	if err != nil {
		w.fail(err)
	}
	return n, err
}

// ReadFrom adds everything that src returns to the content; io.Copy calls it.
// If src fails the message cannot be ended any more: half of an attachment is
// not an attachment.
func (w *Writer) ReadFrom(src io.Reader) (n int64, err error) {
	if w.err != nil {
		return 0, w.err
	}
	if rf, ok := w.w.(io.ReaderFrom); ok {
		n, err = rf.ReadFrom(src)
	} else {
		n, err = io.CopyBuffer(struct{ io.Writer }{w.w}, struct{ io.Reader }{src}, make([]byte, copyBuffer))
	}
	w.n += n
	if err != nil {
		w.fail(err)
	}
	return n, err
}

// copyBuffer holds a quarter of the largest chunk that a format encrypts at
// once: larger gains nothing, smaller costs a system call per chunk more.
const copyBuffer = 64 << 10

func (w *Writer) fail(err error) {
	w.err = err
	w.w.Abort()
	w.sink.audit.abort()
}

// Close ends the message and checks the receipt: what was written names
// exactly the recipients asked for. It does not close dst, and an error of it
// means that dst holds no message. A second Close is [ErrClosed].
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if err := w.w.Close(); err != nil {
		w.fail(err)
		return err
	}
	w.err = ErrClosed
	found, err := w.sink.audit.finish()
	if err != nil {
		return fmt.Errorf("envelope: internal error: what was written cannot be read: %w", err)
	}
	planned := w.w.Planned()
	if found == nil { // a detached signature
		found = planned
	} else if err := compare(planned, found); err != nil {
		return err
	}
	found.LoweredBy = planned.LoweredBy
	w.receipt = &Receipt{Report: *report(found, nil), Sealed: w.to, Bytes: w.n, Written: w.sink.n}
	return nil
}

// Abort ends the message so that it never opens, and frees what the Writer
// holds. After Close it does nothing: defer it as soon as there is a Writer.
func (w *Writer) Abort() {
	if w.err == nil {
		w.fail(ErrClosed)
	}
}

// Report says what is being written, before any content is.
func (w *Writer) Report() *Report { return report(w.w.Planned(), nil) }

// Receipt returns the proof of what was written; nil before a Close that
// returned nil.
func (w *Writer) Receipt() *Receipt { return w.receipt }

// compare holds what was found in the output against what was planned.
func compare(planned, found *seam.Facts) error {
	diff := func(what string, want, got any) error {
		return fmt.Errorf("envelope: internal error: the message written has %s %q, planned was %q: discard it", what, fmt.Sprint(got), fmt.Sprint(want))
	}
	sorted := func(rs []seam.Recipient) []seam.Recipient {
		rs = slices.Clone(rs)
		slices.SortFunc(rs, func(a, b seam.Recipient) int {
			return cmpStrings(a.ID, b.ID, a.Algorithm, b.Algorithm)
		})
		return rs
	}
	switch {
	case planned.Format != found.Format:
		return diff("format", planned.Format, found.Format)
	case planned.Encrypted != found.Encrypted:
		return diff("encryption", planned.Encrypted, found.Encrypted)
	case planned.Container != found.Container:
		return diff("container", planned.Container, found.Container)
	case planned.Content != found.Content:
		return diff("content encryption", planned.Content, found.Content)
	case planned.Armored != found.Armored:
		return diff("armor", planned.Armored, found.Armored)
	case !slices.Equal(sorted(planned.Recipients), sorted(found.Recipients)):
		return diff("recipients", planned.Recipients, found.Recipients)
	}
	if found.Encrypted {
		return nil // signatures are inside
	}
	ids := func(ss []seam.Signature) (out []string) {
		for _, s := range ss {
			out = append(out, s.SignerID+" "+s.Algorithm)
		}
		slices.Sort(out)
		return out
	}
	if p, f := ids(planned.Signatures), ids(found.Signatures); !slices.Equal(p, f) {
		return diff("signatures", p, f)
	}
	return nil
}

func cmpStrings(s ...string) int {
	for i := 0; i+1 < len(s); i += 2 {
		switch {
		case s[i] < s[i+1]:
			return -1
		case s[i] > s[i+1]:
			return 1
		}
	}
	return 0
}
