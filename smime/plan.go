package smime

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// sealing is a SealPlan with everything decided.
type sealing struct {
	plan       *seam.SealPlan
	recipients []*certificate
	signers    []*signer
	aead       bool // AuthEnvelopedData; else EnvelopedData, for readers of all ages
	content    written
	facts      seam.Facts
}

// decide chooses the container, or says why it cannot. Nothing is written yet.
func decide(p *seam.SealPlan) (*sealing, error) {
	s := &sealing{plan: p}
	var err error
	if s.recipients, err = ourRecipients(p.Recipients); err != nil {
		return nil, err
	}
	if len(s.recipients)+len(p.Passphrases) == 0 {
		return nil, errors.New("smime: no recipient")
	}
	if s.signers, err = ourSigners(p); err != nil {
		return nil, err
	}
	if err := s.choose(); err != nil {
		return nil, err
	}
	s.chooseContent()
	s.facts = seam.Facts{
		Format: formatName, Container: containerEnveloped, Content: s.content.name(),
		Encrypted: true, Armored: p.Armor, OpenedBy: -1, LoweredBy: s.facts.LoweredBy,
	}
	if s.aead {
		s.facts.Container = containerAuthEnveloped
	}
	if s.aead || len(s.signers) > 0 {
		s.facts.Auth = seam.AuthAtEnd
	}
	s.facts.Reason, s.facts.Findings = s.reason(), s.classical()
	return s, nil
}

// classical tells of each signature in a message of the PostQuantum profile
// that a quantum computer can forge. It is allowed: what is signed today is
// checked today, and what is sealed today may be read in thirty years.
func (s *sealing) classical() (findings []string) {
	if s.plan.Profile != seam.PostQuantum {
		return nil
	}
	for _, by := range s.signers {
		if k := by.key.cert.key; k.kind != keyMLDSA && k.kind != keySLHDSA {
			findings = append(findings, "the signature is made with an "+k.name+" key, which a quantum computer can forge: ML-DSA is what it cannot")
		}
	}
	return findings
}

func ourRecipients(xs []seam.Certificate) (out []*certificate, err error) {
	for _, x := range xs {
		c, ok := x.(*certificate)
		if !ok {
			return nil, errNotOurs
		}
		out = append(out, c)
	}
	return out, nil
}

// choose decides between GCM and CBC. Of CBC, which authenticates nothing,
// only a signature inside makes a sealed message.
func (s *sealing) choose() error {
	covered := len(s.signers) > 0 || s.plan.AllowUnauthenticated
	switch s.plan.Profile {
	case seam.Modern, seam.PostQuantum:
		s.aead = true
		return nil
	case seam.Compatible:
		if !covered {
			return fmt.Errorf("%w: the Compatible profile seals with AES-CBC, which only a signature inside authenticates: give a signer, or choose the Modern profile, or allow unauthenticated encryption by its name", keyring.ErrRefused)
		}
		return nil
	}
	var unknown []keyring.Fingerprint
	for _, c := range s.recipients {
		if !c.knownToRead(oidAES256GCM) {
			unknown = append(unknown, c.fingerprint())
			s.facts.LoweredBy = append(s.facts.LoweredBy, c)
		}
	}
	switch {
	case len(unknown) == 0:
		s.aead = true
		return nil
	case s.allRead(oidChaCha20Poly1305) && !fipsOnly():
		// RFC 8103: another AEAD than ours is better than none.
		s.aead, s.content.mode, s.facts.LoweredBy = true, modeChaCha, nil
		return nil
	case !covered:
		return &envelope.UnknownReaderError{Recipients: unknown}
	case s.plan.RefuseLowering:
		return &envelope.LoweredError{Recipients: unknown}
	}
	return nil
}

// chooseContent decides the rest of the content algorithm. That the key is
// derived (RFC 9709) is only understood by who lists it.
func (s *sealing) chooseContent() {
	if s.aead && s.content.mode != modeChaCha {
		s.content.mode = modeGCM
	}
	s.content.derive = s.plan.Profile == seam.Auto && s.allRead(oidCEKHKDF)
}

// allRead reports whether everybody who will have a key is known to read o.
// Whoever has a passphrase may be anybody.
func (s *sealing) allRead(o oid) bool {
	return len(s.plan.Passphrases) == 0 && allRead(s.plan.Recipients, o)
}

// newContentKey returns a fresh key. crypto/rand does not fail.
func newContentKey() []byte {
	cek := make([]byte, writtenKeyLen)
	rand.Read(cek)
	return cek
}

// wrapWorkers is how many recipients the content key is wrapped for at a time:
// ten thousand of them take a second of one core.
const wrapWorkers = 2

// wrap wraps cek for every recipient and passphrase, or for none. It returns
// the RecipientInfos and the version that they demand of what holds them.
func (s *sealing) wrap(cek []byte) (infos [][]byte, version byte, err error) {
	if len(s.plan.Passphrases) > maxPasswords {
		return nil, 0, &envelope.LimitError{What: "passphrases for one message", Max: maxPasswords, Fixed: true}
	}
	n := len(s.recipients) + len(s.plan.Passphrases)
	infos = make([][]byte, n)
	s.facts.Recipients = make([]seam.Recipient, n)
	versions, errs := make([]int, n), make([]error, n)
	var wait sync.WaitGroup
	for first := range wrapWorkers {
		wait.Go(func() {
			for i := first; i < n; i += wrapWorkers {
				infos[i], s.facts.Recipients[i], versions[i], errs[i] = s.wrapOne(i, cek)
				if errs[i] != nil {
					return
				}
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, 0, fmt.Errorf("smime: cannot seal to a recipient: %w", err)
	}
	size := int64(0)
	for i, der := range infos {
		size += int64(len(der))
		version = max(version, envelopedVersion(der, versions[i]))
	}
	if size > mostRecipientBytes {
		return nil, 0, &envelope.LimitError{What: "octets of recipients", Max: mostRecipientBytes, Fixed: true}
	}
	if s.aead {
		version = 0 // RFC 5083, Section 2.1
	}
	return infos, version, nil
}

// wrapOne wraps for one of the recipients, or of the passphrases after them.
func (s *sealing) wrapOne(i int, cek []byte) (der []byte, planned seam.Recipient, version int, err error) {
	if n := len(s.recipients); i >= n {
		der, planned, err = wrapForPassphrase(s.plan.Passphrases[i-n], cek, writeIterations)
		return der, planned, versionPassword, err
	}
	// Readers that know no GCM know no OAEP either.
	return wrapFor(s.recipients[i], cek, !s.aead)
}

// mostRecipientBytes is what a reader with default limits takes: no message is
// written that is not read.
const mostRecipientBytes = 16 << 20

// envelopedVersion is what a RecipientInfo demands of EnvelopedData (RFC 5652,
// Section 6.1): 3 for the choices pwri [3] and ori [4], 2 for any whose own
// version is not 0, else 0.
func envelopedVersion(der []byte, version int) byte {
	switch {
	case der[0] == byte(context(3).Constructed()), der[0] == byte(context(4).Constructed()):
		return 3
	case version != 0:
		return 2
	}
	return 0
}
