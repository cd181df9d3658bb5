package pgp

import (
	"errors"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// encryptionKey is a key that passed every check for being sealed to.
type encryptionKey struct {
	key  *packet.PublicKey
	cert *certificate
	end  time.Time // when it expires; zero: never

	transit, storage bool // what for
}

// CheckSeal implements seam.Certificate.
func (c *certificate) CheckSeal(now time.Time, p seam.Profile) error {
	if err := approved("sealing an OpenPGP message"); err != nil {
		return err
	}
	_, err := c.encryptionKey(now, p)
	return err
}

// encryptionKey returns the key to seal to now under profile p.
//
// Candidates are the subkeys, and only without any the primary key, that a
// valid binding holds, that are neither expired nor revoked, and that are for
// encryption: in transit or at rest, since a sealed mail is kept. Of those a
// post-quantum one comes before all others: sealing to a classical key beside
// it would give its protection away. Of several the newest is taken.
//
// The error is a *keyring.ExpiredError, *keyring.RevokedError or
// *keyring.UnusableError.
func (c *certificate) encryptionKey(now time.Time, p seam.Profile) (*encryptionKey, error) {
	props, err := c.checkPrimary(now)
	if err != nil {
		return nil, err
	}
	var found []*encryptionKey
	why := c.unusable("is for signatures only: it has no encryption key")
	if c.odd != "" {
		why = c.unusable("%s", c.odd)
	}
	for i := range c.subs {
		s := &c.subs[i]
		e, err := c.checkEncryption(s, now)
		switch {
		case err == nil:
			found = append(found, e)
		case s.encrypts() && rank(err) >= rank(why):
			why = err
		}
	}
	if len(found) == 0 && forEncryption(props) && c.primary.PubKeyAlgo.CanEncrypt() {
		if reason := notForSealing(c.primary); reason != "" {
			return nil, c.unusable("%s", reason)
		}
		found = append(found, &encryptionKey{key: c.primary, cert: c, end: expiry(c.primary, props)})
	}
	if i := slices.IndexFunc(found, func(e *encryptionKey) bool { return postQuantum(e.key) }); i >= 0 {
		found = slices.DeleteFunc(found, func(e *encryptionKey) bool { return !postQuantum(e.key) })
	} else if p == seam.PostQuantum && len(found) > 0 {
		return nil, c.unusable("has no post-quantum encryption key, which the PostQuantum profile requires")
	}
	if len(found) == 0 {
		return nil, why
	}
	return pick(found), nil
}

// rank orders reasons by how much they help: that the one key that would do
// has expired says more than that another is for signatures.
func rank(err error) int {
	var expired *keyring.ExpiredError
	var revoked *keyring.RevokedError
	switch {
	case errors.As(err, &expired):
		return 2
	case errors.As(err, &revoked):
		return 1
	}
	return 0
}

// pick chooses among keys that would all do: the newest, by its creation, and
// of equal ones the one that stands last.
//
// Except of a certificate with the shape of Autocrypt v2
// (draft-autocrypt-openpgp-v2-cert, Section 4.3): there it is the one that
// ends soonest, whose secret is deleted soonest.
func pick(found []*encryptionKey) *encryptionKey {
	rotating := rotating(found)
	best := found[0]
	for _, e := range found {
		switch {
		case !rotating && !e.key.CreationTime.Before(best.key.CreationTime):
			best = e
		case rotating && !e.end.IsZero() && (best.end.IsZero() || e.end.Before(best.end)):
			best = e
		}
	}
	return best
}

// rotating reports whether keys are those of Autocrypt v2: of a version 6
// certificate and of one algorithm, one that never expires, for transit and
// storage, which is for senders that were long offline, and others that
// expire, for transit alone, of which a new one comes every few days.
func rotating(found []*encryptionKey) bool {
	lasting := 0
	for _, e := range found {
		if e.key.Version != 6 || e.key.PubKeyAlgo != found[0].key.PubKeyAlgo || e.end.IsZero() != e.storage || !e.transit {
			return false
		}
		if e.end.IsZero() {
			lasting++
		}
	}
	return lasting == 1 && len(found) > 1
}

// forEncryption reports whether key flags allow it, RFC 9580, Section 5.2.3.29.
// Without flags nothing is known to be allowed.
func forEncryption(s *selfSig) bool {
	return s.FlagsValid && (s.FlagEncryptCommunications || s.FlagEncryptStorage)
}

// encrypts reports whether any binding ever left the subkey for encryption, or
// none is there to say otherwise.
func (s *subkey) encrypts() bool {
	return s.key.PubKeyAlgo.CanEncrypt() && (len(s.bindings) == 0 ||
		slices.ContainsFunc(s.bindings, func(b selfSig) bool { return !b.FlagsValid || forEncryption(&b) }))
}

// binding returns the binding signature that holds at a time.
func (s *subkey) binding(at time.Time) *selfSig { return newest(s.bindings, at) }

// checkSubkey returns the binding that holds the subkey at a time, and when it ends.
func (c *certificate) checkSubkey(s *subkey, at time.Time) (*selfSig, time.Time, error) {
	if err := c.revocation(s.revocations, at); err != nil {
		return nil, time.Time{}, err
	}
	b := s.binding(at)
	if b == nil {
		return nil, time.Time{}, c.lapsed(s.bindings, at)
	}
	end := expiry(s.key, b)
	return b, end, c.inTime(s.key, end, at)
}

func (c *certificate) checkEncryption(s *subkey, at time.Time) (*encryptionKey, error) {
	b, end, err := c.checkSubkey(s, at)
	switch {
	case err != nil:
		return nil, err
	case !s.key.PubKeyAlgo.CanEncrypt():
		return nil, c.unusable("has a subkey that is for signatures only")
	case !b.FlagsValid:
		return nil, c.unusable("has an encryption key without key flags, so that nothing says what it is for")
	case !forEncryption(b):
		return nil, c.unusable("has a subkey that is not for encryption")
	}
	if why := notForSealing(s.key); why != "" {
		return nil, c.unusable("%s", why)
	}
	return &encryptionKey{key: s.key, cert: c, end: end, transit: b.FlagEncryptCommunications, storage: b.FlagEncryptStorage}, nil
}

// readsSEIPDv2 reports whether the owner's programs read version 2 of the
// encryption container: by the features in the hashed area of the signature
// that holds now, RFC 9580, Section 5.2.3.32. Bits 0x02 and 0x04 mean LibrePGP.
func (c *certificate) readsSEIPDv2(now time.Time) bool {
	p := c.preferences(now)
	return p != nil && p.SEIPDv2
}

// readsGCM reports whether the owner's preferences list AES-256 with GCM,
// RFC 9580, Section 5.2.3.15. Only of interest if readsSEIPDv2.
func (c *certificate) readsGCM(now time.Time) bool {
	p := c.preferences(now)
	return p != nil && slices.Contains(p.PreferredCipherSuites, [2]uint8{uint8(packet.CipherAES256), uint8(packet.AEADModeGCM)})
}

// preferences returns the signature that states features and preferences. A
// version 4 key may state them in either kind of signature: where the user
// ID's states none, the direct-key signature does.
func (c *certificate) preferences(now time.Time) *selfSig {
	p := c.properties(now)
	if p == nil || p.SEIPDv1 || p.SEIPDv2 {
		return p
	}
	if d := newest(c.direct, now); d != nil {
		return d
	}
	return p
}

// findSigner returns the key of c that made sig, as sig claims; whether it did
// is for the caller to verify with the key.
//
//   - key == nil, problem == "": sig names no key of c;
//   - key == nil, problem != "": it names one that may not sign, or that no
//     valid binding holds: the signature proves nothing;
//   - key != nil, problem != "": verify, and report as not in time: the key was
//     expired, revoked or not yet valid when sig says that it was made;
//   - key != nil, problem == "": verify.
//
// The issuer is read from either area, since the key itself proves it.
func (c *certificate) findSigner(sig *packet.Signature) (key *packet.PublicKey, problem string) {
	if sig.Version != c.primary.Version {
		return nil, ""
	}
	at := sig.CreationTime
	if sig.CheckKeyIdOrFingerprint(c.primary) {
		return c.primarySigned(at)
	}
	for i := range c.subs {
		s := &c.subs[i]
		if !sig.CheckKeyIdOrFingerprint(s.key) {
			continue
		}
		// Of two subkeys with one key ID the one that serves.
		if k, why := c.subkeySigned(s, at); k != nil && why == "" || key == nil {
			key, problem = k, why
		}
		if key != nil && problem == "" {
			return key, ""
		}
	}
	return key, problem
}

func (c *certificate) primarySigned(at time.Time) (*packet.PublicKey, string) {
	props, why := c.primaryHeld(at)
	switch {
	case why != "":
		return c.primary, why
	case props == nil:
		return nil, "the signer's key has no valid signature of its own"
	case !props.FlagsValid || !props.FlagSign:
		return nil, "the signer's primary key is not for signing"
	}
	return c.primary, ""
}

// primaryHeld returns the self-signature by which the primary key was in force
// when something was signed, or why it was not. Both are empty where the
// certificate has no self-signature at all.
func (c *certificate) primaryHeld(at time.Time) (props *selfSig, why string) {
	all := c.selfSigs()
	if props = c.properties(at); props == nil {
		props = following(all, at)
	}
	why = c.lateOrEarly(c.primary, c.revocations, at, expiry(c.primary, props, newest(c.direct, at)))
	if why == "" && props == nil && latest(all) != nil {
		why = "no signature of its own held the signer's key together at that time"
	}
	return props, why
}

func (c *certificate) subkeySigned(s *subkey, at time.Time) (*packet.PublicKey, string) {
	b := s.binding(at)
	if b == nil {
		b = following(s.bindings, at)
	}
	switch {
	case b == nil && latest(s.bindings) != nil:
		return s.key, "the binding of the signing key had expired"
	case b == nil:
		return nil, "nothing valid binds the signing key to its certificate"
	case !b.FlagsValid || !b.FlagSign:
		return nil, "the key that signed is not for signing"
	case !b.back:
		return nil, "the key that signed does not confirm that it belongs to the certificate"
	case b.EmbeddedSignature.SigExpired(later(at, b.EmbeddedSignature.CreationTime)):
		return nil, "the confirmation that the signing key belongs to the certificate has expired"
	}
	if _, why := c.primaryHeld(at); why != "" {
		return s.key, why
	}
	return s.key, c.lateOrEarly(s.key, s.revocations, at, expiry(s.key, b))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// following returns the first signature made after a time whose digest proves
// something. Owners renew their self-signatures and programs drop the old ones:
// what they say later about a key holds for the time before too. One that was
// made before and has expired says nothing any more.
func following(sigs []selfSig, at time.Time) (best *selfSig) {
	for i := range sigs {
		s := &sigs[i]
		if !s.CreationTime.After(at) || weakDigest(s.Signature) {
			continue
		}
		if best == nil || s.CreationTime.Before(best.CreationTime) {
			best = s
		}
	}
	return best
}

// selfSigs returns what may say what the primary key is for.
func (c *certificate) selfSigs() (all []selfSig) {
	if c.primary.Version == 4 {
		for i := range c.users {
			all = append(all, c.users[i].certs...)
		}
	}
	return append(all, c.direct...)
}

func (c *certificate) lateOrEarly(key *packet.PublicKey, rs []selfSig, at, end time.Time) string {
	switch {
	case c.revocation(rs, at) != nil:
		return "the signer's key was revoked"
	case key.CreationTime.After(at):
		return "the signature claims to be older than the key that made it"
	case !end.IsZero() && !at.Before(end):
		return "the signer's key had expired"
	}
	return ""
}
