package smime

import (
	"crypto"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	// maxEncryptedKey is the size of an encrypted key in octets: an RSA
	// modulus of 16,384 bits.
	maxEncryptedKey = 2048

	// maxUKM is the size of user keying material in octets. RFC 5753, Section
	// 7.2 and RFC 2631 use 64.
	maxUKM = 1024

	// maxPoint is the size of an originator's public key: a point on P-521
	// has 133 octets, other curves are somewhat larger.
	maxPoint = 1024
)

var errRecipient = errors.New("malformed recipient")

// parseRecipientInfos reads one RecipientInfo, given in DER. That of a key
// agreement may be for several readers; one of a choice that is not known is a
// reader that cannot be served, and no error. RFC 5652, Section 6.2:
//
//	RecipientInfo ::= CHOICE {
//	  ktri KeyTransRecipientInfo,
//	  kari [1] KeyAgreeRecipientInfo,
//	  kekri [2] KEKRecipientInfo,
//	  pwri [3] PasswordRecipientinfo,
//	  ori [4] OtherRecipientInfo }
//
// It stops behind the first reader that is more than most, which the caller
// counts: in a message they have a few octets each, and taken apart some hundred.
func parseRecipientInfos(der []byte, most int) ([]*recipientInfo, error) {
	s := cryptobyte.String(der)
	var in cryptobyte.String
	var tag asn1.Tag
	if !s.ReadAnyASN1(&in, &tag) || !s.Empty() {
		return nil, fmt.Errorf("smime: %w", errRecipient)
	}
	context := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
	switch tag {
	case asn1.SEQUENCE:
		ri, ok := parseKeyTransport(in)
		if !ok {
			return nil, fmt.Errorf("smime: %w: key transport", errRecipient)
		}
		return []*recipientInfo{ri}, nil
	case context(1):
		ris, ok := parseKeyAgreement(in, most)
		if !ok {
			return nil, fmt.Errorf("smime: %w: key agreement", errRecipient)
		}
		return ris, nil
	case context(2):
		return otherInfo("holder of a shared key"), nil
	case context(3):
		return otherInfo("holder of a password"), nil
	}
	if tag&0xc0 != 0x80 {
		return nil, fmt.Errorf("smime: %w: no choice of RecipientInfo", errRecipient)
	}
	return otherInfo("recipient of another kind"), nil
}

func otherInfo(what string) []*recipientInfo {
	return []*recipientInfo{{kind: otherRecipient, other: what, refuse: "a " + what}}
}

// parseKeyTransport reads the content of a KeyTransRecipientInfo. RFC 5652,
// Section 6.2.1:
//
//	KeyTransRecipientInfo ::= SEQUENCE {
//	  version CMSVersion,  -- always set to 0 or 2
//	  rid RecipientIdentifier,
//	  keyEncryptionAlgorithm KeyEncryptionAlgorithmIdentifier,
//	  encryptedKey EncryptedKey }
func parseKeyTransport(s cryptobyte.String) (*recipientInfo, bool) {
	ri := &recipientInfo{kind: keyTransport}
	var version int
	var a algorithm
	if !s.ReadASN1Integer(&version) || version != 0 && version != 2 ||
		!readKeyID(&s, &ri.id) ||
		!readAlgorithm(&s, &a, asn1.SEQUENCE) ||
		!s.ReadASN1((*cryptobyte.String)(&ri.encryptedKey), asn1.OCTET_STRING) ||
		!s.Empty() || len(ri.encryptedKey) > maxEncryptedKey {
		return nil, false
	}
	switch a.oid {
	case oidRSAEncryption:
		ri.v15 = true
		if fipsOnly() {
			ri.refuse, ri.forbidden = forbiddenV15, forbiddenV15
		}
		return ri, a.plain()
	case oidRSAOAEP:
		var ok bool
		ri.oaep, ok = readOAEP(a.params)
		ri.refuse, ri.forbidden = ri.oaep.refuse, ri.oaep.forbidden
		return ri, ok
	}
	ri.kind, ri.other = otherRecipient, ri.id.String()
	ri.refuse = "an algorithm of key transport that is not supported"
	return ri, true
}

