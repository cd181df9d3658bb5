package pgp

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"

	openpgpecdh "github.com/ProtonMail/go-crypto/openpgp/ecdh"
	openpgpecdsa "github.com/ProtonMail/go-crypto/openpgp/ecdsa"
	openpgped25519 "github.com/ProtonMail/go-crypto/openpgp/ed25519"
	openpgpeddsa "github.com/ProtonMail/go-crypto/openpgp/eddsa"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgpx25519 "github.com/ProtonMail/go-crypto/openpgp/x25519"
)

// held is a private key that is kept elsewhere: what it does, each with its
// public key. For go-crypto it is the crypto.Signer and crypto.Decrypter of
// RSA and ECDSA; for the other kinds it stands behind a curve.
type held struct {
	signer    crypto.Signer
	decrypter crypto.Decrypter
	exchanger ecdh.KeyExchanger

	signs, decrypts crypto.PublicKey
	agrees          *ecdh.PublicKey

	failed *error // where to say why nothing was signed: go-crypto keeps it to itself; or nil
}

func (h *held) any() bool { return h.signer != nil || h.decrypter != nil || h.exchanger != nil }

// part returns h without what does not belong to a public key.
func (h *held) part(public crypto.PublicKey) *held {
	key, _ := public.(interface{ Equal(crypto.PublicKey) bool })
	p := &held{}
	switch x := public.(type) {
	case *rsa.PublicKey:
		if h.decrypter != nil && x.Equal(h.decrypts) {
			p.decrypter, p.decrypts = h.decrypter, x
		}
	case *ecdh.PublicKey:
		if h.exchanger != nil && x.Equal(h.agrees) {
			p.exchanger, p.agrees = h.exchanger, x
		}
		return p
	}
	if h.signer != nil && key != nil && key.Equal(h.signs) {
		p.signer, p.signs = h.signer, public
	}
	return p
}

// with returns h with what only old does.
func (h *held) with(old *held) *held {
	both := *h
	if old != nil && both.signer == nil {
		both.signer, both.signs = old.signer, old.signs
	}
	if old != nil && both.decrypter == nil {
		both.decrypter, both.decrypts = old.decrypter, old.decrypts
	}
	return &both
}

// standardKey returns a public key in the standard library's type. ok is false
// for kinds that have none there.
func standardKey(pub *packet.PublicKey) (crypto.PublicKey, bool) {
	switch p := pub.PublicKey.(type) {
	case *rsa.PublicKey:
		return p, true
	case *openpgpecdsa.PublicKey:
		c := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[p.GetCurve().GetCurveName()]
		if c == nil {
			return nil, false
		}
		k, err := ecdsa.ParseUncompressedPublicKey(c, p.MarshalPoint())
		return k, err == nil
	case *openpgpeddsa.PublicKey:
		return ed25519.PublicKey(p.X), p.GetCurve().GetCurveName() == "ed25519" && len(p.X) == ed25519.PublicKeySize
	case *openpgped25519.PublicKey:
		return ed25519.PublicKey(p.Point), true
	case *openpgpx25519.PublicKey:
		k, err := ecdh.X25519().NewPublicKey(p.Point)
		return k, err == nil
	case *openpgpecdh.PublicKey:
		c, prefix := ecdhCurve(p.GetCurve().GetCurveName())
		if c == nil || len(p.MarshalPoint()) < prefix {
			return nil, false
		}
		k, err := c.NewPublicKey(p.MarshalPoint()[prefix:])
		return k, err == nil
	}
	return nil, false
}

// ecdhCurve returns a curve by go-crypto's name, and how many octets stand in
// front of a point: 0x40 in front of X25519's (RFC 9580, Section 11.2.2).
func ecdhCurve(name string) (ecdh.Curve, int) {
	switch name {
	case "P-256":
		return ecdh.P256(), 0
	case "P-384":
		return ecdh.P384(), 0
	case "P-521":
		return ecdh.P521(), 0
	case "curve25519":
		return ecdh.X25519(), 1
	}
	return nil, 0
}

