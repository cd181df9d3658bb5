package pgp

import (
	"bufio"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// OpenSigned implements seam.Format.
func (format) OpenSigned(src io.Reader, p *seam.OpenPlan) (seam.Session, error) {
	br := buffered(src)
	clear, err := clearsigned(br)
	if err != nil {
		return nil, err
	}
	if clear {
		return openCleartext(br, p)
	}
	s := &signedSession{plan: p}
	s.first, s.facts, err = beginSigned(br, p.Limits, &judge{senders: p.Senders, now: p.Now})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// beginSigned reads a message that is only signed up to its content.
func beginSigned(src *bufio.Reader, l seam.Limits, j *judge) (*message, seam.Facts, error) {
	f := seam.Facts{Format: formatName, OpenedBy: -1, Auth: seam.AuthAtEnd}
	in, armor, err := startMessage(src)
	if err != nil {
		return nil, f, err
	}
	f.Armored = armor != nil
	m := newMessage(in, l, j, true)
	m.armor = armor
	if err := m.begin(); err != nil {
		return nil, f, err
	}
	f.Container = m.container()
	return m, f, nil
}

// signedSession is a message that is only signed.
type signedSession struct {
	plan  *seam.OpenPlan
	facts seam.Facts
	first *message
	err   error
}

func (s *signedSession) Facts() *seam.Facts { return &s.facts }

// Verify implements seam.Session.
func (s *signedSession) Verify() error {
	if s.err != nil {
		return s.err
	}
	m := s.first
	if m == nil {
		return envelope.ErrClosed
	}
	s.first = nil
	if _, s.err = io.Copy(io.Discard, m); s.err != nil {
		return s.err
	}
	s.facts.Signatures = m.results
	s.facts.Findings = append(append(s.facts.Findings, m.findings...), m.judge.findings...)
	return nil
}

// Plain implements seam.Session: there is nothing that is known to be right
// before the end.
func (s *signedSession) Plain() io.Reader { return failed{envelope.ErrSignature} }

// Again implements seam.Session.
func (s *signedSession) Again(src io.Reader) io.Reader {
	if s.err != nil {
		return failed{s.err}
	}
	m, _, err := beginSigned(buffered(src), s.plan.Limits, nil)
	if err != nil {
		return failed{err}
	}
	m.armor.again()
	return m
}

// Close implements seam.Session.
func (s *signedSession) Close() error {
	s.err, s.first = envelope.ErrClosed, nil
	return nil
}

// VerifyDetached implements seam.Format.
func (format) VerifyDetached(sig, content io.Reader, p *seam.OpenPlan) (*seam.Facts, error) {
	f := &seam.Facts{Format: formatName, Container: containerDetached, OpenedBy: -1, Auth: seam.AuthAtEnd}
	in, armor, err := start(sig)
	if err != nil {
		return nil, err
	}
	if armor != nil {
		f.Armored = true
		if armor.label == labelCleartext {
			return nil, errNotDetached
		}
		if armor.label != labelSignature && armor.label != labelMessage {
			return nil, malformed("it is a %.80q, not a signature", armor.label)
		}
	}
	j := &judge{senders: p.Senders, now: p.Now}
	signs, err := detached(in, p.Limits, j)
	if err != nil {
		return nil, err
	}
	f.Findings = armor.finding()
	buf := make([]byte, slice)
	var d digests
	for {
		n, err := patient{content}.Read(buf)
		d.write(buf[:n], signs)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	for _, s := range signs {
		f.Signatures = append(f.Signatures, s.verdict())
	}
	f.Findings = append(f.Findings, j.findings...)
	return f, nil
}

var (
	errNotDetached = malformed("it is a message with its content, not a detached signature: verify it as such")
	errSealed      = malformed("it is sealed and not only signed")
)

// sealing reports whether a sealed message has such packets.
func sealing(tag int) bool {
	return tag == tagPKESK || tag == tagSKESK || tag == tagSED || tag == tagSEIPD || tag == tagLibrePGP
}

// detached reads signature packets to the end of the source. A message with
// its own content is refused: what it signs is that, and not what lies beside it.
func detached(in *packets, l seam.Limits, j *judge) (signs []*pending, err error) {
	idle, budget := idle{}, budget{l.HeaderBytes, l.HeaderBytes}
	for {
		tag, b, err := in.next()
		switch {
		case err == io.EOF && len(signs) == 0:
			return nil, malformed("there is no signature in it")
		case err == io.EOF:
			return signs, nil
		case err != nil:
			return nil, err
		case tag == tagSignature && len(signs) >= l.Signatures:
			return nil, &envelope.LimitError{What: "signatures", Max: int64(l.Signatures)}
		case tag == tagSignature:
			raw, err := budget.spend(b, maxSignature, "octets in one signature packet")
			if err != nil {
				return nil, err
			}
			signs = append(signs, newPending(raw, j))
		case tag == tagOnePass || tag == tagCompressed || tag == tagLiteral:
			return nil, errNotDetached
		case sealing(tag):
			return nil, errSealed
		default:
			if err := idle.skip(tag); err != nil {
				return nil, err
			}
		}
	}
}