// parseKeyAgreement reads the content of a KeyAgreeRecipientInfo. RFC 5652,
// Section 6.2.2:
//
//	KeyAgreeRecipientInfo ::= SEQUENCE {
//	  version CMSVersion,  -- always set to 3
//	  originator [0] EXPLICIT OriginatorIdentifierOrKey,
//	  ukm [1] EXPLICIT UserKeyingMaterial OPTIONAL,
//	  keyEncryptionAlgorithm KeyEncryptionAlgorithmIdentifier,
//	  recipientEncryptedKeys RecipientEncryptedKeys }
//
// It stops behind the first reader that is more than most.
func parseKeyAgreement(s cryptobyte.String, most int) ([]*recipientInfo, bool) {
	g := &agreement{}
	var version int
	var originator, ukm, keys cryptobyte.String
	var hasUKM bool
	var a algorithm
	if !s.ReadASN1Integer(&version) || version != 3 ||
		!s.ReadASN1(&originator, asn1.Tag(0).ContextSpecific().Constructed()) ||
		!s.ReadOptionalASN1(&ukm, &hasUKM, asn1.Tag(1).ContextSpecific().Constructed()) ||
		!readAlgorithm(&s, &a, asn1.SEQUENCE) ||
		!s.ReadASN1(&keys, asn1.SEQUENCE) || !s.Empty() || keys.Empty() {
		return nil, false
	}
	if hasUKM {
		if !ukm.ReadASN1((*cryptobyte.String)(&g.ukm), asn1.OCTET_STRING) || !ukm.Empty() || len(g.ukm) > maxUKM {
			return nil, false
		}
	}
	if !g.setOriginator(originator) || !g.setScheme(&a) {
		return nil, false
	}
	var out []*recipientInfo
	for !keys.Empty() && len(out) <= most {
		ri := &recipientInfo{kind: keyAgreement, agree: g}
		if !readEncryptedKey(&keys, ri) {
			return nil, false
		}
		out = append(out, ri)
	}
	return out, true
}

// setOriginator reads the originator's ephemeral key. RFC 5652, Section 6.2.2:
//
//	OriginatorIdentifierOrKey ::= CHOICE {
//	  issuerAndSerialNumber IssuerAndSerialNumber,
//	  subjectKeyIdentifier [0] SubjectKeyIdentifier,
//	  originatorKey [1] OriginatorPublicKey }
//	OriginatorPublicKey ::= SEQUENCE {
//	  algorithm AlgorithmIdentifier,
//	  publicKey BIT STRING }
//
// The first two are static keys, which RFC 5753 does not use.
func (g *agreement) setOriginator(s cryptobyte.String) bool {
	var in cryptobyte.String
	tag := asn1.Tag(1).ContextSpecific().Constructed()
	if !s.PeekASN1Tag(tag) {
		g.refuse = "a key agreement with a static key of the sender"
		return !s.Empty()
	}
	var a algorithm
	if !s.ReadASN1(&in, tag) || !s.Empty() ||
		!readAlgorithm(&in, &a, asn1.SEQUENCE) ||
		!in.ReadASN1BitStringAsBytes(&g.point) || !in.Empty() || len(g.point) > maxPoint {
		return false
	}
	if a.oid != oidECPublicKey {
		g.refuse = "a key agreement other than ECDH on a NIST curve"
		return true
	}
	// RFC 5753, Section 3.1.1: the parameters are absent, NULL, or the curve.
	if a.plain() {
		g.curve = curveByPoint(g.point)
	} else {
		p, o := cryptobyte.String(a.params), oid("")
		if p.PeekASN1Tag(asn1.OBJECT_IDENTIFIER) && !readOID(&p, &o) {
			return false
		}
		g.curve = curveByOID(o)
	}
	if g.curve == 0 {
		g.refuse = "ECDH on a curve that is not supported"
	}
	return true
}

