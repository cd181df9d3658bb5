package smime

import (
	"bytes"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ahead"
	"github.com/doublekeybox/doublekeybox/internal/gcm"
)

// verifyGCM makes sure that the tag is right and does nothing else: before
// that no octet of the content is decrypted, let alone parsed, and how often
// the message is read depends on no secret.
func (s *session) verifyGCM(c *watched) (step, error) {
	v, err := gcm.NewVerifier(s.key, s.h.alg.nonce, nil)
	if err != nil {
		return stepNone, err
	}
	head := make([]byte, maxEntityHeader)
	n, err := io.ReadFull(c, head)
	if err != nil && c.err != nil {
		return stepNone, formatError(c.err)
	}
	head = head[:n]
	if _, err := v.ReadFrom(io.MultiReader(bytes.NewReader(head), c)); c.err != nil {
		return stepNone, formatError(c.err)
	} else if err != nil {
		return stepNone, formatError(err)
	}
	t, err := s.h.readSealedTrailer(s.r, s.b)
	if err != nil {
		return stepNone, err
	}
	// The attributes come after the content, their hash before it.
	sum, err := v.SumLate(t.aad)
	if err != nil {
		return stepNone, formatError(err)
	}
	if !gcm.Check(sum, t.mac) || s.lost {
		return stepNone, envelope.ErrDecrypt
	}
	return s.authenticated(head)
}

// verifyLate is Verify for the tags of RFC 8103 and of CCM. They hash first
// what this pass finds out last: the attributes, and the length. So nothing is
// decided yet, whatever the key.
func (s *session) verifyLate(c *watched) (_ step, err error) {
	n, err := copied(io.Discard, c)
	if err != nil {
		return stepNone, formatError(err)
	}
	if err := s.h.alg.checkSize(n); err != nil {
		return stepNone, err
	}
	if s.trailer, err = s.h.readSealedTrailer(s.r, s.b); err != nil {
		return stepNone, err
	}
	s.size = uint64(n)
	return stepTag, nil
}

// checkTag reads the content again, to do what verifyLate could not.
func (s *session) checkTag(c *watched) (step, error) {
	v, err := s.h.alg.verifier(s.key, s.trailer.aad, s.size)
	if err != nil {
		return stepNone, err
	}
	head := make([]byte, maxEntityHeader)
	n, _ := io.ReadFull(c, head)
	head = head[:n]
	_, err = copied(v, io.MultiReader(bytes.NewReader(head), c))
	if c.err != nil {
		return stepNone, secondPass(c.err)
	}
	if err != nil || !v.Check(s.trailer.mac) || s.lost {
		return stepNone, envelope.ErrDecrypt
	}
	return s.authenticated(head)
}

// authenticated goes on with content whose tag is right, and which begins, as
// it is encrypted, with head. Only where something may be nested in it is it
// read once more to judge that: somebody who knows the key wrote it, whom the
// time that this takes tells nothing.
func (s *session) authenticated(head []byte) (step, error) {
	d, err := s.h.alg.decrypter(bytes.NewReader(head), s.key)
	if err != nil {
		return stepNone, err
	}
	plain, err := io.ReadAll(d)
	defer clear(plain)
	if err != nil {
		return stepNone, err
	}
	s.nested = sniffNested(s.h.contentType, plain, true)
	if s.nested != notNested {
		return stepJudge, nil
	}
	return s.release()
}

// judge reads the authenticated content for what is nested in it.
func (s *session) judge(c *watched) (step, error) {
	d, err := s.h.alg.decrypter(c, s.key)
	if err != nil {
		return stepNone, err
	}
	defer d.Close()
	a := ahead.New(d)
	defer a.Close()
	kind := s.nested
	in := s.readInner(a, kind)
	s.nested = notNested
	switch {
	case c.err != nil:
		return stepNone, secondPass(c.err)
	case kind.declared() && !in.whole:
		if in.limit != nil {
			return stepNone, in.limit
		}
		return stepNone, envelope.ErrDecrypt
	case !kind.declared() && !in.usable():
		// A file may begin like a signed mail. It is whole: the tag says so.
		s.facts.Findings = append(s.facts.Findings, "the content looks like a signed message and is not one, or its signature does not verify; it is released as it is")
	default:
		s.take(in, kind)
	}
	return s.release()
}

// take releases what is inside, with its signatures.
func (s *session) take(in inner, kind nested) {
	s.nested = kind
	s.facts.Signatures, s.facts.Certificates = in.signatures, in.certificates
	s.facts.Findings = append(s.facts.Findings, in.findings...)
}
