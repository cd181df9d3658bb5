package smime

import (
	"errors"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ahead"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/cbc"
)

// Again implements seam.Session. The source is what Verify read: nothing is
// checked a second time but what decrypting needs.
func (s *session) Again(src io.Reader) io.Reader {
	if s.closed || s.next != stepRelease {
		return failed{envelope.ErrClosed}
	}
	return &released{open: func() (io.Reader, error) { return s.decrypt(src) }, closed: &s.closed}
}

// content returns a reader of the content as it is encrypted, for every pass
// after the one of Verify.
func (s *session) content(src io.Reader) (io.Reader, error) {
	bin, _, err := dearmor(src)
	if err != nil {
		return nil, err
	}
	// The content's own encoding says where it ends.
	if _, err := io.CopyN(io.Discard, bin, s.contentAt); err != nil {
		return nil, err
	}
	return ber.NewReader(bin).Octets(context(0))
}

// decrypt returns a reader of the content, with what was nested taken off.
func (s *session) decrypt(src io.Reader) (io.Reader, error) {
	content, err := s.content(src)
	if err != nil {
		return nil, err
	}
	plain, err := s.h.alg.decrypter(content, s.key)
	if err != nil || s.nested == notNested {
		return plain, err
	}
	s.ahead = ahead.New(plain)
	return openInner(s.ahead, s.nested, s.h.alg.aead(), s.plan.Limits)
}

// released is the content of a verified message. It is opened by the first
// call, since Again itself returns no error.
type released struct {
	open   func() (io.Reader, error)
	r      io.Reader
	closed *bool // the session was closed
	err    error
}

var _ interface {
	io.Reader
	io.WriterTo
} = (*released)(nil)

func (r *released) ready() error {
	if r.err == nil && *r.closed {
		r.err = envelope.ErrClosed
	}
	if r.err == nil && r.r == nil {
		if r.r, r.err = r.open(); r.err != nil {
			r.err = secondPass(r.err)
		}
	}
	return r.err
}

// Read implements io.Reader.
func (r *released) Read(p []byte) (int, error) {
	if err := r.ready(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		err = secondPass(err)
	}
	r.err = err
	return n, err
}

// WriteTo writes all that is left to dst, from where it was decrypted.
func (r *released) WriteTo(dst io.Writer) (n int64, err error) {
	if err := r.ready(); err == io.EOF {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	if wt, ok := r.r.(io.WriterTo); ok {
		n, err = wt.WriteTo(dst)
	} else {
		n, err = copied(dst, r.r)
	}
	if err != nil {
		r.err = secondPass(err)
		return n, r.err
	}
	r.err = io.EOF
	return n, nil
}

// secondPass hides what can only be a contradiction between the two passes.
// Errors of the source, and of what is written to, are their owners'.
func secondPass(err error) error {
	switch {
	case errors.Is(err, ber.ErrSyntax), errors.Is(err, cbc.ErrPadding),
		errors.Is(err, envelope.ErrFormat), errors.Is(err, envelope.ErrLimit):
		return envelope.ErrDecrypt
	}
	return err
}
