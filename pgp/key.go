package pgp

import (
	"errors"
	"io"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

var errNotBuilt = errors.New("pgp: not built")

// ErrPassphrase says that a key file did not open with the passphrase given.
var ErrPassphrase = errors.New("pgp: wrong passphrase, or the key file is damaged")

func parseCertificate(b []byte) (*certificate, error) { return nil, errNotBuilt }

// Key is a private key with its certificate. Safe for concurrent use.
type Key struct{ inner *privateKey }

// ParseKey reads one secret key, binary or armored.
func ParseKey(r io.Reader, passphrase []byte) (*Key, error) { return nil, errNotBuilt }

// Certificate returns the public part.
func (k *Key) Certificate() *keyring.Certificate { return k.inner.cert.public() }

// Identity returns k for opening.
func (k *Key) Identity() envelope.Identity {
	return envelope.Identity(seam.Wrap[seam.Identity](k.inner))
}

// Signer returns k for signing.
func (k *Key) Signer() envelope.Signer {
	return envelope.Signer(seam.Wrap[seam.Signer](k.inner))
}

// Marshal returns the armored secret key.
func (k *Key) Marshal(passphrase []byte) ([]byte, error) { return nil, errNotBuilt }

// privateKey is a certificate with the private parts that were in the file,
// unlocked: seam.Identity and seam.Signer. Never changed after parsing.
type privateKey struct {
	cert *certificate
}

func (k *privateKey) Certificate() seam.Certificate                 { return k.cert }
func (k *privateKey) CheckSign(now time.Time, p seam.Profile) error { return errNotBuilt }

// decryptionKeys returns every key that can decrypt, expired and revoked ones
// too: mail that was sealed to them must still open.
func (k *privateKey) decryptionKeys() []*packet.PrivateKey { return nil }

// signingKey returns the key to sign with now.
func (k *privateKey) signingKey(now time.Time, p seam.Profile) (*packet.PrivateKey, error) {
	return nil, errNotBuilt
}
