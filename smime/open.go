package smime

import (
	"crypto/rand"
	"crypto/subtle"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// opener is a private key or a shared one.
type opener interface {
	// unwrap decrypts the content key; see privateKey.
	unwrap(ri *recipientInfo, cekLen int) (cek []byte, ok bool)
}

// myRecipient is a recipient of a message that names an identity of ours.
type myRecipient struct {
	ri       *recipientInfo
	key      opener
	identity int // index in OpenPlan.Identities
}

// mine is collected while the recipients are read.
//
// Only those that name one of our certificates or shared keys are ever tried.
// Two of our certificates may have one identifier, and somebody may have put in
// more RecipientInfos with ours: each that does not use RSA PKCS#1 v1.5 is
// tried, whether or not another one before it worked, and the first that did is
// taken without a branch. To whoever wrote the message that tells nothing new:
// OAEP, the key wraps and what they are under fail for everybody who did not
// know the key before.
//
// RSA PKCS#1 v1.5 has no such check, and is tried for one RecipientInfo with
// one key only: whether one of several "worked" would be the question that a
// Bleichenbacher attack asks (RFC 3218; CVE-2019-1563). Which one is decided by
// what everybody sees.
//
// Passphrases are used where no identity is named: that too can be seen, so the
// time that they take does not tell whether a private key worked.
type mine struct {
	plan      *seam.OpenPlan
	authentic []myRecipient // all but RSA PKCS#1 v1.5: they tell nothing by failing
	v15       *myRecipient
	passwords []*recipientInfo
	cost      int64 // iterations for all passwords with all passphrases
	excess    error // why they are not tried
	refusal   error // why one of ours cannot be opened by anybody
	ours      bool
}

func (c *mine) add(ri *recipientInfo) {
	if ri.kind == password {
		c.addPassword(ri)
		return
	}
	for i, id := range c.plan.Identities {
		switch key := id.(type) {
		case *privateKey:
			if ri.names(key.cert) {
				c.addKey(ri, key, i)
			}
		case *symmetric:
			if key.namedBy(ri) {
				c.addShared(ri, key, i)
			}
		}
	}
}

func (c *mine) addKey(ri *recipientInfo, key *privateKey, identity int) {
	c.ours = true
	x := myRecipient{ri, key, identity}
	switch {
	case ri.unsupported() != "":
		c.refusal = ri.refusal()
	case !key.opens(ri):
		c.refusal = errOtherKind
	case key.cert.key.fipsForbids() != "":
		c.refusal = notApproved(key.cert.key.fipsForbids())
	case key.cert.key.weakRSA() && !c.plan.Legacy.RSA1024:
		c.refusal = malformed("its key is sealed to an %s key, which is weak: Legacy.RSA1024 allows to open it", key.cert.key.name)
	case ri.isPKCS1v15():
		if c.v15 == nil || !c.v15.sized() && x.sized() {
			c.v15 = &x
		}
	case c.room():
		c.authentic = append(c.authentic, x)
	}
}

// room reports whether one more private-key operation is allowed.
func (c *mine) room() bool { return len(c.authentic) < c.plan.Limits.PrivateTrial }

var errOtherKind = malformed("its key is sealed for another kind of key than the one that it names")

// sized reports whether the encrypted key is as long as the modulus, without
// which it cannot be the right one of several.
func (x *myRecipient) sized() bool {
	k, ok := x.key.(*privateKey)
	return ok && k.cert.key.rsa != nil && len(x.ri.encryptedKey) == k.cert.key.rsa.Size()
}

func (c *mine) addShared(ri *recipientInfo, key *symmetric, identity int) {
	c.ours = true
	switch {
	case ri.unsupported() != "":
		c.refusal = ri.refusal()
	case !key.opens(ri):
		c.refusal = errOtherKind
	case c.room():
		c.authentic = append(c.authentic, myRecipient{ri, key, identity})
	}
}

// addPassword adds what ri costs with every passphrase that was given. Those
// who wrote the message chose that.
func (c *mine) addPassword(ri *recipientInfo) {
	if len(c.plan.Passphrases) == 0 {
		return
	}
	c.ours = true
	switch {
	case ri.unsupported() != "":
		c.refusal = ri.refusal()
	case len(c.passwords) == maxPasswords:
		c.excess = &envelope.LimitError{What: "recipients with a passphrase", Max: maxPasswords, Fixed: true}
	// Divided and asked first, so that nothing overflows.
	case ri.pw.iterations > maxIterations, ri.pw.cost() > (maxIterations-c.cost)/int64(len(c.plan.Passphrases)):
		c.excess = &envelope.LimitError{What: "PBKDF2 iterations for the passphrases of one message", Max: maxIterations, Fixed: true}
	default:
		c.cost += ri.pw.cost() * int64(len(c.plan.Passphrases))
		c.passwords = append(c.passwords, ri)
	}
}

// unwrap returns the content key, and which identity had it, -1 for a
// passphrase. Where none had, lost is set and the key is random: the message is
// then read on as if nothing had happened, so that where it fails tells nothing
// (RFC 3218, Section 2.3.2).
func (c *mine) unwrap(keyLen int) (cek []byte, by int, lost bool) {
	cek = make([]byte, keyLen)
	rand.Read(cek) // never fails, as crypto/rand documents
	by, have := -1, 0
	take := func(got []byte, ok bool, identity int) {
		good := bit(ok) & subtle.ConstantTimeEq(int32(len(got)), int32(keyLen)) &^ have
		padded := make([]byte, keyLen)
		copy(padded, got)
		subtle.ConstantTimeCopy(good, cek, padded)
		by = subtle.ConstantTimeSelect(good, identity, by)
		have |= good
		clear(padded)
		clear(got)
	}
	for _, x := range c.authentic {
		got, ok := x.key.unwrap(x.ri, keyLen)
		take(got, ok, x.identity)
	}
	if x := c.v15; x != nil {
		// Returns a random key by itself where it fails, and does not tell.
		got, ok := x.key.unwrap(x.ri, keyLen)
		take(got, ok, x.identity)
	}
	if !c.named() {
		for _, ri := range c.passwords {
			for _, p := range c.plan.Passphrases {
				got, ok := ri.unwrapPassword(p, keyLen)
				take(got, ok, -1)
			}
		}
	}
	return cek, by, have == 0
}

// bit is 1 for true.
func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// named reports whether the message names an identity that is tried.
func (c *mine) named() bool { return len(c.authentic) > 0 || c.v15 != nil }

// check returns the error that can be seen without a private key.
func (c *mine) check() error {
	switch {
	case c.named():
		return nil
	case c.excess != nil:
		return c.excess
	case len(c.passwords) > 0:
		return nil
	case !c.ours:
		return envelope.ErrNotForYou
	}
	return c.refusal
}

// findings is what a person should know of how the content key was sealed.
func (c *mine) findings(by int) []string {
	if by < 0 {
		return nil
	}
	if k, ok := c.plan.Identities[by].(*privateKey); ok && k.cert.key.weakRSA() {
		return []string{"the content key is sealed to an " + k.cert.key.name + " key, which is weak: take what the message says as known to others"}
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
	cek, by, lost := c.unwrap(h.alg.keyLen)
	s := &session{plan: p, h: h, r: r, b: b, contentAt: r.Offset(), lost: lost, facts: h.facts(armored), next: stepVerify}
	s.facts.OpenedBy = by
	s.facts.Findings = append(s.facts.Findings, c.findings(by)...)
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
