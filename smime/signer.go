package smime

import (
	"crypto"
	"crypto/rand"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// signer makes signatures with a private key.
type signer struct{ key *privateKey }

var _ seam.Signer = (*signer)(nil)

// Certificate returns the certificate that signatures are checked with.
func (s *signer) Certificate() seam.Certificate { return s.key.cert }

// CheckSign returns why no signature may be made at this time. A classical
// signature is allowed under every profile: that it can be forged one day does
// not open the message.
func (s *signer) CheckSign(now time.Time, _ seam.Profile) error {
	c := s.key.cert
	if err := c.checkTime(now); err != nil {
		return err
	}
	if s.key.signer == nil {
		return c.unusable("comes with a private key that does not sign")
	}
	return c.checkSign()
}

// digest returns the digest that the key signs with, as strong as the key.
// RFC 8419, Section 3: Ed25519 goes with SHA-512.
func (s *signer) digest() crypto.Hash {
	switch k := s.key.cert.key; {
	case k.kind == keyEd25519, k.curve == curveP521:
		return crypto.SHA512
	case k.curve == curveP384:
		return crypto.SHA384
	}
	return crypto.SHA256
}

// digestAlgorithmDER returns the digest's AlgorithmIdentifier, without
// parameters (RFC 5754, Section 2).
func (s *signer) digestAlgorithmDER() []byte { return derAlgorithm(oidOfHash(s.digest())) }

// signatureAlgorithmDER returns the signature's AlgorithmIdentifier.
func (s *signer) signatureAlgorithmDER() ([]byte, error) {
	var b cryptobyte.Builder
	switch k := s.key.cert.key; k.kind {
	case keyRSA:
		// RFC 3370, Section 3.2: every reader knows this identifier, and the
		// digest is named beside it.
		addAlgorithmNULL(&b, oidRSAEncryption)
	case keyEC:
		addAlgorithm(&b, ecdsaOID(s.digest())) // RFC 5754, Section 3.3
	case keyEd25519:
		addAlgorithm(&b, oidEd25519) // RFC 8419, Section 2.3
	}
	return b.Bytes()
}

// signerInfo signs content of the given type (an OBJECT IDENTIFIER in DER) and
// digest. It returns the SignerInfo in DER, and what a reader must find in it.
// RFC 5652, Section 5.3:
//
//	SignerInfo ::= SEQUENCE {
//	  version CMSVersion,
//	  sid SignerIdentifier,
//	  digestAlgorithm DigestAlgorithmIdentifier,
//	  signedAttrs [0] IMPLICIT SignedAttributes OPTIONAL,
//	  signatureAlgorithm SignatureAlgorithmIdentifier,
//	  signature SignatureValue,
//	  unsignedAttrs [1] IMPLICIT UnsignedAttributes OPTIONAL }
func (s *signer) signerInfo(contentType, digest []byte, now time.Time) (der []byte, planned seam.Signature, err error) {
	c := s.key.cert
	now = now.UTC().Truncate(time.Second)
	signatureAlgorithm, err := s.signatureAlgorithmDER()
	if err != nil {
		return nil, planned, err
	}
	attributes, err := buildAttributes(&attributeValues{
		contentType:        contentType,
		digest:             digest,
		when:               now,
		certificate:        c,
		digestAlgorithm:    s.digestAlgorithmDER(),
		signatureAlgorithm: signatureAlgorithm,
	})
	if err != nil {
		return nil, planned, err
	}
	set := setOf(attributes)
	signature, err := s.sign(set)
	if err != nil {
		return nil, planned, err
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1) // as the sid is issuer and serial number
		addIssuerAndSerial(b, c)
		b.AddBytes(s.digestAlgorithmDER())
		b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { addSorted(b, attributes) })
		b.AddBytes(signatureAlgorithm)
		b.AddASN1OctetString(signature)
	})
	der, err = b.Bytes()
	planned = seam.Signature{
		Sender:    -1,
		Signer:    c,
		SignerID:  idOf(c).String(),
		Algorithm: s.scheme().String(),
		When:      now,
	}
	return der, planned, err
}

// scheme returns how the key signs.
func (s *signer) scheme() signatureScheme {
	switch s.key.cert.key.kind {
	case keyEC:
		return signatureScheme{schemeECDSA, s.digest()}
	case keyEd25519:
		return signatureScheme{schemeEd25519, s.digest()}
	}
	return signatureScheme{schemeRSA, s.digest()}
}

// sign signs the attributes, a SET OF in DER, and checks the result: a fault
// during an RSA signature with the Chinese remainder theorem would give the
// key away, and a hardware module may sign with another key than it says.
func (s *signer) sign(set []byte) ([]byte, error) {
	if s.key.signer == nil {
		return nil, s.key.cert.unusable("comes with a private key that does not sign")
	}
	scheme := s.scheme()
	message, opts := set, crypto.Hash(0) // Ed25519 hashes by itself (RFC 8419, Section 3.1)
	if scheme.kind != schemeEd25519 {
		h := scheme.hash.New()
		h.Write(set)
		message, opts = h.Sum(nil), scheme.hash
	}
	signature, err := s.key.signer.Sign(rand.Reader, message, opts)
	if err != nil {
		return nil, fmt.Errorf("smime: signing with %s: %w", s.key.cert.fingerprint(), err)
	}
	if !scheme.verify(&s.key.cert.key, set, signature) {
		return nil, fmt.Errorf("smime: the private key of %s made a wrong signature: it was not used", s.key.cert.fingerprint())
	}
	return signature, nil
}
