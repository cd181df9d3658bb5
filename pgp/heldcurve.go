package pgp

import (
	"crypto"
	"crypto/rand"
	"io"
)

// edwardsCurve and agreementCurve are what go-crypto asks of a curve for EdDSA and for
// ECDH; its own names for them are not visible here.
type edwardsCurve interface {
	GetCurveName() string
	MarshalBytePoint([]byte) []byte
	UnmarshalBytePoint([]byte) []byte
	MarshalByteSecret([]byte) []byte
	UnmarshalByteSecret([]byte) []byte
	MarshalSignature([]byte) (r, s []byte)
	UnmarshalSignature(r, s []byte) []byte
	GenerateEdDSA(io.Reader) (public, private []byte, err error)
	Sign(public, private, message []byte) ([]byte, error)
	Verify(public, message, sig []byte) bool
	ValidateEdDSA(public, private []byte) error
}

type agreementCurve interface {
	GetCurveName() string
	MarshalBytePoint([]byte) []byte
	UnmarshalBytePoint([]byte) []byte
	MarshalByteSecret([]byte) []byte
	UnmarshalByteSecret([]byte) []byte
	GenerateECDH(io.Reader) (point, secret []byte, err error)
	Encaps(random io.Reader, point []byte) (ephemeral, shared []byte, err error)
	Decaps(ephemeral, secret []byte) ([]byte, error)
	ValidateECDH(public, secret []byte) error
}

// heldEdwards is a curve whose signatures are made elsewhere.
type heldEdwards struct {
	edwardsCurve
	held *held
}

// Sign has the digest of a document signed as a message by Ed25519 without
// prehash: RFC 9580, Section 5.2.3.3.
func (c *heldEdwards) Sign(_, _, digest []byte) ([]byte, error) {
	return c.held.Sign(rand.Reader, digest, crypto.Hash(0))
}

// heldAgreement is a curve whose secrets are agreed on elsewhere.
type heldAgreement struct {
	agreementCurve
	held *held
}

// Decaps returns the secret that is shared with the owner of an ephemeral
// point. crypto/ecdh refuses a point that is not on the curve before it goes to
// the private key.
//
// Where there is none it is random: go-crypto overlooks the error here and goes
// on with an empty secret, from which everybody can derive the key that follows.
func (c *heldAgreement) Decaps(ephemeral, _ []byte) ([]byte, error) {
	curve, _ := ecdhCurve(c.GetCurveName())
	if point, err := curve.NewPublicKey(ephemeral); err == nil && c.held.exchanger != nil {
		// X25519 with a point of small order is zero; a module may not refuse it.
		if z, err := c.held.exchanger.ECDH(point); err == nil && !allZero(z) {
			return z, nil
		}
	}
	z := make([]byte, 32)
	rand.Read(z) // never fails
	return z, nil
}

// allZero reports whether there is nothing in z. That can be computed from the
// message by everybody: it is no secret.
func allZero(z []byte) bool {
	for _, o := range z {
		if o != 0 {
			return false
		}
	}
	return true
}