// setScheme reads the key-encryption algorithm: the scheme, and as its
// parameters the key wrap (RFC 5753, Section 7.1.4). A scheme of ours without
// parameters is malformed.
func (g *agreement) setScheme(a *algorithm) bool {
	var ok bool
	if g.kdf, ok = kdfByOID(a.oid); !ok {
		g.refuse = "a scheme of key agreement that is not supported"
		return true
	}
	if weakHash(g.kdf) && fipsOnly() {
		g.refuse, g.forbidden = "a scheme of key agreement with SHA-1", forbiddenSHA1
	}
	s, wrap := cryptobyte.String(a.params), algorithm{}
	if !readAlgorithm(&s, &wrap, asn1.SEQUENCE) || !s.Empty() {
		return false
	}
	g.wrap = a.params
	switch wrap.oid {
	case oidAES128Wrap:
		g.size = 16
	case oidAES192Wrap:
		g.size = 24
	case oidAES256Wrap:
		g.size = 32
	default:
		g.refuse = "a key wrap other than AES"
		return true
	}
	// QUIRK: RFC 3565, Section 2.3.2 wants the parameters of AES key wrap
	// absent, and some write NULL. Either way the octets go into the KDF.
	return wrap.plain()
}

// kdfByOID returns the digest of a scheme's key derivation. Cofactor ECDH is
// the same as the standard one on curves with cofactor 1, which ours are.
func kdfByOID(o oid) (crypto.Hash, bool) {
	switch o {
	case oidStdDHSHA1KDF, oidCofactorSHA1KDF:
		return crypto.SHA1, true
	case oidStdDHSHA224KDF, oidCofactorSHA224KDF:
		return crypto.SHA224, true
	case oidStdDHSHA256KDF, oidCofactorSHA256KDF:
		return crypto.SHA256, true
	case oidStdDHSHA384KDF, oidCofactorSHA384KDF:
		return crypto.SHA384, true
	case oidStdDHSHA512KDF, oidCofactorSHA512KDF:
		return crypto.SHA512, true
	}
	return 0, false
}

// readEncryptedKey consumes one reader's key. RFC 5652, Section 6.2.2:
//
//	RecipientEncryptedKey ::= SEQUENCE {
//	  rid KeyAgreeRecipientIdentifier,
//	  encryptedKey EncryptedKey }
//	KeyAgreeRecipientIdentifier ::= CHOICE {
//	  issuerAndSerialNumber IssuerAndSerialNumber,
//	  rKeyId [0] IMPLICIT RecipientKeyIdentifier }
//	RecipientKeyIdentifier ::= SEQUENCE {
//	  subjectKeyIdentifier SubjectKeyIdentifier,
//	  date GeneralizedTime OPTIONAL,
//	  other OtherKeyAttribute OPTIONAL }
func readEncryptedKey(s *cryptobyte.String, ri *recipientInfo) bool {
	var in, rid cryptobyte.String
	if !s.ReadASN1(&in, asn1.SEQUENCE) {
		return false
	}
	if tag := asn1.Tag(0).ContextSpecific().Constructed(); in.PeekASN1Tag(tag) {
		// date and other select among versions of a key, which certificates
		// do not have: they are skipped.
		if !in.ReadASN1(&rid, tag) ||
			!rid.ReadASN1((*cryptobyte.String)(&ri.id.ski), asn1.OCTET_STRING) ||
			len(ri.id.ski) == 0 || len(ri.id.ski) > maxKeyIdentifier ||
			!rid.SkipOptionalASN1(asn1.GeneralizedTime) ||
			!rid.SkipOptionalASN1(asn1.SEQUENCE) || !rid.Empty() {
			return false
		}
	} else if !readIssuerAndSerial(&in, &ri.id) {
		return false
	}
	return in.ReadASN1((*cryptobyte.String)(&ri.encryptedKey), asn1.OCTET_STRING) &&
		in.Empty() && len(ri.encryptedKey) <= maxEncryptedKey
}
