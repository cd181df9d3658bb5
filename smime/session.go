package smime

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/cbc"
	"github.com/doublekeybox/doublekeybox/internal/gcm"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// session is a sealed message whose content key is held.
type session struct {
	plan      *seam.OpenPlan
	h         *sealedHeader
	r         *ber.Reader
	b         *budget
	contentAt int64 // offset of the encrypted content's header in the binary form
	key       []byte
	lost      bool // no identity had the content key: key is random
	facts     seam.Facts
	done      bool   // Verify returned nil
	nested    nested // what is taken off the content, once done
	closed    bool
}

var _ seam.Session = (*session)(nil)

// Facts implements seam.Session.
func (s *session) Facts() *seam.Facts { return &s.facts }

// Plain implements seam.Session: nothing here is authenticated before its end.
func (s *session) Plain() io.Reader { return failed{errNotChunked} }

var errNotChunked = errors.New("smime: internal error: CMS content is authenticated at its end")

// failed is a reader of an error.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// Verify implements seam.Session.
//
// It reads the whole message before it says anything. An error in what can be
// seen without a key is returned whatever the content decrypted to; after
// that, everything that is wrong is envelope.ErrDecrypt. So neither the error
// nor how far the message was read tells anything about a secret.
func (s *session) Verify() error {
	if s.closed || s.done || s.r == nil {
		return envelope.ErrClosed
	}
	r := s.r
	s.r = nil
	content, err := r.Octets(context(0))
	if err != nil {
		return formatError(err)
	}
	c := &watched{r: content}
	if s.h.alg.aead {
		err = s.verifyGCM(r, c)
	} else {
		err = s.verifyCBC(r, c)
	}
	if s.done = err == nil; s.done && s.nested == notNested && s.h.contentType != oidData {
		s.facts.Findings = append(s.facts.Findings, "the content is of a CMS type of its own, released as it is")
	}
	return err
}

// verifyGCM makes sure that the tag is right, and if there is a signature
// inside, judges it in the same pass. What was decrypted for that before the
// tag was known is dropped.
func (s *session) verifyGCM(r *ber.Reader, c *watched) error {
	v, err := gcm.NewVerifier(s.key, s.h.alg.nonce, nil)
	if err != nil {
		return err
	}
	head := make([]byte, maxEntityHeader)
	n, err := io.ReadFull(c, head)
	if err != nil && c.err != nil {
		return formatError(c.err)
	}
	head = head[:n]
	whole := io.MultiReader(bytes.NewReader(head), c)
	kind, err := s.kindGCM(head)
	if err != nil {
		return err
	}
	var in inner
	if kind != notNested {
		d, err := gcm.NewDecrypter(io.TeeReader(whole, v), s.key, s.h.alg.nonce)
		if err != nil {
			return err
		}
		in = s.readInner(d, kind)
		d.Close()
	}
	if _, err := v.ReadFrom(whole); c.err != nil {
		return formatError(c.err)
	} else if err != nil {
		return formatError(err)
	}
	t, err := s.h.readSealedTrailer(r, s.b)
	if err != nil {
		return err
	}
	// The attributes come after the content, their hash before it.
	sum, err := v.SumLate(t.aad)
	if err != nil {
		return formatError(err)
	}
	if !gcm.Check(sum, t.mac) || s.lost {
		return envelope.ErrDecrypt
	}
	return s.adopt(in, kind)
}

// kindGCM looks at the beginning of the content.
func (s *session) kindGCM(head []byte) (nested, error) {
	if s.h.contentType == oidSignedData {
		return nestedSigned, nil
	}
	d, err := gcm.NewDecrypter(bytes.NewReader(head), s.key, s.h.alg.nonce)
	if err != nil {
		return notNested, err
	}
	plain, err := io.ReadAll(d)
	defer clear(plain)
	if err != nil {
		return notNested, err
	}
	if s.h.contentType == oidData && isSignedEntity(plain, true) {
		return nestedEntity, nil
	}
	return notNested, nil
}

// adopt takes over what was found inside authenticated content.
func (s *session) adopt(in inner, kind nested) error {
	if kind == nestedSigned && !in.whole {
		if in.limit != nil {
			return in.limit
		}
		return envelope.ErrDecrypt
	}
	if kind == nestedEntity && !in.authentic() {
		// A file may begin like a signed mail. It is whole: the tag says so.
		s.facts.Findings = append(s.facts.Findings, "the content looks like a signed message and is not one, or its signature does not verify; it is released as it is")
		return nil
	}
	s.take(in, kind)
	return nil
}

// take releases what is inside, with its signatures.
func (s *session) take(in inner, kind nested) {
	s.nested = kind
	s.facts.Signatures = in.signatures
	s.facts.Findings = append(s.facts.Findings, in.findings...)
}

// verifyCBC decrypts everything, to find a signature inside that covers it.
// CBC authenticates nothing, and whoever sees whether its padding was good can
// decrypt with that: so padding, structure and signature fail in one way.
func (s *session) verifyCBC(r *ber.Reader, c *watched) error {
	d, err := cbc.NewDecrypter(c, s.key, s.h.alg.nonce)
	if err != nil {
		return err
	}
	defer d.Close()
	head := make([]byte, maxEntityHeader)
	defer clear(head)
	n, _ := io.ReadFull(d, head)
	kind := s.kindCBC(head[:n])
	plain := &watched{r: io.MultiReader(bytes.NewReader(head[:n]), d)}
	var in inner
	if kind != notNested {
		in = s.readInner(plain, kind)
	}
	// However far that came, all is decrypted, and read to the end of the
	// message: the time that it takes does not tell where the content failed.
	_, padding := io.Copy(io.Discard, plain)
	if plain.err != nil {
		padding = plain.err
	}
	io.Copy(io.Discard, c)
	if c.err != nil {
		return formatError(c.err)
	}
	if _, err := s.h.readSealedTrailer(r, s.b); err != nil {
		return err
	}
	switch {
	case s.lost || padding != nil:
		return envelope.ErrDecrypt
	case kind != notNested && in.authentic():
		s.facts.Auth = seam.AuthAtEnd
		s.take(in, kind)
		return nil
	case s.plan.AllowUnauthenticated:
		s.facts.Findings = append(s.facts.Findings, "the content is not authenticated: anybody on its way may have changed it")
		return nil
	}
	return envelope.ErrDecrypt
}

// kindCBC looks at the beginning of the content.
func (s *session) kindCBC(head []byte) nested {
	switch {
	case s.h.contentType == oidSignedData, s.h.contentType == oidData && isSignedContentInfo(head):
		return nestedSigned
	case s.h.contentType == oidData && isSignedEntity(head, false):
		return nestedEntity
	}
	return notNested
}

// Close implements seam.Session.
func (s *session) Close() error {
	s.closed, s.r = true, nil
	clear(s.key)
	return nil
}

// authentic reports whether a signature covers the content whose key may be
// anybody's: it proves that the content is what was signed, not who signed. A
// key that was out of its time when it signed proves that too.
func (in *inner) authentic() bool {
	return in.whole && slices.ContainsFunc(in.signatures, func(s seam.Signature) bool {
		return s.Status == seam.SignatureValid || s.Status == seam.SignatureNotInTime
	})
}
