package pgp

import (
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Key is a private key with its certificate, unlocked. It is immutable and
// safe for concurrent use. [ParseKey] and [GenerateKey] make one, and [NewKey]
// of secrets that are kept elsewhere; the zero value opens and signs nothing.
type Key struct{ private *privateKey }

// Certificate returns the public part, nil for the zero Key. It is parsed and
// not trusted, as everybody's.
func (k *Key) Certificate() *keyring.Certificate {
	if k == nil || k.private == nil {
		return nil
	}
	return k.private.cert.public()
}

// Identity returns the key for opening what was sealed to it, also by subkeys
// that have expired or were revoked since.
func (k *Key) Identity() envelope.Identity {
	if k == nil || k.private == nil {
		return envelope.Identity{}
	}
	return envelope.Identity(seam.Wrap[seam.Identity](k.private))
}

// Signer returns the key for signing. Whether it can sign is asked when it is
// to: it may have expired, or be for encryption only.
func (k *Key) Signer() envelope.Signer {
	if k == nil || k.private == nil {
		return envelope.Signer{}
	}
	return envelope.Signer(seam.Wrap[seam.Signer](k.private))
}

// privateKey is a certificate with the secrets that the key file held:
// seam.Identity and seam.Signer, always used by pointer, never changed.
type privateKey struct {
	cert *certificate

	// By fingerprint. Of the primary key and of subkeys the owner may keep
	// the secret elsewhere: stubs hold their secret key packets as they were.
	secrets map[string]*packet.PrivateKey
	stubs   map[string][]byte
}

// Certificate implements seam.Identity and seam.Signer.
func (k *privateKey) Certificate() seam.Certificate { return k.cert }

// Format implements seam.Identity.
func (k *privateKey) Format() seam.Format { return k.cert.Format() }

// CheckSign implements seam.Signer.
func (k *privateKey) CheckSign(now time.Time, p seam.Profile) error {
	_, err := k.signingKey(now, p)
	return err
}

// decryptionKeys returns every key that can decrypt, subkeys first, expired
// and revoked ones too: what was sealed to them must still open. What the
// subkeys' flags say does not matter either, since whoever sealed did not ask.
func (k *privateKey) decryptionKeys() (keys []*packet.PrivateKey) {
	add := func(pub *packet.PublicKey) {
		if s := k.secrets[string(pub.Fingerprint)]; canDecrypt(s) && pub.PubKeyAlgo.CanEncrypt() {
			keys = append(keys, s)
		}
	}
	for i := range k.cert.subs {
		add(k.cert.subs[i].key)
	}
	add(k.cert.primary)
	return keys
}

// signingKey returns the key to sign with now: the newest subkey that is for
// signing, and without any the primary key. The profile does not matter:
// PostQuantum is about who can read later, and a classical signature says
// nothing of that.
//
// The error is a *keyring.ExpiredError, *keyring.RevokedError or
// *keyring.UnusableError.
func (k *privateKey) signingKey(now time.Time, _ seam.Profile) (best *packet.PrivateKey, err error) {
	c := k.cert
	props, err := c.checkPrimary(now)
	if err != nil {
		return nil, err
	}
	why := c.unusable("is for encryption only: it has no signing key")
	for i := range c.subs {
		s := &c.subs[i]
		if !s.key.PubKeyAlgo.CanSign() || !canSign(k.secrets[string(s.key.Fingerprint)]) {
			continue
		}
		if err := c.checkSigning(s, now); err != nil {
			if rank(err) >= rank(why) {
				why = err
			}
			continue
		}
		if best == nil || !s.key.CreationTime.Before(best.CreationTime) {
			best = k.secrets[string(s.key.Fingerprint)]
		}
	}
	if best != nil {
		return best, nil
	}
	if !props.FlagsValid || !props.FlagSign {
		return nil, why
	}
	if best = k.secrets[string(c.primary.Fingerprint)]; !canSign(best) {
		return nil, c.unusable("has its signing key elsewhere: the key file holds no secret part of it")
	}
	return best, nil
}

// checkSigning returns why a subkey does not sign at a time.
func (c *certificate) checkSigning(s *subkey, at time.Time) error {
	b, _, err := c.checkSubkey(s, at)
	switch {
	case err != nil:
		return err
	case !b.FlagsValid || !b.FlagSign:
		return c.unusable("has a subkey that is not for signing")
	case !b.back || b.EmbeddedSignature.SigExpired(at):
		return c.unusable("has a signing key that does not confirm that it belongs to the certificate")
	}
	if why := weakSigner(s.key); why != "" {
		return c.unusable("%s: make a new signing key", why)
	}
	return nil
}
