package pgp

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Reason says why a key is revoked, RFC 9580, Section 5.2.3.31. The numbers
// are those of the standard.
type Reason int

// The reasons. Of a key that was superseded or retired, what was signed before
// stays valid; of the others nothing does, since whoever has the key chooses
// the dates of what they sign.
const (
	NoReason    Reason = 0
	Superseded  Reason = 1 // there is a newer key
	Compromised Reason = 2 // somebody else has, or may have, the secret key
	Retired     Reason = 3 // no longer used
)

// maxReason is far below what a subpacket holds, and above every explanation.
const maxReason = 500

// Revocation returns an armored revocation certificate of the key, to be kept
// for the day that the key is lost or in wrong hands, and published then: gpg
// --import takes it, and [Update]. It states no reason, which revokes for all
// times: from then on nobody believes anything that the key signed or signs.
//
// Whoever has the file can revoke the key, and nothing else.
func (k *Key) Revocation() ([]byte, error) {
	packets, err := k.revocation(NoReason, "")
	if err != nil {
		return nil, err
	}
	return armorKey(armorPublic, packets, k.private.cert.primary.Version == 4)
}

// Revoke returns the key, revoked: give its certificate to all who have the
// old one. text explains the reason to people who see it and may be empty. It
// cannot be undone. k is not changed.
//
// What was sealed to the key still opens with the one that is returned;
// nothing can be sealed to it, and it signs nothing.
func (k *Key) Revoke(why Reason, text string) (*Key, error) {
	packets, err := k.revocation(why, text)
	if err != nil {
		return nil, err
	}
	return k.private.with(packets, nil)
}

func (k *Key) revocation(why Reason, text string) ([]byte, error) {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	switch {
	case why < NoReason || why > Retired:
		return nil, fmt.Errorf("pgp: %d is no reason to revoke a key", why)
	case len(text) > maxReason || !utf8.ValidString(text) || strings.ContainsFunc(text, odd):
		return nil, fmt.Errorf("pgp: the text %.80q cannot explain a revocation: give up to %d octets in one line", text, maxReason)
	}
	primary, err := k.certifier("revoke")
	if err != nil {
		return nil, err
	}
	code := packet.ReasonForRevocation(why)
	b := newBinder(primary, time.Now())
	b.revoke(&packet.Signature{RevocationReason: &code, RevocationReasonText: text})
	if b.err != nil {
		return nil, fmt.Errorf("pgp: cannot revoke the key: %w", b.err)
	}
	return b.out, nil
}
