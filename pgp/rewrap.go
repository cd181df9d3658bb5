package pgp

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

var _ seam.Rewrapper = (*session)(nil)

// Rewrap implements seam.Rewrapper.
//
// Nothing authenticates the session key packets, and the encrypted data does
// not depend on them (RFC 9580, Sections 5.13.1 and 5.13.2): more of them are
// put in front, and everything that was there is copied octet for octet, in
// constant memory. Only the armor is made anew.
func (s *session) Rewrap(dst io.Writer, src io.Reader, p *seam.SealPlan) (*seam.Facts, error) {
	if s.err != nil || !s.whole {
		return nil, envelope.ErrClosed
	}
	if err := s.mayAdd(p); err != nil {
		return nil, err
	}
	keys, err := encryptionKeys(p)
	if err != nil {
		return nil, err
	}
	v2 := s.facts.Container == containerV2
	facts := &seam.Facts{
		Format: formatName, Container: s.facts.Container, Content: s.facts.Content, Auth: s.facts.Auth,
		Encrypted: true, Armored: p.Armor, OpenedBy: -1, Recipients: slices.Clone(s.facts.Recipients),
		Reason: s.facts.Container + ": as the message that it was made from",
	}
	head, err := wrapReaders(p, keys, s.cipher, v2, s.key, facts)
	if err != nil {
		return nil, err
	}
	w := &writer{}
	w.output(dst, p.Armor, labelMessage, !v2)
	if _, err := w.out.Write(head); err != nil {
		return nil, err
	}
	in, _, err := startMessage(buffered(src))
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(w.out, in.r); err != nil {
		return nil, err
	}
	for _, f := range w.finish {
		if err := f(); err != nil {
			return nil, err
		}
	}
	// To its end, to see that the source is still what it was.
	_, err = io.Copy(io.Discard, src)
	return facts, err
}

// mayAdd refuses readers for whom the message is not what would be sealed to
// them: it cannot be changed, only sealed anew.
func (s *session) mayAdd(p *seam.SealPlan) error {
	refused := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s: reseal the message instead", keyring.ErrRefused, fmt.Sprintf(format, args...))
	}
	f := &s.facts
	v2 := f.Container == containerV2
	switch {
	case !v2 && f.Container != containerV1:
		return refused("the message is of a form that is read and not written (%s)", f.Container)
	case cipherName(s.cipher) == "": // what is read beside it is not written
		return refused("the message has a cipher that is read and not written")
	case v2 && p.Profile == seam.Compatible:
		return refused("the message is SEIPDv2, which the Compatible profile never is")
	case v2 && s.mode == packet.AEADModeEAX:
		return refused("the message has %s, and nothing says who reads that", f.Content)
	case !v2 && p.RefuseLowering && p.Profile != seam.Compatible:
		return refused("the message is SEIPDv1, and lowering is refused")
	case v2 && p.Profile == seam.Auto && len(p.Passphrases) > 0:
		return refused("the message is SEIPDv2, and what those read with who have only a passphrase is not known (the Modern profile says that they read it)")
	}
	if p.Profile == seam.PostQuantum {
		if s.cipher != packet.CipherAES256 {
			return refused("the message has %s, and the PostQuantum profile is AES-256", cipherName(s.cipher))
		}
		for _, r := range f.Recipients {
			if r.ID != passphraseID && r.Algorithm != mlkem768Name && r.Algorithm != mlkem1024Name {
				return refused("the message is sealed to somebody by %.80q too, and the PostQuantum profile allows ML-KEM and passphrases only", r.Algorithm)
			}
		}
	}
	if v2 {
		return s.readV2(p)
	}
	return s.room(p)
}

// readV2 names every recipient of whom nothing says that they read the message.
func (s *session) readV2(p *seam.SealPlan) error {
	var bad []error
	for _, x := range p.Recipients {
		c, ok := x.(*certificate)
		switch {
		case !ok:
			return errors.New("pgp: a recipient of another format")
		case !c.readsSEIPDv2(p.Now):
			bad = append(bad, &keyring.UnusableError{Fingerprint: c.public().Fingerprint(), Reason: "does not say that it reads SEIPDv2, which the message is: reseal the message instead"})
		case s.mode == packet.AEADModeGCM && !c.readsGCM(p.Now):
			bad = append(bad, &keyring.UnusableError{Fingerprint: c.public().Fingerprint(), Reason: "does not say that it reads GCM, which the message has: reseal the message instead"})
		}
	}
	if len(bad) > 0 {
		return &envelope.RecipientsError{Reasons: bad}
	}
	return s.room(p)
}

// room refuses more passphrases than a reader tries, or whose packets would
// cost more than one spends on them.
func (s *session) room(p *seam.SealPlan) error {
	if len(p.Passphrases) == 0 {
		return nil
	}
	all := s.passwords.fitting(s.facts.Container)
	more := &password{cost: writtenCost(s.facts.Container == containerV2)}
	for range p.Passphrases {
		all = append(all, more)
	}
	return checkPasswords(all, 1)
}
