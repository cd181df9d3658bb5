package smime

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"reflect"

	"github.com/cloudflare/circl/dh/x448"
	"github.com/cloudflare/circl/sign/ed448"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Key is a private key beside its certificate: it opens what was sealed to the
// certificate, and signs. It is immutable and safe for concurrent use, if a
// private key given to [NewKey] is.
type Key struct{ in *privateKey }

// privateKey is a private key in the forms that it is used in.
type privateKey struct {
	cert      *certificate
	private   any                 // as given, for Marshal
	decrypter crypto.Decrypter    // RSA; nil if there is none
	exchanger ecdh.KeyExchanger   // P-256, P-384, P-521, X25519
	x448      *x448.Key           // the secret scalar
	kem       crypto.Decapsulator // ML-KEM
	signer    crypto.Signer
}

var _ seam.Identity = (*privateKey)(nil)

// Certificate returns the certificate.
func (k *privateKey) Certificate() seam.Certificate { return k.cert }

// Format implements seam.Identity.
func (k *privateKey) Format() seam.Format { return k.cert.Format() }

// errNoKey is returned for a missing certificate or private key.
var errNoKey = errors.New("smime: a certificate and its private key are needed")

// NewKey joins a certificate and its private key, which may live in a hardware
// module. private must be at least one of
//
//   - a [crypto.Decrypter] with an RSA key, which opens. For messages with RSA
//     PKCS#1 v1.5 it should honour [rsa.PKCS1v15DecryptOptions.SessionKeyLen]
//     in constant time. One that answers it with an error is asked again
//     without SessionKeyLen, and opens them too; but where it shows by its
//     timing whether the padding was right, an attacker who sends many messages
//     and measures that learns what was sealed in another. Modules on PKCS#11
//     are such: where strangers can have messages opened at will, give those
//     a certificate that is sealed to with OAEP;
//   - an [ecdh.KeyExchanger] on P-256, P-384, P-521 or X25519, which opens;
//   - a *[x448.Key], the secret scalar, which opens;
//   - a [crypto.Decapsulator] of ML-KEM, which opens;
//   - a [crypto.Signer], which signs; the Public of one with Ed448 must be an
//     [ed448.PublicKey], and of one with ML-DSA a [*mldsa.PublicKey];
//
// and its public key must be that of the certificate. *[rsa.PrivateKey],
// *[ecdsa.PrivateKey], ed25519.PrivateKey, [ed448.PrivateKey],
// *[mldsa.PrivateKey] and *[mlkem.DecapsulationKey768] do all that their kind
// can. It is kept, and used by as many goroutines as use the Key. What the
// algorithm of an RSA certificate restricts it to (RSASSA-PSS, RSAES-OAEP),
// its key does and nothing else.
//
// Errors say that something is missing, that the two do not belong together, or
// that the private key is damaged; [keyring.ErrRefused] is a certificate of a
// kind that is not supported, and [*envelope.NotApprovedError] an RSA key that
// fips140=only forbids.
func NewKey(cert *keyring.Certificate, private any) (*Key, error) {
	if cert == nil || private == nil {
		return nil, errNoKey
	}
	c, ok := seam.Opaque[seam.Certificate](*cert).Unwrap().(*certificate)
	if !ok {
		return nil, errNotOurs
	}
	k, err := newPrivateKey(c, private)
	if err != nil {
		return nil, err
	}
	return &Key{k}, nil
}

func newPrivateKey(c *certificate, private any) (*privateKey, error) {
	k := &privateKey{cert: c, private: private}
	if c.key.kind == keyUnsupported {
		return nil, c.unusable(c.key.refuse)
	}
	if isNothing(private) {
		return nil, errNoKey
	}
	switch p := private.(type) {
	case *rsa.PrivateKey:
		if fipsOnly() && (p.N == nil || len(p.Primes) != 2 || !approvedRSA(&p.PublicKey)) {
			return nil, notApproved(forbiddenRSA)
		}
		// Numbers that do not belong together make signatures that give the
		// key away.
		if err := p.Validate(); err != nil {
			return nil, fmt.Errorf("smime: the RSA private key is damaged: %q", cut(err.Error()))
		}
		if reason := refuseRSA(&p.PublicKey, maxRSA); reason != "" && p.N.BitLen() > maxRSA {
			return nil, c.unusable(reason)
		}
	case *ecdsa.PrivateKey:
		x, err := p.ECDH()
		if err != nil {
			return nil, fmt.Errorf("smime: the private key is on a curve that is not supported, or damaged: %q", cut(err.Error()))
		}
		// The secret number and the point are told apart by nobody else.
		if err := c.holds(x.PublicKey()); err != nil {
			return nil, err
		}
		k.exchanger = x
	}
	if err := k.take(private); err != nil {
		return nil, err
	}
	if k.decrypter == nil && k.exchanger == nil && k.x448 == nil && k.kem == nil && k.signer == nil {
		return nil, fmt.Errorf("smime: a private key of type %T does nothing that a certificate with a key of the kind %s is for", private, c.key.name)
	}
	return k, nil
}

