package identities

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/rand"
	"crypto/subtle"
	"errors"

	"golang.org/x/crypto/argon2"
)

// errNoPassphrase keeps an empty passphrase from being taken for protection.
var errNoPassphrase = errors.New("identities: the passphrase is empty: a private key is kept under one")

// zeros is how many octets of zero are sealed in front of a secret. AES-GCM alone
// does not say under which key something was sealed: somebody who can write a
// file could make one that opens, to nonsense, under the keys of a hundred
// thousand passphrases at once, with an Argon2 as cheap as they like, and learn
// by what happens whether one of them is the owner's (Len, Grubbs and
// Ristenpart, Partitioning Oracle Attacks, 2021). Two blocks of zeros commit to
// one key (Albertini et al., How to Abuse and Fix Authenticated Encryption
// Without Key Commitment, 2022, Section 5).
const zeros = 2 * aes.BlockSize

// approved comes before all work with a passphrase.
func approved() error {
	if fips140.Enforced() {
		return ErrNotApproved
	}
	return nil
}

// aead returns AES-256-GCM under the key that passphrase and salt give.
//
// AES-GCM and not XChaCha20-Poly1305: a longer nonce is for many messages under
// one key, and here each key, from a new random salt, seals one. So it is the
// standard library's.
func (c *container) aead(passphrase []byte) (cipher.AEAD, error) {
	key := argon2.IDKey(passphrase, c.salt[:], c.cost.passes, c.cost.memory, uint8(c.cost.lanes), 32)
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// bound returns what is authenticated together with the secret: everything else.
func (c *container) bound() []byte { return c.head() }

// seal fills c.sealed, and everything random before it.
func (c *container) seal(secret, passphrase []byte) error {
	if len(passphrase) == 0 {
		return errNoPassphrase
	}
	rand.Read(c.salt[:]) // never fails (crypto/rand)
	rand.Read(c.nonce[:])
	a, err := c.aead(passphrase)
	if err != nil {
		return err
	}
	plain := append(make([]byte, zeros, zeros+len(secret)), secret...)
	defer clear(plain)
	c.sealed = a.Seal(nil, c.nonce[:], plain, c.bound())
	return nil
}

// open returns the secret, for the caller to clear. The error is [ErrUnlock].
func (c *container) open(passphrase []byte) ([]byte, error) {
	if len(passphrase) == 0 {
		return nil, errNoPassphrase
	}
	a, err := c.aead(passphrase)
	if err != nil {
		return nil, err
	}
	plain, err := a.Open(nil, c.nonce[:], c.sealed, c.bound())
	if err != nil {
		return nil, ErrUnlock
	}
	if len(plain) < zeros || subtle.ConstantTimeCompare(plain[:zeros], make([]byte, zeros)) != 1 {
		clear(plain)
		return nil, ErrUnlock
	}
	return plain[zeros:], nil
}
