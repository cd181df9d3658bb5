//lint:file-ignore SA1019 PKCS #1 v1.5 is what most S/MIME mail and all of OpenPGP is encrypted with.

package gpgagent

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/doublekeybox/doublekeybox/examples/internal/pkcs1"
)

// handle is a private key in an agent.
type handle struct {
	agent *Agent
	grip  Keygrip
}

type (
	rsaKey struct {
		handle
		public *rsa.PublicKey
	}
	ecSigner struct {
		handle
		public *ecdsa.PublicKey
	}
	exchanger struct {
		handle
		point *ecdh.PublicKey
	}
	ecKey struct {
		ecSigner
		exchanger
	}
	edKey struct {
		handle
		public ed25519.PublicKey
	}
)

// key returns a private key by its public one, of which KeygripOf knew the kind.
func (a *Agent) key(public crypto.PublicKey, g Keygrip) any {
	h := handle{a, g}
	switch p := public.(type) {
	case *rsa.PublicKey:
		return rsaKey{h, p}
	case *ecdsa.PublicKey:
		if x, err := p.ECDH(); err == nil {
			return ecKey{ecSigner{h, p}, exchanger{h, x}}
		}
		return ecSigner{h, p}
	case *ecdh.PublicKey:
		return exchanger{h, p}
	}
	return edKey{h, public.(ed25519.PublicKey)}
}

// Public implements crypto.Signer and crypto.Decrypter.
func (k rsaKey) Public() crypto.PublicKey { return k.public }

// Public implements crypto.Signer.
func (k ecSigner) Public() crypto.PublicKey { return k.public }

// Public implements crypto.Signer.
func (k edKey) Public() crypto.PublicKey { return k.public }

var (
	errFault  = errors.New("gpgagent: the signature that the agent made does not verify: the agent, or the way to it, is damaged")
	errDigest = errors.New("gpgagent: the agent signs digests of SHA-256, SHA-384 and SHA-512 alone")
)

// sign has the agent sign a digest. The hash says how long it is, and for RSA
// what stands beside it.
func (h handle) sign(digest []byte, hash crypto.Hash) (sexp, error) {
	name := map[crypto.Hash]string{crypto.SHA256: "sha256", crypto.SHA384: "sha384", crypto.SHA512: "sha512"}[hash]
	if name == "" || len(digest) != hash.Size() {
		return sexp{}, errDigest
	}
	c, err := h.agent.dial()
	if err != nil {
		return sexp{}, err
	}
	defer c.Close()
	for _, line := range []string{"SIGKEY " + h.grip.String(), fmt.Sprintf("SETHASH --hash=%s %X", name, digest)} {
		if _, err := c.command(nil, line); err != nil {
			return sexp{}, err
		}
	}
	b, err := c.command(nil, "PKSIGN")
	if err != nil {
		return sexp{}, err
	}
	return parseSexp(b)
}

// Sign implements crypto.Signer: PKCS #1 v1.5. PSS is an error.
func (k rsaKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if _, pss := opts.(*rsa.PSSOptions); pss {
		return nil, errors.New("gpgagent: the agent does not sign with RSA-PSS: choose the Compatible profile")
	}
	e, err := k.sign(digest, opts.HashFunc())
	if err != nil {
		return nil, err
	}
	s, err := e.value("sig-val", "rsa", "s")
	if err != nil {
		return nil, err
	}
	sig, err := pkcs1.Whole(s, k.public.Size())
	if err != nil || rsa.VerifyPKCS1v15(k.public, opts.HashFunc(), digest, sig) != nil {
		return nil, errFault
	}
	return sig, nil
}

// Sign implements crypto.Signer.
func (k ecSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	e, err := k.sign(digest, opts.HashFunc())
	if err != nil {
		return nil, err
	}
	r, err := e.value("sig-val", "ecdsa", "r")
	if err != nil {
		return nil, err
	}
	s, err := e.value("sig-val", "ecdsa", "s")
	if err != nil {
		return nil, err
	}
	sig, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)})
	if err != nil || !ecdsa.VerifyASN1(k.public, digest, sig) {
		return nil, errFault
	}
	return sig, nil
}

