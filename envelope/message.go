package envelope

import (
	"errors"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/internal/spool"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Message is an opened message. Read returns authenticated octets only, and
// io.EOF only after every check passed: what was read before another error is
// the beginning of the content and not the content. It belongs to one
// goroutine. The zero value is closed.
type Message struct {
	format   seam.Format
	spool    *spool.Source
	sess     seam.Session
	r        io.Reader
	senders  []*keyring.Verified
	openedBy int
	signed   bool
	examined bool  // the caller judges the signatures
	judging  bool  // the verdict on signatures is still to come, at the end
	err      error // final; errInterrupted while a call is under way
}

var _ interface {
	io.ReadCloser
	io.WriterTo
} = (*Message)(nil)

// begin refuses a call that comes after the end.
func (m *Message) begin() error {
	switch {
	case m.err != nil:
		return m.err
	case m.r == nil:
		return ErrClosed
	}
	m.err = errInterrupted
	return nil
}

// Read implements io.Reader. Every error is final. Beside io.EOF it is
// [ErrDecrypt], [ErrFormat], [ErrSignature] or [ErrLimit], what the source
// returned, or one that says that the source has changed since Open read it.
func (m *Message) Read(p []byte) (int, error) {
	if err := m.begin(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	if err == io.EOF {
		err = m.verdict()
	}
	m.err = limited(err)
	return n, m.err
}

// errUnwritten is what follows a Writer that fails with io.EOF, which must not
// pass for the end of the content.
var errUnwritten = errors.New("envelope: part of the content could not be written")

// WriteTo implements io.WriterTo; io.Copy calls it. Its errors are those of
// Read, and those of dst; what dst failed to take is lost.
func (m *Message) WriteTo(dst io.Writer) (n int64, err error) {
	if err := m.begin(); err == io.EOF {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	if wt, ok := m.r.(io.WriterTo); ok {
		n, err = wt.WriteTo(dst)
	} else {
		n, err = copied(dst, m.r)
	}
	if err == io.EOF { // dst's own: the content's end is no error here
		m.err = errUnwritten
		return n, err
	}
	if err == nil {
		err = m.verdict()
	}
	m.err = limited(err)
	if m.err == io.EOF {
		return n, nil
	}
	return n, m.err
}

// verdict returns io.EOF if every check passed.
func (m *Message) verdict() error {
	if m.judging && !m.examined {
		m.judging = false
		if err := judge(m.sess.Facts(), len(m.senders), m.signed); err != nil {
			return err
		}
	}
	return io.EOF
}

// Report says what the message is. Signatures are final after io.EOF, and at
// once for everything that is verified before Open returns. It can be called
// after Close too.
func (m *Message) Report() *Report {
	if m.sess == nil {
		return &Report{OpenedBy: -1}
	}
	r := report(m.sess.Facts(), m.senders)
	r.OpenedBy = m.openedBy
	return r
}

// Close frees the content key, the copy of the source and what runs in the
// background. Call it always, also after an error of Read. It does not close
// the source; a second Close does nothing. Its error is about the copy alone:
// after io.EOF the content is whole in any case.
func (m *Message) Close() error {
	m.err = ErrClosed
	var err error
	if m.sess != nil {
		err = m.sess.Close()
	}
	if m.spool != nil {
		if e := m.spool.Close(); err == nil {
			err = e
		}
	}
	return err
}
