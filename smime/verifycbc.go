package smime

import (
	"bytes"
	"crypto/sha256"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ahead"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// verifyCBC decrypts everything, to find a signature inside that covers it.
// CBC authenticates nothing, and whoever sees whether its padding was good can
// decrypt with that: so padding, structure and signature fail in one way.
func (s *session) verifyCBC(c *watched) (step, error) {
	d, err := s.h.alg.decrypter(c, s.key)
	if err != nil {
		return stepNone, err
	}
	defer d.Close()
	// One core decrypts, the other hashes what the signature covers.
	a := ahead.New(d)
	defer a.Close()
	head := make([]byte, maxEntityHeader)
	defer clear(head)
	n, _ := io.ReadFull(a, head)
	kind := sniffNested(s.h.contentType, head[:n], false)
	plain := &watched{r: io.MultiReader(bytes.NewReader(head[:n]), a)}
	var in inner
	if kind != notNested {
		in = s.readInner(plain, kind)
	}
	// However far that came, all is decrypted, and read to the end of the
	// message: the time that it takes does not tell where the content failed.
	rest := io.Discard
	if kind == notNested && !s.plan.AllowUnauthenticated {
		// Refused in any case; hashed as if it were worth it. Else the time would
		// tell of a message that somebody put together whether it begins like a
		// mail, and by that, octet for octet, what is in it.
		rest = sha256.New()
	}
	_, padding := copied(rest, plain)
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
		if in.whole && !in.signed {
			s.take(in, kind) // it was compressed
		}
		return s.release()
	}
	return stepNone, envelope.ErrDecrypt
}