// Sign implements crypto.Signer. The message is a digest of 32, 48 or 64 octets,
// as it is in OpenPGP: an agent takes no other.
func (k edKey) Sign(_ io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != 0 {
		return nil, errors.New("gpgagent: Ed25519ph, which the agent does not have")
	}
	hash := map[int]crypto.Hash{32: crypto.SHA256, 48: crypto.SHA384, 64: crypto.SHA512}[len(message)]
	e, err := k.sign(message, hash)
	if err != nil {
		return nil, err
	}
	var sig []byte
	for _, name := range []string{"r", "s"} {
		v, err := e.value("sig-val", "eddsa", name)
		if err != nil {
			return nil, err
		}
		if v, err = pkcs1.Whole(v, 32); err != nil {
			return nil, errFault
		}
		sig = append(sig, v...)
	}
	if !ed25519.Verify(k.public, message, sig) {
		return nil, errFault
	}
	return sig, nil
}

// decrypt hands an S-expression to the agent, and returns what is inside.
// padded is false where the agent took the padding off itself, as it does with
// cards that do.
func (h handle) decrypt(encrypted []byte) (value []byte, padded bool, err error) {
	defer func() { h.agent.note(err) }()
	c, err := h.agent.dial()
	if err != nil {
		return nil, false, err
	}
	defer c.Close()
	if _, err := c.command(nil, "SETKEY "+h.grip.String()); err != nil {
		return nil, false, err
	}
	b, err := c.command(map[string][]byte{"CIPHERTEXT": encrypted}, "PKDECRYPT")
	if err != nil {
		return nil, false, err
	}
	e, err := parseSexp(b)
	if err != nil {
		return nil, false, err
	}
	value, err = e.value("value")
	return value, c.status["PADDING"] != "0", err
}

// Decrypt implements crypto.Decrypter: PKCS #1 v1.5.
func (k rsaKey) Decrypt(_ io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	size := 0
	switch o := opts.(type) {
	case nil:
	case *rsa.PKCS1v15DecryptOptions:
		size = o.SessionKeyLen
	default:
		return nil, fmt.Errorf("gpgagent: the agent does not decrypt with %T: RSA PKCS #1 v1.5 is what it has", opts)
	}
	// What can be seen without the private key.
	if len(msg) != k.public.Size() || new(big.Int).SetBytes(msg).Cmp(k.public.N) >= 0 {
		return nil, rsa.ErrDecryption
	}
	value, padded, err := k.decrypt(cipherText("rsa", "a", signed(msg)))
	if err != nil && size > 0 {
		// A card says with it that the padding is wrong, and somebody who gave
		// no passphrase is not asked once more (RFC 3218, Section 2.3.2).
		value, padded, err = nil, false, nil
	}
	if err != nil {
		return nil, err
	}
	if padded {
		em, err := pkcs1.Whole(value, k.public.Size())
		if err != nil {
			return nil, err
		}
		if size > 0 {
			return pkcs1.SessionKey(em, size)
		}
		return pkcs1.Unpad(em)
	}
	if size > 0 { // the card took the padding off, or did not: only the length is left
		key := make([]byte, size)
		rand.Read(key) // never fails, as crypto/rand documents
		if len(value) == size {
			copy(key, value)
		}
		return key, nil
	}
	return value, nil
}

// PublicKey implements ecdh.KeyExchanger.
func (k exchanger) PublicKey() *ecdh.PublicKey { return k.point }

// Curve implements ecdh.KeyExchanger.
func (k exchanger) Curve() ecdh.Curve { return k.point.Curve() }

// ECDH implements ecdh.KeyExchanger.
func (k exchanger) ECDH(remote *ecdh.PublicKey) ([]byte, error) {
	if remote == nil || remote.Curve() != k.point.Curve() {
		return nil, errors.New("gpgagent: a public key on another curve")
	}
	point, montgomery := remote.Bytes(), k.point.Curve() == ecdh.X25519()
	size := (len(point) - 1) / 2
	if montgomery {
		point, size = append([]byte{0x40}, point...), 32 // as OpenPGP marks it, RFC 9580, Section 11.2.2
	}
	value, _, err := k.decrypt(cipherText("ecdh", "e", point))
	if err != nil {
		return nil, err
	}
	// The agent answers with the point: both numbers behind a 4, or the one
	// behind a 0x40, which it may leave out.
	switch {
	case !montgomery && len(value) == 1+2*size && value[0] == 4:
		return value[1 : 1+size], nil
	case montgomery && len(value) == 1+size && value[0] == 0x40:
		return value[1:], nil
	case montgomery && len(value) == size:
		return value, nil
	}
	return nil, errors.New("gpgagent: the agent answered with something else than a point of the curve")
}
