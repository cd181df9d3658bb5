package smime

import (
	"bytes"
	"io"
	"slices"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/cbc"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// verifyCBC decrypts everything, to find a signature inside that covers it.
// CBC authenticates nothing, and whoever sees whether its padding was good can
// decrypt with that: so padding, structure and signature fail in one way.
func (s *session) verifyCBC(c *watched) (step, error) {
	d, err := cbc.NewDecrypter(c, s.key, s.h.alg.nonce)
	if err != nil {
		return stepNone, err
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
		return stepNone, formatError(c.err)
	}
	if _, err := s.h.readSealedTrailer(s.r, s.b); err != nil {
		return stepNone, err
	}
	switch {
	case s.lost || padding != nil:
		return stepNone, envelope.ErrDecrypt
	case kind != notNested && in.authentic():
		s.facts.Auth = seam.AuthAtEnd
		s.take(in, kind)
		return s.release()
	case s.plan.AllowUnauthenticated:
		s.facts.Findings = append(s.facts.Findings, "the content is not authenticated: anybody on its way may have changed it")
		return s.release()
	}
	return stepNone, envelope.ErrDecrypt
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

// authentic reports whether a signature covers the content whose key may be
// anybody's: it proves that the content is what was signed, not who signed. A
// key that was out of its time when it signed proves that too.
func (in *inner) authentic() bool {
	return in.whole && slices.ContainsFunc(in.signatures, func(s seam.Signature) bool {
		return s.Status == seam.SignatureValid || s.Status == seam.SignatureNotInTime
	})
}
