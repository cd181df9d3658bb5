//go:build cgo

//lint:file-ignore SA1019 PKCS #1 v1.5 is what most S/MIME mail and all of OpenPGP is encrypted with.

package token

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"math/big"

	"github.com/miekg/pkcs11"

	"github.com/doublekeybox/doublekeybox/examples/internal/pkcs1"
)

// rsaSigner, rsaDecrypter and rsaBoth are RSA keys by what they are for.
type rsaSigner struct {
	handle
	public *rsa.PublicKey
}

type rsaDecrypter struct {
	handle
	public *rsa.PublicKey
}

type rsaBoth struct {
	rsaSigner
	d rsaDecrypter
}

func rsaKey(h handle, p *rsa.PublicKey, signs, decrypts bool) any {
	s, d := rsaSigner{h, p}, rsaDecrypter{h, p}
	switch {
	case signs && decrypts:
		return rsaBoth{s, d}
	case signs:
		return s
	case decrypts:
		return d
	}
	return nil
}

// digestKind is a digest as PKCS #11 and DigestInfo (RFC 8017, Section 9.2) name it.
type digestKind struct {
	mechanism, mask uint
	prefix          []byte
}

// digestOf returns one of the digests that tokens have.
func digestOf(h crypto.Hash) (digestKind, bool) {
	info := func(kind, size byte) []byte {
		return []byte{0x30, 17 + size, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, kind, 5, 0, 4, size}
	}
	d, ok := map[crypto.Hash]digestKind{
		crypto.SHA1:   {pkcs11.CKM_SHA_1, pkcs11.CKG_MGF1_SHA1, []byte{0x30, 0x21, 0x30, 9, 6, 5, 0x2B, 0x0E, 3, 2, 0x1A, 5, 0, 4, 20}},
		crypto.SHA256: {pkcs11.CKM_SHA256, pkcs11.CKG_MGF1_SHA256, info(1, 32)},
		crypto.SHA384: {pkcs11.CKM_SHA384, pkcs11.CKG_MGF1_SHA384, info(2, 48)},
		crypto.SHA512: {pkcs11.CKM_SHA512, pkcs11.CKG_MGF1_SHA512, info(3, 64)},
	}[h]
	return d, ok
}

// Public implements crypto.Signer.
func (k rsaSigner) Public() crypto.PublicKey { return k.public }

// Sign implements crypto.Signer: PKCS #1 v1.5, or PSS with rsa.PSSOptions.
func (k rsaSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	hash := opts.HashFunc()
	d, ok := digestOf(hash)
	if !ok || len(digest) != hash.Size() {
		return nil, &MechanismError{Mechanism: "RSA with digest " + hash.String(), Reason: "which is not supported"}
	}
	if p, ok := opts.(*rsa.PSSOptions); ok {
		salt := p.SaltLength
		switch salt {
		case rsa.PSSSaltLengthEqualsHash:
			salt = hash.Size()
		case rsa.PSSSaltLengthAuto: // the longest: RFC 8017, Section 9.1.1, emLen - hLen - 2
			salt = (k.public.N.BitLen()-1+7)/8 - hash.Size() - 2
		}
		if salt < 0 {
			return nil, fmt.Errorf("token: the key of %d bits is too short for PSS with %s", k.public.N.BitLen(), hash)
		}
		m := pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_PSS, pkcs11.NewPSSParams(d.mechanism, d.mask, uint(salt)))
		sig, err := k.sign(m, "RSA-PSS with "+hash.String(), digest)
		if err == nil && rsa.VerifyPSS(k.public, hash, digest, sig, &rsa.PSSOptions{SaltLength: salt}) != nil {
			err = errFault
		}
		return whole(sig, err)
	}
	sig, err := k.sign(pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS, nil), "RSA PKCS #1 v1.5", append(bytes.Clone(d.prefix), digest...))
	if err == nil && rsa.VerifyPKCS1v15(k.public, hash, digest, sig) != nil {
		err = errFault
	}
	return whole(sig, err)
}

