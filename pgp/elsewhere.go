package pgp

import (
	"crypto"
	"crypto/ecdh"
	"errors"
	"fmt"
	"reflect"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// errElsewhere is Marshal of a key that cannot be written.
var errElsewhere = errors.New("pgp: Marshal: the secret of the key is kept elsewhere, in a token or an agent: there is nothing to write; keep a copy where it was made")

// NewKey joins a certificate and private keys that are kept elsewhere: in a
// hardware module, on a card, by an agent. Each of them must be at least one of
//
//   - a [crypto.Decrypter] whose Public is an *[rsa.PublicKey], which opens: it
//     is asked for PKCS #1 v1.5 without SessionKeyLen, since a message does not
//     say before how long its session key is. Whatever it answers to a wrong
//     padding, the message is then read with a random key, and fails where
//     damaged content fails (the reasoning of RFC 3218, Section 2.3); but where
//     it shows by its timing whether the padding was right, who sends many
//     messages and measures learns what was sealed in another;
//   - an [ecdh.KeyExchanger] on P-256, P-384, P-521 or X25519, which opens what
//     is sealed to an ECDH key;
//   - a [crypto.Signer] with an *[rsa.PublicKey], an *[ecdsa.PublicKey] on those
//     curves, or an [ed25519.PublicKey], which signs;
//
// and its public key that of the certificate's primary key or of a subkey that
// is bound to it: that is how it is found. Two may serve one RSA key, one that
// opens and one that signs. A secret that none of them is remains missing, as
// in a key file that does not hold it. They are kept, and used by as many
// goroutines as use the Key.
//
// Each signature is checked before it is written: one with a fault in it can
// give a key away. [Key.Marshal] of such a key is an error, since the secret is
// not here; Extend, Revoke and Merge work where the primary key's is given.
//
// Errors: cert or private is missing; one of private is of no use, or belongs
// to no key of the certificate; the key that it belongs to is of a kind that is
// not supported for this ([*keyring.UnusableError]), such as the version 6
// kinds of X25519 and Ed25519. What a private key itself returns when it is
// used comes back, wrapped, where it was to sign.
func NewKey(cert *keyring.Certificate, private ...any) (*Key, error) {
	if cert == nil || len(private) == 0 {
		return nil, errors.New("pgp: NewKey: a certificate and a private key of it are needed")
	}
	c, ok := seam.Opaque[seam.Certificate](*cert).Unwrap().(*certificate)
	if !ok {
		return nil, errors.New("pgp: NewKey: this is no OpenPGP certificate")
	}
	k := &privateKey{cert: c, secrets: map[string]*packet.PrivateKey{}}
	for i, p := range private {
		if err := k.take(p); err != nil {
			return nil, fmt.Errorf("pgp: NewKey: private key %d: %w", i+1, err)
		}
	}
	return &Key{k}, nil
}

// PublicKeys returns the public keys of an OpenPGP certificate, the primary key's
// first, by which a token or an agent is asked for the private ones: an
// *[rsa.PublicKey], *[ecdsa.PublicKey], *[ecdh.PublicKey] or
// [ed25519.PublicKey]. Those of kinds that [NewKey] does not take are left out;
// of a certificate of another format, and of the zero value, all are.
func PublicKeys(cert *keyring.Certificate) (all []crypto.PublicKey) {
	if cert == nil {
		return nil
	}
	c, ok := seam.Opaque[seam.Certificate](*cert).Unwrap().(*certificate)
	if !ok {
		return nil
	}
	for _, pub := range c.keys() {
		k, ok := standardKey(pub)
		if _, known := new(held).secret(pub); ok && known {
			all = append(all, k)
		}
	}
	return all
}

// keys returns the primary key and the subkeys.
func (c *certificate) keys() []*packet.PublicKey {
	keys := []*packet.PublicKey{c.primary}
	for i := range c.subs {
		keys = append(keys, c.subs[i].key)
	}
	return keys
}

// take finds the key of the certificate that a private key belongs to.
func (k *privateKey) take(private any) error {
	if isNil(private) {
		return errors.New("it is nil")
	}
	h, err := newHeld(private)
	if err != nil {
		return err
	}
	found := false
	for _, pub := range k.cert.keys() {
		// Equal of a public key without numbers panics.
		err := keyGuard(func() error {
			fits, err := k.hold(pub, h)
			found = found || fits
			return err
		})
		if err == errPanicked {
			err = errors.New("it is empty")
		}
		if err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("it is not that of the certificate %s, nor of any of its subkeys", k.cert.fingerprint())
	}
	return nil
}

// hold makes h the secret of pub, if it is that.
func (k *privateKey) hold(pub *packet.PublicKey, h *held) (bool, error) {
	public, ok := standardKey(pub)
	if !ok || !h.part(public).any() {
		return false, nil
	}
	h = h.part(public)
	if old := k.secrets[string(pub.Fingerprint)]; old != nil {
		h = h.with(heldIn(old))
	}
	secret, ok := h.secret(pub)
	if !ok {
		return false, k.cert.unusable("has a key of algorithm %d, which is not supported where the secret is kept elsewhere", pub.PubKeyAlgo)
	}
	k.secrets[string(pub.Fingerprint)] = &packet.PrivateKey{PublicKey: *pub, PrivateKey: secret}
	return true, nil
}

// newHeld sorts what a private key can do. Some methods of a nil pointer or of
// an empty key panic; that is reported as what it is, a key of no use.
func newHeld(private any) (h *held, err error) {
	err = keyGuard(func() error {
		h = &held{}
		if s, ok := private.(crypto.Signer); ok && !isNil(s.Public()) {
			h.signer, h.signs = s, s.Public()
		}
		if d, ok := private.(crypto.Decrypter); ok && !isNil(d.Public()) {
			h.decrypter, h.decrypts = d, d.Public()
		}
		if x, ok := private.(ecdh.KeyExchanger); ok && x.PublicKey() != nil {
			h.exchanger, h.agrees = x, x.PublicKey()
		}
		return nil
	})
	if err != nil || !h.any() {
		return nil, fmt.Errorf("a %T neither signs nor opens: give a crypto.Signer, a crypto.Decrypter or an ecdh.KeyExchanger", private)
	}
	return h, nil
}

// isNil reports whether v is nil, or a nil pointer of some type.
func isNil(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil()
}
