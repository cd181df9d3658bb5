package smime

import (
	"errors"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ahead"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// session is a sealed message whose content key is held.
type session struct {
	plan      *seam.OpenPlan
	h         *sealedHeader
	r         *ber.Reader
	b         *budget
	contentAt int64  // offset of the encrypted content's header in the binary form
	cek       []byte // what the recipients have
	key       []byte // of the cipher: cek, or derived from it
	lost      bool   // no identity had the content key: key is random
	facts     seam.Facts
	next      step
	size      uint64        // of the content, and
	trailer   sealedTrailer // what follows it, from Verify until checkTag
	nested    nested        // what is taken off the content
	closed    bool
	ahead     *ahead.Reader // what releases the content, nil before
}

var _ seam.Rereader = (*session)(nil)

// step is what a session has to read the message for next.
type step uint8

const (
	stepNone    step = iota // nothing: there was an error
	stepVerify              // Verify
	stepTag                 // Reread: the tag, where it hashes first what comes last
	stepJudge               // Reread: what is inside of content that is authentic
	stepRelease             // Again
)

// Facts implements seam.Session.
func (s *session) Facts() *seam.Facts { return &s.facts }

// Plain implements seam.Session: nothing here is authenticated before its end.
func (s *session) Plain() io.Reader { return failed{errNotChunked} }

var errNotChunked = errors.New("smime: internal error: CMS content is authenticated at its end")

// failed is a reader of an error.
type failed struct{ err error }

// Read fails.
func (f failed) Read([]byte) (int, error) { return 0, f.err }

// Verify implements seam.Session.
//
// It reads the whole message before it says anything. An error in what can be
// seen without a key is returned whatever the content decrypted to; after
// that, everything that is wrong is envelope.ErrDecrypt. So neither the error
// nor how far the message was read tells anything about a secret.
func (s *session) Verify() (err error) {
	if s.closed || s.next != stepVerify {
		return envelope.ErrClosed
	}
	s.next = stepNone
	content, err := s.r.Octets(context(0))
	if err != nil {
		return formatError(err)
	}
	c := &watched{r: content}
	switch s.h.alg.mode {
	case modeGCM:
		s.next, err = s.verifyGCM(c)
	case modeCCM, modeChaCha:
		s.next, err = s.verifyLate(c)
	default:
		s.next, err = s.verifyCBC(c)
	}
	s.r, s.b = nil, nil // with their buffers: later passes have their own
	return err
}

// Rereads implements seam.Rereader.
func (s *session) Rereads() bool { return !s.closed && (s.next == stepTag || s.next == stepJudge) }

// Reread implements seam.Rereader.
func (s *session) Reread(src io.Reader) error {
	if !s.Rereads() {
		return envelope.ErrClosed
	}
	read := s.judge
	if s.next == stepTag {
		read = s.checkTag
	}
	s.next = stepNone
	content, err := s.content(src)
	if err != nil {
		return secondPass(err)
	}
	next, err := read(&watched{r: content})
	if err != nil {
		return err
	}
	// To its end, to see that the source is still what it was.
	if _, err := io.Copy(io.Discard, src); err != nil {
		return err
	}
	s.next = next
	return nil
}

// release is the last step, of content of which nothing is wrong.
func (s *session) release() (step, error) {
	if s.nested == notNested && s.h.contentType != oidData {
		s.facts.Findings = append(s.facts.Findings, "the content is of a CMS type of its own, released as it is")
	}
	return stepRelease, nil
}

// Close implements seam.Session.
func (s *session) Close() error {
	s.closed = true
	if s.ahead != nil {
		s.ahead.Close()
	}
	clear(s.key)
	clear(s.cek)
	return nil
}
