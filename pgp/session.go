package pgp

import (
	"errors"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// session is an opened message: the header read, the session key held.
type session struct {
	plan      *seam.OpenPlan
	facts     seam.Facts
	passwords passwords
	mode      packet.AEADMode // SEIPDv2
	whole     bool            // Verify found the content authentic
	first     *sealed         // nil after it was read
	cipher    packet.CipherFunction
	key       []byte
	err       error // of Verify or of Close: nothing is released any more
	active    *reading
	later     bool // what is compressed was authenticated, and is to be judged in a pass of its own
}

func (s *session) Facts() *seam.Facts { return &s.facts }

// Verify implements seam.Session.
func (s *session) Verify() error {
	if s.err != nil {
		return s.err
	}
	if s.first == nil {
		return envelope.ErrClosed
	}
	_, s.err = io.Copy(io.Discard, s.take(true))
	s.whole = s.err == nil
	return s.err
}

// Plain implements seam.Session.
func (s *session) Plain() io.Reader {
	switch {
	case s.err != nil:
		return failed{s.err}
	case s.first == nil:
		return failed{envelope.ErrClosed}
	case s.facts.Auth != seam.AuthChunk:
		return failed{envelope.ErrDecrypt} // nothing of it is authenticated before its end
	}
	return s.take(true)
}

// take reads the source that Open began.
func (s *session) take(judged bool) io.Reader {
	in := s.first
	s.first = nil
	r := s.reader(in, judged)
	r.first = true
	return r
}

// Rereads implements seam.Rereader. What only its end authenticates is parsed
// before that, and hashed for signatures; it is inflated after it.
func (s *session) Rereads() bool { return s.later && s.err == nil }

// Reread implements seam.Rereader.
func (s *session) Reread(src io.Reader) error {
	if s.err == nil {
		s.later = false
		_, s.err = io.Copy(io.Discard, s.repeat(src, true))
	}
	return s.err
}

// Again implements seam.Session.
func (s *session) Again(src io.Reader) io.Reader { return s.repeat(src, false) }

// repeat reads the source once more. The header is read past, not used: key
// and cipher are those of the first pass.
func (s *session) repeat(src io.Reader, judged bool) io.Reader {
	if s.err != nil {
		return failed{s.err}
	}
	in, err := readSealed(src, s.plan.Limits, func(sessionKey, seam.Recipient) {})
	if err != nil {
		return failed{err}
	}
	if in.container != s.facts.Container {
		return failed{envelope.ErrDecrypt}
	}
	if !judged {
		in.armor.again()
	}
	return s.reader(in, judged)
}

// Close implements seam.Session.
func (s *session) Close() error {
	s.active.stop()
	clear(s.key)
	s.err, s.first = envelope.ErrClosed, nil
	return nil
}

// failed is a reader that returns an error.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// reading releases the content of one pass, and io.EOF only after the
// authentication of everything and the end of the source.
type reading struct {
	s     *session
	in    *sealed
	from  *watched
	plain io.ReadCloser // decrypts; nil before the first Read
	msg   *message
	first bool // nothing of it was authenticated by an earlier pass
	judge bool
	err   error
}

func (s *session) reader(in *sealed, judged bool) *reading {
	if s.active.stop(); s.active != nil {
		in.last = s.active.plain
	}
	s.active = &reading{s: s, in: in, from: &watched{r: in.body}, judge: judged}
	return s.active
}

// stop ends what reads ahead of r, which may be nil.
func (r *reading) stop() {
	if r == nil {
		return
	}
	if p, ok := r.plain.(interface{ stop() }); ok {
		p.stop()
	}
}

// watched remembers an error of the ciphertext's source. go-crypto replaces
// some by its own; they are nobody's secret, and go to the caller as they are.
type watched struct {
	r   io.Reader
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

// Read implements io.Reader.
func (r *reading) Read(p []byte) (int, error) {
	if err := r.ready(); err != nil {
		return 0, err
	}
	n, err := r.msg.Read(p) // never both
	return n, r.took(err)
}

// WriteTo implements io.WriterTo.
func (r *reading) WriteTo(dst io.Writer) (written int64, err error) {
	if err := r.ready(); err != nil {
		return 0, given(err)
	}
	for {
		p, err := r.msg.lend()
		if err != nil {
			return written, given(r.took(err))
		}
		n, err := dst.Write(p)
		switch {
		case n < 0 || n > len(p):
			n, err = 0, errCount
		case n < len(p) && err == nil:
			err = io.ErrShortWrite
		}
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
}

// errCount is a Writer that breaks its contract.
var errCount = errors.New("pgp: the Writer that was given returned an impossible count")

// given is the error of WriteTo for one of Read.
func given(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// ready begins with the content, if that was not done.
func (r *reading) ready() error {
	if r.err == nil && r.s.err != nil {
		r.err = r.s.err
	}
	if r.err == nil && r.plain == nil {
		r.err = r.begin()
	}
	return r.err
}

// took decides what an error of the message is to who reads.
func (r *reading) took(err error) error {
	switch err {
	case nil:
		return nil
	case io.EOF:
		err = r.end()
	case errLater:
		err = r.postpone()
	default:
		err = r.wrong(err)
	}
	r.stop()
	r.err = err
	return err
}

func (r *reading) begin() error {
	err := keyGuard(func() (err error) {
		r.plain, err = r.in.decrypt(r.from, r.s.cipher, r.s.key, r.first)
		return err
	})
	if err != nil {
		return r.secret()
	}
	var j *judge
	if r.judge {
		p := r.s.plan
		j = &judge{senders: p.Senders, now: p.Now}
		if by := r.s.facts.OpenedBy; by < 0 {
			j.sealed = true
		} else if k, ok := p.Identities[by].(*privateKey); ok {
			j.sealed, j.self = true, k.cert.fullFingerprint()
		}
	}
	in, ok := r.plain.(byteReader)
	if !ok {
		in = newPackets(r.plain).r
	}
	r.msg = newMessage(&packets{r: in}, r.s.plan.Limits, j, false)
	r.msg.later = r.first && r.in.auth() == seam.AuthAtEnd
	return nil
}

// secret is the error for everything that depends on the key, unless the
// source failed: that everybody can see.
func (r *reading) secret() error {
	if r.from.err != nil {
		return r.from.err
	}
	return envelope.ErrDecrypt
}

// end is called where the packets inside ended well.
func (r *reading) end() error {
	if !r.authentic() {
		return r.secret()
	}
	if err := r.in.end(); err != nil {
		return err
	}
	if r.judge {
		f := &r.s.facts
		f.Signatures = r.msg.results
		f.Findings = append(f.Findings, weakFinding(r.s.cipher)...)
		f.Findings = append(f.Findings, r.in.armor.finding()...)
		f.Findings = append(f.Findings, r.msg.findings...)
		f.Findings = append(f.Findings, r.msg.judge.findings...)
	}
	return io.EOF
}

// postpone is called where the packets inside are as they should be up to a
// compressed one: no octet reaches a decompressor before all are authenticated.
func (r *reading) postpone() error {
	if !r.authentic() {
		return r.secret()
	}
	if err := r.in.end(); err != nil {
		return err
	}
	r.s.later = true
	return io.EOF
}

// authentic reports whether the ciphertext was read to its end and its final
// check passed. go-crypto's readers return io.EOF without it; only Close looks.
func (r *reading) authentic() bool {
	_, err := io.Copy(io.Discard, r.plain)
	return err == nil && r.from.err == nil && keyGuard(r.plain.Close) == nil
}

// wrong is called where the packets inside are not as they should be. That is
// told nobody before they were authenticated: the rest is read as if nothing
// were wrong, and then a limit may be named, and nothing else.
func (r *reading) wrong(err error) error {
	authentic := r.s.facts.Auth == seam.AuthChunk && r.from.err == nil || r.authentic()
	if limit := limitIn(err); authentic && limit != nil {
		return limit
	}
	return r.secret()
}

// decrypt returns the content, of which r has the ciphertext. first is false
// where an earlier pass authenticated the same octets.
func (s *sealed) decrypt(r *watched, cipher packet.CipherFunction, key []byte, first bool) (io.ReadCloser, error) {
	switch s.container {
	case containerV1:
		return openMDC(r, cipher, key, first)
	case containerSED:
		return openSED(r, cipher, key)
	}
	return s.openChunks(r, key)
}
