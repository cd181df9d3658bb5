package smime

import (
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// signedSession is an opaque signed message that is not sealed.
type signedSession struct {
	plan   *seam.OpenPlan
	sd     *signedData
	r      *ber.Reader
	facts  seam.Facts
	done   bool
	closed bool
}

var _ seam.Session = (*signedSession)(nil)

// enterSigned reads on to the content of a message that is SignedData.
func enterSigned(r *ber.Reader, l seam.Limits) (sd *signedData, err error) {
	o, err := enterContentInfo(r)
	if err != nil {
		return nil, err
	}
	switch o {
	case oidSignedData:
		return enterSignedData(r, l)
	case oidEnvelopedData, oidAuthEnvelopedData:
		return nil, malformed("it is sealed and not only signed")
	}
	return nil, malformed("CMS content of a type that is not supported")
}

func signedFacts(sd *signedData, armored bool) seam.Facts {
	return seam.Facts{Format: formatName, Container: containerSigned, Armored: armored, Auth: seam.AuthAtEnd, OpenedBy: -1, Findings: sd.findings}
}

// openSigned reads the header of an opaque signed message.
func openSigned(src io.Reader, p *seam.OpenPlan) (seam.Session, error) {
	bin, armored, err := dearmor(src)
	if err != nil {
		return nil, err
	}
	r := ber.NewReader(bin)
	sd, err := enterSigned(r, p.Limits)
	if err != nil {
		return nil, err
	}
	if sd.eContent == nil {
		return nil, malformed("a signature without its content: give the content too")
	}
	return &signedSession{plan: p, sd: sd, r: r, facts: signedFacts(sd, armored)}, nil
}

// Facts implements seam.Session.
func (s *signedSession) Facts() *seam.Facts { return &s.facts }

// Plain implements seam.Session.
func (s *signedSession) Plain() io.Reader { return failed{errNotChunked} }

// Verify implements seam.Session.
func (s *signedSession) Verify() error {
	if s.closed || s.done {
		return envelope.ErrClosed
	}
	if _, err := copied(s.sd, s.sd.eContent); err != nil {
		return formatError(err)
	}
	if err := s.sd.end(s.r); err != nil {
		return err
	}
	s.facts.Findings = s.sd.findings
	s.facts.Signatures = s.sd.verify(s.plan)
	s.done = true
	return nil
}

// end reads on from behind the content to the end of the message.
func (sd *signedData) end(r *ber.Reader) error {
	if err := sd.finish(); err != nil {
		return err
	}
	if err := leave(r, 2); err != nil {
		return err
	}
	return formatError(r.End())
}

// Again implements seam.Session.
func (s *signedSession) Again(src io.Reader) io.Reader {
	if s.closed || !s.done {
		return failed{envelope.ErrClosed}
	}
	return &released{closed: &s.closed, open: func() (io.Reader, error) {
		bin, _, err := dearmor(src)
		if err != nil {
			return nil, err
		}
		sd, err := enterSigned(ber.NewReader(bin), s.plan.Limits)
		if err != nil {
			return nil, err
		}
		return sd.eContent, nil
	}}
}

// Close implements seam.Session.
func (s *signedSession) Close() error {
	s.closed = true
	return nil
}

// verifyDetached checks a signature over content. What is to be hashed with is
// known from the beginning of sig, so that each is read once.
func verifyDetached(sig, content io.Reader, p *seam.OpenPlan) (*seam.Facts, error) {
	bin, armored, err := dearmor(sig)
	if err != nil {
		return nil, err
	}
	r := ber.NewReader(bin)
	sd, err := enterSigned(r, p.Limits)
	if err != nil {
		return nil, err
	}
	if sd.eContent != nil {
		// The signature would be over that content, and the other one shown
		// (CVE-2018-18509).
		return nil, malformed("the signature brings a content of its own")
	}
	if _, err := copied(sd, content); err != nil {
		return nil, fmt.Errorf("smime: reading the signed content: %w", err)
	}
	if err := sd.end(r); err != nil {
		return nil, err
	}
	f := signedFacts(sd, armored)
	f.Signatures = sd.verify(p)
	return &f, nil
}
