package envelope

import (
	"bufio"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Examine is [Opener.Open] for programs that show content beside what its
// signatures are worth, as mail programs do: a signature that is bad, or by
// somebody else, is no error but stands in the Report, as do the certificates
// that came. RequireSignature is not looked at.
//
// What is not authenticated is not released here either: where nothing but a
// signature authenticates the content, it has to verify.
func (o *Opener) Examine(src io.Reader) (*Message, error) {
	if len(o.Identities)+len(o.Passphrases) == 0 {
		return nil, errNoIdentity
	}
	return o.open(src, seam.Format.Open, false, true)
}

// ExamineSigned is [Opener.Verify] for programs that show content beside what
// its signatures are worth: none of them is required to be valid or of one of
// Senders, and none to be there. It opens what is compressed and not signed too.
func (o *Opener) ExamineSigned(src io.Reader) (*Message, error) {
	return o.open(src, seam.Format.OpenSigned, false, true)
}

// ExamineDetached is [Opener.VerifyDetached] for programs that show content
// beside what its signatures are worth: a Report without one that is valid and
// of one of Senders is no error.
func (o *Opener) ExamineDetached(sig, content io.Reader) (*Report, error) {
	r, _, err := o.detached(sig, content, false)
	return r, err
}

// detached reads a signature and its content, and returns what was found, and
// what decides whether that is what was required.
func (o *Opener) detached(sig, content io.Reader, signed bool) (*Report, func() error, error) {
	p, err := o.plan(signed)
	if err != nil {
		return nil, nil, err
	}
	if sig == nil || content == nil {
		return nil, nil, errNoSource
	}
	p.Certificates = !signed
	br := bufio.NewReaderSize(bounded(sig, o.Limits.SourceBytes), sniffBuffer)
	f, err := o.sniff(br)
	if err != nil {
		return nil, nil, err
	}
	senders := o.narrow(p, f)
	facts, err := f.VerifyDetached(br, bounded(content, o.Limits.SourceBytes), p)
	if err != nil {
		return nil, nil, err
	}
	return report(facts, senders), func() error { return judge(facts, len(senders), true) }, nil
}
