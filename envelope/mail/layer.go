package mail

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ahead"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/internal/spool"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// The kinds of layers.
const (
	kindEncrypted    = "encrypted"
	kindSigned       = "signed"
	kindCompressed   = "compressed"
	kindCertificates = "certificates"
)

// The names of the formats.
const (
	formatPGP   = "OpenPGP"
	formatSMIME = "S/MIME"
)

// encrypted reports whether what is in the layer was encrypted, and is what it was.
func (l *Layer) encrypted() bool {
	return l.Kind == kindEncrypted && l.Report != nil && l.Report.Encrypted && !l.Report.Unauthenticated
}

// signed reports whether a signature covers what is in the layer, whatever it
// is worth.
func (l *Layer) signed() bool { return l.Report != nil && len(l.Report.Signatures) > 0 }

// intact reports whether a signature proves that what is in the layer is what
// was signed, by whomever, and none says otherwise.
func (l *Layer) intact() bool {
	return l.signed() && !slices.ContainsFunc(l.Report.Signatures, envelope.Signature.Bad) &&
		slices.ContainsFunc(l.Report.Signatures, envelope.Signature.Valid)
}

// layer makes p a layer. The error is that there are too many in each other.
func (r *reading) layer(p *Part, kind, format string) (*Layer, error) {
	if len(p.within) >= r.limits.Layers {
		return nil, limit("cryptographic layers in each other", r.limits.Layers)
	}
	p.layer = &Layer{Path: p.Path, Kind: kind, Format: format, Errant: !p.spine}
	return p.layer, nil
}

// errNoFormat: nothing that the caller gave knows any format.
var errNoFormat = fmt.Errorf("%w: mail: no format is known here: set Opener.Formats", envelope.ErrFormat)

// errNested is why an encrypted part inside of a tree is not opened.
var errNested = fmt.Errorf("%w: mail: it is encrypted and not the whole message, so that it is not decrypted: see Opener.InsecureNested", envelope.ErrFormat)

// mayDecrypt reports whether the encrypted layer p is opened. One that stands in
// a tree can have been put there by somebody who wants to see what the reader
// does with it, or wants it to be shown or quoted beside their own text
// ("Re: What's up Johnny?", arXiv 1904.07550).
func (r *reading) mayDecrypt(p *Part, l *Layer) bool {
	switch {
	case l.Errant && !r.o.InsecureNested:
		l.Err = errNested
		p.find("nested-encrypted", "an encrypted part that is not the whole message was not decrypted", false)
		return false
	case len(r.formats) == 0:
		l.Err = errNoFormat
		return false
	case len(r.o.Identities)+len(r.o.Passphrases) == 0:
		l.Err = envelope.ErrNotForYou
		return false
	}
	return true
}

// mayOpen is mayDecrypt, for what is only signed too.
func (r *reading) mayOpen(p *Part, l *Layer) bool {
	if l.Kind == kindEncrypted {
		return r.mayDecrypt(p, l)
	}
	if len(r.formats) == 0 {
		l.Err = errNoFormat
		return false
	}
	return true
}

// opening is one of Opener.Examine and Opener.ExamineSigned.
type opening func(*envelope.Opener, io.Reader) (*envelope.Message, error)

// unwrap opens the layer l, which open yields as it is, and keeps what is in
// it. If that is a tree, its parts are found meanwhile, in octets that package
// envelope authenticated before it released them; they are of use only once the
// last was. No source: l.Err says why. An error is one of the message, not of
// the layer.
func (r *reading) unwrap(p *Part, l *Layer, begin opening, open func() io.Reader, tree bool) (*source, error) {
	kept, err := r.release(p, l, begin, open, tree)
	if err := p.src.failed(); err != nil {
		return nil, err
	}
	return kept, err
}

func (r *reading) release(p *Part, l *Layer, begin opening, open func() io.Reader, tree bool) (*source, error) {
	if l.Kind == kindCompressed && r.growth <= 0 {
		l.Err = r.tooLarge() // package smime looks at all of it before any is kept
		return nil, nil
	}
	src := rereadable(open)
	defer src.Close()
	m, err := begin(&r.opener, &spool.Fixed{ReadSeeker: src})
	if err != nil {
		r.spent(err)
		l.Err = layerError(err)
		return nil, nil
	}
	defer m.Close()
	next := ahead.New(m) // decrypting and keeping have a core each
	defer next.Close()
	t := &told{r: next}
	kept, err := r.hold(t, p.octets()+r.growth, p, tree)
	r.spent(errors.Join(err, t.err))
	switch {
	case errors.Is(err, envelope.ErrLimit) && (t.err == nil || t.err == io.EOF), err == nil && !r.grew(kept, p):
		l.Err = r.tooLarge()
		return nil, nil
	case t.err != nil && t.err != io.EOF:
		l.Err = layerError(t.err)
		return nil, nil
	case err != nil: // the copy could not be made
		return nil, err
	}
	l.Report = m.Report()
	if l.Report.Format != l.Format && l.Format != "" {
		l.Report, l.Err = nil, fmt.Errorf("%w: mail: it is of the format %s in the place of %s", envelope.ErrFormat, l.Report.Format, l.Format)
		return nil, nil
	}
	l.Format = l.Report.Format
	return kept, nil
}

// octets is how much of the message a part is: what is in a layer is less than
// that, but for what was compressed.
func (p *Part) octets() int64 {
	if p.node == nil {
		return p.Size
	}
	return p.node.End - p.node.Start
}