// take sets what private can do of what the certificate's key is for. A key
// that is there twice, as signer and as decrypter, must be the certificate's
// in each of them.
func (k *privateKey) take(private any) error {
	c := k.cert
	// RFC 4055, Section 1.2: a key for PSS decrypts nothing, and one for OAEP
	// signs nothing.
	if d, ok := private.(crypto.Decrypter); ok && c.key.kind == keyRSA && c.key.only != rsaPSS {
		k.decrypter = d
		if err := c.holds(d.Public()); err != nil {
			return err
		}
	}
	if s, ok := private.(crypto.Signer); ok && c.key.only != rsaOAEP {
		k.signer = s
		if err := c.holds(s.Public()); err != nil {
			return err
		}
	}
	if x, ok := private.(ecdh.KeyExchanger); ok && (c.key.kind == keyEC || c.key.kind == keyX25519) {
		k.exchanger = x
		if err := c.holds(x.PublicKey()); err != nil {
			return err
		}
	}
	if x, ok := private.(*x448.Key); ok && c.key.kind == keyX448 {
		var public x448.Key
		x448.KeyGen(&public, x)
		k.x448 = x
		if err := c.holds(&public); err != nil {
			return err
		}
	}
	if d, ok := private.(crypto.Decapsulator); ok && c.key.kind == keyMLKEM {
		k.kem = d
		e := d.Encapsulator()
		if isNil(e) {
			return &keyMismatchError{c.fingerprint()}
		}
		return c.holds(e.Bytes())
	}
	return nil
}

// isNothing reports whether private is a value without a key in it, of which
// the methods would panic.
func isNothing(private any) bool {
	switch p := private.(type) {
	case *ecdsa.PrivateKey:
		//lint:ignore SA1019 that they are there is asked, not what they are
		return p == nil || p.Curve == nil || p.D == nil || p.X == nil || p.Y == nil
	case *rsa.PrivateKey:
		return p == nil || p.N == nil || p.D == nil
	case ed25519.PrivateKey:
		return len(p) != ed25519.PrivateKeySize
	case ed448.PrivateKey:
		return len(p) != ed448.PrivateKeySize
	}
	return isNil(private)
}

// isNil reports whether v is nil, or a nil pointer of some type.
func isNil(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil()
}

// holds refuses a public key that is not the certificate's.
func (c *certificate) holds(public any) error {
	if isNil(public) {
		return &keyMismatchError{c.fingerprint()}
	}
	var same bool
	switch c.key.kind {
	case keyRSA:
		same = c.key.rsa.Equal(public)
	case keyEC:
		same = c.key.ecdsa.Equal(public)
		if p, ok := public.(*ecdh.PublicKey); ok && p != nil {
			same = c.key.ecdh.Equal(p)
		}
	case keyEd25519:
		same = c.key.ed25519.Equal(public)
	case keyEd448:
		p, ok := public.(ed448.PublicKey)
		same = ok && bytes.Equal(c.key.ed448, p)
	case keyX25519:
		p, ok := public.(*ecdh.PublicKey)
		same = ok && c.key.ecdh != nil && c.key.ecdh.Equal(p)
	case keyX448:
		p, ok := public.(*x448.Key)
		same = ok && *c.key.x448 == *p
	case keyMLKEM:
		p, ok := public.([]byte)
		same = ok && bytes.Equal(c.key.raw, p)
	case keyMLDSA:
		same = c.key.mldsa.Equal(public)
	}
	if !same {
		return &keyMismatchError{c.fingerprint()}
	}
	return nil
}

// keyMismatchError says that a private key is not that of a certificate.
type keyMismatchError struct{ cert keyring.Fingerprint }

// Error implements error.
func (e *keyMismatchError) Error() string {
	return fmt.Sprintf("smime: the private key is not that of the certificate %s", e.cert)
}

// Certificate returns the certificate, nil for a nil or zero Key.
func (k *Key) Certificate() *keyring.Certificate {
	if k == nil || k.in == nil {
		return nil
	}
	return k.in.cert.public()
}

// Identity returns k as something that opens messages; nil, which every user
// refuses, for a nil or zero Key.
func (k *Key) Identity() envelope.Identity {
	if k == nil || k.in == nil {
		return envelope.Identity{}
	}
	return envelope.Identity(seam.Wrap[seam.Identity](k.in))
}

// Signer returns k as something that signs; nil, which every user refuses, for
// a nil or zero Key. Whether the certificate allows it is asked when something
// is signed.
func (k *Key) Signer() envelope.Signer {
	if k == nil || k.in == nil {
		return envelope.Signer{}
	}
	return envelope.Signer(seam.Wrap[seam.Signer](&signer{key: k.in}))
}
