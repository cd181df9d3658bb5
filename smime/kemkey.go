package smime

import (
	"bytes"
	"crypto"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/subtle"
	"errors"

	"github.com/cloudflare/circl/kem"
	"github.com/cloudflare/circl/kem/mlkem/mlkem1024"
	"github.com/cloudflare/circl/kem/mlkem/mlkem512"
	"github.com/cloudflare/circl/kem/mlkem/mlkem768"
	"golang.org/x/crypto/cryptobyte"
)

// kemSeed is the size of the seed of every ML-KEM key: d and z (FIPS 203,
// Algorithm 19).
const kemSeed = 64

// errKEMKey is for a private key that is none, or not what its other half is.
var errKEMKey = errors.New("smime: the ML-KEM private key is damaged: its parts do not belong together")

// kemKey is what crypto/mlkem does not have: a key of ML-KEM-512, or one of
// which the seed was thrown away.
type kemKey struct {
	set      kemSet
	private  kem.PrivateKey
	seed     []byte // nil: not known
	expanded []byte
}

// Encapsulator implements crypto.Decapsulator.
func (k *kemKey) Encapsulator() crypto.Encapsulator { return kemPublic{k.private.Public()} }

// Decapsulate implements crypto.Decapsulator.
func (k *kemKey) Decapsulate(ciphertext []byte) ([]byte, error) {
	return k.private.Scheme().Decapsulate(k.private, ciphertext)
}

// kemPublic is the public half of a kemKey.
type kemPublic struct{ public kem.PublicKey }

// Bytes implements crypto.Encapsulator.
func (p kemPublic) Bytes() []byte {
	b, err := p.public.MarshalBinary()
	if err != nil {
		return nil
	}
	return b
}

// Encapsulate implements crypto.Encapsulator.
func (p kemPublic) Encapsulate() (shared, ciphertext []byte) {
	seed := make([]byte, p.public.Scheme().EncapsulationSeedSize())
	rand.Read(seed) // never fails, as crypto/rand documents
	ciphertext, shared, err := p.public.Scheme().EncapsulateDeterministically(p.public, seed)
	if err != nil {
		return nil, nil
	}
	return shared, ciphertext
}

// kemByOID returns the parameter set of an object identifier.
func kemByOID(o oid) kemSet {
	switch o {
	case oidMLKEM512:
		return mlkem512Set
	case oidMLKEM768:
		return mlkem768Set
	case oidMLKEM1024:
		return mlkem1024Set
	}
	return 0
}

// kemOID is the reverse of kemByOID.
func kemOID(s kemSet) oid {
	switch s {
	case mlkem512Set:
		return oidMLKEM512
	case mlkem768Set:
		return oidMLKEM768
	}
	return oidMLKEM1024
}

// scheme returns the implementation that takes expanded keys.
func (s kemSet) scheme() kem.Scheme {
	switch s {
	case mlkem512Set:
		return mlkem512.Scheme()
	case mlkem768Set:
		return mlkem768.Scheme()
	}
	return mlkem1024.Scheme()
}

// parseKEMKey reads the private key of RFC 9935, Section 6, and checks that it
// is one, as Section 8 wants: an expanded key must be what the seed gives where
// both are there, and open what its public half seals where it stands alone.
func parseKEMKey(set kemSet, raw cryptobyte.String) (crypto.Decapsulator, error) {
	scheme := set.scheme()
	seed, expanded, ok := seedOrExpanded(raw, kemSeed, scheme.PrivateKeySize())
	if !ok {
		return nil, errPKCS8
	}
	if seed != nil && expanded == nil && set != mlkem512Set {
		return newDecapsulator(set, seed)
	}
	if fipsOnly() {
		return nil, notApproved("an ML-KEM private key that is not a seed of ML-KEM-768 or ML-KEM-1024")
	}
	if seed != nil {
		_, private := scheme.DeriveKeyPair(seed)
		derived, err := private.MarshalBinary()
		if err != nil || expanded != nil && subtle.ConstantTimeCompare(derived, expanded) != 1 {
			return nil, errKEMKey
		}
		if set != mlkem512Set {
			return newDecapsulator(set, seed)
		}
		return &kemKey{set, private, bytes.Clone(seed), derived}, nil
	}
	// This checks the hash of the public half (FIPS 203, Section 7.3).
	private, err := scheme.UnmarshalBinaryPrivateKey(expanded)
	if err != nil {
		return nil, errKEMKey
	}
	k := &kemKey{set: set, private: private, expanded: bytes.Clone(expanded)}
	sent, ciphertext := k.Encapsulator().Encapsulate()
	received, err := k.Decapsulate(ciphertext)
	if err != nil || subtle.ConstantTimeCompare(sent, received) != 1 {
		return nil, errKEMKey
	}
	return k, nil
}

// newDecapsulator makes a key of the standard library from its seed.
func newDecapsulator(set kemSet, seed []byte) (crypto.Decapsulator, error) {
	if set == mlkem768Set {
		return mlkem.NewDecapsulationKey768(seed)
	}
	return mlkem.NewDecapsulationKey1024(seed)
}

// kemKeyOf returns what is to be written of a private key of ML-KEM, and
// whether it is one.
func kemKeyOf(private any) (*kemKey, bool) {
	switch k := private.(type) {
	case *kemKey:
		return k, true
	case *mlkem.DecapsulationKey768:
		return &kemKey{set: mlkem768Set, seed: k.Bytes()}, true
	case *mlkem.DecapsulationKey1024:
		return &kemKey{set: mlkem1024Set, seed: k.Bytes()}, true
	}
	return nil, false
}
