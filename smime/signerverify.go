package smime

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

const (
	// maxCandidates is how many certificates that a message brings one of its
	// signatures is checked with, beside the senders'. A subject key identifier
	// can be put into any number of certificates.
	maxCandidates = 8

	// maxFurther is how many of them there are beside the first one of each
	// signature, for all signatures of one message: some take 40 ms to check.
	maxFurther = 16

	// clockSkew is by how much a signer's clock may be ahead of ours.
	clockSkew = 24 * time.Hour
)

// verify judges the signature over content of the given type (an OBJECT
// IDENTIFIER in DER) and digest. The certificate is one that the message
// names and that is among senders or, if it is not, among those that the
// message brings; the latter proves that nothing was changed, not who signed.
//
// Signatures without signed attributes are not supported: the octets that
// such a signature covers can be the attributes of another one, so that what
// was signed is ambiguous (RFC 5652, Section 5.4 and the "Strenzke attack").
func (si *signerInfo) verify(contentType, digest []byte, certs []*certificate, senders []seam.Certificate, now time.Time) seam.Signature {
	out := si.describe()
	switch {
	case si.refuse != "":
		return judged(out, seam.SignatureUnsupported, si.refuse)
	case si.attributes == nil:
		return judged(out, seam.SignatureUnsupported, "without signed attributes")
	}
	if reason := si.check(contentType, digest); reason != "" {
		return judged(out, seam.SignatureBad, reason)
	}
	candidates := si.candidates(certs, senders)
	if len(candidates) == 0 {
		return judged(out, seam.SignatureUnchecked, "the signer's certificate is neither among the senders nor in the message")
	}
	out = si.verifyAny(out, candidates, now)
	if out.Status == seam.SignatureValid {
		// RFC 8551, Section 2.7.1: only what is authentic may be remembered.
		out.Capabilities = bytes.Clone(si.attributes.capabilities)
	}
	return out
}

// verifyAny returns the best verdict that one of the candidates leads to, and
// of equal ones the first. A sender's, if the signature is his, goes before all
// others': a stranger may put the same public key into a certificate.
func (si *signerInfo) verifyAny(unjudged seam.Signature, candidates []signerCandidate, now time.Time) (best seam.Signature) {
	for i, c := range candidates {
		if c.sender < 0 && rank(best.Status) >= rank(seam.SignatureNotInTime) && best.Sender >= 0 {
			break
		}
		one := unjudged
		one.Signer, one.Sender = c.certificate, c.sender
		status, reason := si.verifyWith(c.certificate)
		if one = judged(one, status, reason); status == seam.SignatureValid {
			one = si.judgeTime(one, c.certificate, now)
		}
		if i == 0 || rank(one.Status) > rank(best.Status) {
			best = one
		}
	}
	return best
}

// rank orders verdicts by how much they say for the signature.
func rank(s seam.SignatureStatus) int {
	switch s {
	case seam.SignatureValid:
		return 3
	case seam.SignatureNotInTime:
		return 2
	case seam.SignatureWeak:
		return 1
	}
	return 0
}

func judged(s seam.Signature, status seam.SignatureStatus, detail string) seam.Signature {
	s.Status, s.Detail = status, detail
	return s
}

// check holds the attributes against the content and against the algorithms
// (RFC 5652, Sections 5.4, 11.1 and 11.2; RFC 6211, Section 3). It returns why
// they do not fit, "" if they do.
func (si *signerInfo) check(contentType, digest []byte) string {
	a := si.attributes
	switch {
	case si.bad != "":
		return si.bad
	case !bytes.Equal(a.contentType, contentType): // both nil in a countersignature
		return "the content is of another type than the one that was signed"
	case subtle.ConstantTimeCompare(a.digest, digest) != 1:
		return si.otherContent()
	case a.protected != nil && !(same(&a.protected.digest, &si.digestAlgorithm) && same(&a.protected.signature, &si.signature)):
		return "the algorithms are not those that were signed"
	}
	return ""
}

// otherContent says that what was signed is something else.
func (si *signerInfo) otherContent() string {
	if si.counter {
		return "the signature is not the one that was countersigned"
	}
	return "the content is not what was signed"
}

// same compares algorithms; absent parameters and NULL mean the same.
func same(a, b *algorithm) bool {
	return a.oid == b.oid && (bytes.Equal(a.params, b.params) || a.plain() && b.plain())
}

