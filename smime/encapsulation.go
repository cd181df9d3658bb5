package smime

import (
	"crypto"
	"crypto/hkdf"
	"crypto/mlkem"
	"fmt"

	"github.com/cloudflare/circl/kem/mlkem/mlkem512"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// encapsulation is what a KEMRecipientInfo says beside whom it is for.
type encapsulation struct {
	set        kemSet
	ciphertext []byte
	kdf        crypto.Hash // of HKDF
	ukm        []byte      // nil: absent
	wrap       []byte      // the key wrap's AlgorithmIdentifier, in DER
	size       int         // octets of the key-encryption key
}

// String names the algorithms as reports show them.
func (e *encapsulation) String() string { return encapsulationName(e.set, e.size) }

// encapsulationName names a KEM with a key-encryption key of size octets.
func encapsulationName(set kemSet, size int) string {
	return fmt.Sprintf("%s, AES-%d wrap", set, 8*size)
}

// parseOther reads the content of an OtherRecipientInfo. One of a type that is
// not known is a reader that cannot be served. RFC 5652, Section 6.2.5:
//
//	OtherRecipientInfo ::= SEQUENCE {
//	  oriType OBJECT IDENTIFIER,
//	  oriValue ANY DEFINED BY oriType }
func parseOther(s cryptobyte.String) (*recipientInfo, bool) {
	var o oid
	var value cryptobyte.String
	if !readOID(&s, &o) || !s.ReadAnyASN1Element(&value, new(asn1.Tag)) || !s.Empty() {
		return nil, false
	}
	if o != oidORIKEM {
		return otherInfo("recipient of another kind")[0], true
	}
	if !value.ReadASN1(&value, asn1.SEQUENCE) {
		return nil, false
	}
	return parseEncapsulation(value)
}

// parseEncapsulation reads the content of a KEMRecipientInfo. RFC 9629,
// Section 3:
//
//	KEMRecipientInfo ::= SEQUENCE {
//	  version CMSVersion,  -- always set to 0
//	  rid RecipientIdentifier,
//	  kem KEMAlgorithmIdentifier,
//	  kemct OCTET STRING,
//	  kdf KeyDerivationAlgorithmIdentifier,
//	  kekLength INTEGER (1..65535),
//	  ukm [0] EXPLICIT UserKeyingMaterial OPTIONAL,
//	  wrap KeyEncryptionAlgorithmIdentifier,
//	  encryptedKey EncryptedKey }
func parseEncapsulation(s cryptobyte.String) (*recipientInfo, bool) {
	e := &encapsulation{}
	ri := &recipientInfo{kind: keyEncapsulation, kem: e}
	var version, kekLength int
	var kem, kdf algorithm
	var ukm cryptobyte.String
	var hasUKM bool
	if !s.ReadASN1Integer(&version) || version != versionEncapsulation ||
		!readKeyID(&s, &ri.id) ||
		!readAlgorithm(&s, &kem, asn1.SEQUENCE) ||
		!s.ReadASN1((*cryptobyte.String)(&e.ciphertext), asn1.OCTET_STRING) ||
		!readAlgorithm(&s, &kdf, asn1.SEQUENCE) ||
		!s.ReadASN1Integer(&kekLength) || kekLength < 1 || kekLength > 65535 ||
		!s.ReadOptionalASN1(&ukm, &hasUKM, asn1.Tag(0).ContextSpecific().Constructed()) {
		return nil, false
	}
	if hasUKM && (!ukm.ReadASN1((*cryptobyte.String)(&e.ukm), asn1.OCTET_STRING) || !ukm.Empty() || len(e.ukm) > maxUKM) {
		return nil, false
	}
	wrap := s
	var ok bool
	if e.size, ok = readKeyWrap(&s); !ok {
		return nil, false
	}
	e.wrap = wrap[:len(wrap)-len(s)]
	if !s.ReadASN1((*cryptobyte.String)(&ri.encryptedKey), asn1.OCTET_STRING) || !s.Empty() || len(ri.encryptedKey) > maxEncryptedKey {
		return nil, false
	}
	if e.set, e.kdf = kemByOID(kem.oid), hkdfByOID(kdf.oid); e.set == 0 || e.kdf == 0 || e.size == 0 {
		ri.kind, ri.kem, ri.other = otherRecipient, nil, ri.id.String()
		ri.refuse = "a key encapsulation other than ML-KEM with HKDF and AES key wrap"
		return ri, true
	}
	if e.set == mlkem512Set && fipsOnly() {
		ri.refuse, ri.forbidden = forbiddenMLKEM512, forbiddenMLKEM512
	}
	// RFC 9936, Section 2 and RFC 8619, Section 2: the parameters are absent.
	// RFC 9629, Section 3: kekLength is that of the key wrap's key. A
	// ciphertext has one length (FIPS 203, Section 7.3).
	return ri, kem.params == nil && kdf.params == nil && kekLength == e.size && len(e.ciphertext) == e.set.ciphertextSize()
}

// hkdfByOID returns the digest of an HKDF (RFC 8619, Section 2), 0 for none.
func hkdfByOID(o oid) crypto.Hash {
	switch o {
	case oidHKDFSHA256:
		return crypto.SHA256
	case oidHKDFSHA384:
		return crypto.SHA384
	case oidHKDFSHA512:
		return crypto.SHA512
	}
	return 0
}

// ciphertextSize is the length of a ciphertext in octets.
func (s kemSet) ciphertextSize() int {
	switch s {
	case mlkem512Set:
		return mlkem512.CiphertextSize
	case mlkem768Set:
		return mlkem.CiphertextSize768
	}
	return mlkem.CiphertextSize1024
}

// kek derives the key-encryption key from the secret that was encapsulated, as
// RFC 9629, Section 5 says, without a salt:
//
//	CMSORIforKEMOtherInfo ::= SEQUENCE {
//	  wrap KeyEncryptionAlgorithmIdentifier,
//	  kekLength INTEGER (1..65535),
//	  ukm [0] EXPLICIT UserKeyingMaterial OPTIONAL }
func (e *encapsulation) kek(secret []byte) ([]byte, error) {
	info, err := e.otherInfo()
	if err != nil {
		return nil, err
	}
	return hkdf.Key(e.kdf.New, secret, nil, string(info), e.size)
}

// otherInfo returns the CMSORIforKEMOtherInfo.
func (e *encapsulation) otherInfo() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(e.wrap)
		b.AddASN1Int64(int64(e.size))
		if e.ukm != nil {
			b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddASN1OctetString(e.ukm) })
		}
	})
	return b.Bytes()
}

