package smime

import (
	"crypto/rand"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// myRecipient is a recipient of a message that names a certificate of ours.
type myRecipient struct {
	ri       *recipientInfo
	key      *privateKey
	identity int // index in OpenPlan.Identities
}

// mine is collected while the recipients are read.
//
// Only those that name one of our certificates are ever tried, and of RSA
// PKCS#1 v1.5 only the first: whether one of several "worked" would be the
// question that a Bleichenbacher attack asks (RFC 3218; CVE-2019-1563).
type mine struct {
	plan      *seam.OpenPlan
	authentic []myRecipient // OAEP and ECDH, which tell nothing by failing
	v15       *myRecipient
	refusal   error // why one of ours cannot be opened by anybody
	ours      bool
}

func (c *mine) add(ri *recipientInfo) {
	for i, id := range c.plan.Identities {
		key, ok := id.(*privateKey)
		if !ok || !ri.names(key.cert) {
			continue
		}
		c.ours = true
		switch {
		case ri.unsupported() != "":
			c.refusal = ri.refusal()
		case !key.opens(ri):
			c.refusal = malformed("its key is sealed for another kind of key than the one that it names")
		case key.cert.key.fipsForbids() != "":
			c.refusal = notApproved(key.cert.key.fipsForbids())
		case ri.isPKCS1v15():
			if c.v15 == nil {
				c.v15 = &myRecipient{ri, key, i}
			}
		case len(c.authentic) < c.plan.Limits.PrivateTrial:
			c.authentic = append(c.authentic, myRecipient{ri, key, i})
		}
	}
}

// unwrap returns the content key, and which identity had it. Where none has,
// found is -1 and the key is random: the message is then read on as if nothing
// had happened, so that where it fails tells nothing (RFC 3218, Section 2.3.2).
func (c *mine) unwrap(keyLen int) (cek []byte, found int) {
	for _, x := range c.authentic {
		if cek, ok := x.key.unwrap(x.ri, keyLen); ok && len(cek) == keyLen {
			return cek, x.identity
		}
	}
	if x := c.v15; x != nil {
		// Returns a random key by itself where it fails, and does not tell.
		if cek, ok := x.key.unwrap(x.ri, keyLen); ok && len(cek) == keyLen {
			return cek, x.identity
		}
	}
	cek = make([]byte, keyLen)
	rand.Read(cek)
	return cek, -1
}

// check returns the error that can be seen without a private key.
func (c *mine) check() error {
	switch {
	case !c.ours:
		return envelope.ErrNotForYou
	case len(c.authentic) == 0 && c.v15 == nil:
		return c.refusal
	}
	return nil
}

// open reads the header of a sealed message, to the beginning of its content.
func open(src io.Reader, p *seam.OpenPlan) (seam.Session, error) {
	bin, armored, err := dearmor(src)
	if err != nil {
		return nil, err
	}
	r, b := ber.NewReader(bin), newBudget(p.Limits.HeaderBytes)
	c := &mine{plan: p}
	h, err := readSealedHeader(r, b, p.Limits, c.add)
	if err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := h.alg.checkLegacy(p.Legacy); err != nil {
		return nil, err
	}
	if err := checkFIPS(&h.alg); err != nil {
		return nil, err
	}
	cek, found := c.unwrap(h.alg.keyLen)
	s := &session{plan: p, h: h, r: r, b: b, contentAt: r.Offset(), lost: found < 0, facts: h.facts(armored), next: stepVerify}
	s.facts.OpenedBy = found
	s.cek = cek
	if s.key, err = h.alg.key(cek); err != nil {
		return nil, err
	}
	return s, nil
}

// facts is what can be seen of a sealed message without a key.
func (h *sealedHeader) facts(armored bool) seam.Facts {
	f := seam.Facts{
		Format: formatName, Container: h.container, Content: h.alg.name,
		Encrypted: true, Armored: armored, OpenedBy: -1,
		Recipients: h.recipients, Findings: h.findings,
	}
	if w := h.alg.weakness(); w != "" {
		f.Findings = append(f.Findings, w)
	}
	if h.alg.aead() {
		f.Auth = seam.AuthAtEnd
	}
	return f
}