// secret returns h as go-crypto takes it for the secret of pub. Where that
// library knows only numbers, a curve that asks h stands in for the real one:
// all that is around the curve, such as the key derivation, stays the library's.
func (h *held) secret(pub *packet.PublicKey) (any, bool) {
	switch p := pub.PublicKey.(type) {
	case *rsa.PublicKey, *openpgpecdsa.PublicKey:
		return h, true
	case *openpgpeddsa.PublicKey:
		k := openpgpeddsa.NewPublicKey(&heldEdwards{p.GetCurve(), h})
		k.X = p.X
		return openpgpeddsa.NewPrivateKey(*k), true
	case *openpgpecdh.PublicKey:
		k := openpgpecdh.NewPublicKey(&heldAgreement{p.GetCurve(), h}, p.KDF.Hash, p.KDF.Cipher)
		k.Point = p.Point
		return openpgpecdh.NewPrivateKey(*k), true
	}
	return nil, false
}

// heldIn returns what is behind a key that secret made, nil for every other.
func heldIn(k *packet.PrivateKey) *held {
	switch p := k.PrivateKey.(type) {
	case *held:
		return p
	case *openpgpeddsa.PrivateKey:
		if c, ok := p.GetCurve().(*heldEdwards); ok {
			return c.held
		}
	case *openpgpecdh.PrivateKey:
		if c, ok := p.GetCurve().(*heldAgreement); ok {
			return c.held
		}
	}
	return nil
}

// canSign and canDecrypt report whether a secret is there for that: what is
// kept elsewhere may do one of the two only.
func canSign(k *packet.PrivateKey) bool {
	if k == nil {
		return false
	}
	h := heldIn(k)
	return h == nil || h.signer != nil
}

func canDecrypt(k *packet.PrivateKey) bool {
	if k == nil {
		return false
	}
	h := heldIn(k)
	return h == nil || h.decrypter != nil || h.exchanger != nil
}

// reporting returns k for one signature, and what is asked afterwards why there
// is none.
func reporting(k *packet.PrivateKey) (*packet.PrivateKey, func() error) {
	h := heldIn(k)
	if h == nil {
		return k, func() error { return nil }
	}
	var failed error
	own := *h
	own.failed = &failed
	secret, _ := own.secret(&k.PublicKey) // it was made once
	return &packet.PrivateKey{PublicKey: k.PublicKey, PrivateKey: secret}, func() error { return failed }
}

var (
	errHeldNoSigner = errors.New("the key that is kept elsewhere does not sign")
	errHeldNoOpener = errors.New("the key that is kept elsewhere does not decrypt")
	errHeldWrong    = errors.New("the signature that was made elsewhere does not verify: the token, or the way to it, is damaged")
)

// Public implements crypto.Signer and crypto.Decrypter.
func (h *held) Public() crypto.PublicKey {
	if h.decrypter != nil {
		return h.decrypts
	}
	return h.signs
}

// Sign implements crypto.Signer. What comes back is verified: a fault in the
// computation of an RSA signature gives the key away (Boneh, DeMillo and
// Lipton, 1997), as it does one of the others where a nonce comes back.
func (h *held) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) (sig []byte, err error) {
	if h.failed != nil {
		defer func() { *h.failed = err }()
	}
	if h.signer == nil {
		return nil, errHeldNoSigner
	}
	if sig, err = h.signer.Sign(rand.Reader, digest, opts); err != nil {
		return nil, err
	}
	good := false
	switch p := h.signs.(type) {
	case *rsa.PublicKey:
		good = rsa.VerifyPKCS1v15(p, opts.HashFunc(), digest, sig) == nil
	case *ecdsa.PublicKey:
		good = ecdsa.VerifyASN1(p, digest, sig)
	case ed25519.PublicKey:
		good = len(p) == ed25519.PublicKeySize && ed25519.Verify(p, digest, sig)
	}
	if !good {
		return nil, errHeldWrong
	}
	return sig, nil
}

// Decrypt implements crypto.Decrypter. Why it fails is told nobody; see unlock.
func (h *held) Decrypt(_ io.Reader, msg []byte, _ crypto.DecrypterOpts) ([]byte, error) {
	if h.decrypter == nil {
		return nil, errHeldNoOpener
	}
	//lint:ignore SA1019 what OpenPGP has, RFC 9580, Section 5.1.3
	return h.decrypter.Decrypt(rand.Reader, msg, new(rsa.PKCS1v15DecryptOptions))
}
