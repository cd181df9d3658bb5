package smime

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// cuts are where a sealed message is taken apart to add recipients: offsets
// in its binary form.
type cuts struct {
	versionEnd  int64
	set, setEnd int64 // RecipientInfos
	first, last int64 // what is in them
	end         int64 // of what EnvelopedData or AuthEnvelopedData holds
}

var _ seam.Rewrapper = (*session)(nil)

// Rewrap implements seam.Rewrapper.
//
// Nothing authenticates the RecipientInfos (RFC 5652, Section 6.1; RFC 5083,
// Section 2.1), so that more of them can be put beside those that are there.
// The version follows them. The three elements around all become of indefinite
// length, whose own lengths would change; everything else is copied octet for
// octet, in constant memory.
func (s *session) Rewrap(dst io.Writer, src io.Reader, p *seam.SealPlan) (*seam.Facts, error) {
	if s.closed || s.next != stepRelease || s.lost {
		return nil, envelope.ErrClosed
	}
	x := &sealing{plan: p, aead: s.h.alg.aead()}
	var err error
	if x.recipients, err = ourRecipients(p.Recipients); err != nil {
		return nil, err
	}
	if err := s.mayAdd(x); err != nil {
		return nil, err
	}
	if err := s.h.passwords.room(len(p.Passphrases)); err != nil {
		return nil, err
	}
	infos, version, err := x.wrap(s.cek)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(infos, bytes.Compare) // as derSet does: their order tells nothing
	added := bytes.Join(infos, nil)
	if s.h.at.last-s.h.at.first+int64(len(added)) > mostRecipientBytes {
		return nil, &envelope.LimitError{What: "octets of recipients", Max: mostRecipientBytes, Fixed: true}
	}
	facts := s.h.facts(p.Armor)
	facts.Auth = s.facts.Auth
	facts.Recipients = append(facts.Recipients[:len(facts.Recipients):len(facts.Recipients)], x.facts.Recipients...)
	facts.Reason = s.h.alg.name + ": as the message that it was made from"

	bin, _, err := dearmor(src)
	if err != nil {
		return nil, err
	}
	var armor *pemWriter
	if p.Armor {
		armor = newPEMWriter(dst)
		dst = armor
	}
	if err := s.splice(dst, bin, max(version, s.h.version), added); err != nil {
		return nil, err
	}
	if armor != nil {
		if err := armor.Close(); err != nil {
			return nil, err
		}
	}
	// To its end, to see that the source is still what it was.
	_, err = io.Copy(io.Discard, src)
	return &facts, err
}

// splice writes the message with the added RecipientInfos behind its own.
//
// The version is the larger one of what was there and what the added ones
// demand: everything that RFC 5652, Section 6.1 looks at is still there, and its
// answers only grow.
func (s *session) splice(dst io.Writer, bin io.Reader, version byte, added []byte) error {
	at, w, read := s.h.at, ber.NewWriter(dst), int64(0)
	pass := func(to io.Writer, until int64) error {
		n, err := copied(to, io.LimitReader(bin, until-read))
		if read += n; err == nil && read != until {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	container := oidEnvelopedData
	if s.h.alg.aead() {
		container = oidAuthEnvelopedData
	}
	if err := pass(io.Discard, at.versionEnd); err != nil {
		return err
	}
	w.Open(asn1.SEQUENCE)
	w.Raw(container.tlv())
	w.Open(context(0))
	w.Open(asn1.SEQUENCE)
	if err := w.Raw([]byte{byte(asn1.INTEGER), 1, version}); err != nil {
		return err
	}
	// OriginatorInfo, if there is one.
	if err := pass(dst, at.set); err != nil {
		return err
	}
	// A definite length, which was what it needed to be known before: readers
	// that hold no indefinite one in small parts are many.
	if err := w.Raw(ber.AppendHeader(nil, asn1.SET, int(at.last-at.first)+len(added))); err != nil {
		return err
	}
	if err := pass(io.Discard, at.first); err != nil {
		return err
	}
	if err := pass(dst, at.last); err != nil {
		return err
	}
	if err := w.Raw(added); err != nil {
		return err
	}
	if err := pass(io.Discard, at.setEnd); err != nil {
		return err
	}
	if err := pass(dst, at.end); err != nil {
		return err
	}
	for range 3 {
		w.Close()
	}
	return w.Err()
}

// passwordCount is how many passphrases open a message, and what it costs to
// try one with each.
type passwordCount struct {
	n    int
	cost int64
}

func (c *passwordCount) add(ri *recipientInfo) {
	if ri.kind != password {
		return
	}
	c.n++
	switch {
	case ri.unsupported() != "": // nobody tries it
	case ri.pw.iterations > maxIterations || c.cost > maxIterations:
		c.cost = maxIterations + 1
	default:
		c.cost += ri.pw.cost()
	}
}

// room refuses more passphrases than a reader tries.
func (c *passwordCount) room(more int) error {
	switch {
	case more == 0:
		return nil
	case c.n+more > maxPasswords:
		return &envelope.LimitError{What: "recipients with a passphrase", Max: maxPasswords, Fixed: true}
	case c.cost+int64(more)*writeIterations > maxIterations:
		return &envelope.LimitError{What: "PBKDF2 iterations for the passphrases of one message", Max: maxIterations, Fixed: true}
	}
	return nil
}

// mayAdd refuses recipients for whom the message is not what the profile would
// make: it cannot be changed, only sealed anew.
func (s *session) mayAdd(x *sealing) error {
	refused := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s: reseal the message instead", keyring.ErrRefused, fmt.Sprintf(format, args...))
	}
	switch p := x.plan.Profile; {
	case s.h.alg.cipher != cipherAES:
		return refused("the message has %s, which is weak", s.h.alg.name)
	case x.aead && s.h.alg.mode != modeGCM:
		return refused("the message has %s, and no profile makes that without knowing who reads it", s.h.alg.name)
	case p == seam.PostQuantum && (!x.aead || s.h.alg.keyLen < writtenKeyLen):
		return refused("the message has %s, and the PostQuantum profile is AES-256-GCM", s.h.alg.name)
	case p == seam.Modern && !x.aead:
		return refused("the message has %s, and the Modern profile is AES-GCM", s.h.alg.name)
	case p == seam.Compatible && x.aead:
		return refused("the message has %s, which the Compatible profile never is", s.h.alg.name)
	case p == seam.PostQuantum:
		for _, r := range s.h.recipients {
			// ML-KEM-512 is read, and is not what the profile seals to.
			switch {
			case r.Algorithm == encapsulationName(mlkem768Set, kekSize), r.Algorithm == encapsulationName(mlkem1024Set, kekSize), strings.HasPrefix(r.Algorithm, "PBKDF2"):
			default:
				return refused("the message is sealed to somebody by %.80q too, and the PostQuantum profile allows ML-KEM-768, ML-KEM-1024 and passphrases only", r.Algorithm)
			}
		}
	case p == seam.Auto && x.aead:
		var unknown []keyring.Fingerprint
		for _, c := range x.recipients {
			if !c.knownToRead(oidAES256GCM) {
				unknown = append(unknown, c.fingerprint())
			}
		}
		if len(unknown) > 0 {
			return &envelope.UnknownReaderError{Recipients: unknown}
		}
	}
	return nil
}
