package smime

import (
	"crypto/subtle"
	"errors"
	"fmt"

	"filippo.io/mldsa"
	circl "github.com/cloudflare/circl/sign"
	"github.com/cloudflare/circl/sign/mldsa/mldsa44"
	"github.com/cloudflare/circl/sign/mldsa/mldsa65"
	"github.com/cloudflare/circl/sign/mldsa/mldsa87"
	"golang.org/x/crypto/cryptobyte"
)

// errMLDSAKey is for a private key that is none, or not what its other half is.
var errMLDSAKey = errors.New("smime: the ML-DSA private key is damaged: its parts do not belong together")

// mldsaByOID returns the parameter set of an object identifier.
func mldsaByOID(o oid) mldsa.Parameters {
	switch o {
	case oidMLDSA44:
		return mldsa.MLDSA44()
	case oidMLDSA65:
		return mldsa.MLDSA65()
	}
	return mldsa.MLDSA87()
}

// mldsaOID is the reverse of mldsaByOID.
func mldsaOID(p mldsa.Parameters) oid {
	switch p {
	case mldsa.MLDSA44():
		return oidMLDSA44
	case mldsa.MLDSA65():
		return oidMLDSA65
	}
	return oidMLDSA87
}

// mldsaScheme returns the implementation that takes expanded keys.
func mldsaScheme(p mldsa.Parameters) circl.Scheme {
	switch p {
	case mldsa.MLDSA44():
		return mldsa44.Scheme()
	case mldsa.MLDSA65():
		return mldsa65.Scheme()
	}
	return mldsa87.Scheme()
}

// parseMLDSAKey reads the private key of RFC 9881, Section 6. An expanded key
// beside the seed must be what the seed gives. Alone it is refused: that it is
// consistent can only be seen by computing it anew, and signing with one that
// is not gives the key away.
func parseMLDSAKey(p mldsa.Parameters, raw cryptobyte.String) (*mldsa.PrivateKey, error) {
	scheme := mldsaScheme(p)
	seed, expanded, ok := seedOrExpanded(raw, mldsa.PrivateKeySize, scheme.PrivateKeySize())
	if !ok {
		return nil, errPKCS8
	}
	if seed == nil {
		return nil, fmt.Errorf("smime: the %s private key is there without its seed, which is needed: export it again with the seed, or make a new one", p)
	}
	if expanded != nil {
		if fipsOnly() {
			return nil, notApproved("an ML-DSA private key that is not a seed alone")
		}
		_, private := scheme.DeriveKey(seed)
		derived, err := private.MarshalBinary()
		if err != nil || subtle.ConstantTimeCompare(derived, expanded) != 1 {
			return nil, errMLDSAKey
		}
	}
	return mldsa.NewPrivateKey(p, seed)
}