// whole returns a signature or an error, never both.
func whole(sig []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return sig, nil
}

// Decrypt implements crypto.Decrypter.
func (k rsaBoth) Decrypt(r io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	return k.d.Decrypt(r, msg, opts)
}

// Public implements crypto.Decrypter.
func (k rsaDecrypter) Public() crypto.PublicKey { return k.public }

// Decrypt implements crypto.Decrypter: PKCS #1 v1.5, or OAEP with
// rsa.OAEPOptions, where a digest that the token does not have is a
// *MechanismError.
func (k rsaDecrypter) Decrypt(_ io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	// Both can be seen without the private key, and a token would say so in its
	// own way: RFC 8017, Sections 5.1.2 and 7.2.2.
	if len(msg) != k.public.Size() || new(big.Int).SetBytes(msg).Cmp(k.public.N) >= 0 {
		return nil, rsa.ErrDecryption
	}
	switch o := opts.(type) {
	case *rsa.OAEPOptions:
		return k.oaep(msg, o)
	case *rsa.PKCS1v15DecryptOptions:
		if o.SessionKeyLen > 0 {
			return k.sessionKey(msg, o.SessionKeyLen)
		}
	case nil:
	default:
		return nil, fmt.Errorf("token: decrypting with %T is not known", opts)
	}
	if !k.t.raw {
		out, err := k.decrypt(pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS, nil), "RSA PKCS #1 v1.5", msg)
		return whole(out, hide(err))
	}
	em, err := k.unpadded(msg)
	if err != nil {
		return nil, err
	}
	return pkcs1.Unpad(em)
}

// sessionKey returns the key in msg, or a random one: which of the two, this
// side does not learn where the token hands out what is padded.
func (k rsaDecrypter) sessionKey(msg []byte, size int) ([]byte, error) {
	if k.t.raw {
		em, err := k.unpadded(msg)
		if err != nil {
			return nil, err
		}
		defer clear(em)
		return pkcs1.SessionKey(em, size)
	}
	key := make([]byte, size)
	rand.Read(key) // never fails, as crypto/rand documents
	out, err := k.decrypt(pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS, nil), "RSA PKCS #1 v1.5", msg)
	if err := visible(err); err != nil {
		return nil, err
	}
	if err == nil && len(out) == size {
		copy(key, out)
	}
	clear(out)
	return key, nil
}

// unpadded returns the padded message. It is a number to the token, and one
// that is below the modulus always decrypts: an error is about the token.
func (k rsaDecrypter) unpadded(msg []byte) ([]byte, error) {
	out, err := k.decrypt(pkcs11.NewMechanism(pkcs11.CKM_RSA_X_509, nil), "RSA without padding", msg)
	if err != nil {
		return nil, fmt.Errorf("token: decrypting: %w", err)
	}
	defer clear(out)
	return pkcs1.Whole(out, k.public.Size())
}

func (k rsaDecrypter) oaep(msg []byte, o *rsa.OAEPOptions) ([]byte, error) {
	mask := o.MGFHash
	if mask == 0 {
		mask = o.Hash
	}
	name := fmt.Sprintf("RSA-OAEP with %s and MGF1 with %s", o.Hash, mask)
	d, ok := digestOf(o.Hash)
	m, okay := digestOf(mask)
	if !ok || !okay {
		return nil, k.t.note(&MechanismError{Mechanism: name, Reason: "the digest is not supported"})
	}
	params := pkcs11.NewOAEPParams(d.mechanism, m.mask, pkcs11.CKZ_DATA_SPECIFIED, o.Label)
	out, err := k.decrypt(pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_OAEP, params), name, msg)
	return whole(out, hide(err))
}

// visible returns what has nothing to do with the message.
func visible(err error) error {
	if err == nil || !lost(err) && !isMechanism(err) {
		return nil
	}
	return fmt.Errorf("token: decrypting: %w", err)
}

// hide makes one error of all that depend on the message.
func hide(err error) error {
	if err == nil {
		return nil
	}
	if v := visible(err); v != nil {
		return v
	}
	return rsa.ErrDecryption
}
