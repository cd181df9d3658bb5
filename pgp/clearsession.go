package pgp

import (
	"bufio"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// clearSession is a cleartext signature being read. Its signatures stand after
// the text, and what hash to use and what salt comes before the text only they
// say: a Hash header is not signed. So one pass reads them, the next digests
// the text, and the last releases it. See seam.Rereader.
type clearSession struct {
	plan   *seam.OpenPlan
	facts  seam.Facts
	first  *cleartext // nil after it was read
	signs  []*pending
	judge  *judge
	judged bool
	err    error
}

// openCleartext reads up to the text.
func openCleartext(src *bufio.Reader, p *seam.OpenPlan) (seam.Session, error) {
	text, err := newCleartext(src, "\n")
	if err != nil {
		return nil, err
	}
	j := &judge{senders: p.Senders, now: p.Now}
	return &clearSession{plan: p, facts: clearFacts(), first: text, judge: j}, nil
}

func clearFacts() seam.Facts {
	return seam.Facts{Format: formatName, Container: containerClear, Armored: true, OpenedBy: -1, Auth: seam.AuthAtEnd}
}

func (s *clearSession) Facts() *seam.Facts { return &s.facts }

// Verify implements seam.Session: it finds the signatures.
func (s *clearSession) Verify() error {
	if s.err != nil {
		return s.err
	}
	text := s.first
	if text == nil {
		return envelope.ErrClosed
	}
	s.first = nil
	s.err = envelope.ErrClosed // which it stays should the source panic
	if s.signs, s.facts.Findings, s.err = readCleartext(text, s.plan.Limits, s.judge); s.err != nil {
		return s.err
	}
	for _, sign := range s.signs {
		if sign.one.kind == sigBinary { // else anybody could make one of a signature over a file
			sign.h, sign.problem = nil, "it is over binary content, in a cleartext signature"
		}
	}
	return nil
}

// readCleartext reads past the text to the end of the source.
func readCleartext(text *cleartext, l seam.Limits, j *judge) ([]*pending, []string, error) {
	if _, err := io.Copy(io.Discard, text); err != nil {
		return nil, nil, err
	}
	return text.signatures(l, j)
}

// Rereads implements seam.Rereader.
func (s *clearSession) Rereads() bool { return s.err == nil && !s.judged }

// Reread implements seam.Rereader: it digests the text.
func (s *clearSession) Reread(src io.Reader) error {
	if s.err != nil {
		return s.err
	}
	s.err = s.digest(buffered(src))
	if s.err != nil {
		return s.err
	}
	for _, sign := range s.signs {
		s.facts.Signatures = append(s.facts.Signatures, sign.verdict())
	}
	s.facts.Findings = append(s.facts.Findings, s.judge.findings...)
	s.judged = true
	return nil
}

func (s *clearSession) digest(src *bufio.Reader) error {
	text, err := newCleartext(src, "\r\n")
	if err != nil {
		return err
	}
	var d digests
	buf := make([]byte, slice)
	for {
		n, err := text.Read(buf)
		d.write(buf[:n], s.signs)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	_, err = io.Copy(io.Discard, src)
	return err
}

// Plain implements seam.Session: nothing is known to be right before the end.
func (s *clearSession) Plain() io.Reader { return failed{envelope.ErrSignature} }

// Again implements seam.Session.
func (s *clearSession) Again(src io.Reader) io.Reader {
	if s.err != nil {
		return failed{s.err}
	}
	if !s.judged {
		return failed{envelope.ErrSignature}
	}
	text, err := newCleartext(buffered(src), "\n")
	if err != nil {
		return failed{err}
	}
	return &clearReading{s: s, text: text}
}

// clearReading releases the text, and io.EOF after the end of the source.
type clearReading struct {
	s    *clearSession
	text *cleartext
}

func (r *clearReading) Read(p []byte) (int, error) {
	if r.s.err != nil {
		return 0, r.s.err
	}
	n, err := r.text.Read(p)
	if err == io.EOF {
		if _, err := io.Copy(io.Discard, r.text.r); err != nil {
			return n, err
		}
	}
	return n, err
}

// Close implements seam.Session.
func (s *clearSession) Close() error {
	s.err, s.first = envelope.ErrClosed, nil
	return nil
}

// inspectCleartext reads a cleartext signature without checking it.
func inspectCleartext(src *bufio.Reader, l seam.Limits) (*seam.Facts, error) {
	text, err := newCleartext(src, "\n")
	if err != nil {
		return nil, err
	}
	f := clearFacts()
	signs, findings, err := readCleartext(text, l, nil)
	if err != nil {
		return nil, err
	}
	f.Findings = findings
	for _, s := range signs {
		f.Signatures = append(f.Signatures, s.verdict())
	}
	return &f, nil
}
