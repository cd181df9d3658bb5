package smime

import (
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ahead"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// signedSession is an opaque signed message that is not sealed.
type signedSession struct {
	plan   *seam.OpenPlan
	w      *layers
	facts  seam.Facts
	done   bool
	closed bool
}

var _ seam.Session = (*signedSession)(nil)

// enterOpaque reads on to the content of a message that is signed, or signed
// and compressed.
func enterOpaque(bin io.Reader, l seam.Limits, hashing bool) (w *layers, container oid, err error) {
	br, o := peekContentInfo(bin)
	w = &layers{limits: l, named: true, hashing: hashing, content: br}
	return w, o, w.enter(nestedMessage)
}

func opaqueFacts(w *layers, container oid, armored bool) seam.Facts {
	f := seam.Facts{Format: formatName, Container: containerName(container), Armored: armored, Auth: seam.AuthAtEnd, OpenedBy: -1, Findings: w.findings}
	if w.signed != nil {
		f.Findings = append(f.Findings, w.signed.findings...)
	}
	return f
}

// openSigned reads the header of an opaque signed message.
func openSigned(src io.Reader, p *seam.OpenPlan) (seam.Session, error) {
	bin, armored, err := dearmor(src)
	if err != nil {
		return nil, err
	}
	w, o, err := enterOpaque(bin, p.Limits, true)
	if err != nil {
		return nil, err
	}
	return &signedSession{plan: p, w: w, facts: opaqueFacts(w, o, armored)}, nil
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
	if err := s.w.finish(); err != nil {
		return formatError(err)
	}
	if sd := s.w.signed; sd != nil {
		s.facts.Findings = append(s.w.findings, sd.findings...)
		s.facts.Signatures, s.facts.Certificates = sd.verify(s.plan), sd.certificates(s.plan)
	}
	s.done = true
	return nil
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
		w, _, err := enterOpaque(bin, s.plan.Limits, false)
		if err != nil {
			return nil, err
		}
		return w.content, nil
	}}
}

// Close implements seam.Session.
func (s *signedSession) Close() error {
	s.closed = true
	return nil
}

// enterSigned reads on to the content of a message that is SignedData.
func enterSigned(r *ber.Reader, l seam.Limits) (sd *signedData, err error) {
	o, err := enterContentInfo(r)
	if err != nil {
		return nil, err
	}
	if o != oidSignedData {
		return nil, notExpected(o)
	}
	return enterSignedData(r, l)
}

// end reads on from behind the content to the end of the message.
func (sd *signedData) end(r *ber.Reader) error {
	if err := sd.finish(); err != nil {
		return err
	}
	return endMessage(r, 2)
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
	a := ahead.New(content)
	defer a.Close()
	if _, err := copied(sd, a); err != nil {
		return nil, fmt.Errorf("smime: reading the signed content: %w", err)
	}
	if err := sd.end(r); err != nil {
		return nil, err
	}
	f := signedFacts(sd, armored)
	f.Signatures, f.Certificates = sd.verify(p), sd.certificates(p)
	return &f, nil
}

func signedFacts(sd *signedData, armored bool) seam.Facts {
	return seam.Facts{Format: formatName, Container: containerSigned, Armored: armored, Auth: seam.AuthAtEnd, OpenedBy: -1, Findings: sd.findings}
}
