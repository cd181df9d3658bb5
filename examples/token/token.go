// Package token uses private keys in PKCS #11 tokens: hardware modules, smart
// cards, SoftHSM, and through p11-kit what another process or machine holds.
//
// A [Key] goes as it is, by [Key.Private], to smime.NewKey with its certificate,
// or to pgp.NewKey with the certificate that it is a part of. The secret never
// enters this process, where the token keeps it.
//
//	t, err := token.Open(token.Config{Module: "p11-kit-proxy.so", Token: "mine", PIN: ask})
//	defer t.Close()
//	k, err := t.Key("mail", nil)
//	cert, err := smime.ParseCertificate(k.Certificate)
//	key, err := smime.NewKey(cert, k.Private())
//
// PKCS #11 modules are C libraries: a program that was built without cgo
// compiles, and [Open] returns [ErrNotBuilt].
package token

import (
	"crypto"
	"errors"
	"fmt"
)

// Config says which token is meant. What is empty fits every token, and exactly
// one must fit.
type Config struct {
	// Module is the path of the PKCS #11 library, or a name that the system's
	// loader finds, such as "p11-kit-proxy.so".
	Module string

	// Token is the label of the token; Serial, Manufacturer and Model are what
	// else it says of itself.
	Token, Serial, Manufacturer, Model string

	// PIN is asked where the token wants one: when it is opened, and again for
	// each use of a key that is marked so. It gets what it is for, to show. Nil:
	// a token that wants a PIN is not opened.
	PIN func(purpose string) (string, error)
}

// Key is a private key in a token.
type Key struct {
	ID    []byte // CKA_ID, by which certificate and public key go with it
	Label string // CKA_LABEL

	// Certificate is the certificate that lies beside the key, in DER, or nil.
	// It is not trusted by lying there.
	Certificate []byte

	// Sensitive and Extractable are what the token says: a key that is the
	// first and not the second does not leave it.
	Sensitive, Extractable bool

	public  crypto.PublicKey
	private any
}

// Public returns the public key: an *rsa.PublicKey or an *ecdsa.PublicKey.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Private returns the key as smime.NewKey and pgp.NewKey take it, used by any
// number of goroutines: a [crypto.Signer] where the token says that it signs,
// and a [crypto.Decrypter] (RSA) or an [ecdh.KeyExchanger] where it says that it
// decrypts or derives; nil where it does nothing of that.
//
// RSA PKCS #1 v1.5 honours [rsa.PKCS1v15DecryptOptions.SessionKeyLen]: whatever
// is wrong with the padding, the answer is a random key, as RFC 3218, Section
// 2.3.2 has it. Where the token can decrypt without looking at the padding
// (CKM_RSA_X_509) it does only that, and the padding is judged here in constant
// time, so that not even the token tells whether it was right. One that cannot
// says it aloud to this process, and perhaps by its timing to others.
func (k *Key) Private() any { return k.private }

// ErrNotBuilt is returned by [Open] of a program that was built without cgo.
var ErrNotBuilt = errors.New("token: this program was built without cgo, and PKCS #11 modules are C libraries: build it with CGO_ENABLED=1 and a C compiler")

// MechanismError says that the token, or the key in it, does not do what a
// message asks for. That is seen before the token gets anything to decrypt.
type MechanismError struct {
	Mechanism string // as "RSA-OAEP with SHA-256"
	Reason    string // what the token said
}

// Error implements error.
func (e *MechanismError) Error() string {
	return fmt.Sprintf("token: the token does not do %s (it says %s): what is sealed for it must be sealed otherwise", e.Mechanism, e.Reason)
}
