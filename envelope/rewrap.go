package envelope

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Rewrap adds readers to a sealed message and removes none: who could open it
// before knows its content key, and can open the new message too.
// Receipt.ContentKeyReused says so. To take somebody's access away, or to sign,
// use [Sealer.Reseal]; and who has a copy of the old message keeps that.
//
// The message is opened with o and its whole body authenticated before a byte
// is written to dst; it is then copied with what s and to add, and all else
// (content, signatures, who else can open it) stays as it is. Content that
// nothing authenticates is refused with [ErrDecrypt], whatever o.Legacy says. A
// nil s is the zero Sealer, whose Profile decides for whom the message's form
// will do. Its Signers must be empty: nothing is signed.
//
// Errors: those of [Opener.Open] and [Sealer.Seal]; [ErrMixed] where the
// message is of another format than the recipients; [keyring.ErrRefused] where
// its form is not what the profile would write, or is not written at all. Most
// come before the first byte is written. After one that does not (of dst, or a
// source that changed in between), throw away what dst holds. src and dst are not closed, and must
// not be one file.
func Rewrap(dst io.Writer, src io.Reader, o *Opener, s *Sealer, to ...*keyring.Verified) (*Receipt, error) {
	if s == nil {
		s = new(Sealer)
	}
	if len(s.Signers) > 0 {
		return nil, errors.New("envelope: Rewrap signs nothing: leave Sealer.Signers empty, or use Reseal")
	}
	if err := checkEnds(dst, src, o); err != nil {
		return nil, err
	}
	f, p, err := s.planReaders(to)
	if err != nil {
		return nil, err
	}
	strict := *o
	strict.Legacy.UnauthenticatedCBC = false
	strict.Legacy.NoMDC = false
	m, op, err := strict.start(src, sameFormat(f), o.RequireSignature, false)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	x, ok := m.sess.(seam.Rewrapper)
	if !ok {
		return nil, fmt.Errorf("envelope: %s messages cannot be rewrapped: reseal them", m.format.Name())
	}
	if n := len(m.sess.Facts().Recipients) + len(to) + len(s.Passphrases); n > defaultRecipients {
		return nil, &LimitError{What: "recipients of one message that readers take", Max: defaultRecipients, Fixed: true}
	}
	again, err := m.settle(op)
	if err != nil {
		return nil, limited(err)
	}
	r, err := m.rewrap(dst, again, x, p)
	if err != nil {
		return nil, limited(err)
	}
	for _, v := range to {
		r.Sealed = append(r.Sealed, v.Fingerprint())
		r.Evidence = append(r.Evidence, v.Evidence())
	}
	return r, nil
}

// rewrap writes the message, and holds what was written against the plan as a
// Writer does.
func (m *Message) rewrap(dst io.Writer, src io.Reader, x seam.Rewrapper, p *seam.SealPlan) (*Receipt, error) {
	out := &sink{dst: dst, audit: startAudit(m.format, false)}
	ended := false
	defer func() {
		if !ended { // also should dst panic
			out.audit.abort()
		}
	}()
	planned, err := x.Rewrap(out, src, p)
	if err != nil {
		return nil, err
	}
	ended = true
	found, err := out.audit.finish()
	if err != nil {
		return nil, err
	}
	asked := len(x.Facts().Recipients) + len(p.Recipients) + len(p.Passphrases)
	if err := compareReaders(asked, planned, found); err != nil {
		return nil, err
	}
	found.Auth, found.LoweredBy = planned.Auth, planned.LoweredBy
	found.Findings = append(slices.Clone(planned.Findings), found.Findings...)
	return &Receipt{
		Report: *report(found, nil), Opened: m.Report(),
		Passphrases: len(p.Passphrases), Reason: planned.Reason, Written: out.n, ContentKeyReused: true,
	}, nil
}

// Reseal opens a message with o, checks it as [Opener.Open] does, and seals its
// content anew: with a fresh content key, in the form that s chooses, signed by
// its Signers, for to and its Passphrases and nobody else. The signatures that
// the message had stay behind; Receipt.Opened says what they were worth.
//
// Content that nothing authenticated is taken only if o.Legacy allows it, and
// the receipt then says so among its Findings: sealed anew it looks no worse
// than any other.
//
// Errors: those of [Opener.Open], of [Message.Read] and of [Sealer.Seal]. After
// one, what dst holds never opens. src and dst are not closed, and must not be
// one file.
func (s *Sealer) Reseal(dst io.Writer, src io.Reader, o *Opener, to ...*keyring.Verified) (*Receipt, error) {
	if err := checkEnds(dst, src, o); err != nil {
		return nil, err
	}
	// Before the private key is used: nothing would come of it.
	if _, _, err := s.planReaders(to); err != nil {
		return nil, err
	}
	m, err := o.Open(src)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	anew := *s
	if len(to)+len(s.Signers) == 0 && seam.Opaque[seam.Format](s.Format).Unwrap() == nil {
		anew.Format = Format(seam.Wrap(m.format))
	}
	w, err := anew.Seal(dst, to...)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	if _, err := w.ReadFrom(m); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	r := w.Receipt()
	if r.Opened = m.Report(); r.Opened.Unauthenticated {
		r.Findings = append(r.Findings, "the content was not authenticated when it was opened: anybody on its way may have changed it before it was sealed anew")
	}
	return r, nil
}

// sameFormat opens a message of format f alone; nil is all.
func sameFormat(f seam.Format) opening {
	return func(found seam.Format, src io.Reader, p *seam.OpenPlan) (seam.Session, error) {
		if f != nil && found != f {
			return nil, fmt.Errorf("%w: the message is %s, and the recipients are %s: reseal it", ErrMixed, found.Name(), f.Name())
		}
		return found.Open(src, p)
	}
}

// checkEnds refuses what cannot go well. A message that is written over itself
// would be noticed as a source that changed, when it is too late for it.
func checkEnds(dst io.Writer, src io.Reader, o *Opener) error {
	switch {
	case dst == nil:
		return errors.New("envelope: no Writer was given for the message")
	case src == nil:
		return errNoSource
	case o == nil:
		return errors.New("envelope: no Opener was given for the message")
	case len(o.Identities)+len(o.Passphrases) == 0:
		return errNoIdentity
	}
	type file interface{ Stat() (fs.FileInfo, error) }
	in, isFile := src.(file)
	out, alsoFile := dst.(file)
	if !isFile || !alsoFile {
		return nil
	}
	a, err := in.Stat()
	if err != nil {
		return nil // reading says it better
	}
	b, err := out.Stat()
	if err == nil && a.Mode().IsRegular() && os.SameFile(a, b) {
		return errors.New("envelope: the message would be written over itself: give another file, and rename it afterwards")
	}
	return nil
}