// grew takes what the content of p is larger than p from what all layers of the
// message may grow together: each may hold what Limits.Decompressed allows, and
// there may be many.
func (r *reading) grew(kept *source, p *Part) bool {
	r.growth -= max(0, kept.Size()-p.octets())
	return r.growth >= 0
}

// spent takes all that layers may still grow where one reached a limit: it grew
// until then, and each of dozens beside it would once more.
func (r *reading) spent(err error) {
	if errors.Is(err, envelope.ErrLimit) {
		r.growth = min(r.growth, 0)
	}
}

func (r *reading) tooLarge() error {
	return &envelope.LimitError{What: "octets that the compressed content of one message grows to", Max: r.mostGrowth()}
}

// mostGrowth is the default of envelope.Limits.Decompressed, or what was set.
func (r *reading) mostGrowth() int64 { return cmp.Or(max(r.limits.Envelope.Decompressed, 0), 1<<30) }

// told is a reader that knows how reading ended.
type told struct {
	r   io.Reader
	err error
}

func (t *told) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.err = err
	return n, err
}

// layerError makes of what is wrong with a layer one of package envelope's
// errors, which it mostly is.
func layerError(err error) error {
	for _, known := range []error{envelope.ErrFormat, envelope.ErrDecrypt, envelope.ErrNotForYou, envelope.ErrSignature, envelope.ErrLimit} {
		if errors.Is(err, known) {
			return err
		}
	}
	if errors.As(err, new(*envelope.NotApprovedError)) {
		return err
	}
	return fmt.Errorf("%w: %w", envelope.ErrFormat, err)
}

// settle says of a layer that was opened what its signatures are worth.
func (r *reading) settle(l *Layer) {
	if l.Report == nil {
		return
	}
	for i, s := range l.Report.Signatures {
		if s.Bad() {
			l.Err = fmt.Errorf("%w: %s", envelope.ErrSignature, s.Problem())
		}
		// Whoever seals another's signature anew can put their own beside it,
		// which names the reader: each of them has to.
		switch m := r.meant(l, s); {
		case i == 0 || m == intendedOthers:
			l.intended = max(l.intended, m)
		case l.intended == intendedUs:
			l.intended = m
		}
	}
	// What is compressed may be signed inside: one layer to whoever opens it.
	claimed := l.Kind == kindSigned || l.Kind == kindCompressed && l.signed()
	if claimed && l.Err == nil && !l.intact() {
		l.Err = fmt.Errorf("%w: %s", envelope.ErrSignature, l.why())
	}
}

// meant says for whom a signature was made. Of one that is not inside the same
// OpenPGP message as the encryption package pgp cannot say whether it was for
// the reader: there each key that the reader has counts.
func (r *reading) meant(l *Layer, s envelope.Signature) intended {
	switch {
	case s.Misdirected():
		return intendedOthers
	case !s.Valid() || len(s.Intended) == 0:
		return intendedAbsent
	case l.Report.Encrypted && l.Report.OpenedBy >= 0:
		return intendedUs
	case l.Report.Encrypted: // with a passphrase, which it cannot name
		return intendedAbsent
	}
	answer := intendedAbsent
	for _, id := range r.o.Identities {
		in := certificateOf(id)
		if in == nil || in.Format().Name() != l.Format {
			continue
		}
		c := keyring.Certificate(seam.Wrap(in))
		if slices.Contains(s.Intended, c.Fingerprint().String()) {
			return intendedUs
		}
		answer = intendedOthers
	}
	return answer
}

func (l *Layer) why() string {
	if !l.signed() {
		return "there is none"
	}
	return l.Report.Signatures[0].Problem()
}

// unknown reports whether a signature could not be checked for want of a key.
func (l *Layer) unknown() bool {
	return l.Report != nil && slices.ContainsFunc(l.Report.Signatures, func(s envelope.Signature) bool {
		return !s.Valid() && !s.Bad() && s.Certificate == nil
	})
}

// enter makes what is in the opened layer p its content: a tree of its own. If
// the key of a signature was not known, and the protected From names somebody
// else than the outer one, it is checked once more with their keys.
func (r *reading) enter(p *Part, l *Layer, kept *source, check func() error) error {
	child, err := r.parsed(kept, p)
	if err != nil {
		return err
	}
	if err := r.recheck(l, addressesIn(child.node.Header), check); err != nil {
		return err
	}
	r.settle(l)
	r.content(child, l)
	return nil
}

func (r *reading) recheck(l *Layer, from []string, check func() error) error {
	known := len(r.opener.Senders)
	if !l.unknown() {
		return nil
	}
	if err := r.believe(from); err != nil {
		return err
	}
	if len(r.opener.Senders) == known {
		return nil
	}
	return check()
}

// reopen opens a layer that was opened before, for its signatures alone. What
// is in it is known, and is the same.
func (r *reading) reopen(p *Part, l *Layer, begin opening, open func() io.Reader) error {
	src := rereadable(open)
	defer src.Close()
	m, err := begin(&r.opener, &spool.Fixed{ReadSeeker: src})
	if err == nil {
		defer m.Close()
		if _, err = io.Copy(io.Discard, m); err == nil {
			l.Report = m.Report()
			return nil
		}
	}
	if failed := p.src.failed(); failed != nil {
		return failed
	}
	return err
}
