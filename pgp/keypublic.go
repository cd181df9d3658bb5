package pgp

import (
	"errors"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// KeyCertificate returns the certificate in a file with one secret key, binary
// or armored: what [Key.Certificate] returns once the key is unlocked, without
// its passphrase, which the public part needs not. It is parsed and not
// trusted, as everybody's.
//
// Errors are those of [ParseCertificate]; a file with a public key is one too.
func KeyCertificate(b []byte) (*keyring.Certificate, error) {
	_, c, err := splitKeyFile(b)
	if err != nil {
		return nil, err
	}
	return c.public(), nil
}

// Merge returns the key with what another copy of its certificate holds
// besides: a revocation that was published, or an end that was moved, from
// another place where the same key is. See the function [Merge], whose errors
// these are.
func (k *Key) Merge(c *keyring.Certificate) (*Key, error) {
	if k == nil || k.private == nil {
		return nil, errors.New("pgp: the zero Key cannot be changed")
	}
	in := inside(c)
	if in == nil {
		return nil, errors.New("pgp: Merge: this is no OpenPGP certificate")
	}
	m, err := merge(k.private.cert, in)
	if err != nil {
		return nil, err
	}
	return &Key{&privateKey{cert: m, secrets: k.private.secrets, stubs: k.private.stubs}}, nil
}