// unwrapEncapsulation takes the secret out of the ciphertext and unwraps with
// it. ML-KEM does not say that a ciphertext is none: the secret is another one
// then (FIPS 203, Section 6.3), and it is the key wrap that fails.
func (k *privateKey) unwrapEncapsulation(ri *recipientInfo, cekLen int) ([]byte, bool) {
	e := ri.kem
	if k.kem == nil || k.cert.key.kem != e.set || len(ri.encryptedKey) != cekLen+wrapBlock {
		return nil, false
	}
	secret, err := k.kem.Decapsulate(e.ciphertext)
	if err != nil || len(secret) != mlkem.SharedKeySize {
		clear(secret)
		return nil, false
	}
	defer clear(secret)
	kek, err := e.kek(secret)
	if err != nil {
		return nil, false
	}
	defer clear(kek)
	return unwrapKey(kek, ri.encryptedKey)
}

// encapsulate makes a secret for the owner of c.
func encapsulate(c *certificate) (secret, ciphertext []byte, err error) {
	if c.key.kem == mlkem1024Set {
		k, err := mlkem.NewEncapsulationKey1024(c.key.raw)
		if err != nil {
			return nil, nil, err
		}
		secret, ciphertext = k.Encapsulate()
		return secret, ciphertext, nil
	}
	k, err := mlkem.NewEncapsulationKey768(c.key.raw)
	if err != nil {
		return nil, nil, err
	}
	secret, ciphertext = k.Encapsulate()
	return secret, ciphertext, nil
}

// wrapEncapsulation makes a KEMRecipientInfo with ML-KEM-768 or ML-KEM-1024,
// HKDF-SHA256 and AES-256, as RFC 9936, Section 2.2.1 wants.
func wrapEncapsulation(c *certificate, cek []byte) ([]byte, error) {
	secret, ciphertext, err := encapsulate(c)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	e := &encapsulation{set: c.key.kem, kdf: crypto.SHA256, wrap: derAlgorithm(oidAES256Wrap), size: kekSize}
	kek, err := e.kek(secret)
	if err != nil {
		return nil, err
	}
	defer clear(kek)
	encrypted, err := wrapKey(kek, cek)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.Tag(4).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
		oidORIKEM.add(b)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(versionEncapsulation)
			addIssuerAndSerial(b, c)
			addAlgorithm(b, kemOID(e.set))
			b.AddASN1OctetString(ciphertext)
			addAlgorithm(b, oidHKDFSHA256)
			b.AddASN1Int64(int64(e.size))
			b.AddBytes(e.wrap)
			b.AddASN1OctetString(encrypted)
		})
	})
	return b.Bytes()
}
