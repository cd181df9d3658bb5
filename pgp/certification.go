package pgp

import (
	"fmt"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/envelope"
)

const notCertified = "not certified"

// heldBy returns "" if the last thing that by said of the user ID is a
// certification that counts, else why it does not.
func (o *opinion) heldBy(by, c *certificate, now time.Time, forged *int) (why string, err error) {
	last, why, err := o.lastWord(by, c, now, forged)
	if last == nil || err != nil {
		return why, err
	}
	if amount, _ := trust(last.Signature); amount < fullTrust {
		return fmt.Sprintf("the certification by %s expresses partial trust only", by.fingerprint()), nil
	}
	return by.certified(last.CreationTime, now), nil
}

// lastWord returns the last thing that by said of the user ID if that is a
// certification that was not taken back, else nil and why not.
func (o *opinion) lastWord(by, c *certificate, now time.Time, forged *int) (last *heard, why string, err error) {
	why = notCertified
	issuer := newKeyIssuer(by.hashed[hashedHead(by.primary):])
	for _, h := range o.sigs {
		if !issuer.mayHaveMade(h.body) {
			continue
		}
		sig := h.Signature
		if !signedOver(by.primary, sig, c.hashed, o.what) {
			if *forged++; *forged > maxForged {
				return nil, "", &envelope.LimitError{What: "forged certifications", Max: maxForged, Fixed: true}
			}
			continue
		}
		switch reason := uncounted(sig, now); {
		case reason != "":
			why = fmt.Sprintf("the certification by %s %s", by.fingerprint(), reason)
		case last == nil || sig.CreationTime.After(last.CreationTime) ||
			sig.CreationTime.Equal(last.CreationTime) && revokes(sig.SigType):
			last = &h
		}
	}
	if last == nil {
		return nil, why, nil
	}
	if reason := withdrawn(last.Signature, now); reason != "" {
		return nil, fmt.Sprintf("the certification by %s %s", by.fingerprint(), reason), nil
	}
	return last, "", nil
}

// trust returns how much a certification says, and how many further ones it
// extends to: RFC 9580, Section 5.2.3.21. One that says nothing of it is a full
// one, and extends to none.
func trust(sig *packet.Signature) (amount, depth int) {
	if sig.TrustLevel == 0 && sig.TrustAmount == 0 {
		return fullTrust, 0
	}
	return min(int(sig.TrustAmount), fullTrust), int(sig.TrustLevel)
}

// readCertification returns nil for what is no certification of a user ID and
// no revocation of one, or a certification that says something critical that is
// not known.
func readCertification(body []byte) *packet.Signature {
	sig, err := readTolerantly(body)
	switch {
	case err != nil || forbiddenDigest(sig.Hash):
		return nil
	case sig.SigType == sigCertificationRevo:
		return sig
	case sig.SigType < sigCertFirst || sig.SigType > sigCertLast || unknownCritical(sig):
		return nil
	}
	return sig
}

// uncounted says why a signature of an introducer is not looked at further.
func uncounted(sig *packet.Signature, now time.Time) string {
	switch {
	case revokes(sig.SigType):
		return "" // whatever its date and digest
	case sig.Hash.Size() < 28: // SHA-1: whoever made two keys can have one of them certified
		return "is made with SHA-1, which can be forged"
	case postQuantumSigner(sig.PubKeyAlgo) && shortDigest(sig.Hash):
		return "is made with a digest that is too short"
	case sig.CreationTime.After(now.Add(clockSkew)):
		return "is of the future"
	}
	return ""
}

// withdrawn says why the last word of an introducer is not that it is so.
func withdrawn(sig *packet.Signature, now time.Time) string {
	switch {
	case revokes(sig.SigType):
		return "is revoked"
	case sig.SigType == sigCertPersona:
		return "states that nothing was verified"
	case sig.SigLifetimeSecs != nil && *sig.SigLifetimeSecs != 0 && !now.Before(sig.CreationTime.Add(lifetime(sig.SigLifetimeSecs))):
		return "has expired"
	}
	return ""
}

const (
	sigCertPersona = 0x11
	fullTrust      = 120 // RFC 9580, Section 5.2.3.21
)

// certified says why c's certifications of a time are not counted now.
func (c *certificate) certified(at, now time.Time) string {
	props, err := c.checkPrimary(now)
	if err != nil {
		return "of the introducer, " + strings.TrimPrefix(err.Error(), "keyring: ")
	}
	if !props.FlagsValid || !props.FlagCertify {
		return fmt.Sprintf("the key of %s is not for certifying", c.fingerprint())
	}
	if _, why := c.primaryHeld(at); why != "" {
		return fmt.Sprintf("at the time of the certification by %s: %s", c.fingerprint(), why)
	}
	return ""
}