// signerCandidate is a certificate that the message may mean.
type signerCandidate struct {
	*certificate
	sender int // index in senders, -1
}

// candidates returns the certificates that the signature names, senders first.
func (si *signerInfo) candidates(certs []*certificate, senders []seam.Certificate) []signerCandidate {
	var out []signerCandidate
	embedded := 0
	add := func(c *certificate, sender int) {
		if sender < 0 && embedded == maxCandidates || !si.id.is(c) {
			return
		}
		for _, o := range out {
			if bytes.Equal(o.x.Raw, c.x.Raw) {
				return
			}
		}
		out = append(out, signerCandidate{c, sender})
		if sender < 0 {
			embedded++
		}
	}
	for i, s := range senders {
		if c, ok := s.(*certificate); ok && c != nil {
			add(c, i)
		}
	}
	for _, c := range certs {
		add(c, -1)
	}
	return out
}

// verifyWith checks the signature with one certificate: that it is the one
// that was meant, may sign, and made this signature; and whether that proves
// anything today.
func (si *signerInfo) verifyWith(c *certificate) (seam.SignatureStatus, string) {
	k := &c.key
	switch {
	case k.kind == keyUnsupported:
		return seam.SignatureUnsupported, "its certificate " + k.refuse
	case k.kind == keyRSA && slowRSA(k.rsa):
		return seam.SignatureUnsupported, fmt.Sprintf("its RSA key has more than %d bits, or more than %d and an exponent above %d", maxVerifyRSA, maxRSA, maxLargeExponent)
	case k.fipsRefuses():
		return seam.SignatureUnsupported, "its RSA key is one that GODEBUG=fips140=only does not allow"
	case si.attributes.certDigest != nil && si.attributes.certHash.weak() && fipsOnly():
		return seam.SignatureUnsupported, "it names its certificate by " + si.attributes.certHash.String() + ", which GODEBUG=fips140=only does not allow"
	case !si.attributes.nameCertificate(c):
		return seam.SignatureBad, "it was made for another certificate with the same name"
	case !si.scheme.fits(k):
		return seam.SignatureBad, "the algorithm is not one of the certificate's key"
	}
	valid := false
	for _, form := range si.signedForms() {
		valid = valid || si.scheme.verify(k, form, si.value)
	}
	if !valid {
		return seam.SignatureBad, "the signature is wrong"
	}
	if ku := c.x.KeyUsage; ku != 0 && ku&signingUsage == 0 {
		return seam.SignatureBad, "its certificate is not for signatures, as its key usage says"
	}
	if c.checkPurpose() != nil {
		return seam.SignatureBad, "its certificate is not for mail protection, as its extended key usage says"
	}
	switch {
	case si.scheme.digest.weak():
		return seam.SignatureWeak, "made with " + si.scheme.digest.String() + ", of which collisions are known"
	case k.kind == keyRSA && k.rsa.N.BitLen() < minRSA:
		return seam.SignatureWeak, fmt.Sprintf("its RSA key has fewer than %d bits", minRSA)
	}
	return seam.SignatureValid, ""
}

// judgeTime sets the status of a signature that is correct.
//
// What counts is whether the certificate is valid now. When it was signed is
// the signer's own claim: whoever gets hold of an expired key can claim any
// time. So a claim cannot make a signature better; one that contradicts the
// certificate, or lies in the future, makes it worse.
func (si *signerInfo) judgeTime(out seam.Signature, c *certificate, now time.Time) seam.Signature {
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	switch {
	case now.Before(c.x.NotBefore):
		return judged(out, seam.SignatureNotInTime, "its certificate is not valid before "+day(c.x.NotBefore))
	case now.After(c.x.NotAfter) && !out.When.IsZero() && c.validAt(out.When):
		return judged(out, seam.SignatureNotInTime, "its certificate expired on "+day(c.x.NotAfter)+", after the time that the signature claims, "+day(out.When))
	case now.After(c.x.NotAfter):
		return judged(out, seam.SignatureNotInTime, "its certificate expired on "+day(c.x.NotAfter))
	case out.When.IsZero():
	case out.When.After(now.Add(clockSkew)):
		return judged(out, seam.SignatureNotInTime, "it claims to be made in the future, "+day(out.When))
	case !c.validAt(out.When) && !c.validAt(out.When.Add(clockSkew)):
		return judged(out, seam.SignatureNotInTime, "it claims a time, "+day(out.When)+", at which its certificate was not valid")
	}
	return judged(out, seam.SignatureValid, "")
}
