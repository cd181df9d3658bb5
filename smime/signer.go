package smime

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// signer makes signatures with a private key.
type signer struct {
	key *privateKey
	pss bool // an RSA key signs with PSS
}

var _ seam.Signer = (*signer)(nil)

// Certificate returns the certificate that signatures are checked with.
func (s *signer) Certificate() seam.Certificate { return s.key.cert }

// ourSigners returns the signers of a plan, as its profile wants them to sign:
// RSA keys with PKCS#1 v1.5, which every reader knows and of which no weakness
// in signatures is known, and with PSS for readers who are modern by the
// profile, or of whom each is known to read it.
func ourSigners(p *seam.SealPlan) (out []*signer, err error) {
	pss := p.Profile == seam.Modern || p.Profile == seam.PostQuantum || allRead(p.Recipients, oidRSAPSS)
	for _, x := range p.Signers {
		s, ok := x.(*signer)
		if !ok {
			return nil, errNotOurs
		}
		out = append(out, &signer{s.key, pss})
	}
	return out, nil
}

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
	if err := c.checkSign(); err != nil {
		return err
	}
	scheme := s.scheme()
	if scheme.forbidden() != "" {
		return c.forbidden(scheme.String())
	}
	if !scheme.fits(&c.key) {
		return c.unusable("restricts its RSA key to other uses than the signatures that are made")
	}
	return nil
}

// scheme returns how the key signs, with a digest as strong as the key.
func (s *signer) scheme() signatureScheme {
	k := &s.key.cert.key
	sha := func(h crypto.Hash) digestKind { return digestKind(h) }
	switch k.kind {
	case keyEC:
		switch k.curve {
		case curveP521:
			return signatureScheme{kind: schemeECDSA, digest: sha(crypto.SHA512)}
		case curveP384:
			return signatureScheme{kind: schemeECDSA, digest: sha(crypto.SHA384)}
		}
		return signatureScheme{kind: schemeECDSA, digest: sha(crypto.SHA256)}
	case keyEd25519: // RFC 8419, Section 3.1
		return signatureScheme{kind: schemeEd25519, digest: sha(crypto.SHA512)}
	case keyEd448: // likewise
		return signatureScheme{kind: schemeEd448, digest: digestSHAKE256}
	case keyMLDSA: // RFC 9882, Section 4: the digest that every reader knows
		return signatureScheme{kind: schemeMLDSA, digest: sha(crypto.SHA512), set: mldsaOID(k.mldsa.Parameters())}
	}
	if s.pss || k.only == rsaPSS {
		return pssFor(k)
	}
	return signatureScheme{kind: schemeRSA, digest: sha(crypto.SHA256)}
}

// pssFor returns PSS as k signs: with SHA-256 and a salt as long, unless its
// certificate has it otherwise.
func pssFor(k *publicKey) signatureScheme {
	s := signatureScheme{kind: schemePSS, digest: digestKind(crypto.SHA256)}
	p, _ := parsePSS(k.params)
	if k.params != nil && (p.hash == digestKind(crypto.SHA384) || p.hash == digestKind(crypto.SHA512)) {
		s.digest = p.hash
	}
	s.salt = s.digest.size()
	return s
}

// digest returns what the content is hashed with.
func (s *signer) digest() digestKind { return s.scheme().digest }

// digestAlgorithmDER returns the digest's AlgorithmIdentifier, without
// parameters (RFC 5754, Section 2), but for SHAKE256, of which RFC 8419,
// Section 3.1 wants the length in bits.
func (s *signer) digestAlgorithmDER() []byte {
	d := s.digest()
	if d != digestSHAKE256 {
		return derAlgorithm(oidOfHash(d.crypto()))
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		oidSHAKE256Len.add(b)
		b.AddASN1Int64(shake256Bits)
	})
	return b.BytesOrPanic() // cannot fail: constants
}

// signatureAlgorithmDER returns the signature's AlgorithmIdentifier.
func (s *signer) signatureAlgorithmDER() ([]byte, error) {
	var b cryptobyte.Builder
	switch scheme := s.scheme(); scheme.kind {
	case schemeRSA:
		// RFC 3370, Section 3.2: every reader knows this identifier, and the
		// digest is named beside it.
		addAlgorithmNULL(&b, oidRSAEncryption)
	case schemePSS:
		addPSS(&b, scheme.digest.crypto())
	case schemeECDSA:
		addAlgorithm(&b, ecdsaOID(scheme.digest.crypto())) // RFC 5754, Section 3.3
	case schemeEd25519:
		addAlgorithm(&b, oidEd25519) // RFC 8419, Section 2.3
	case schemeEd448:
		addAlgorithm(&b, oidEd448)
	case schemeMLDSA:
		addAlgorithm(&b, scheme.set) // RFC 9882, Section 4
	}
	return b.Bytes()
}

// ecdsaOID returns ECDSA with one of the digests that we write.
func ecdsaOID(h crypto.Hash) oid {
	switch h {
	case crypto.SHA384:
		return oidECDSASHA384
	case crypto.SHA512:
		return oidECDSASHA512
	}
	return oidECDSASHA256
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

// sign signs the attributes, a SET OF in DER, and checks the result: a fault
// during an RSA signature with the Chinese remainder theorem would give the
// key away, and a hardware module may sign with another key than it says.
func (s *signer) sign(set []byte) ([]byte, error) {
	if s.key.signer == nil {
		return nil, s.key.cert.unusable("comes with a private key that does not sign")
	}
	scheme := s.scheme()
	// RFC 8419, Section 3.1 and RFC 9882, Section 3: these take the message.
	// ML-DSA adds its own randomness to it ("hedged").
	message, opts := set, crypto.SignerOpts(crypto.Hash(0))
	if !scheme.whole() {
		h := scheme.digest.new()
		h.Write(set)
		message, opts = h.Sum(nil), scheme.digest.crypto()
	}
	if scheme.kind == schemePSS {
		opts = &rsa.PSSOptions{SaltLength: scheme.salt, Hash: scheme.digest.crypto()}
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
