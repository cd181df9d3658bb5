//go:build cgo

package token

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/miekg/pkcs11"
)

// ecSigner, ecExchanger and ecBoth are keys on a curve by what they are for.
type ecSigner struct {
	handle
	public *ecdsa.PublicKey
}

type ecExchanger struct {
	handle
	point *ecdh.PublicKey
}

type ecBoth struct {
	ecSigner
	ecExchanger
}

func ecKey(h handle, p *ecdsa.PublicKey, x *ecdh.PublicKey, signs, derives bool) any {
	s, e := ecSigner{h, p}, ecExchanger{h, x}
	switch {
	case signs && derives:
		return ecBoth{s, e}
	case signs:
		return s
	case derives:
		return e
	}
	return nil
}

// Public implements crypto.Signer.
func (k ecSigner) Public() crypto.PublicKey { return k.public }

// Sign implements crypto.Signer.
func (k ecSigner) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	// FIPS 186-5, Section 6.4.1: of a digest its leftmost bits count. Tokens
	// refuse longer ones, or cut them themselves. Of these curves, P-521 alone
	// has no whole number of octets, and no digest is as long.
	size := (k.public.Curve.Params().N.BitLen() + 7) / 8
	digest = digest[:min(len(digest), size)]
	rs, err := k.sign(pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil), "ECDSA", digest)
	if err != nil {
		return nil, err
	}
	if len(rs) == 0 || len(rs)%2 != 0 || len(rs) > 2*size {
		return nil, errFault
	}
	sig, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(rs[:len(rs)/2]), new(big.Int).SetBytes(rs[len(rs)/2:])})
	if err != nil || !ecdsa.VerifyASN1(k.public, digest, sig) {
		return nil, errFault
	}
	return sig, nil
}

// PublicKey implements ecdh.KeyExchanger.
func (k ecExchanger) PublicKey() *ecdh.PublicKey { return k.point }

// Curve implements ecdh.KeyExchanger.
func (k ecExchanger) Curve() ecdh.Curve { return k.point.Curve() }

// ECDH implements ecdh.KeyExchanger. That a point is on its curve was checked
// when it was made.
func (k ecExchanger) ECDH(remote *ecdh.PublicKey) (z []byte, err error) {
	if remote == nil || remote.Curve() != k.point.Curve() {
		return nil, errors.New("token: a public key on another curve")
	}
	size := (len(k.point.Bytes()) - 1) / 2
	err = k.t.session(func(s pkcs11.SessionHandle) error {
		m := pkcs11.NewMechanism(pkcs11.CKM_ECDH1_DERIVE, pkcs11.NewECDH1DeriveParams(pkcs11.CKD_NULL, nil, remote.Bytes()))
		// A secret of one message, for this process: not the key's.
		secret, err := k.t.ctx.DeriveKey(s, []*pkcs11.Mechanism{m}, k.object, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET),
			pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, false), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, true),
			pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, size),
		})
		if err != nil {
			return refused("ECDH", err)
		}
		defer k.t.ctx.DestroyObject(s, secret)
		z = k.t.attribute(s, secret, pkcs11.CKA_VALUE)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(z) != size {
		return nil, fmt.Errorf("token: a shared secret of %d octets, and %d are expected", len(z), size)
	}
	return z, nil
}
