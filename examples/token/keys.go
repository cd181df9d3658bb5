//go:build cgo

package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"

	"github.com/miekg/pkcs11"
)

// maxKeys is above what one person's token has; a module of a data centre has
// more, and there the key is named.
const maxKeys = 1000

// Keys returns the private keys of the token of which the public key can be
// found and which are RSA, P-256, P-384 or P-521.
func (t *Token) Keys() ([]*Key, error) { return t.keys(nil) }

// Key returns the one key with a label and an ID; an empty one fits every key.
// No such key is an error, and so are several.
func (t *Token) Key(label string, id []byte) (*Key, error) {
	var want []*pkcs11.Attribute
	if label != "" {
		want = append(want, pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))
	}
	if len(id) > 0 {
		want = append(want, pkcs11.NewAttribute(pkcs11.CKA_ID, id))
	}
	keys, err := t.keys(want)
	switch {
	case err != nil:
		return nil, err
	case len(keys) == 0:
		return nil, fmt.Errorf("token: the token %.40q has no private key with the label %.80q and the ID %.80x that can be used", t.name, label, id)
	case len(keys) > 1:
		return nil, fmt.Errorf("token: %d keys of the token %.40q fit, and one is meant: name it by label or ID", len(keys), t.name)
	}
	return keys[0], nil
}

func (t *Token) keys(want []*pkcs11.Attribute) (keys []*Key, err error) {
	err = t.session(func(s pkcs11.SessionHandle) error {
		found, err := t.find(s, pkcs11.CKO_PRIVATE_KEY, want...)
		if err != nil {
			return fmt.Errorf("token: looking for keys: %w", err)
		}
		for _, o := range found {
			if k := t.key(s, o); k != nil {
				keys = append(keys, k)
			}
		}
		return nil
	})
	return keys, err
}

// find returns the objects of a class with these attributes.
func (t *Token) find(s pkcs11.SessionHandle, class uint, want ...*pkcs11.Attribute) ([]pkcs11.ObjectHandle, error) {
	want = append([]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, class)}, want...)
	if err := t.ctx.FindObjectsInit(s, want); err != nil {
		return nil, err
	}
	defer t.ctx.FindObjectsFinal(s)
	var all []pkcs11.ObjectHandle
	for len(all) < maxKeys {
		some, _, err := t.ctx.FindObjects(s, maxKeys-len(all))
		if err != nil || len(some) == 0 {
			return all, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// attribute returns an attribute of an object, nil where it has none or does
// not say.
func (t *Token) attribute(s pkcs11.SessionHandle, o pkcs11.ObjectHandle, a uint) []byte {
	got, err := t.ctx.GetAttributeValue(s, o, []*pkcs11.Attribute{pkcs11.NewAttribute(a, nil)})
	if err != nil || len(got) != 1 {
		return nil
	}
	return got[0].Value
}

func (t *Token) yes(s pkcs11.SessionHandle, o pkcs11.ObjectHandle, a uint) bool {
	v := t.attribute(s, o, a)
	return len(v) == 1 && v[0] != 0
}

// key returns a private key, nil if it is of no use here.
func (t *Token) key(s pkcs11.SessionHandle, o pkcs11.ObjectHandle) *Key {
	k := &Key{
		ID: t.attribute(s, o, pkcs11.CKA_ID), Label: string(t.attribute(s, o, pkcs11.CKA_LABEL)),
		Sensitive: t.yes(s, o, pkcs11.CKA_SENSITIVE), Extractable: t.yes(s, o, pkcs11.CKA_EXTRACTABLE),
	}
	if len(k.ID) > 0 {
		if certs, err := t.find(s, pkcs11.CKO_CERTIFICATE, pkcs11.NewAttribute(pkcs11.CKA_ID, k.ID)); err == nil && len(certs) == 1 {
			k.Certificate = t.attribute(s, certs[0], pkcs11.CKA_VALUE)
		}
	}
	h := handle{t: t, object: o, always: t.yes(s, o, pkcs11.CKA_ALWAYS_AUTHENTICATE)}
	signs := t.yes(s, o, pkcs11.CKA_SIGN)
	switch p := t.publicKey(s, o, k).(type) {
	case *rsa.PublicKey:
		k.public, k.private = p, rsaKey(h, p, signs, t.yes(s, o, pkcs11.CKA_DECRYPT))
	case *ecdsa.PublicKey:
		x, err := p.ECDH()
		if err != nil {
			return nil
		}
		k.public, k.private = p, ecKey(h, p, x, signs, t.yes(s, o, pkcs11.CKA_DERIVE))
	default:
		return nil
	}
	return k
}

// publicKey finds the public key: of RSA the private object often has the
// numbers itself; else the public object with the same ID has them, or the
// certificate.
func (t *Token) publicKey(s pkcs11.SessionHandle, o pkcs11.ObjectHandle, k *Key) crypto.PublicKey {
	places := []pkcs11.ObjectHandle{o}
	if len(k.ID) > 0 {
		if more, err := t.find(s, pkcs11.CKO_PUBLIC_KEY, pkcs11.NewAttribute(pkcs11.CKA_ID, k.ID)); err == nil && len(more) == 1 {
			places = append(places, more[0])
		}
	}
	for _, p := range places {
		if r := t.rsaPublic(s, p); r != nil {
			return r
		}
		if e := ecPublic(t.attribute(s, p, pkcs11.CKA_EC_PARAMS), t.attribute(s, p, pkcs11.CKA_EC_POINT)); e != nil {
			return e
		}
	}
	if c, err := x509.ParseCertificate(k.Certificate); err == nil {
		return c.PublicKey
	}
	return nil
}

// maxRSA is the most that crypto/rsa verifies with, in octets.
const maxRSA = 2048

func (t *Token) rsaPublic(s pkcs11.SessionHandle, o pkcs11.ObjectHandle) *rsa.PublicKey {
	n, e := t.attribute(s, o, pkcs11.CKA_MODULUS), t.attribute(s, o, pkcs11.CKA_PUBLIC_EXPONENT)
	exponent := new(big.Int).SetBytes(e)
	if len(n) == 0 || len(n) > maxRSA || exponent.BitLen() > 31 || exponent.Sign() == 0 {
		return nil
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}
}

// ecPublic reads CKA_EC_PARAMS, the object identifier of a curve, and
// CKA_EC_POINT, an OCTET STRING in DER; some tokens leave that around it out.
func ecPublic(params, point []byte) *ecdsa.PublicKey {
	var curve elliptic.Curve
	for c, oid := range map[elliptic.Curve][]byte{
		elliptic.P256(): {6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7},
		elliptic.P384(): {6, 5, 0x2B, 0x81, 4, 0, 0x22},
		elliptic.P521(): {6, 5, 0x2B, 0x81, 4, 0, 0x23},
	} {
		if bytes.Equal(oid, params) {
			curve = c
		}
	}
	if curve == nil {
		return nil
	}
	var inner []byte
	if rest, err := asn1.Unmarshal(point, &inner); err == nil && len(rest) == 0 {
		point = inner
	}
	k, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil
	}
	return k
}
