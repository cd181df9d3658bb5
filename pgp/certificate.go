package pgp

import (
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// ParseCertificate parses exactly one OpenPGP certificate, binary or armored.
func ParseCertificate(b []byte) (*keyring.Certificate, error) {
	c, err := parseCertificate(b)
	if err != nil {
		return nil, err
	}
	return c.public(), nil
}

// MarshalArmored returns c as an armored public key block.
func MarshalArmored(c *keyring.Certificate) ([]byte, error) { return nil, errNotBuilt }

// certificate is a parsed OpenPGP certificate: seam.Certificate, always used
// by pointer, never changed after parsing and so safe for concurrent use.
type certificate struct {
	primary  *packet.PublicKey
	hashed   []byte // RFC 9580, Section 5.5.4: what the fingerprint is the digest of
	encoding []byte // the packets that were kept
}

func (c *certificate) public() *keyring.Certificate {
	k := keyring.Certificate(seam.Wrap[seam.Certificate](c))
	return &k
}

func (c *certificate) Kind() seam.Kind                               { return seam.PGPv4 }
func (c *certificate) Hashed() []byte                                { return c.hashed }
func (c *certificate) Encoding() []byte                              { return c.encoding }
func (c *certificate) Addresses() []string                           { return nil }
func (c *certificate) Format() seam.Format                           { return format{} }
func (c *certificate) Refuse() error                                 { return errNotBuilt }
func (c *certificate) CheckSeal(now time.Time, p seam.Profile) error { return errNotBuilt }

// fullFingerprint returns the 20 or 32 octets of the primary key's fingerprint.
func (c *certificate) fullFingerprint() []byte { return c.primary.Fingerprint }

// entity returns the certificate as go-crypto's type: a fresh copy for each
// call, since that type caches verdicts in itself and is not safe for
// concurrent use.
func (c *certificate) entity() (*openpgp.Entity, error) { return nil, errNotBuilt }

// encryptionKey returns the key to seal to now under profile p.
func (c *certificate) encryptionKey(now time.Time, p seam.Profile) (*encryptionKey, error) {
	return nil, errNotBuilt
}

// encryptionKey is a key that passed every check for being sealed to.
type encryptionKey struct {
	key  *packet.PublicKey
	cert *certificate
}

// readsSEIPDv2 reports whether a valid self-signature says so in its hashed area.
func (c *certificate) readsSEIPDv2(now time.Time) bool { return false }

// readsGCM reports whether the preferences list AES-256 with GCM.
func (c *certificate) readsGCM(now time.Time) bool { return false }

// findSigner returns the key of c that made sig as sig claims; whether it did
// is for the caller to verify with the key.
//
//   - key == nil, problem == "": sig names no key of c;
//   - key == nil, problem != "": it names one that may not sign, or that no
//     valid binding holds: the signature proves nothing;
//   - key != nil, problem != "": verify, and report as not in time: the key was
//     expired, revoked or not yet valid when sig says that it was made;
//   - key != nil, problem == "": verify.
func (c *certificate) findSigner(sig *packet.Signature) (key *packet.PublicKey, problem string) {
	return nil, ""
}
